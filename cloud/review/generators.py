"""How each generator stands: its state, its runs, its quotas and how long it took to carry the load. Pure."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Final

import msgspec

from cloud.condition.generator_runs import GeneratorRun, generator_runs
from cloud.correlation.verdict import Outcome, Verdict
from cloud.plan.states import states
from contract.events import Event, type_now
from contract.site import Site

TYPES: Final = (
    "generator.started",
    "generator.stopped",
    "generator.on_load",
    "generator.off_load",
    "generator.fault",
    "mains.lost",
    "mains.restored",
)
"""The events that a generator's story is told by."""


class Quota(msgspec.Struct, frozen=True, kw_only=True):
    """Runs that were promised for a period; `counted`: when those began that count so far."""

    rule: str
    since: int
    until: int
    outcome: Outcome
    wanted: int
    done: int
    counted: tuple[int, ...]


class Transfer(msgspec.Struct, frozen=True, kw_only=True):
    """The mains were lost at `at`; the generator carried the load `took_ms` later (None: not known to have)."""

    rule: str
    at: int
    limit_ms: int
    took_ms: int | None
    outcome: Outcome


class Generator(msgspec.Struct, frozen=True, kw_only=True):
    """A generator. `state`: stopped, running, on_load, fault or unknown; `mains`: present, lost or unknown."""

    device: str
    state: str
    since: int | None
    mains: str
    runs: tuple[GeneratorRun, ...]
    quotas: tuple[Quota, ...]
    transfers: tuple[Transfer, ...]


_FAULT: Final = "generator.fault"


def is_generator(site: Site, name: str) -> bool:
    """Whether a device tells of a generator's runs."""
    device = site.devices.get(name)
    return device is not None and "generator.started" in site.emits(device)


def generators(
    site: Site,
    lasting: Iterable[Event],
    events: Iterable[Event],
    verdicts: Iterable[Verdict],
    wanted: Mapping[str, int | None],
) -> list[Generator]:
    """Every generator of a site. `lasting`: the newest event of each lasting type; `events` of the wished time.

    `wanted`: by rule, how many runs it wants in a period; None for one that judges a transfer.
    """
    newest = _newest(lasting)
    mains = [device.id for device in site.file.devices if "mains.lost" in site.emits(device)]
    runs = generator_runs(events, mains)
    judged = list(verdicts)
    return [
        _generator(
            device.id,
            newest,
            mains,
            runs,
            [one for one in judged if device.id in _subjects(site, one)],
            wanted,
        )
        for device in site.file.devices
        if is_generator(site, device.id)
    ]


def _newest(lasting: Iterable[Event]) -> Mapping[tuple[str, str], int]:
    """When each type was told last, by device: what has ended as its opposite, and of faults those that stand."""
    told = list(lasting)
    found: dict[tuple[str, str], int] = {}
    for event in told:
        kind = type_now(event)
        if kind is not None and kind != _FAULT:
            found[event.device, kind] = max(event.at, found.get((event.device, kind), 0))
    for state in states(told):
        if state.event.type == _FAULT:
            device = state.event.device
            found[device, _FAULT] = max(state.event.at, found.get((device, _FAULT), 0))
    return found


def _subjects(site: Site, verdict: Verdict) -> Sequence[str]:
    group = site.groups.get(verdict.key)
    return group.devices if group is not None else (verdict.key,)


def _generator(
    device: str,
    newest: Mapping[tuple[str, str], int],
    mains: Sequence[str],
    runs: Sequence[GeneratorRun],
    verdicts: Sequence[Verdict],
    wanted: Mapping[str, int | None],
) -> Generator:
    state, since = _state(device, newest)
    return Generator(
        device=device,
        state=state,
        since=since,
        mains=_mains(mains, newest),
        runs=tuple(sorted((run for run in runs if run.device == device), key=lambda run: -run.start)),
        quotas=tuple(_quota(one, count) for one in verdicts if (count := wanted.get(one.rule)) is not None),
        transfers=tuple(_transfer(one) for one in verdicts if wanted.get(one.rule, 0) is None),
    )


def _state(device: str, newest: Mapping[tuple[str, str], int]) -> tuple[str, int | None]:
    """The newest of what it told of itself; a fault that stands goes before, but while it runs all the same."""
    told = {
        word: newest[device, f"generator.{kind}"]
        for kind, word in (
            ("stopped", "stopped"),
            ("started", "running"),
            ("on_load", "on_load"),
            ("off_load", "running"),
            ("fault", "fault"),
        )
        if (device, f"generator.{kind}") in newest
    }
    if "running" in told:
        starts = (newest.get((device, f"generator.{kind}"), 0) for kind in ("started", "off_load"))
        told["running"] = max(starts)
    fault = told.pop("fault", None)
    if not told:
        return ("unknown", None) if fault is None else ("fault", fault)
    word = max(told, key=lambda one: (told[one], one))
    started = newest.get((device, "generator.started"), 0)
    if fault is not None and (word == "stopped" or fault > started):
        return "fault", fault
    return word, told[word]


def _mains(devices: Sequence[str], newest: Mapping[tuple[str, str], int]) -> str:
    lost = max((newest.get((device, "mains.lost"), 0) for device in devices), default=0)
    back = max((newest.get((device, "mains.restored"), 0) for device in devices), default=0)
    if not lost and not back:
        return "unknown"
    return "lost" if lost > back else "present"


def _quota(verdict: Verdict, wanted: int) -> Quota:
    counted = tuple(item.at for item in verdict.items if item.word == "counts" and item.at is not None)
    return Quota(
        rule=verdict.rule,
        since=verdict.opened_at,
        until=verdict.due_at,
        outcome=verdict.outcome,
        wanted=wanted,
        done=len(counted),
        counted=counted,
    )


def _transfer(verdict: Verdict) -> Transfer:
    return Transfer(
        rule=verdict.rule,
        at=verdict.opened_at,
        limit_ms=verdict.due_at - verdict.opened_at,
        took_ms=verdict.elapsed_ms,
        outcome=verdict.outcome,
    )
