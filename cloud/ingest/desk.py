"""All that is kept in memory of one site between its messages and the next commit. Pure."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Final, Protocol

import msgspec

from cloud.condition.derivation import Derivation
from cloud.correlation.episodes import Past
from cloud.correlation.rules import Response, RuleBook
from cloud.correlation.verdict import Effect, EventId, Overdue, Recall, Revised, Verdict
from cloud.incidents.book import IncidentBook
from cloud.incidents.links import Links, MissingNumbers
from cloud.ingest.facts import SiteFacts
from cloud.ingest.health import Health
from cloud.store.base import (
    AgentHealth,
    AlertCleared,
    AlertRow,
    DeviceHealth,
    Incident,
    IncidentKind,
    VerdictRow,
)
from contract.batch import Coverage
from contract.events import Event, Readings
from contract.site import Site

DATA_FROM: Final = "~data_from"
"""The cell that keeps when the first data of the site came; no name of the engine's begins with `~`."""


class RuleEngine(Protocol):
    """What is asked of `cloud.correlation.engine.Engine`."""

    def on_events(self, events: Sequence[Event], *, seq_base: int = 0) -> None:
        """Take in events."""
        ...

    def on_readings(self, readings: Readings) -> None:
        """Take in readings."""
        ...

    def on_coverage(self, device: str, coverage: Coverage) -> None:
        """Take in how far a device is known."""
        ...

    def settle(self, now: int) -> list[Effect]:
        """Judge what can be judged."""
        ...

    def next_deadline(self) -> int | None:
        """When `settle` wants to be called next."""
        ...

    def dirty_cells(self) -> dict[str, bytes | None]:
        """What changed of its memory since this was asked last."""
        ...

    def restore(self, cells: Mapping[str, bytes]) -> None:
        """Remember."""
        ...

    def on_history(self, recall: Recall, past: Past, last: Sequence[Revised]) -> None:
        """Take in what was recalled."""
        ...


class SiteSetup(msgspec.Struct, frozen=True):
    """A configured site: its model, its rules, and how they are judged and explained.

    `engine` makes an engine for data that begin at the given time; `explain` gives a verdict's sentence in a
    language.
    """

    site: Site
    rules: RuleBook
    engine: Callable[[Site, RuleBook, int], RuleEngine]
    explain: Callable[[Verdict, str], str]


class Remembered(msgspec.Struct, kw_only=True):
    """What the store has of one site."""

    cells: dict[str, bytes] = {}
    devices: list[DeviceHealth] = []
    agents: list[AgentHealth] = []
    incidents: list[Incident] = []


class Decisions(msgspec.Struct, kw_only=True):
    """What a site's rules and links decided, as rows."""

    verdicts: list[VerdictRow] = []
    alerts: list[AlertRow] = []
    cleared: list[AlertCleared] = []
    incidents: list[Incident] = []


