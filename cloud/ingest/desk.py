"""All that is kept in memory of one site between its messages and the next commit. Pure."""

import hashlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Final, Protocol

import msgspec

from cloud.condition.derivation import Derivation
from cloud.correlation.episodes import Past
from cloud.correlation.rules import SCAN, Response, RuleBook
from cloud.correlation.verdict import Effect, EventId, Overdue, Recall, Revised, Verdict
from cloud.incidents.book import IncidentBook
from cloud.incidents.commands import Desk
from cloud.incidents.floor import Floor, Outgoing
from cloud.incidents.links import Links, MissingNumbers
from cloud.ingest.facts import SiteFacts
from cloud.ingest.health import Health
from cloud.operations.command import DESK, Answer, Command, heard_at, is_late
from cloud.operations.duty_book import ALIVE
from cloud.operations.effects import Deed
from cloud.operations.record import Record
from cloud.operations.screen import Pulse
from cloud.operations.setup import OperationsSetup
from cloud.store.base import (
    AgentHealth,
    AlertCleared,
    AlertRow,
    DeviceHealth,
    Incident,
    IncidentKind,
    RefusedNotice,
    VerdictRow,
)
from contract.batch import Coverage, Lane
from contract.events import SPOOL_FULL, TOLD_LATE, Event, Readings, event_data, raw_data
from contract.site import Site

DATA_FROM: Final = "~data_from"
"""The cell that keeps when the first data of the site came; no name of the engine's begins with `~`."""
SEED: Final = "~seed"
"""The cell that keeps what presence checks are drawn from."""
_BY_TABLET: Final = frozenset({SCAN, ALIVE})
_ANSWERED: Final = 10_000
"""So many ids of commands are remembered besides those that are stored."""


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
    operations: OperationsSetup = OperationsSetup()


class Remembered(msgspec.Struct, kw_only=True):
    """What the store has of one site."""

    cells: dict[str, bytes] = {}
    devices: list[DeviceHealth] = []
    agents: list[AgentHealth] = []
    incidents: list[Incident] = []
    records: list[Record] = []


class Decisions(msgspec.Struct, kw_only=True):
    """What a site's rules and links decided, as rows."""

    verdicts: list[VerdictRow] = []
    alerts: list[AlertRow] = []
    cleared: list[AlertCleared] = []
    incidents: list[Incident] = []
    answers: list[Answer] = []
    people: Outgoing = Outgoing()


