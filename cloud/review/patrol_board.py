"""The patrol board of a day: every checkpoint and round, when it was due, when somebody came, what was missed. Pure.

| verdict | word |
|---|---|
| pending before its limit | due |
| met | on_time |
| breached, but somebody came | late |
| breached, or pending and overdue | missed |
| unknown | unknown |
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Final

import msgspec

from cloud.correlation.verdict import Item, Outcome, Verdict
from contract.events import Event
from contract.site import Site

SCAN: Final = "checkpoint.scan"
_ITEM_WORDS: Final = {"on_time": "on_time", "missed": "missed", "blind": "unknown"}
"""Every other word of a round's item (early, late, too_fast, out_of_order, alone, impossible) is `late`: somebody came,
but not as the round wants it."""

Said = Mapping[tuple[str, str, int], str]
"""By rule, key and beginning of an episode: why it was missed."""


class Span(msgspec.Struct, frozen=True, kw_only=True):
    """One obligation: from `opened_at` on somebody had to come by `due_at`; `at` when somebody did."""

    rule: str
    key: str
    opened_at: int
    due_at: int
    state: str
    at: int | None = None
    reason: str = ""


class Stop(msgspec.Struct, frozen=True, kw_only=True):
    """A checkpoint of a round."""

    device: str
    state: str
    at: int | None = None


class Round(msgspec.Struct, frozen=True, kw_only=True):
    """A planned round with its checkpoints in order."""

    span: Span
    stops: tuple[Stop, ...]


class Visit(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody was at a checkpoint. `offline`: told by a tablet."""

    at: int
    device: str
    zone: str | None
    person: str
    clock_error_ms: int
    offline: bool


class Post(msgspec.Struct, frozen=True, kw_only=True):
    """A checkpoint over the day; `state` is that of its newest obligation, `due_at` when it must be walked next."""

    device: str
    routes: tuple[str, ...]
    state: str
    due_at: int | None
    last_at: int | None
    visits: tuple[Visit, ...]
    spans: tuple[Span, ...]


class Board(msgspec.Struct, frozen=True, kw_only=True):
    """The day."""

    posts: tuple[Post, ...]
    rounds: Mapping[str, tuple[Round, ...]]
    walks: Mapping[str, tuple[Visit, ...]]


def board(site: Site, verdicts: Iterable[Verdict], scans: Iterable[Event], said: Said, now: int) -> Board:
    """The board from the newest verdicts of rounds and checkpoints and from the day's scans, in any order."""
    visits = sorted((_visit(site, event) for event in scans), key=lambda visit: (visit.at, visit.device))
    by_device: dict[str, list[Verdict]] = {}
    rounds: dict[str, list[Round]] = {}
    for verdict in sorted(verdicts, key=lambda one: (one.opened_at, one.rule, one.key)):
        if verdict.kind == "recurrence":
            by_device.setdefault(verdict.key, []).append(verdict)
        elif verdict.kind == "tour":
            rounds.setdefault(verdict.key, []).append(_round(verdict, said, now))
    posts = tuple(
        _post(site, name, by_device.get(name, []), visits, said, now)
        for name in _checkpoints(site, by_device)
    )
    walks: dict[str, list[Visit]] = {}
    for visit in visits:
        walks.setdefault(visit.person, []).append(visit)
    return Board(
        posts=posts,
        rounds={key: tuple(found) for key, found in rounds.items()},
        walks={person: tuple(found) for person, found in walks.items() if person},
    )


def state_of(verdict: Verdict, now: int) -> str:
    """The board's word for a verdict."""
    match verdict.outcome:
        case Outcome.MET:
            return "on_time"
        case Outcome.UNKNOWN:
            return "unknown"
        case Outcome.BREACHED:
            return "late" if verdict.elapsed_ms is not None else "missed"
        case _:
            return "missed" if verdict.overdue or now > verdict.due_at else "due"


def _checkpoints(site: Site, judged: Mapping[str, Sequence[Verdict]]) -> list[str]:
    """In the order of the routes, then the others of the site's files that are walked."""
    routed = [leg.device for route in site.file.routes for leg in route.checkpoints]
    others = [device.id for device in site.file.devices if device.id in judged or SCAN in site.emits(device)]
    return [name for name in dict.fromkeys([*routed, *others]) if not site.is_desk(name)]


def _post(
    site: Site, name: str, verdicts: Sequence[Verdict], visits: Sequence[Visit], said: Said, now: int
) -> Post:
    mine = tuple(visit for visit in visits if visit.device == name)
    spans = tuple(_span(verdict, said, now) for verdict in verdicts)
    newest = spans[-1] if spans else None
    return Post(
        device=name,
        routes=tuple(
            route.id for route in site.file.routes if name in {leg.device for leg in route.checkpoints}
        ),
        state=newest.state if newest is not None else "unknown",
        due_at=newest.due_at if newest is not None and newest.state in {"due", "missed"} else None,
        last_at=mine[-1].at if mine else None,
        visits=mine,
        spans=spans,
    )


def _span(verdict: Verdict, said: Said, now: int) -> Span:
    came = verdict.opened_at + verdict.elapsed_ms if verdict.elapsed_ms is not None else None
    return Span(
        rule=verdict.rule,
        key=verdict.key,
        opened_at=verdict.opened_at,
        due_at=verdict.due_at,
        state=state_of(verdict, now),
        at=came,
        reason=said.get((verdict.rule, verdict.key, verdict.opened_at), ""),
    )


def _round(verdict: Verdict, said: Said, now: int) -> Round:
    waits = verdict.outcome is Outcome.PENDING and now <= verdict.due_at
    return Round(
        span=_span(verdict, said, now), stops=tuple(_stop(item, waits=waits) for item in verdict.items)
    )


def _stop(item: Item, *, waits: bool) -> Stop:
    state = _ITEM_WORDS.get(item.word, "late")
    if waits and item.at is None:
        state = "due"
    return Stop(device=item.device, state=state, at=item.at)


def _visit(site: Site, event: Event) -> Visit:
    person = site.people.get(event.person or "")
    device = site.devices.get(event.device)
    return Visit(
        at=event.at,
        device=event.device,
        zone=event.zone or (device.zone if device is not None else None),
        person=person.id if person is not None else event.person or "",
        clock_error_ms=event.clock_error_ms,
        offline=b"tablet" in bytes(event.data),
    )
