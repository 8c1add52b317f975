"""The whole line in one process: an agent's spool and uplink, a broker that loses things, a worker that dies, a store.

All of it is the product's own code behind its in-memory backends; only the wires between are the simulation's. Time
is virtual and every fault comes from the seed, so that a seed plays again to the last byte.
"""

import hashlib
import heapq
import itertools
from random import Random
from typing import Any

import msgspec

from cloud.correlation.engine import Engine
from cloud.correlation.episodes import Past
from cloud.correlation.explain import Explainer
from cloud.correlation.rules import RuleBook
from cloud.correlation.verdict import Episode, Outcome, Reason, Verdict
from cloud.ingest.admit import Delivery
from cloud.ingest.desk import DATA_FROM, SiteSetup
from cloud.ingest.partition import Partition
from cloud.store.base import Position, VerdictRow
from cloud.store.memory import MemoryStore, stored_events
from contract.batch import Ack, Coverage, Lane, encode
from contract.events import Event, raw_data
from contract.site import Site
from contract.topics import Address
from edge.clockmap import ClockMap, Sample
from edge.rows import EventRow, new_row
from edge.spool.limits import Limits
from edge.spool.memory import MemorySpool
from edge.uplink import machine as decide
from edge.uplink.message import Envelope, heartbeat, pack

EPOCH = 1_780_279_200_000
"""2026-06-01 10:00 in Shanghai."""
BOOT, AGENT = "boot", "gw-1"
MINUTE = 60_000
STEP_MS = 500
LASTS_MS = 30 * MINUTE
QUIET_MS = 10 * MINUTE
"""In the end nothing fails for so long, so that all gets through."""

HAPPENINGS = (
    ("fire.alarm", "panel", None),
    ("fire.alarm", "call-attic", None),
    ("checkpoint.scan", "reader", "rescuer"),
    ("checkpoint.scan", "reader", "cleaner"),
    ("checkpoint.scan", "reader-plant", "rescuer"),
    ("access.granted", "reader-control", "controller"),
    ("gate.released", "gate", None),
    ("gate.released", "door", None),
    ("door.opened", "door", None),
    ("door.closed", "door", None),
    ("mains.lost", "switch", None),
    ("generator.on_load", "genset", None),
    ("generator.started", "genset", None),
    ("generator.stopped", "genset", None),
    ("supervision.ok", "panel", None),
)


