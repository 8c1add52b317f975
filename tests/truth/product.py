"""What an agent's drivers saw, carried on through spool, uplink, admission, alarms and rules to what stands in the cloud.

All of it is the product's own deciding code in virtual time behind its in-memory backends. Only the wire between agent
and cloud is the test's: it doubles messages and lets some come late.
"""

import itertools
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path
from random import Random
from typing import Any, Final

import msgspec

from cloud.correlation.engine import Engine
from cloud.correlation.episodes import Past
from cloud.correlation.explain import Explainer
from cloud.correlation.rule_files import parse_rules
from cloud.correlation.rules import RuleBook
from cloud.correlation.verdict import Verdict
from cloud.ingest.admit import Delivery
from cloud.ingest.desk import SiteSetup
from cloud.ingest.partition import Partition
from cloud.operations.alarm import Alarm
from cloud.operations.alarm_kinds import AlarmKinds, load_alarm_kinds
from cloud.operations.plans import load_plans
from cloud.operations.record import RecordKind
from cloud.operations.setup import OperationsSetup
from cloud.plan.states import State, states
from cloud.store.base import Incident, IncidentState
from cloud.store.memory import MemoryStore, stored_events
from contract.batch import HEARTBEAT_MS, Coverage, Lane
from contract.events import MOMENT_TYPES, Event
from contract.site import Agent, Calendar, Device, Line, ProfileHead, Site, SiteFile, Zone
from contract.topics import Address
from edge.clockmap import ClockMap, Sample
from edge.coverage import Change, CoverageTracker, packed, unpacked
from edge.doors import Doors
from edge.intake import event as own_event
from edge.intake import reach
from edge.parts import PartNames
from edge.ports import Covered, Failed, Happened, Measured, Observation
from edge.rows import EventRow, new_row
from edge.spool.limits import Limits
from edge.spool.memory import MemorySpool
from edge.stamp import DeviceClocks, is_undated, reading_row
from edge.uplink.message import Envelope, heartbeat, pack
from tests.truth.device import EPOCH, device_of, profile_of

CONFIG: Final = Path(__file__).parents[2] / "config"
BOOT, AGENT, DESK = "boot", "gw", "desk"
LONG_MS: Final = 5_000
"""The rules of the test let no state last longer."""
Span = tuple[int, int]
_LATE, _DOUBLED = 0.05, 0.05
_MOST_ROWS: Final = 500
_MOST_BYTES: Final = 100_000


@cache
def setup_of(name: str) -> SiteSetup:
    """A site with a device of a profile, what is bound to its points, and a desk; with the shipped alarms."""
    profile, device = profile_of(name), device_of(name)
    bound = sorted({one.device for one in device.points.values() if one.device})
    own = Device(id=DESK, zone="z", emits=("operator.acknowledged",))
    file = SiteFile(
        site="s",
        calendar=Calendar(country=None),
        zones=(Zone(id="z"),),
        devices=(device, *(Device(id=name, zone="z") for name in bound), own),
        agents=(Agent(id=AGENT, lines=(Line(id="line", endpoint="modbus-tcp://127.0.0.1:502"),)),),
    )
    head = ProfileHead(profile=profile.profile, emits=profile.emits, buffers=profile.buffers)
    site = Site(file, {profile.profile: head})
    rules = parse_rules("\n".join(_rules(site)), site, "rules") if lasting_types(site) else RuleBook()
    operations = OperationsSetup(
        kinds=load_alarm_kinds(CONFIG / "operations" / "alarms.yaml"),
        plans=load_plans(CONFIG / "operations" / "plans.yaml"),
    )
    return SiteSetup(
        site,
        rules,
        lambda model, book, since: Engine(model, book, data_from=since),
        Explainer(site, rules).sentence,
        operations,
    )


def lasting_types(site: Site) -> list[str]:
    """The types of states that the devices of a site can tell of, but for how they are in reach."""
    told = frozenset[str]().union(*(site.emits(device) for device in site.file.devices))
    return sorted(
        name
        for name in told - MOMENT_TYPES - {"device.online", "device.offline"}
        if name.partition(".")[2] not in {"ok", "passed"}
    )


