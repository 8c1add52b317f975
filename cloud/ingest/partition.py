"""One partition in memory: messages in, one `Commit` for a group of them out, with the acks it allows. Pure.

message → admit → rules → (group is full, or the store is free) → coverage → decide → Commit → Acks
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from itertools import compress
from typing import Final

import msgspec

from cloud.correlation.episodes import PastReading
from cloud.correlation.verdict import Recall
from cloud.incidents.links import MissingNumbers
from cloud.ingest.admit import Admission, Admitted, Delivery, set_aside
from cloud.ingest.desk import Decisions, Remembered, SiteDesk, SiteSetup
from cloud.ingest.facts import SiteFacts
from cloud.ingest.health import Health
from cloud.ingest.ledger import Ledger
from cloud.ingest.openings import CELL, Openings, SpoolId
from cloud.operations.command import DESK, Command, command_decoder
from cloud.operations.record import Record
from cloud.operations.screen import SCREENS, pulse_decoder
from cloud.store.base import (
    WITHHELD,
    Commit,
    EventGroup,
    Incident,
    LedgerKey,
    Opened,
    Position,
    QuarantineRow,
    ReadingGroup,
    good_readings,
)
from contract.batch import Ack, Lane
from contract.events import Event, Readings
from contract.topics import Address

_WITHHELD: Final = int(WITHHELD)
_FLOOD: Final = 8_192
_HEALTH_MS: Final = 1_000
_PULSES: Final = 100
"""So many pulses of screens are read again after a restart at the most."""
DERIVED: Final = "~derived"
"""In the place of an agent: no agent is called so."""


class AgentAck(msgspec.Struct, frozen=True):
    """What an agent is told once the commit it came with is durable."""

    address: Address
    ack: Ack


class Question(msgspec.Struct, frozen=True):
    """A site's rules must look something up in the store before they can decide."""

    site: str
    recall: Recall


class Wish(msgspec.Struct, frozen=True):
    """What somebody asks for at a site."""

    site: str
    command: Command
    received_at: int


class Group(msgspec.Struct, frozen=True):
    """A commit, the acks that it allows, and what there is to count."""

    commit: Commit
    acks: Sequence[AgentAck]
    counts: Mapping[str, int]


class _Refusals(msgspec.Struct):
    """What an agent is told that could not be taken: digests of batches, and openings with their common rows."""

    digests: list[str] = msgspec.field(default_factory=list)
    forked: dict[str, dict[Lane, int]] = msgspec.field(default_factory=dict)