class SiteDesk:
    """One site. A site without a setup has its events kept and nothing judged."""

    def __init__(self, name: str, setup: SiteSetup | None, remembered: Remembered, now: int) -> None:
        self._name = name
        self._setup = setup
        self.facts = SiteFacts(setup.site if setup else None)
        self.health = Health(name, remembered.devices, remembered.agents)
        self._book = IncidentBook(name, remembered.incidents)
        down = [row.subject for row in remembered.incidents if row.kind is IncidentKind.LINK]
        self._links = Links(setup.site.agents if setup else (), down, now)
        self._cells: dict[str, bytes | None] = {}
        self._verdicts: list[VerdictRow] = []
        self._alerts: list[AlertRow] = []
        self._opening = _opening_types(setup.rules) if setup else frozenset()
        self._opened_by: dict[EventId, str] = {}
        self._cleared: list[AlertCleared] = []
        self._derivation = Derivation(setup.site) if setup else None
        self._derived: list[Readings] = []
        self._engine = self._remembered_engine(remembered.cells)

    def _remembered_engine(self, cells: Mapping[str, bytes]) -> RuleEngine | None:
        """The engine as it was; None when no data of the site ever came, or it has no setup."""
        own = dict(cells)
        data_from = own.pop(DATA_FROM, None)
        if self._setup is None or data_from is None:
            return None
        engine = self._setup.engine(self._setup.site, self._setup.rules, int(data_from))
        engine.restore(own)
        return engine

    def _first_data(self, data_from: int) -> RuleEngine | None:
        """The site's very first data begin then: from there on its rules are judged."""
        if self._setup is None:
            return None
        self._cells[DATA_FROM] = b"%d" % data_from
        self._engine = self._setup.engine(self._setup.site, self._setup.rules, data_from)
        return self._engine

    def heard(self, agent: str, now: int) -> None:
        """An agent said something."""
        self._links.heard(agent, now)

    def judge(self, events: Sequence[Event], seq_base: int, now: int) -> None:
        """Hand events to the rules."""
        engine = self._engine or self._first_data(min(now, *(event.at for event in events)))
        if engine is not None:
            engine.on_events(events, seq_base=seq_base)
            opening = self._opening
            self._opened_by |= {(e.device, seq_base + e.seq): e.type for e in events if e.type in opening}

    def read(self, readings: Readings, now: int) -> None:
        """Hand readings to the rules."""
        engine = self._engine or self._first_data(min(now, *readings.at))
        if engine is not None:
            engine.on_readings(readings)
        if self._derivation is not None:
            self._derivation.take(readings)

    def covered(self, device: str, coverage: Coverage, now: int) -> None:
        """Hand a statement to the rules."""
        engine = self._engine or self._first_data(now)
        if engine is not None:
            engine.on_coverage(device, coverage)

    def settle(self, now: int) -> list[Recall]:
        """Let the rules decide; what they must look up first is returned, and answered with `remember`."""
        self._derive(now)
        recalls: list[Recall] = []
        for effect in self._engine.settle(now) if self._engine else ():
            match effect:
                case Revised():
                    self._revised(effect, now)
                case Overdue():
                    self._alerts.append(AlertRow(site=self._name, overdue=effect, raised_at=now))
                    self._book.overdue(effect, now)
                case Recall():
                    recalls.append(effect)
        self._opened_by.clear()
        return recalls

    def _derive(self, now: int) -> None:
        """Hand the rules what readings say of each other, once their minute is over; it is stored too."""
        found = self._derivation.due(now) if self._derivation is not None else Readings()
        if self._engine is not None and len(found):
            self._engine.on_readings(found)
            self._derived.append(found)

    def take_derived(self) -> list[Readings]:
        """What was derived since this was asked last."""
        found, self._derived = self._derived, []
        return found

    def remember(self, recall: Recall, past: Past, last: Sequence[Revised]) -> None:
        """Hand the rules what they asked for."""
        if self._engine is not None:
            self._engine.on_history(recall, past, last)

    def _revised(self, revised: Revised, now: int) -> None:
        verdict = revised.verdict
        self._verdicts.append(
            VerdictRow(
                site=self._name,
                revised=revised,
                explain_zh=self._explained(verdict, "zh"),
                explain_en=self._explained(verdict, "en"),
            )
        )
        if revised.cleared:
            self._cleared.append(
                AlertCleared(
                    site=self._name,
                    rule=verdict.rule,
                    key=verdict.key,
                    opened_at=verdict.opened_at,
                    cleared_at=now,
                )
            )
        opens = verdict.kind == "response" and revised.revision == 1
        self._book.revised(revised, now, self._opened_by.get(verdict.evidence[0], "") if opens else "")

    def _explained(self, verdict: Verdict, language: str) -> str:
        setup = self._setup
        return setup.explain(verdict, language) if setup else ""

    def check_links(self, gaps: Iterable[MissingNumbers], now: int) -> None:
        """Open and close the incidents of links."""
        down, well = self._links.check(gaps, now)
        for trouble in down:
            self._book.link_down(trouble.subject, trouble.cause, trouble.since, now)
        for subject in well:
            self._book.link_up(subject, now)

    def next_deadline(self) -> int | None:
        """When the rules or the links want to be looked at again."""
        derived = self._derivation.next_at if self._derivation else None
        wanted = (self._engine.next_deadline() if self._engine else None, self._links.next_check, derived)
        return min((at for at in wanted if at is not None), default=None)

    def take_decisions(self, now: int) -> Decisions:
        """What was decided since this was asked last."""
        decisions = Decisions(
            verdicts=self._verdicts,
            alerts=self._alerts,
            cleared=self._cleared,
            incidents=self._book.take_changes(now),
        )
        self._verdicts, self._alerts, self._cleared = [], [], []
        return decisions

    def take_cells(self) -> dict[tuple[str, str], bytes | None]:
        """What changed of the site's memory since this was asked last."""
        changed, self._cells = self._cells, {}
        if self._engine is not None:
            changed.update(self._engine.dirty_cells())
        return {(self._name, cell): body for cell, body in changed.items()}


def _opening_types(rules: RuleBook) -> frozenset[str]:
    """The types of events that open an episode of some rule."""
    opening = (version.rule.on.types for version in rules.versions if isinstance(version.rule, Response))
    return frozenset[str]().union(*opening)