def _rules(site: Site) -> Iterator[str]:
    """One rule of each kind that states decide, for each state."""
    yield "rules:"
    for name in lasting_types(site):
        yield f"  - {{id: begins-{name}, kind: response, on: {{type: {name}}}, within: 1m, horizon: 1m, join: 0s,"
        yield "     match: site, expect: {type: operator.acknowledged}}"
        yield f"  - {{id: lasts-{name}, kind: duration, while: {{type: {name}, each: part}}, longer_than: 5s}}"


class Product:
    """One agent and the cloud behind it. `now` is ms since the agent's machine began; the cloud's time is `EPOCH` later."""

    def __init__(self, name: str, seed: int) -> None:
        self._setup = setup_of(name)
        self.site = self._setup.site
        self._chance = Random(f"wire {seed}")
        self._names = PartNames(self.site)
        self._doors = Doors(self.site.file.devices)
        self._clocks = DeviceClocks(self.site.buffering)
        self.tracker = CoverageTracker(BOOT, buffering=self.site.buffering)
        self._spool = MemorySpool(boot=BOOT, limits=Limits(), random_source=self._chance)
        self._clock = ClockMap().booted(BOOT, 0, EPOCH).with_sample(Sample(0, EPOCH, 0))
        self._sent = dict.fromkeys(Lane, 0)
        self._spoke_at = 0
        self._late: list[bytes] = []
        self.told: list[EventRow] = []
        """The events that the agent put in its spool, in order."""
        self.store = MemoryStore()
        self._writer = self.store.open(0)
        opened = self._writer.opened
        self._partition = Partition(0, opened, opened.position, {self.site.id: self._setup}, EPOCH)
        self._numbers = itertools.count(1)
        self.is_down = False
        """Whether the agent has stopped."""

    # --- the agent

    def sees(self, seen: Sequence[Observation]) -> None:
        """Keep what drivers saw."""
        changes: list[Change] = []
        for one in [*seen, *self._doors.take(seen)]:
            match one:
                case Happened():
                    self._keep(one)
                case Measured():
                    self._spool.append([new_row(reading_row(one))])
                case Covered():
                    changes += self.tracker.covered(one)
                case Failed():
                    changes += self.tracker.failed(one)
        for change in changes:
            self._keep(reach(change))

    def _keep(self, seen: Happened) -> int:
        row = self._clocks.event_row(self._names.named(seen), EPOCH + seen.observed_at)
        self.told.append(row)
        (number,) = self._spool.append([new_row(row)]).seqs
        if number is None:
            raise AssertionError("the spool of the test is full")
        if is_undated(row) and not self._clocks.buffers(row.device):
            self.tracker.lost(row.device, row.observed_at, "clock")
        return number

    def restarts(self) -> None:
        """The agent's process begins again, with its notes."""
        self.is_down = False
        known = unpacked(packed(self.tracker)["coverage"])
        self.tracker = CoverageTracker(BOOT, known, buffering=self.site.buffering)
        self._clocks = DeviceClocks(self.site.buffering)
        self._doors = Doors(self.site.file.devices)

    def passes(self, now: int) -> None:
        """Time has come to `now`: what is kept goes up, or a sign of life."""
        if self.is_down:
            return
        rows = any(self._spool.last(lane) > self._sent[lane] for lane in Lane)
        if rows or now - self._spoke_at >= 4 * HEARTBEAT_MS:
            self._spoke_at = now
            for payload in self._messages(now):
                self._carry(payload, now)
            self._work(EPOCH + now)

    def _messages(self, now: int) -> Iterator[bytes]:
        for device, span in self.tracker.untold():
            blind = own_event(device, "device.blind", now, {"why": span.why})
            self.tracker.told_by(device, span, self._keep(blind))
        through = {lane: self._spool.last(lane) for lane in Lane}
        sources = self.tracker.statement(self._clock)
        for lane in (Lane.LIFE, Lane.MAIN):
            rows = self._spool.next_batch(lane, self._sent[lane], _MOST_ROWS, _MOST_BYTES)
            while rows is not None:
                said = sources if lane is Lane.MAIN else {}
                parcel = pack(rows, self._envelope(now, through, said), self._clock)
                if parcel is None:
                    raise AssertionError("rows of this boot can be placed")
                self._sent[lane] = parcel.name.last
                yield parcel.payload
                rows = self._spool.next_batch(lane, self._sent[lane], _MOST_ROWS, _MOST_BYTES)
        yield heartbeat(self._spool.epoch, self._sent[Lane.MAIN], self._envelope(now, through, sources))

    def _envelope(self, now: int, through: Mapping[Lane, int], sources: Mapping[str, Coverage]) -> Envelope:
        return Envelope(agent=AGENT, sent_at=EPOCH + now, clock_offset_ms=0, through=through, sources=sources)

    # --- the wire

    def _carry(self, payload: bytes, now: int) -> None:
        chance = self._chance.random()
        if chance < _LATE:
            self._late.append(payload)
            return
        for _ in range(2 if chance < _LATE + _DOUBLED else 1):
            self._deliver(payload, now)
        late, self._late = self._late, []
        for one in late:
            self._deliver(one, now)

    def _deliver(self, payload: bytes, now: int) -> None:
        delivery = Delivery(Address(self.site.id, AGENT), payload, EPOCH + now)
        self._partition.take(delivery, next(self._numbers), EPOCH + now)

    # --- the cloud

    def _work(self, wall: int) -> None:
        while questions := self._partition.settle(wall):
            for question in questions:
                self._answer(question)
        self._partition.check_links(wall)
        group = self._partition.finish(wall)
        if group is not None:
            self._writer.commit(group.commit)

    def _answer(self, question: Any) -> None:
        recall = question.recall
        events = [
            row.event for row in self._writer.history(question.site, recall.types, recall.start, recall.end)
        ]
        known = {(event.device, event.seq) for event in events}
        events += [
            event
            for event in self._partition.pending_history(question)
            if (event.device, event.seq) not in known
        ]
        last = self._writer.last_revisions(question.site, recall.rule, recall.key, recall.start, recall.end)
        self._partition.desk(question.site).remember(recall, Past(events), last)

    def ends(self, now: int) -> None:
        """Everything has come in, and what is due by `now` is decided."""
        for payload in [*self._messages(now), *self._late]:
            self._deliver(payload, now)
        self._late = []
        self._work(EPOCH + now)

    # --- what stands

    @property
    def events(self) -> list[Event]:
        """What is stored of the devices, in the order of commits."""
        return [one.event for one in stored_events(self.store.partitions[0], self.site.id)]

    @property
    def alarm_kinds(self) -> AlarmKinds:
        """Which happenings are alarms."""
        return self._setup.operations.kinds

    @property
    def alarms(self) -> list[Alarm]:
        """The alarms as they stand."""
        records = self.store.partitions[0].records.values()
        return [msgspec.json.decode(one.body, type=Alarm) for one in records if one.kind is RecordKind.ALARM]

    @property
    def emergencies(self) -> list[Incident]:
        """The open emergencies."""
        held = [row for _, row in self.store.partitions[0].incidents.values()]
        return [row for row in held if row.life.emergency and row.state is IncidentState.OPEN]

    @property
    def states(self) -> list[State]:
        """How the devices are, as pages show it."""
        return states(self.events)

    @property
    def verdicts(self) -> list[Verdict]:
        """The newest revision of each episode."""
        held = self.store.partitions[0].revisions
        return [revisions[-1].verdict for _, revisions in sorted(held.items())]

    def claimed(self, device: str) -> tuple[int | None, list[Span]]:
        """Up to when a device is known, and the spans in which it is not, by the agent's clock."""
        held = self.store.partitions[0]
        row = next((one for _, one in held.devices.values() if one.device == device), None)
        blind = [
            (one.start - EPOCH, one.end - EPOCH) for _, one in held.blind.values() if one.device == device
        ]
        to = row.complete_to if row is not None else None
        return (None if to is None else to - EPOCH), blind