class Partition:
    """The state of one partition since it was opened."""

    def __init__(
        self, number: int, opened: Opened, position: Position, sites: Mapping[str, SiteSetup], now: int
    ) -> None:
        self._number = number
        self._sites = sites
        self._position = position
        self._commit_no = opened.commit_no
        self._ledger = Ledger(opened.ledger, now)
        self._desks: dict[str, SiteDesk] = {}
        self._openings = Openings(opened.cells)
        self._admission = Admission(self._ledger, self._facts, self._health, self._openings)
        self._now = now
        self._health_at = 0
        self._pulses = 0
        self._begin_group()
        for site, remembered in _by_site(opened).items():
            self._desks[site] = SiteDesk(site, sites.get(site), remembered, now)

    def _begin_group(self) -> None:
        self._events: list[EventGroup] = []
        self._readings: list[ReadingGroup] = []
        self._quarantine: list[QuarantineRow] = []
        self._to_ack: dict[SpoolId, _Refusals] = {}
        self._counts: Counter[str] = Counter()
        self._pending: dict[str, list[Event]] | None = None
        self._commands: list[Wish] = []
        self.size = 0
        """Events and readings taken into the group so far."""
        self.moved = False
        """Whether the group has taken a message."""

    @property
    def position(self) -> Position:
        """How far the stream was taken, the group that is being made included."""
        return self._position

    # --- messages

    def take(self, delivery: Delivery, seq: int, now: int) -> None:
        """Take the message at position `seq` of the stream."""
        self._now = now
        if delivery.address.agent == DESK:
            self._take_command(delivery, seq)
            return
        if delivery.address.agent == SCREENS:
            self._take_pulse(delivery, seq)
            return
        admitted = self._admission.admit(delivery)
        self._note(delivery, admitted, seq)
        if delivery.address.site in self._desks:
            self._desks[delivery.address.site].heard(delivery.address.agent, now)
            self._note_identity(delivery.address, admitted, now)
        self._note_own(delivery.address, admitted, now)
        if admitted.not_its_own and delivery.address.site in self._sites:
            self._desk(delivery.address.site).told_not_its_own(
                delivery.address.agent, admitted.not_its_own[0], now
            )

    def _take_command(self, delivery: Delivery, seq: int) -> None:
        """A command waits until what it is about is known."""
        try:
            command = command_decoder.decode(delivery.payload)
        except msgspec.DecodeError as error:
            self._note(delivery, set_aside(delivery, str(error)), seq)
            return
        self._position = Position(stream=self._position.stream, seq=seq)
        self.moved = True
        self._counts["messages"] += 1
        self._commands.append(Wish(delivery.address.site, command, delivery.received_at))

    def _take_pulse(self, delivery: Delivery, seq: int) -> None:
        """Screens answered: that alone is no reason to write anything.

        The position is left as it is, since a pulse that comes again after a restart does no harm; but for one in
        many, lest a site that nothing else is heard of brings all of its pulses again.
        """
        try:
            pulse = pulse_decoder.decode(delivery.payload)
        except msgspec.DecodeError as error:
            self._note(delivery, set_aside(delivery, str(error)), seq)
            return
        self._desk(delivery.address.site).watch(pulse, self._now)
        self._pulses += 1
        if self._pulses >= _PULSES and not self.moved:
            self._pulses = 0
            self._position, self.moved = Position(stream=self._position.stream, seq=seq), True

    def wishes(self) -> list[tuple["Wish", tuple[str, str] | None]]:
        """The commands of the group that are not taken yet, each with the matter that must be looked up for it."""
        return [(wish, self._desk(wish.site).wanted(wish.command)) for wish in self._commands]

    def act(
        self, answered: Mapping[str, frozenset[str]], found: Sequence[Record | Incident], now: int
    ) -> None:
        """Take the commands, but for those that were `answered` by site; `found` is what was looked up."""
        for matter in found:
            self._desk(matter.site).recall(matter)
        wishes, self._commands = self._commands, []
        for wish in wishes:
            if wish.command.id not in answered.get(wish.site, ()):
                self._desk(wish.site).act(wish.command, wish.received_at, now)

    def refuse(self, delivery: Delivery, seq: int, now: int, reason: str) -> None:
        """Put a message that the store can't keep into quarantine, and go on after it."""
        self._now = now
        self._note(delivery, set_aside(delivery, reason), seq)

    def _note(self, delivery: Delivery, admitted: Admitted, seq: int) -> None:
        self._position = Position(stream=self._position.stream, seq=seq)
        self.moved = True
        self._quarantine += admitted.quarantine
        self._pending = None
        if admitted.events is not None:
            self._events.append(admitted.events)
            self.size += len(admitted.events.events)
            if admitted.judged:
                desk = self._desk(admitted.events.site)
                desk.judge(admitted.judged, admitted.events.seq_base, self._now)
        if admitted.readings is not None:
            self._readings.append(admitted.readings)
            self.size += len(admitted.readings.readings)
            self._read(admitted.readings)
        if admitted.ack is not None:
            key = admitted.ack
            refusals = self._refusals(SpoolId(key.site, key.agent, key.epoch))
            if admitted.forked is not None and admitted.forked.common is not None:
                refusals.forked[admitted.forked.opening] = admitted.forked.common
        if admitted.refused is not None:
            self._note_refusal(delivery.address, admitted.refused, admitted.epoch)
        self._count(admitted)

    def _read(self, group: ReadingGroup) -> None:
        """Hand a group of readings to the rules, but for those with impossible times."""
        columns = group.readings
        if any(flag & _WITHHELD for flag in group.flags):
            columns = _only(columns, [not flag & _WITHHELD for flag in group.flags])
        if len(columns):
            self._desk(group.site).read(columns, self._now)

    def _note_refusal(self, sender: Address, digest: str, epoch: int) -> None:
        """Agents listen to acks of their own epoch only; where the message does not tell it, the last one known."""
        known = self._health(sender.site).agents.get(sender.agent)
        epoch = epoch or (known.epoch if known else 0)
        if epoch:
            self._refusals(SpoolId(sender.site, sender.agent, epoch)).digests.append(digest)

    def _refusals(self, spool: SpoolId) -> _Refusals:
        return self._to_ack.setdefault(spool, _Refusals())

    def _note_identity(self, sender: Address, admitted: Admitted, now: int) -> None:
        """An agent whose spool was put back from a copy, or that is two, is a trouble of its link."""
        if admitted.ack is None:
            return
        is_fork = admitted.forked is not None and admitted.forked.common is not None
        self._desks[sender.site].spoke(sender.agent, admitted.ack.epoch, now, is_fork=is_fork)

    def _note_own(self, sender: Address, admitted: Admitted, now: int) -> None:
        """What an agent says of its own spool is a trouble of its link."""
        if sender.site not in self._sites or admitted.ack is None:
            return
        if admitted.lost:
            self._desk(sender.site).lost(sender.agent, admitted.ack.lane, admitted.lost, now)
        for event in admitted.own:
            self._desk(sender.site).told_of_itself(sender.agent, event, now)

    def _count(self, admitted: Admitted) -> None:
        counts = self._counts
        counts["messages"] += 1
        counts["duplicates"] += admitted.duplicates
        counts["flagged"] += admitted.flagged
        counts["quarantined"] += len(admitted.quarantine)

    # --- decisions

    def settle(self, now: int) -> list[Question]:
        """Let the coverage that holds by now count, and the rules decide; what they must look up is returned."""
        for statement in self._admission.statements():
            self._desk(statement.site).covered(statement.device, statement.coverage, now)
        questions = [
            Question(site, recall) for site, desk in self._desks.items() for recall in desk.settle(now)
        ]
        self._note_deeds(now)
        return questions

    def _note_deeds(self, now: int) -> None:
        """What people did is stored as events of the desk."""
        for site, desk in self._desks.items():
            if deeds := desk.take_deeds():
                self._events.append(
                    EventGroup(site=site, agent=DESK, seq_base=0, received_at=now, events=deeds)
                )
                self._pending = None

    def pending_history(self, question: Question) -> list[Event]:
        """The events that answer a question and stand in no commit yet, with their full identity."""
        recall = question.recall
        return [
            event
            for event in self._pending_of(question.site)
            if event.type in recall.types and recall.start <= event.at < recall.end
        ]

    def pending_readings(self, question: Question) -> list[PastReading]:
        """The same of readings."""
        recall, points = question.recall, frozenset(question.recall.points)
        groups = (group for group in self._readings if group.site == question.site) if points else ()
        found = (row for group in groups for row in good_readings(group, points))
        return [row for row in found if recall.start <= row[2] < recall.end]

    def _pending_of(self, site: str) -> list[Event]:
        """The judged events of a site in the group so far; made once, however many questions there are."""
        if self._pending is None:
            self._pending = {}
            for group in self._events:
                known = self._pending.setdefault(group.site, [])
                flags = group.flags or (0,) * len(group.events)
                known += [
                    msgspec.structs.replace(event, seq=group.seq_base + event.seq)
                    for event, flag in zip(group.events, flags, strict=True)
                    if not flag & _WITHHELD
                ]
        return self._pending.get(site, [])

    def desk(self, site: str) -> SiteDesk:
        """A site's desk."""
        return self._desk(site)

    def check_links(self, now: int) -> None:
        """Look for agents that fell silent and numbers that never came."""
        gaps: dict[str, list[MissingNumbers]] = {}
        for gap in self._ledger.gaps():
            missing = MissingNumbers(gap.key.agent, gap.key.lane, gap.first, gap.last, gap.since)
            gaps.setdefault(gap.key.site, []).append(missing)
        for site, desk in self._desks.items():
            desk.check_links(gaps.get(site, ()), now)

    def next_deadline(self) -> int | None:
        """When `settle` or `check_links` wants to be called next, however quiet it is."""
        wanted = (desk.next_deadline() for desk in self._desks.values())
        return min((at for at in wanted if at is not None), default=None)

    # --- the group

    def finish(self, now: int) -> Group | None:
        """The group so far as one commit, and a new group begun; None when there is nothing to write."""
        decisions = [desk.take_decisions(now) for desk in self._desks.values()]
        self._readings += self._derived(now)
        cells = {name: body for desk in self._desks.values() for name, body in desk.take_cells().items()}
        cells |= self._openings.take_cells()
        if not self.moved and not cells and not self._readings and not any(map(_has_rows, decisions)):
            return None
        self._commit_no += 1
        health = [desk.health for desk in self._desks.values()]
        commit = Commit(
            partition=self._number,
            commit_no=self._commit_no,
            committed_at=now,
            position=self._position,
            events=self._events,
            readings=self._readings,
            devices=[] if self._is_flood(now) else [row for site in health for row in site.changed_devices()],
            blind=[row for site in health for row in site.new_blind()],
            agents=[row for site in health for row in site.changed_agents()],
            verdicts=[row for found in decisions for row in found.verdicts],
            alerts=[row for found in decisions for row in found.alerts],
            cleared=[row for found in decisions for row in found.cleared],
            incidents=[row for found in decisions for row in found.incidents],
            records=[row for found in decisions for row in found.people.records],
            answers=[row for found in decisions for row in found.answers],
            notices=[row for found in decisions for row in found.people.notices],
            stopped=[row for found in decisions for row in found.people.stopped],
            quarantine=self._quarantine,
            ledger=self._ledger.changed_rows(),
            cells=cells,
        )
        self._counts["events"] = sum(len(group.events) for group in commit.events)
        self._counts["readings"] = sum(len(group.readings) for group in commit.readings)
        self._counts["verdicts"] = len(commit.verdicts)
        self._counts["alerts"] = len(commit.alerts)
        group = Group(commit, self._acks(), dict(self._counts))
        self._begin_group()
        return group

    def _derived(self, now: int) -> list[ReadingGroup]:
        """What the cloud worked out from readings, as readings of its own."""
        return [
            ReadingGroup(site=site, agent=DERIVED, seq_base=0, received_at=now, readings=readings)
            for site, desk in self._desks.items()
            for readings in desk.take_derived()
        ]

    def _is_flood(self, now: int) -> bool:
        """Under a flood of events the health of devices is written once a second, not with every group."""
        if self.size >= _FLOOD and 0 <= now - self._health_at < _HEALTH_MS:
            return True
        self._health_at = now
        return False

    def _acks(self) -> list[AgentAck]:
        return [
            AgentAck(
                Address(spool.site, spool.agent),
                Ack(
                    epoch=spool.epoch,
                    durable={
                        lane: self._ledger.high(LedgerKey(spool.site, spool.agent, spool.epoch, lane))
                        for lane in Lane
                    },
                    refused=refusals.digests,
                    opening=self._openings.holder(spool),
                    forked=refusals.forked,
                ),
            )
            for spool, refusals in self._to_ack.items()
        ]

    # --- sites

    def _desk(self, site: str) -> SiteDesk:
        desk = self._desks.get(site)
        if desk is None:
            desk = self._desks[site] = SiteDesk(site, self._sites.get(site), Remembered(), self._now)
        return desk

    def _facts(self, site: str) -> SiteFacts:
        return self._desk(site).facts

    def _health(self, site: str) -> Health:
        return self._desk(site).health


