"""What can be asked of the store: lists for people, page by page, and the changes that commits brought.

All calls are coroutines. Each may raise `StoreUnavailableError`; nothing else comes out of a reader. Lists are
sorted newest first and resume after the key of the last row that was seen, so that rows which arrive in
between neither push one out of sight nor show one twice.
"""

import dataclasses
from collections.abc import AsyncGenerator, Mapping, Sequence
from enum import StrEnum
from typing import Any, Final, Generic, Protocol, TypeVar

import msgspec

from cloud.correlation.episodes import PastReading
from cloud.operations.command import Answer
from cloud.operations.notice import Notice
from cloud.operations.record import Record, RecordKind
from cloud.store.base import (
    AgentHealth,
    AlertRow,
    BlindRow,
    DeviceHealth,
    Incident,
    IncidentState,
    QuarantineRow,
    StoredEvent,
    VerdictRow,
)
from contract.events import Quality

MOST_ROWS: Final = 1_000
"""The longest page."""

MOST_VALUE: Final = 1e290
"""A curve leaves out what is larger, either way: no device measures it, and sums of it would overflow."""

HOUR_MS: Final = 3_600_000

T = TypeVar("T")

EventKey = tuple[int, str, int]
"""`(at, device, seq)`: where a page of events ended."""

VerdictKey = tuple[int, str, str]
"""`(opened_at, rule, key)`: where a page of verdicts ended."""

IncidentKey = tuple[int, str]
"""`(opened_at, id)`: where a page of incidents ended."""


class Page(msgspec.Struct, Generic[T], frozen=True):
    """Some rows of a list; `more` when others follow."""

    rows: Sequence[T]
    more: bool


class EventQuery(msgspec.Struct, frozen=True, kw_only=True):
    """Events of a site, newest first by `(at, device, seq)`; what is empty or None does not narrow.

    `since <= at < until`. An event lies in `zone` when it says so, or says nothing and its device is one of
    `zone_devices` (those that stand in that zone).
    """

    site: str
    types: tuple[str, ...] = ()
    devices: tuple[str, ...] = ()
    zone: str | None = None
    zone_devices: tuple[str, ...] = ()
    since: int | None = None
    until: int | None = None
    before: EventKey | None = None
    limit: int = 100


class VerdictQuery(msgspec.Struct, frozen=True, kw_only=True):
    """The newest revision of each episode of a site, latest `(opened_at, rule, key)` first.

    `since <= opened_at < until`. Episodes that turned out to be part of another (`void`) are left out unless
    `outcomes` asks for them.
    """

    site: str
    rules: tuple[str, ...] = ()
    outcomes: tuple[str, ...] = ()
    key: str | None = None
    since: int | None = None
    until: int | None = None
    before: VerdictKey | None = None
    limit: int = 100


class IncidentQuery(msgspec.Struct, frozen=True, kw_only=True):
    """Incidents of a site, latest `(opened_at, id)` first."""

    site: str
    state: IncidentState | None = None
    before: IncidentKey | None = None
    limit: int = 100


class RecordQuery(msgspec.Struct, frozen=True, kw_only=True):
    """Matters of a kind, latest `(opened_at, id)` first; `since <= opened_at < until`; `states` empty: all."""

    site: str
    kind: RecordKind
    states: tuple[str, ...] = ()
    since: int | None = None
    until: int | None = None
    before: IncidentKey | None = None
    limit: int = 100


class AnswerQuery(msgspec.Struct, frozen=True, kw_only=True):
    """What people did and were answered, latest `(received_at, id)` first; `person` and `target` narrow."""

    site: str
    person: str | None = None
    target: str | None = None
    before: IncidentKey | None = None
    limit: int = 100


class NoticeQuery(msgspec.Struct, frozen=True, kw_only=True):
    """What people were told, latest `(made_at, id)` first; `about`, `person` and `state` narrow."""

    site: str
    about: str | None = None
    person: str | None = None
    state: str | None = None
    before: IncidentKey | None = None
    limit: int = 100


class NoticeState(msgspec.Struct, frozen=True, kw_only=True):
    """A notice as it stands: `waiting`, `sent`, `failed` (given up) or `stopped`; `answer` is the channel's last."""

    notice: Notice
    state: str
    attempts: int
    settled_at: int | None
    answer: str


