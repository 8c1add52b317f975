"""The in-memory backend: the same promises, kept until the process ends. For tests and for trying things out."""

import threading
from collections.abc import Callable, Iterator, Sequence

import msgspec
from typing_extensions import override

from cloud.correlation.episodes import PastReading
from cloud.correlation.verdict import Revised
from cloud.errors import FencedError, PartitionTakenError
from cloud.operations.command import Answer
from cloud.operations.notice import Notice
from cloud.operations.record import Record, RecordKind
from cloud.store.base import (
    WITHHELD,
    AgentHealth,
    AlertCleared,
    AlertRow,
    BlindRow,
    Commit,
    DeviceHealth,
    Flag,
    Incident,
    IncidentState,
    LedgerKey,
    LedgerRow,
    Opened,
    PartitionWriter,
    Position,
    QuarantineRow,
    RefusedNotice,
    Store,
    StoredEvent,
    good_readings,
)

Listener = Callable[[int, int], None]
"""Called with `(partition, commit_no)` after each commit, in the thread that committed."""

Answers = dict[tuple[str, str], Answer]
"""By `(site, id of the command)`."""

EpisodeId = tuple[str, str, str, int]
"""`(site, rule, key, opened_at)`."""


class HeldNotice(msgspec.Struct, kw_only=True):
    """A notice of the outbox as it stands; the fields are those of the table `notices`."""

    notice: Notice
    commit_no: int
    not_before: int
    state: str = "waiting"
    claimed_until: int = 0
    attempts: int = 0
    settled_at: int | None = None
    answer: str = ""


class Send(msgspec.Struct, frozen=True, kw_only=True):
    """One attempt to send a notice; the fields are those of the table `sends`."""

    site: str
    notice: str
    attempt: int
    at: int
    ok: bool
    answer: str


class Partition:
    """What one partition holds: every commit in its order, and what they add up to."""

    def __init__(self) -> None:
        self.generation = 0
        self.taken = False
        self.commits: list[Commit] = []
        self.position = Position()
        self.ledger: dict[LedgerKey, LedgerRow] = {}
        self.cells: dict[tuple[str, str], bytes] = {}
        self.devices: dict[tuple[str, str], tuple[int, DeviceHealth]] = {}
        self.blind: dict[tuple[str, str, int], tuple[int, BlindRow]] = {}
        self.agents: dict[tuple[str, str], tuple[int, AgentHealth]] = {}
        self.revisions: dict[EpisodeId, list[Revised]] = {}
        self.alerts: dict[EpisodeId, tuple[int, AlertRow, AlertCleared | None]] = {}
        self.incidents: dict[tuple[str, str], tuple[int, Incident]] = {}
        self.records: dict[tuple[str, RecordKind, str], Record] = {}
        self.answers: Answers = {}
        self.quarantine: list[QuarantineRow] = []
        self.notices: dict[tuple[str, str], HeldNotice] = {}
        self.sends: dict[tuple[str, str, int], Send] = {}

    def apply(self, commit: Commit) -> None:
        """Add a commit."""
        number = commit.commit_no
        self.commits.append(commit)
        self.position = commit.position
        self.ledger |= {row.key: row for row in commit.ledger}
        for name, body in commit.cells.items():
            if body is None:
                self.cells.pop(name, None)
            else:
                self.cells[name] = body
        self.devices |= {(row.site, row.device): (number, row) for row in commit.devices}
        self.agents |= {(row.site, row.agent): (number, row) for row in commit.agents}
        self.incidents |= {(row.site, row.id): (number, row) for row in commit.incidents}
        self.records |= {(row.site, row.kind, row.id): row for row in commit.records}
        self.answers = {(row.site, row.id): row for row in commit.answers} | self.answers
        self.quarantine += commit.quarantine
        self._apply_blind(commit)
        self._apply_verdicts(commit)
        self._apply_notices(commit)

    def _apply_blind(self, commit: Commit) -> None:
        for row in commit.blind:
            known = self.blind.get((row.site, row.device, row.start))
            if known is None or row.end > known[1].end:
                self.blind[row.site, row.device, row.start] = (commit.commit_no, row)

    def _apply_verdicts(self, commit: Commit) -> None:
        for row in commit.verdicts:
            verdict = row.revised.verdict
            episode = (row.site, verdict.rule, verdict.key, verdict.opened_at)
            self.revisions.setdefault(episode, []).append(row.revised)
        for alert in commit.alerts:
            name = alert.overdue.episode
            self.alerts.setdefault(
                (alert.site, name.rule, name.key, name.opened_at), (commit.commit_no, alert, None)
            )
        for cleared in commit.cleared:
            found = self.alerts.get((cleared.site, cleared.rule, cleared.key, cleared.opened_at))
            if found is not None:
                self.alerts[cleared.site, cleared.rule, cleared.key, cleared.opened_at] = (
                    commit.commit_no,
                    found[1],
                    cleared,
                )

    def _apply_notices(self, commit: Commit) -> None:
        for notice in commit.notices:
            held = HeldNotice(notice=notice, commit_no=commit.commit_no, not_before=notice.not_before)
            self.notices.setdefault((notice.site, notice.id), held)
        for stop in commit.stopped:
            for held in self.notices.values():
                alarm = (held.notice.site, held.notice.about, held.notice.kind, held.state)
                earlier = held.commit_no < commit.commit_no or held.notice.made_at <= stop.at
                if alarm == (stop.site, stop.about, "alarm", "waiting") and earlier:
                    held.state, held.settled_at = "stopped", stop.at