def _by_site(opened: Opened) -> Mapping[str, Remembered]:
    found: dict[str, Remembered] = {}

    def of(site: str) -> Remembered:
        return found.setdefault(site, Remembered())

    for (site, cell), body in opened.cells.items():
        if not cell.startswith(CELL):
            of(site).cells[cell] = body
    for device in opened.devices:
        of(device.site).devices.append(device)
    for agent in opened.agents:
        of(agent.site).agents.append(agent)
    for incident in opened.incidents:
        of(incident.site).incidents.append(incident)
    for record in opened.records:
        of(record.site).records.append(record)
    return found


def _only(columns: Readings, keep: Sequence[bool]) -> Readings:
    """The rows of columns that are to be kept."""
    errors = columns.clock_error_ms
    return Readings(
        seq=list(compress(columns.seq, keep)),
        device=list(compress(columns.device, keep)),
        point=list(compress(columns.point, keep)),
        at=list(compress(columns.at, keep)),
        value=list(compress(columns.value, keep)),
        quality=list(compress(columns.quality, keep)),
        clock_error_ms=list(compress(errors, keep)),
    )


def _has_rows(decisions: Decisions) -> Iterable[object]:
    people = decisions.people
    decided = decisions.verdicts or decisions.alerts or decisions.cleared or decisions.incidents
    return decided or decisions.answers or people.records or people.notices or people.stopped