class QuarantineQuery(msgspec.Struct, frozen=True, kw_only=True):
    """What could not be taken, latest first; `before` is the id of the last one seen."""

    site: str | None = None
    before: int | None = None
    limit: int = 100


class QuarantineEntry(msgspec.Struct, frozen=True):
    """A quarantined row; `id` grows with time."""

    id: int
    row: QuarantineRow


class AlertState(msgspec.Struct, frozen=True):
    """An overdue alert as it stands; `cleared_at` when it was withdrawn."""

    alert: AlertRow
    cleared_at: int | None = None

    @property
    def site(self) -> str:
        """The alert's site."""
        return self.alert.site


class SiteEvent(msgspec.Struct, frozen=True):
    """A stored event with its site."""

    site: str
    stored: StoredEvent


class CurveQuery(msgspec.Struct, frozen=True, kw_only=True):
    """Good readings of a point, `since <= at < until`, ms.

    `step` 0: each of them, at most `limit`; else in bins of `step` ms that begin at `origin` and its multiples.
    Bins of whole hours (`step` and `origin` are multiples of `HOUR_MS`) are quick however many readings they have.
    """

    site: str
    device: str
    point: str
    since: int
    until: int
    step: int = 0
    origin: int = 0
    limit: int = 10_000


CurveBin = tuple[int, float, float, float, int]
"""When it begins, ms; the lowest, the mean, the highest value, and of how many."""


class LatestReading(msgspec.Struct, frozen=True, kw_only=True):
    """The newest reading of a point, whatever its quality; `value` None when it told none."""

    device: str
    point: str
    at: int
    received_at: int
    value: float | None
    quality: Quality


class ChangeKind(StrEnum):
    """What a commit can change.

    Every single change is told, always the same ones; but of states (`STATES`) only the newest is told, with the
    commit that brought it.
    """

    EVENT = "event"
    VERDICT = "verdict"
    INCIDENT = "incident"
    STANDING = "alarm"
    ESCALATION = "escalation"
    DIGEST = "digest"
    ORDER = "order"
    UPKEEP = "upkeep"
    DRILL = "drill"
    DUTY = "duty"
    CHECK = "check"
    SCREEN = "screen"
    MISS = "miss"
    ALERT = "alert"
    DEVICE = "device"
    BLIND = "blind"
    AGENT = "agent"


STATES: Final = frozenset({ChangeKind.ALERT, ChangeKind.DEVICE, ChangeKind.BLIND, ChangeKind.AGENT})

RECORDS: Final = {ChangeKind(kind.value): kind for kind in RecordKind}
"""The kinds of changes that are matters people work on."""

_KIND_ORDER: Final = {kind: place for place, kind in enumerate(ChangeKind)}

ChangeRow = SiteEvent | VerdictRow | AlertState | Incident | Record | DeviceHealth | BlindRow | AgentHealth


@dataclasses.dataclass(frozen=True, slots=True)
class Change:
    """One row that a commit brought.

    No msgspec struct: the rows are told apart by their class, not by a tag, and are never decoded as a union.
    """

    commit_no: int
    kind: ChangeKind
    row: ChangeRow


def change_order(change: Change) -> tuple[Any, ...]:
    """What changes of a partition are sorted by: commit, then kind, then the row's own key."""
    return change.commit_no, _KIND_ORDER[change.kind], change.row.site, *_row_key(change.row)


def _row_key(row: ChangeRow) -> tuple[Any, ...]:
    match row:
        case SiteEvent(stored=stored):
            return stored.event.at, stored.event.device, stored.event.seq
        case VerdictRow(revised=revised):
            return *msgspec.structs.astuple(revised.verdict.episode), revised.revision
        case AlertState(alert=alert):
            return msgspec.structs.astuple(alert.overdue.episode)
        case Incident() | Record():
            return row.id, row.revision
        case DeviceHealth():
            return (row.device,)
        case BlindRow():
            return row.device, row.start
        case AgentHealth():
            return (row.agent,)


class ChangeQuery(msgspec.Struct, frozen=True, kw_only=True):
    """What the commits `after < commit_no <= upto` of a partition changed, of `site` (None: of every site)."""

    partition: int
    after: int
    upto: int
    kinds: frozenset[ChangeKind] = frozenset(ChangeKind)
    site: str | None = None