class MemoryStore(Store):
    """Partitions by number. Whoever reads `partitions` from another thread holds `lock`."""

    def __init__(self) -> None:
        self.lock = threading.RLock()
        self.partitions: dict[int, Partition] = {}
        self.listeners: set[Listener] = set()

    @override
    def open(self, partition: int) -> "MemoryWriter":
        with self.lock:
            held = self.partitions.setdefault(partition, Partition())
            if held.taken:
                raise PartitionTakenError(f"another worker holds partition {partition}")
            held.taken = True
            held.generation += 1
            return MemoryWriter(self, partition, _opened(held))

    def abandon(self, partition: int) -> None:
        """Lets a partition go as the death of its owner's connection would; the owner is fenced later."""
        with self.lock:
            self.partitions[partition].taken = False

    def put(self, writer: "MemoryWriter", commit: Commit) -> None:
        """Take a commit of a partition's writer; see `PartitionWriter.commit`."""
        with self.lock:
            held = self.partitions[writer.partition]
            if held.generation != writer.opened.generation or commit.commit_no != len(held.commits) + 1:
                raise FencedError(f"partition {writer.partition} has moved on without this worker")
            held.apply(commit)
            listeners = list(self.listeners)
        for listener in listeners:
            listener(commit.partition, commit.commit_no)

    def let_go(self, writer: "MemoryWriter") -> None:
        """Give a partition back, unless somebody else has it by now."""
        with self.lock:
            held = self.partitions[writer.partition]
            if held.generation == writer.opened.generation:
                held.taken = False


def _opened(held: Partition) -> Opened:
    return Opened(
        generation=held.generation,
        commit_no=len(held.commits),
        position=held.position,
        ledger=list(held.ledger.values()),
        cells=dict(held.cells),
        devices=[row for _, row in held.devices.values()],
        agents=[row for _, row in held.agents.values()],
        incidents=[row for _, row in held.incidents.values() if row.state is IncidentState.OPEN],
        records=[row for row in held.records.values() if row.live],
    )


class MemoryWriter(PartitionWriter):
    """Made by `MemoryStore.open`."""

    def __init__(self, store: MemoryStore, partition: int, opened: Opened) -> None:
        self.partition = partition
        self._store = store
        self._opened = opened

    @property
    @override
    def opened(self) -> Opened:
        return self._opened

    @override
    def commit(self, commit: Commit) -> None:
        self._store.put(self, commit)

    @override
    def history(self, site: str, types: Sequence[str], start: int, end: int) -> list[StoredEvent]:
        with self._store.lock:
            found = [
                stored
                for stored in stored_events(self._store.partitions[self.partition], site)
                if start <= stored.event.at < end
                and stored.event.type in types
                and not stored.flags & WITHHELD
            ]
        return sorted(found, key=lambda stored: (stored.event.at, stored.event.device, stored.event.seq))

    @override
    def past_readings(
        self, site: str, points: Sequence[tuple[str, str]], start: int, end: int
    ) -> list[PastReading]:
        with self._store.lock:
            commits = list(self._store.partitions[self.partition].commits)
        groups = (group for commit in commits for group in commit.readings if group.site == site)
        wanted = frozenset(points)
        return sorted(
            row for group in groups for row in good_readings(group, wanted) if start <= row[2] < end
        )

    @override
    def last_revisions(self, site: str, rule: str, key: str, start: int, end: int) -> list[Revised]:
        with self._store.lock:
            episodes = sorted(self._store.partitions[self.partition].revisions.items())
        return [
            max(revisions, key=lambda one: one.revision)
            for (of_site, of_rule, of_key, opened_at), revisions in episodes
            if (of_site, of_rule, of_key) == (site, rule, key) and start <= opened_at < end
        ]

    @override
    def record(self, site: str, kind: RecordKind, identity: str) -> Record | None:
        with self._store.lock:
            return self._store.partitions[self.partition].records.get((site, kind, identity))

    @override
    def incident(self, site: str, identity: str) -> Incident | None:
        with self._store.lock:
            found = self._store.partitions[self.partition].incidents.get((site, identity))
        return found[1] if found else None

    @override
    def refused(self, since: int) -> list[RefusedNotice]:
        with self._store.lock:
            held = list(self._store.partitions[self.partition].notices.values())
        given_up = [
            RefusedNotice(
                site=one.notice.site,
                notice=one.notice.id,
                about=one.notice.about,
                channel=one.notice.channel,
                person=one.notice.person,
                answer=one.answer,
                settled_at=one.settled_at,
            )
            for one in held
            if one.state == "failed" and one.settled_at is not None and one.settled_at > since
        ]
        return sorted(given_up, key=lambda one: one.settled_at)[:100]

    @override
    def answered(self, site: str, commands: Sequence[str]) -> frozenset[str]:
        with self._store.lock:
            known = self._store.partitions[self.partition].answers
            return frozenset(name for name in commands if (site, name) in known)

    @override
    def close(self) -> None:
        self._store.let_go(self)


def stored_events(held: Partition, site: str) -> Iterator[StoredEvent]:
    """The events of a site with their full identity, in the order in which they were committed."""
    for commit in held.commits:
        for group in commit.events:
            if group.site == site:
                for event, flag in zip(group.events, group.flags or (0,) * len(group.events), strict=True):
                    whole = msgspec.structs.replace(event, seq=group.seq_base + event.seq)
                    yield StoredEvent(event=whole, received_at=group.received_at, flags=Flag(flag))
