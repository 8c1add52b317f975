"""What the cloud keeps, and the one way to write it.

A partition has one writer. Everything a group of messages causes goes into one `Commit`, all of whose rows
carry `(partition, commit_no)`. `commit_no` counts the partition's commits without a gap, and commits become
visible in its order, so a reader that has seen `commit_no` n resumes with `commit_no > n`: nothing missing,
nothing doubled. Reading is `cloud.store.reads`.
"""

import enum
from collections.abc import Iterator, Mapping, Sequence
from itertools import repeat
from typing import Final, Protocol

import msgspec

from cloud.correlation.episodes import PastReading
from cloud.correlation.verdict import EventId, Overdue, Revised
from cloud.operations.command import Answer
from cloud.operations.life import Life
from cloud.operations.notice import Notice, Stopped
from cloud.operations.record import Record, RecordKind
from contract.batch import Lane
from contract.events import Event, Quality, Readings

NOTIFY_CHANNEL: Final = "sitewarden_commits"
"""Each commit notifies this PostgreSQL channel with `partition:commit_no` as payload."""


class Flag(enum.IntFlag):
    """What admission found odd about an event or reading. Those with a bit of `WITHHELD` never reach a rule."""

    NONE = 0
    FUTURE = 1
    """Stamped more than 5 s ahead of the cloud's clock."""
    IMPOSSIBLE_TIME = 2
    """Stamped before this system existed, such as a clock in 1970."""
    SECONDS_FOR_MS = 4
    """The number would be a plausible time if it counted seconds."""
    UNKNOWN_DEVICE = 8
    """The device is not in the site model: kept and counted, it decides nothing."""
    UNKNOWN_TYPE = 16
    """The event type is not one of the field's words: kept and counted."""


WITHHELD: Final = Flag.FUTURE | Flag.IMPOSSIBLE_TIME | Flag.SECONDS_FOR_MS
"""The flags of stamps that move neither rules nor watermarks."""


class EventGroup(msgspec.Struct, frozen=True, kw_only=True):
    """Events of one batch, as they came: the identity of each is `(site, device, seq_base + seq)`.

    `flags` has one number for each event, or is empty when no event of the group has a flag.
    """

    site: str
    agent: str
    seq_base: int
    received_at: int
    events: Sequence[Event]
    flags: Sequence[int] = ()


class ReadingGroup(msgspec.Struct, frozen=True, kw_only=True):
    """Readings of one batch in columns; identity and `flags` as in `EventGroup`."""

    site: str
    agent: str
    seq_base: int
    received_at: int
    readings: Readings
    flags: Sequence[int] = ()


def good_readings(group: ReadingGroup, points: frozenset[tuple[str, str]]) -> Iterator[PastReading]:
    """Those of a group that a rule may use, of these `(device, point)`."""
    columns, flags = group.readings, group.flags or repeat(0)
    rows = zip(columns.device, columns.point, columns.at, columns.value, columns.quality, flags, strict=False)
    for device, point, at, value, quality, flag in rows:
        if (
            value is not None
            and quality is Quality.GOOD
            and not flag & WITHHELD
            and (device, point) in points
        ):
            yield device, point, at, value


class DeviceHealth(msgspec.Struct, frozen=True, kw_only=True):
    """The newest known of one device: it replaces what was there.

    `last_at` is the event time of its latest event or reading, `last_seen` when the cloud got that (both None
    when it never said anything); `complete_to` how far it is known (None: no statement ever).
    """

    site: str
    device: str
    agent: str
    last_at: int | None = None
    last_seen: int | None = None
    complete_to: int | None = None
    known: bool = True


class BlindRow(msgspec.Struct, frozen=True, kw_only=True):
    """A device could not be known for `[start, end)`. A longer `end` for the same `start` replaces the shorter."""

    site: str
    device: str
    start: int
    end: int


