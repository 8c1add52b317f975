"""The patrol board of a day: every checkpoint and round, when it was due, when somebody came, what was missed. Pure.

| verdict | word |
|---|---|
| pending before its limit | due |
| met | on_time |
| breached, but somebody came (to each checkpoint of a round) | late |
| breached, or pending and overdue | missed |
| unknown | unknown |

A checkpoint as a whole is as the most pressing of its rules is: missed, late, due, unknown, on time.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Final

import msgspec

from cloud.correlation.rules import SCAN
from cloud.correlation.verdict import Item, Outcome, Verdict
from contract.events import Event, event_data
from contract.site import Site

_PRESSING: Final = ("missed", "late", "due", "unknown", "on_time")
_ITEM_WORDS: Final = {"on_time": "on_time", "missed": "missed", "blind": "unknown", "open": "due"}
"""Every other word of a round's item (early, late, too_fast, out_of_order, alone, impossible) is `late`: somebody came,
but not as the round wants it."""

Said = Mapping[tuple[str, str, int], str]
"""By rule, key and beginning of an episode: why it was missed."""


class Span(msgspec.Struct, frozen=True, kw_only=True):
    """One obligation: from `opened_at` on somebody had to come by `due_at`; `at` when `person` did, where known."""

    rule: str
    key: str
    opened_at: int
    due_at: int
    state: str
    at: int | None = None
    person: str | None = None
    reason: str = ""


class Stop(msgspec.Struct, frozen=True, kw_only=True):
    """A checkpoint of a round."""

    device: str
    state: str
    at: int | None = None
    person: str | None = None


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
    """A checkpoint over the day; `due_at`: when it must be walked next, or should have been."""

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
    """The board from the newest verdicts of rounds and checkpoints and from the day's scans, in any order.

    Verdicts of other things than scans don't belong here: the caller leaves them out.
    """
    day = _Day(site, scans, said, now)
    by_device: dict[str, list[Verdict]] = {}
    rounds: dict[str, list[Round]] = {}
    for verdict in sorted(verdicts, key=lambda one: (one.opened_at, one.rule, one.key)):
        if verdict.kind == "recurrence":
            by_device.setdefault(verdict.key, []).append(verdict)
        elif verdict.kind == "tour":
            rounds.setdefault(verdict.key, []).append(day.round(verdict))
    walks: dict[str, list[Visit]] = {}
    for visit in day.visits:
        walks.setdefault(visit.person, []).append(visit)
    return Board(
        posts=tuple(day.post(name, by_device.get(name, [])) for name in _checkpoints(site, by_device)),
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


class _Day:
    """What the parts of a board are made from."""

    def __init__(self, site: Site, scans: Iterable[Event], said: Said, now: int) -> None:
        self._said = said
        self._now = now
        self.visits = sorted((_visit(site, event) for event in scans), key=lambda one: (one.at, one.device))
        self._at: dict[str, list[Visit]] = {}
        for visit in self.visits:
            self._at.setdefault(visit.device, []).append(visit)
        self._who = {(visit.device, visit.at): visit.person or None for visit in self.visits}
        self._routes: dict[str, list[str]] = {}
        for route in site.file.routes:
            for name in dict.fromkeys(leg.device for leg in route.checkpoints):
                self._routes.setdefault(name, []).append(route.id)

    def post(self, name: str, verdicts: Sequence[Verdict]) -> Post:
        """A checkpoint, by its verdicts in order."""
        spans = tuple(self._span(verdict, name) for verdict in verdicts)
        newest = {span.rule: span for span in spans}.values()
        first = min(newest, key=lambda span: (_PRESSING.index(span.state), span.due_at), default=None)
        visits = tuple(self._at.get(name, ()))
        return Post(
            device=name,
            routes=tuple(self._routes.get(name, ())),
            state=first.state if first is not None else "unknown",
            due_at=first.due_at if first is not None and first.state in {"due", "missed"} else None,
            last_at=visits[-1].at if visits else None,
            visits=visits,
            spans=spans,
        )

    def round(self, verdict: Verdict) -> Round:
        """A round with its checkpoints."""
        waits = verdict.outcome is Outcome.PENDING and self._now <= verdict.due_at
        stops = tuple(self._stop(item, waits=waits) for item in verdict.items)
        return Round(span=self._span(verdict, ""), stops=stops)

    def _span(self, verdict: Verdict, device: str) -> Span:
        came = verdict.opened_at + verdict.elapsed_ms if verdict.elapsed_ms is not None else None
        # Who walked a round is who came to the last of its checkpoints.
        ends = [(item.at, item.device) for item in verdict.items if item.at is not None]
        at, where = (came, device) if device else max(ends, default=(None, ""))
        return Span(
            rule=verdict.rule,
            key=verdict.key,
            opened_at=verdict.opened_at,
            due_at=verdict.due_at,
            state=state_of(verdict, self._now),
            at=came,
            person=self._who.get((where, at)) if came is not None and at is not None else None,
            reason=self._said.get((verdict.rule, verdict.key, verdict.opened_at), ""),
        )

    def _stop(self, item: Item, *, waits: bool) -> Stop:
        if item.at is None:
            state = "due" if waits else _ITEM_WORDS.get(item.word, "late")
            return Stop(device=item.device, state=state)
        person = self._who.get((item.device, item.at))
        return Stop(device=item.device, state=_ITEM_WORDS.get(item.word, "late"), at=item.at, person=person)


def _visit(site: Site, event: Event) -> Visit:
    person = site.people.get(event.person or "")
    device = site.devices.get(event.device)
    return Visit(
        at=event.at,
        device=event.device,
        zone=event.zone or (device.zone if device is not None else None),
        person=person.id if person is not None else event.person or "",
        clock_error_ms=event.clock_error_ms,
        offline=event_data(event).get("by") == "tablet",
    )
