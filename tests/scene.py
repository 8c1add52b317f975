"""A small site, rules for it, and an engine that is told a story: what happened, what is known, what time it is."""

import datetime as dt
from collections.abc import Iterable
from typing import Any

from cloud.correlation.engine import Engine
from cloud.correlation.episodes import Past
from cloud.correlation.rules import EventFilter, Recurrence, Response, Rule, RuleBook, RuleVersion
from cloud.correlation.verdict import Effect, Overdue, Recall, Revised, Verdict
from contract.batch import Coverage
from contract.events import Event
from contract.site import Device, Group, Person, Qualification, Site, SiteFile, Zone

S = 1_000
M = 60 * S
H = 60 * M
T0 = 1_764_547_200_000


def site() -> Site:
    """A hall whose neighbour the gatehouse covers, an unread cellar, two gates on the hall's escape route."""
    return Site(
        SiteFile(
            site="demo",
            zones=(
                Zone(id="hall", escape_route=("gate-n", "gate-s")),
                Zone(id="gatehouse", covers=("hall",)),
                Zone(id="cellar"),
            ),
            devices=(
                Device(id="panel", zone="hall", emits=("fire.alarm",)),
                Device(id="panel-c", zone="cellar", emits=("fire.alarm",)),
                Device(id="cp-hall", zone="hall", emits=("checkpoint.scan",)),
                Device(id="cp-gatehouse", zone="gatehouse", emits=("checkpoint.scan",)),
                Device(id="gate-n", zone="gatehouse", emits=("gate.released",)),
                Device(id="gate-s", zone="gatehouse", emits=("gate.released",)),
                Device(id="ats", emits=("mains.lost", "mains.restored")),
                Device(id="genset", emits=("generator.on_load",)),
            ),
            groups=(Group(id="power", devices=("ats", "genset")),),
            people=(
                Person(id="wang", roles=("rescue",), cards=("card:1",)),
                Person(
                    id="li",
                    qualifications=(
                        Qualification(
                            name="fire_control", from_=dt.date(2025, 12, 1), to=dt.date(2025, 12, 1)
                        ),
                    ),
                ),
            ),
        )
    )


def reach(**more: Any) -> Response:
    """An alarm must be answered by a scan in its zone within three minutes."""
    fields: dict[str, Any] = {
        "id": "ER-1",
        "on": EventFilter("fire.alarm"),
        "expect": EventFilter("checkpoint.scan"),
        "within": "3m",
    }
    return Response(**fields | more)


def patrol(**more: Any) -> Recurrence:
    """Each checkpoint must be scanned at least every two hours."""
    fields: dict[str, Any] = {"id": "PT-1", "expect": EventFilter("checkpoint.scan"), "every": "2h"}
    return Recurrence(**fields | more)


def book(*rules: Rule) -> RuleBook:
    """Rules in force since ever."""
    return RuleBook(tuple(RuleVersion(rule, 0, None) for rule in rules))


class Story:
    """An engine, what it was told and what it said. Times are ms after `T0`."""

    def __init__(self, rules: RuleBook, *, keep_ms: int | None = None, model: Site | None = None) -> None:
        self.site = model or site()
        self.rules = rules
        self.keep_ms = keep_ms
        self.cells: dict[str, bytes] = {}
        self.engine = self._begin()
        self.happened: list[Event] = []
        self.said: list[Revised] = []
        self.alerts: list[Overdue] = []
        self.asked: list[Recall] = []

    def _begin(self) -> Engine:
        return Engine(self.site, self.rules, data_from=T0, keep_ms=self.keep_ms)

    def event(self, at: int, kind: str, device: str, **more: Any) -> Event:
        """Something happens, and the engine is told."""
        event = Event(seq=len(self.happened), at=T0 + at, device=device, type=kind, **more)
        self.tell([event])
        return event

    def tell(self, events: Iterable[Event]) -> None:
        """The engine is told of events."""
        told = list(events)
        self.happened += [event for event in told if event not in self.happened]
        self.engine.on_events(told)

    def alarm(self, at: int, device: str = "panel", **more: Any) -> Event:
        """Fire breaks out."""
        return self.event(at, "fire.alarm", device, **more)

    def scan(self, at: int, device: str = "cp-hall", **more: Any) -> Event:
        """Somebody holds a card to a checkpoint."""
        return self.event(at, "checkpoint.scan", device, **more)

    def known(self, complete_to: int, *devices: str, blind: Iterable[tuple[int, int]] = ()) -> None:
        """The devices (default: all) are known up to a moment, but for the blind spans."""
        spans = [(T0 + start, T0 + end) for start, end in blind]
        for device in devices or tuple(self.site.devices):
            self.engine.on_coverage(device, Coverage(T0 + complete_to, spans))

    def settle(self, now: int) -> list[Effect]:
        """The engine judges; what it must look up, it is given of all that happened."""
        found: list[Effect] = []
        while effects := self.engine.settle(T0 + now):
            found += effects
            self.said += [effect for effect in effects if isinstance(effect, Revised)]
            self.alerts += [effect for effect in effects if isinstance(effect, Overdue)]
            recalls = [effect for effect in effects if isinstance(effect, Recall)]
            self.asked += recalls
            for recall in recalls:
                self._answer(recall)
        return found

    def _answer(self, recall: Recall) -> None:
        wanted = [
            event
            for event in self.happened
            if event.type in recall.types and recall.start <= event.at < recall.end
        ]
        last = [
            revised
            for revised in self.last().values()
            if (revised.verdict.rule, revised.verdict.key) == (recall.rule, recall.key)
            and recall.start <= revised.verdict.opened_at < recall.end
        ]
        self.engine.on_history(recall, Past(wanted), last)

    def last(self) -> dict[tuple[str, str, int], Revised]:
        """The last revision of each episode, by rule, key and when it opened."""
        return {
            (revised.verdict.rule, revised.verdict.key, revised.verdict.opened_at - T0): revised
            for revised in self.said
        }

    def verdict(self, key: str = "hall", opened_at: int = 0, rule: str = "ER-1") -> Verdict:
        """The last that was said of an episode."""
        return self.last()[rule, key, opened_at].verdict

    def commit(self) -> None:
        """Write what changed."""
        for name, cell in self.engine.dirty_cells().items():
            if cell is None:
                self.cells.pop(name, None)
            else:
                self.cells[name] = cell

    def restart(self) -> None:
        """Everything in memory is gone; what was written is read back."""
        self.commit()
        self.engine = self._begin()
        self.engine.restore(self.cells)