class AgentHealth(msgspec.Struct, frozen=True, kw_only=True):
    """The newest known of one agent: it replaces what was there. `last_seen` is by the cloud's clock."""

    site: str
    agent: str
    last_seen: int
    epoch: int
    clock_offset_ms: int
    last_observed_at: int | None = None


class VerdictRow(msgspec.Struct, frozen=True, kw_only=True):
    """One revision of one episode's verdict; rows are only ever added. `explain` is for people."""

    site: str
    revised: Revised
    explain_zh: str
    explain_en: str


class AlertRow(msgspec.Struct, frozen=True, kw_only=True):
    """An overdue alert, raised at most once per episode."""

    site: str
    overdue: Overdue
    raised_at: int


class AlertCleared(msgspec.Struct, frozen=True, kw_only=True):
    """An alert raised earlier does not hold: it is withdrawn through the channels that carried it."""

    site: str
    rule: str
    key: str
    opened_at: int
    cleared_at: int


class IncidentState(enum.StrEnum):
    """Where an incident stands."""

    OPEN = "open"
    CLOSED = "closed"


class IncidentKind(enum.StrEnum):
    """What an incident is about: a trigger people must answer, something left undone, a link or a watch that fails."""

    ALARM = "alarm"
    OVERDUE = "overdue"
    LINK = "link"
    UNWATCHED = "unwatched"


class IncidentEpisode(msgspec.Struct, frozen=True, kw_only=True):
    """One obligation within an incident: the countdown to `due_at` and where it stands."""

    rule: str
    key: str
    opened_at: int
    due_at: int
    outcome: str
    final: bool
    reason: str
    overdue: bool = False


class Incident(msgspec.Struct, frozen=True, kw_only=True):
    """What people must look at now. It replaces the same incident's earlier revision.

    `id` is derived from the content, so the same cause gives the same id in every run. `subject` is the zone,
    device or agent it is about; `cause` names the trigger event, or what is wrong with a link or a watch. `life` is what people
    did about it.
    """

    site: str
    id: str
    kind: IncidentKind
    state: IncidentState
    subject: str
    opened_at: int
    revision: int
    changed_at: int
    closed_at: int | None = None
    cause: str = ""
    trigger: EventId | None = None
    episodes: tuple[IncidentEpisode, ...] = ()
    life: Life = Life()


class QuarantineRow(msgspec.Struct, frozen=True, kw_only=True):
    """Bytes that could not be taken, kept for the administrator with the reason.

    `kind` is `batch` (nothing of it was kept), `event`, `reading`, `coverage` or `spoof` (the agent named in
    the payload is not the one that sent it). `digest` is `contract.batch.batch_digest` of `body`'s message.
    """

    site: str
    agent: str
    kind: str
    reason: str
    body: bytes
    digest: str
    received_at: int


class LedgerKey(msgspec.Struct, frozen=True):
    """A queue of numbers that must come complete: a lane of one spool of one agent."""

    site: str
    agent: str
    epoch: int
    lane: Lane


class LedgerRow(msgspec.Struct, frozen=True, kw_only=True):
    """What was taken of a queue: all of `1..high`, and the `islands` beyond it as inclusive ranges, sorted."""

    key: LedgerKey
    high: int
    islands: tuple[tuple[int, int], ...] = ()


class RefusedNotice(msgspec.Struct, frozen=True, kw_only=True):
    """A message that was given up: nobody got it. `answer`: what the channel said last.

    `notice` is the id of the message and `about` its matter (`cloud.operations.notice.Notice`).
    """

    site: str
    notice: str = ""
    about: str = ""
    channel: str
    person: str
    answer: str
    settled_at: int


class Position(msgspec.Struct, frozen=True, kw_only=True):
    """How far a stream was taken. `stream` names its incarnation: another one begins at its own start."""

    stream: str = ""
    seq: int = 0


