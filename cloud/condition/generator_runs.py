"""The ledger of a generator: each run classified by what happened in it."""

from collections.abc import Iterable, Iterator
from enum import StrEnum
from typing import Final

import msgspec

from contract.events import Event, type_now

_SHORTEST_MS: Final = 10 * 60_000
_LONGEST_MS: Final = 15 * 60_000


class RunKind(StrEnum):
    """What a run was: a test without load, a run under load, the supply in an outage, or none that counts."""

    NO_LOAD = "no_load"
    ON_LOAD = "on_load"
    OUTAGE = "outage"
    INVALID = "invalid"


class GeneratorRun(msgspec.Struct, frozen=True, kw_only=True):
    """A run in ms; `end` None while it goes on. `why`: what makes it invalid (`too_short`, `too_long`, `fault`)."""

    device: str
    start: int
    end: int | None
    kind: RunKind
    why: str = ""


class _Open(msgspec.Struct):
    start: int
    on_load: bool = False
    outage: bool = False
    fault: bool = False


def generator_runs(events: Iterable[Event], mains: Iterable[str] = ()) -> list[GeneratorRun]:
    """Every run in the events, by device and start. `mains`: devices that tell of the mains for all generators.

    A controller that sees the mains tells of its own. A run is an outage's when the mains were lost at its start or
    during it; else on load when it took load; else a test, which counts from 10 to 15 minutes (S 4.2.5).
    """
    in_order = sorted(events, key=lambda event: (event.at, event.device, event.seq))
    devices = sorted({event.device for event in in_order if event.type == "generator.started"})
    shared = frozenset(mains)
    return [run for device in devices for run in _of_device(device, in_order, shared)]


def _of_device(device: str, events: list[Event], shared: frozenset[str]) -> Iterator[GeneratorRun]:
    run: _Open | None = None
    lost = False
    for event in events:
        if event.device != device and event.device not in shared:
            continue
        kind = type_now(event)
        if kind in {"mains.lost", "mains.restored"}:
            lost = kind == "mains.lost"
            if run is not None:
                run.outage |= lost
        elif event.device != device:
            continue
        elif kind == "generator.started":
            run = _Open(event.at, outage=lost)
        elif run is not None and kind == "generator.stopped":
            yield _closed(device, run, event.at)
            run = None
        elif run is not None:
            run.on_load |= kind == "generator.on_load"
            run.fault |= kind == "generator.fault"
    if run is not None:
        yield _closed(device, run, None)


def _closed(device: str, run: _Open, end: int | None) -> GeneratorRun:
    kind, why = _kind(run, end)
    return GeneratorRun(device=device, start=run.start, end=end, kind=kind, why=why)


def _kind(run: _Open, end: int | None) -> tuple[RunKind, str]:
    if run.outage:
        return RunKind.OUTAGE, ""
    if run.on_load:
        return RunKind.ON_LOAD, ""
    if run.fault:
        return RunKind.INVALID, "fault"
    if end is None:
        return RunKind.NO_LOAD, ""
    if end - run.start < _SHORTEST_MS:
        return RunKind.INVALID, "too_short"
    return (RunKind.INVALID, "too_long") if end - run.start > _LONGEST_MS else (RunKind.NO_LOAD, "")