class Agent:
    """The edge: what its devices do goes to the spool, and up by the uplink's own decisions."""

    def __init__(self, site: Site, chance: Random) -> None:
        self._chance = chance
        self._devices = sorted(site.devices)
        self.spool = MemorySpool(boot=BOOT, limits=Limits(), random_source=chance)
        self._clock = ClockMap().booted(BOOT, 0, EPOCH).with_sample(Sample(0, EPOCH, 0))
        self._blind: dict[str, list[tuple[int, int]]] = {name: [] for name in self._devices}
        self.happened = 0
        self.begin(0)

    def begin(self, now: int) -> None:
        """The process begins: all it knows is on its disk."""
        lanes = {lane: (self.spool.accepted(lane), self.spool.last(lane)) for lane in Lane}
        self.machine = decide.Machine(
            self.spool.epoch,
            {lane: accepted for lane, (accepted, _) in lanes.items()},
            {lane: last for lane, (_, last) in lanes.items()},
            now,
            decide.Pace(),
            self.spool.lineage,
        )
        self.machine.connect(now)
        self.machine.time_answered(now)

    def live(self, now: int) -> None:
        """Sometimes something happens at a device, and sometimes one can't be read for a while."""
        if self._chance.random() < 0.08:
            kind, device, person = self._chance.choice(HAPPENINGS)
            at = now - self._chance.randrange(STEP_MS)
            if not any(start <= at < end for start, end in self._blind[device]):
                self.happened += 1
                row = EventRow(
                    device=device,
                    type=kind,
                    at=at,
                    observed_at=now,
                    person=person,
                    data=bytes(raw_data({"n": self.happened})),
                )
                self.spool.append([new_row(row)])
        if self._chance.random() < 0.004:
            spans = self._blind[self._chance.choice(self._devices)]
            start = max(now, spans[-1][1] if spans else 0)
            spans.append((start, start + self._chance.randrange(1, 120) * 1_000))
        self.machine.kept({lane: self.spool.last(lane) for lane in Lane}, now)

    def sources(self, now: int) -> dict[str, Coverage]:
        """How far each device is known, but for what it was blind for."""
        return {
            name: Coverage(EPOCH + now, [(EPOCH + a, EPOCH + min(b, now)) for a, b in spans if a < now])
            for name, spans in self._blind.items()
        }

    def messages(self, now: int) -> list[bytes]:
        """What goes up now."""
        found: list[bytes] = []
        for action in self.machine.wake(now):
            match action:
                case decide.Fetch(lane, after, most, _):
                    rows = self.spool.next_batch(lane, after, 50, most)
                    sources = self.sources(now) if lane is Lane.MAIN else {}
                    parcel = pack(rows, self._envelope(now, sources), self._clock) if rows else None
                    if parcel is None:
                        self.machine.nothing(lane)
                        continue
                    found.append(parcel.payload)
                    self.machine.sent(parcel.name, parcel.digest, len(parcel.payload), now)
                    self.machine.delivered(parcel.name, now)
                case decide.Beat():
                    last = self.spool.last(Lane.MAIN)
                    found.append(heartbeat(self.spool.epoch, last, self._envelope(now, self.sources(now))))
                    self.machine.beaten(now)
                case decide.Reconnect():
                    self.machine.connect(now)
                    self.machine.time_answered(now)
                case decide.AskTime():
                    self.machine.heard(now)
                    self.machine.time_answered(now)
                case _:
                    pass
        return found

    def _envelope(self, now: int, sources: dict[str, Coverage]) -> Envelope:
        through = {lane: self.spool.last(lane) for lane in Lane}
        return Envelope(
            agent=AGENT,
            sent_at=EPOCH + now,
            clock_offset_ms=0,
            through=through,
            sources=sources,
            opening=self.machine.opening,
            lineage=self.machine.lineage,
        )

    def answered(self, ack: Ack, now: int) -> None:
        """An ack came down."""
        self.machine.heard(now)
        for action in self.machine.acknowledged(ack, now):
            if isinstance(action, decide.Accept):
                self.spool.accept(action.lane, action.through, now)


class Cloud:
    """A worker on the captured stream, and its store. `die` forgets all that was not committed."""

    def __init__(self, site: Site, rules: RuleBook) -> None:
        self._setups = {
            site.id: SiteSetup(
                site,
                rules,
                lambda model, book, since: Engine(model, book, data_from=since),
                Explainer(site, rules).sentence,
            )
        }
        self.site, self.rules = site, rules
        self.stream: list[tuple[int, bytes]] = []
        self.store = MemoryStore()
        self.deaths = 0
        self._begin(0)

    def _begin(self, now: int) -> None:
        self._writer = self.store.open(0)
        position = self._writer.opened.position
        stored = position if position.stream else Position(stream="first", seq=0)
        self._partition = Partition(0, self._writer.opened, stored, self._setups, EPOCH + now)

    def die(self, now: int) -> None:
        """Killed; another begins from what was committed."""
        self.deaths += 1
        self.store.abandon(0)
        self._begin(now)

    def work(self, now: int, *, answer: bool) -> list[Ack]:
        """Take what was captured, judge, commit; the acks, unless it dies before it sends them."""
        wall = EPOCH + now
        address = Address(self.site.id, AGENT)
        for number in range(self._partition.position.seq, len(self.stream)):
            received, payload = self.stream[number]
            self._partition.take(Delivery(address, payload, received), number + 1, wall)
        while questions := self._partition.settle(wall):
            for question in questions:
                self._remember(question)
        self._partition.check_links(wall)
        group = self._partition.finish(wall)
        if group is None:
            return []
        self._writer.commit(group.commit)
        if not answer:
            self.die(now)
            return []
        return [told.ack for told in group.acks]

    def _remember(self, question: Any) -> None:
        recall, site = question.recall, question.site
        stored = self._writer.history(site, recall.types, recall.start, recall.end)
        events = [row.event for row in stored]
        known = {(event.device, event.seq) for event in events}
        new = self._partition.pending_history(question)
        events += [event for event in new if (event.device, event.seq) not in known]
        last = self._writer.last_revisions(site, recall.rule, recall.key, recall.start, recall.end)
        self._partition.desk(site).remember(recall, Past(events), last)

    # --- what came of it

    @property
    def rows(self) -> list[VerdictRow]:
        """Every revision, in the order of the record."""
        return [row for commit in self.store.partitions[0].commits for row in commit.verdicts]

    @property
    def events(self) -> list[Event]:
        """What is stored, with full identities."""
        return [stored.event for stored in stored_events(self.store.partitions[0], self.site.id)]

    def standing(self) -> dict[Episode, Verdict]:
        """The newest revision of each episode that stands."""
        newest = {row.revised.verdict.episode: row.revised.verdict for row in self.rows}
        return {name: one for name, one in newest.items() if stands(one)}

    def replayed(self, sources: dict[str, Coverage], now: int) -> dict[Episode, Verdict]:
        """What an engine says that is told all that is stored at once."""
        since = int(self.store.partitions[0].cells[self.site.id, DATA_FROM])
        engine = Engine(self.site, self.rules, data_from=since, keep_ms=None)
        for device, coverage in sources.items():
            engine.on_coverage(device, coverage)
        engine.on_events(sorted(self.events, key=lambda event: (event.at, event.device, event.seq)))
        return {one.episode: one for one in engine.verdicts(EPOCH + now) if stands(one)}