class Reader(Protocol):
    """The reading side of a store. Open before use; close once; safe to use from many tasks at a time."""

    async def open(self) -> None:
        """Get ready. Does not wait for the database: each call says for itself when it is not there."""
        ...

    async def close(self) -> None:
        """Let everything go. Never raises."""
        ...

    async def positions(self) -> Mapping[int, int]:
        """By partition, the number of its last commit."""
        ...

    def follow(self) -> AsyncGenerator[tuple[int, int], None]:
        """Each commit as `(partition, commit_no)` from the moment of the first step on, until the store fails.

        The first thing that comes is every partition's last commit, so that nothing is lost between two calls.
        """
        ...

    async def changes(self, query: ChangeQuery) -> Sequence[Change]:
        """Changes by commit, then kind in the order of `ChangeKind`, then key.

        The same query gives the same rows for ever, but of states; a state that moved on
        comes with its later commit instead.
        """
        ...

    async def devices(self, site: str) -> Sequence[DeviceHealth]:
        """What is known of each device of a site, by device."""
        ...

    async def blind(self, site: str, since: int, device: str | None = None) -> Sequence[BlindRow]:
        """Spans with `end > since` for which a device of the site could not be known, by device and start.

        `device` None: of all devices.
        """
        ...

    async def agents(self, site: str) -> Sequence[AgentHealth]:
        """What is known of each agent of a site, by agent."""
        ...

    async def events(self, query: EventQuery) -> Page[StoredEvent]:
        """A page of events."""
        ...

    async def lasting(self, site: str, devices: Sequence[str]) -> Sequence[StoredEvent]:
        """The newest event of each of `LASTING_TYPES` of these devices, and of each of `LASTING_PART_TYPES` of their parts.

        By device, type and part.
        """
        ...

    async def seen(self, site: str, since: int) -> Sequence[StoredEvent]:
        """The newest event of each person (a card or an id) that says where they were, `at >= since`."""
        ...

    async def latest_readings(self, site: str, device: str | None = None) -> Sequence[LatestReading]:
        """The newest reading, by `(at, seq)`, of each point of a site or of one device, by device and point.

        Those that a flag withholds are none.
        """
        ...

    async def curve(self, query: CurveQuery) -> Sequence[CurveBin]:
        """A point's readings in their order."""
        ...

    async def past_readings(
        self, site: str, points: Sequence[tuple[str, str]], start: int, end: int
    ) -> Sequence[PastReading]:
        """Good readings of each `(device, point)`, `start <= at < end`, that no flag withholds, sorted."""
        ...

    async def verdicts(self, query: VerdictQuery) -> Page[VerdictRow]:
        """A page of verdicts."""
        ...

    async def revisions(self, site: str, rule: str, key: str, opened_at: int) -> Sequence[VerdictRow]:
        """Every revision of one episode, the first first; none when there is no such episode."""
        ...

    async def incidents(self, query: IncidentQuery) -> Page[Incident]:
        """A page of incidents."""
        ...

    async def incident(self, site: str, incident: str) -> Incident | None:
        """One incident as it stands."""
        ...

    async def records(self, query: RecordQuery) -> Page[Record]:
        """A page of matters of one kind."""
        ...

    async def record(self, site: str, kind: RecordKind, identity: str) -> Record | None:
        """One matter as it stands."""
        ...

    async def record_revisions(self, site: str, kind: RecordKind, since: int, until: int) -> Sequence[Record]:
        """Every revision of matters of a kind with `since <= changed_at < until`, in their order."""
        ...

    async def answer(self, site: str, command: str) -> Answer | None:
        """What became of a command; None while it is not decided."""
        ...

    async def answers(self, query: AnswerQuery) -> Page[Answer]:
        """A page of what people did."""
        ...

    async def notices(self, query: NoticeQuery) -> Page[NoticeState]:
        """A page of what people were told, and what became of it."""
        ...

    async def alerts(self, site: str) -> Sequence[AlertState]:
        """The overdue alerts of a site that stand, latest first; at most `MOST_ROWS`."""
        ...

    async def quarantine(self, query: QuarantineQuery) -> Page[QuarantineEntry]:
        """A page of what could not be taken."""
        ...