class SiteDesk:
    """One site. A site without a setup has its events kept and nothing judged."""

    def __init__(self, name: str, setup: SiteSetup | None, remembered: Remembered, now: int) -> None:
        self._name = name
        self._setup = setup
        self.facts = SiteFacts(setup.site if setup else None)
        self.health = Health(name, remembered.devices, remembered.agents)
        self._desks = _desks(setup.site) if setup else {}
        self._told_by_people = setup.site.told_by_people if setup else frozenset[str]()
        self._covered = _covered(setup.site, self._desks.values()) if setup else ()
        self._book = IncidentBook(name, remembered.incidents, people_close=bool(self._desks))
        self._answers: list[Answer] = []
        self._answered: dict[str, None] = {}
        self._deeds: list[Event] = []
        self._deed_number = 0
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
        self._floor = self._make_floor(setup, remembered, now) if setup else None
        self._desk = Desk(self._floor) if self._floor else None
        self._engine = self._remembered_engine(remembered.cells)

    def _make_floor(self, setup: SiteSetup, remembered: Remembered, now: int) -> Floor:
        seed = remembered.cells.get(SEED, b"").decode()
        if not seed and setup.operations.seed:
            seed = setup.operations.seed
            self._cells[SEED] = seed.encode()
        given = setup.operations
        return Floor(setup.site, given, setup.rules, self._book, remembered.records, now, seed=seed)

    def _remembered_engine(self, cells: Mapping[str, bytes]) -> RuleEngine | None:
        """The engine as it was; None when no data of the site ever came, or it has no setup."""
        own = dict(cells)
        own.pop(SEED, None)
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

    def spoke(self, agent: str, epoch: int, now: int, *, is_fork: bool) -> None:
        """An agent sent a batch of a spool; `is_fork` when its numbers were another opening's."""
        self._links.spoke(agent, epoch, now, is_fork=is_fork)

    def lost(self, agent: str, lane: Lane, numbers: Sequence[tuple[int, int]], now: int) -> None:
        """An agent lost rows of its spool, by number."""
        self._links.lost(agent, lane, numbers, now)

    def told_of_itself(self, agent: str, event: Event, now: int) -> None:
        """An agent told something of itself."""
        data = event_data(event)
        if event.type == "device.fault" and data.get("what") == SPOOL_FULL:
            self._links.full(agent, now, is_full=data.get("state") == "active")

    def told_not_its_own(self, agent: str, why: str, now: int) -> None:
        """An agent told what only others may tell; it was put aside."""
        self._links.told_not_its_own(agent, why, now)

    def judge(self, events: Sequence[Event], seq_base: int, now: int) -> None:
        """Hand events to the rules."""
        engine = self._engine or self._first_data(min(now, *(event.at for event in events)))
        if engine is not None:
            engine.on_events(events, seq_base=seq_base)
            opening = self._opening
            self._opened_by |= {(e.device, seq_base + e.seq): e.type for e in events if e.type in opening}
        if self._floor is not None:
            self._floor.on_events(events, seq_base, now)

    def read(self, readings: Readings, now: int) -> None:
        """Hand readings to the rules."""
        engine = self._engine or self._first_data(min(now, *readings.at))
        if engine is not None:
            engine.on_readings(readings)
        if self._floor is not None:
            self._floor.on_readings(readings, now)
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
        self._cover_desks(now)
        recalls: list[Recall] = []
        for effect in self._engine.settle(now) if self._engine else ():
            match effect:
                case Revised():
                    self._revised(effect, now)
                case Overdue():
                    self._alerts.append(AlertRow(site=self._name, overdue=effect, raised_at=now))
                    incident = self._book.overdue(effect, now)
                    if self._floor is not None:
                        self._floor.on_overdue(effect, incident, now)
                case Recall():
                    recalls.append(effect)
        self._opened_by.clear()
        if self._floor is not None:
            self._floor.settle(now)
            self._tell_rules(self._floor.take_deeds(), now)
        return recalls

    # --- people

    def wanted(self, command: Command) -> tuple[str, str] | None:
        """The matter that must be recalled before a command can be taken, by its kind and id."""
        return self._desk.missing(command) if self._desk is not None else None

    def recall(self, found: Record | Incident) -> None:
        """Take back a matter that is stored."""
        if isinstance(found, Incident):
            self._book.recall(found)
        elif self._floor is not None:
            self._floor.recall(found)

    def act(self, command: Command, received_at: int, now: int) -> None:
        """Take a command, unless it was answered already."""
        if self._desk is None or self._floor is None or command.id in self._answered:
            return
        self._answered[command.id] = None
        while len(self._answered) > _ANSWERED:
            del self._answered[next(iter(self._answered))]
        self._answers.append(self._desk.take(command, received_at, now))
        deeds = self._floor.take_deeds()
        heard = heard_at(command, received_at)
        if is_late(command.at, heard):
            told = {TOLD_LATE: heard}
            deeds = [msgspec.structs.replace(deed, data={**deed.data, **told}) for deed in deeds]
        self._tell_rules(deeds, now)

    def watch(self, pulse: Pulse, now: int) -> None:
        """Screens of the site answered."""
        if self._floor is not None:
            self._floor.screens.take(pulse, now)

    def _tell_rules(self, deeds: Sequence[Deed], now: int) -> None:
        """Deeds become events of the site's desk; a site without one keeps them as answers only."""
        events = [event for deed in deeds if (event := self._event(deed, now)) is not None]
        if events:
            self._deeds += events
            # What people tell of a device that an agent reads says nothing of how well that device does.
            own = [event for event in events if event.device in self._told_by_people]
            if own:
                self.health.saw_events(own, (), DESK, now)
            self.judge(events, 0, now)

    def _event(self, deed: Deed, now: int) -> Event | None:
        device = (
            deed.device or self._desks.get((deed.type, deed.zone or "")) or self._desks.get((deed.type, ""))
        )
        if device is None:
            return None
        self._deed_number += 1
        return Event(
            seq=_deed_seq(deed, now, self._deed_number),
            at=deed.at,
            device=device,
            type=deed.type,
            observed_at=now,
            zone=deed.zone,
            person=deed.person,
            data=raw_data(deed.data),
            clock_error_ms=deed.clock_error_ms,
        )

    def _cover_desks(self, now: int) -> None:
        """A desk tells what it has to tell at once; what a tablet sends late comes against this statement."""
        if self._engine is not None:
            for device in self._covered:
                self._engine.on_coverage(device, Coverage(now))

    def take_deeds(self) -> list[Event]:
        """The events of the desk since this was asked last, with their full sequence numbers."""
        taken, self._deeds = self._deeds, []
        return taken

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
        cause = self._opened_by.get(verdict.evidence[0], "") if opens else ""
        # What somebody asked for at the desk is a matter of its own: an order, a check, a shift.
        asked = bool(verdict.evidence) and verdict.evidence[0][0] in self._desks.values()
        incident = self._book.revised(revised, now, cause, opens=not asked)
        if self._floor is not None:
            self._floor.on_revised(revised, incident, now)

    def _explained(self, verdict: Verdict, language: str) -> str:
        setup = self._setup
        return setup.explain(verdict, language) if setup else ""

    def refused(self, refused: RefusedNotice, now: int) -> None:
        """A message reached nobody."""
        if self._floor is not None:
            self._floor.not_sent(refused, now)

    def check_links(self, gaps: Iterable[MissingNumbers], now: int) -> None:
        """Open and close the incidents of links."""
        down, well = self._links.check(gaps, now)
        for trouble in down:
            self._book.trouble(IncidentKind.LINK, trouble.subject, trouble.cause, trouble.since, now)
            if self._floor is not None:
                self._floor.link_down(trouble.subject, trouble.cause, now)
        for subject in well:
            self._book.trouble_over(IncidentKind.LINK, now, subject)
            if self._floor is not None:
                self._floor.link_up(subject, now)

    def next_deadline(self) -> int | None:
        """When the rules or the links want to be looked at again."""
        derived = self._derivation.next_at if self._derivation else None
        people = self._floor.next_at() if self._floor else None
        wanted = (
            self._engine.next_deadline() if self._engine else None,
            self._links.next_check,
            derived,
            people,
        )
        return min((at for at in wanted if at is not None), default=None)

    def take_decisions(self, now: int) -> Decisions:
        """What was decided since this was asked last."""
        decisions = Decisions(
            verdicts=self._verdicts,
            alerts=self._alerts,
            cleared=self._cleared,
            incidents=self._book.take_changes(now),
            answers=self._answers,
            people=self._floor.take() if self._floor else Outgoing(),
        )
        self._verdicts, self._alerts, self._cleared, self._answers = [], [], [], []
        return decisions

    def take_cells(self) -> dict[tuple[str, str], bytes | None]:
        """What changed of the site's memory since this was asked last."""
        changed, self._cells = self._cells, {}
        if self._engine is not None:
            changed.update(self._engine.dirty_cells())
        return {(self._name, cell): body for cell, body in changed.items()}