def stands(verdict: Verdict) -> bool:
    """Whether the record has it: of the void, only what was no longer due, and what ended in time, for the figures."""
    return verdict.outcome is not Outcome.VOID or verdict.reason is Reason.NO_LONGER_DUE or verdict.is_kept


class Result(msgspec.Struct):
    """What a seed came to."""

    happened: list[int]
    stored: list[int]
    alerts: list[Episode]
    standing: dict[Episode, Verdict]
    replayed: dict[Episode, Verdict]
    deaths: int
    digest: str


def play(seed: int, site: Site, rules: RuleBook) -> Result:
    """Play a seed. Messages are lost, doubled, delayed and overtaken; acks are lost; both sides die."""
    chance = Random(seed)
    agent, cloud = Agent(site, chance), Cloud(site, rules)
    ticket = itertools.count()
    flying: list[tuple[int, int, bytes]] = []
    down_until = 0
    end = LASTS_MS + QUIET_MS
    sources: dict[str, Coverage] = {}
    for now in range(STEP_MS, end + 1, STEP_MS):
        rough = now < LASTS_MS
        if rough:
            agent.live(now)
            if chance.random() < 0.002:
                down_until = now + chance.randrange(1, 240) * 1_000
            if chance.random() < 0.002:
                agent.begin(now)
            if chance.random() < 0.002:
                cloud.die(now)
        for payload in agent.messages(now):
            if rough and (now < down_until or chance.random() < 0.05):
                continue
            for _ in range(2 if rough and chance.random() < 0.05 else 1):
                delay = chance.randrange(20_000) if rough and chance.random() < 0.1 else 0
                heapq.heappush(flying, (now + delay, next(ticket), payload))
        while flying and flying[0][0] <= now:
            cloud.stream.append((EPOCH + now, heapq.heappop(flying)[2]))
        sources = agent.sources(now)
        for ack in cloud.work(now, answer=not (rough and chance.random() < 0.003)):
            if not rough or (now >= down_until and chance.random() < 0.9):
                agent.answered(ack, now)
    stored = sorted(msgspec.json.decode(event.data)["n"] for event in cloud.events)
    commits = cloud.store.partitions[0].commits
    return Result(
        happened=list(range(1, agent.happened + 1)),
        stored=stored,
        alerts=[row.overdue.episode for commit in commits for row in commit.alerts],
        standing=cloud.standing(),
        replayed=cloud.replayed(sources, end),
        deaths=cloud.deaths,
        digest=hashlib.sha256(encode_all(cloud.rows)).hexdigest(),
    )


def encode_all(rows: list[VerdictRow]) -> bytes:
    """The record as bytes."""
    return msgspec.json.encode(rows) + encode(Ack(epoch=0))