class Commit(msgspec.Struct, frozen=True, kw_only=True):
    """All that one transaction writes. `commit_no` is the one before it plus 1.

    `cells` are the engines' and the worker's memory by `(site, cell)`; None deletes. `stopped` stops what earlier
    commits put into the outbox, and of this one's `notices` those not made after it.
    """

    partition: int
    commit_no: int
    committed_at: int
    position: Position
    events: Sequence[EventGroup] = ()
    readings: Sequence[ReadingGroup] = ()
    devices: Sequence[DeviceHealth] = ()
    blind: Sequence[BlindRow] = ()
    agents: Sequence[AgentHealth] = ()
    verdicts: Sequence[VerdictRow] = ()
    alerts: Sequence[AlertRow] = ()
    cleared: Sequence[AlertCleared] = ()
    incidents: Sequence[Incident] = ()
    records: Sequence[Record] = ()
    answers: Sequence[Answer] = ()
    notices: Sequence[Notice] = ()
    stopped: Sequence[Stopped] = ()
    quarantine: Sequence[QuarantineRow] = ()
    ledger: Sequence[LedgerRow] = ()
    cells: Mapping[tuple[str, str], bytes | None] = {}


class Opened(msgspec.Struct, frozen=True, kw_only=True):
    """A partition as its new owner finds it."""

    generation: int
    commit_no: int
    position: Position
    ledger: Sequence[LedgerRow] = ()
    cells: Mapping[tuple[str, str], bytes] = {}
    devices: Sequence[DeviceHealth] = ()
    agents: Sequence[AgentHealth] = ()
    incidents: Sequence[Incident] = ()
    """The open ones."""
    records: Sequence[Record] = ()
    """The live ones."""


class StoredEvent(msgspec.Struct, frozen=True, kw_only=True):
    """An event with its full identity in `event.seq` (nothing is to be added) and what admission said of it."""

    event: Event
    received_at: int
    flags: Flag = Flag.NONE


class PartitionWriter(Protocol):
    """The one writer of a partition. Its calls block; it is used by one thread at a time."""

    @property
    def opened(self) -> Opened:
        """What was found when the partition was taken."""
        ...

    def commit(self, commit: Commit) -> None:
        """Make all of it durable and visible, or nothing.

        Raises:
            FencedError: Another worker owns the partition, or `commit_no` is not the next one.
            StoreRejectedError: The content can't be stored.
            StoreUnavailableError: The connection failed; whether it was stored is unknown. Open again and see.
        """
        ...

    def history(self, site: str, types: Sequence[str], start: int, end: int) -> list[StoredEvent]:
        """Events of `types` with `start <= at < end` that no flag withholds, sorted by `(at, device, seq)`."""
        ...

    def past_readings(
        self, site: str, points: Sequence[tuple[str, str]], start: int, end: int
    ) -> list[PastReading]:
        """Good readings of each `(device, point)`, `start <= at < end`, that no flag withholds, sorted."""
        ...

    def last_revisions(self, site: str, rule: str, key: str, start: int, end: int) -> list[Revised]:
        """The newest revision of each episode of a rule and key with `start <= opened_at < end`."""
        ...

    def record(self, site: str, kind: RecordKind, identity: str) -> Record | None:
        """A matter as it stands, live or not."""
        ...

    def incident(self, site: str, identity: str) -> Incident | None:
        """An incident as it stands, open or not."""
        ...

    def refused(self, since: int) -> list[RefusedNotice]:
        """The partition's notices that were given up after `since`, ms, earliest first; at most 100."""
        ...

    def answered(self, site: str, commands: Sequence[str]) -> frozenset[str]:
        """Those of the commands' ids that have their answer already."""
        ...

    def close(self) -> None:
        """Let the partition go. Never raises."""
        ...


class Store(Protocol):
    """Where a worker gets its partition."""

    def open(self, partition: int) -> PartitionWriter:
        """Take a partition and fence its earlier owner out.

        Raises:
            PartitionTakenError: Another worker holds it and is alive.
            StoreUnavailableError: The database can't be reached or refuses writes.
        """
        ...