def _desks(site: Site) -> Mapping[tuple[str, str], str]:
    """By type and zone, the device under whose name people's deeds are told; `""` for any zone.

    A desk is a device of screens, not of an agent: it emits what operators do, and no line leads to it.
    """
    found: dict[tuple[str, str], str] = {}
    for device in site.file.devices:
        if site.is_desk(device.id):
            for name in sorted(site.emits(device)):
                found.setdefault((name, device.zone or ""), device.id)
                found.setdefault((name, ""), device.id)
    return found


def _covered(site: Site, desks: Iterable[str]) -> tuple[str, ...]:
    """The devices that the desk speaks for: desks, and where guards scan or say that they are well without a reader."""
    told = {name for name in site.told_by_people if site.emits(site.devices[name]) & _BY_TABLET}
    return tuple(sorted(told.union(desks)))


def _deed_seq(deed: Deed, now: int, number: int) -> int:
    """62 bits of a digest: no number of an agent's spool counts here, and the same deed twice is two."""
    text = f"{deed.type}\x1f{deed.at}\x1f{deed.person}\x1f{deed.zone}\x1f{now}\x1f{number}"
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8]) >> 2


def _opening_types(rules: RuleBook) -> frozenset[str]:
    """The types of events that open an episode of some rule."""
    opening = (version.rule.on.types for version in rules.versions if isinstance(version.rule, Response))
    return frozenset[str]().union(*opening)
