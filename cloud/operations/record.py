"""Matters that people work on, and how their changes are handed over to be stored."""

import hashlib
from collections.abc import Iterable
from enum import StrEnum
from typing import Final, Generic, Protocol, TypeVar

import msgspec

_SEPARATOR: Final = "\x1f"


class RecordKind(StrEnum):
    """What a matter is."""

    ALARM = "alarm"
    ESCALATION = "escalation"
    DIGEST = "digest"
    ORDER = "order"
    UPKEEP = "upkeep"
    DRILL = "drill"
    DUTY = "duty"
    CHECK = "check"
    SCREEN = "screen"
    MISS = "miss"


class Record(msgspec.Struct, frozen=True, kw_only=True):
    """A matter as it stands at `revision`; it replaces the same matter's earlier revisions, which are kept.

    `state` is what lists are narrowed by. `live`: somebody or something still has to happen to it, so the worker
    keeps it in memory. `body`: all of it as a JSON object with sorted keys, times in ms.
    """

    site: str
    kind: RecordKind
    id: str
    revision: int
    state: str
    live: bool
    opened_at: int
    changed_at: int
    body: bytes


class Matter(Protocol):
    """What every matter has. Matters are frozen structs, made anew by each change."""

    @property
    def id(self) -> str:
        """Unique within site and kind."""
        ...

    @property
    def opened_at(self) -> int:
        """When it began, ms."""
        ...

    @property
    def revision(self) -> int:
        """Counts what was handed over of it, from 1."""
        ...

    @property
    def changed_at(self) -> int:
        """When it changed last, ms."""
        ...

    @property
    def state(self) -> str:
        """What lists are narrowed by."""
        ...

    @property
    def is_live(self) -> bool:
        """Whether it must be kept in memory."""
        ...


T = TypeVar("T", bound=Matter)


class Register(Generic[T]):
    """The matters of one kind of a site that are live, and those that were asked for again.

    One revision stands for all that happens between two hand-overs.
    """

    def __init__(self, site: str, kind: RecordKind, model: type[T], records: Iterable[Record] = ()) -> None:
        self._site = site
        self._kind = kind
        self._model = model
        self._known: dict[str, T] = {}
        self._touched: dict[str, T] = {}
        self._recalled: set[str] = set()
        self.changes = 0
        """Grows with every change, so that what was worked out from the matters need not be worked out again."""
        for record in records:
            self.recall(record)

    def recall(self, record: Record) -> None:
        """Take back a matter that is stored."""
        if record.kind is self._kind and record.id not in self._known:
            self._known[record.id] = msgspec.json.decode(record.body, type=self._model)
            self._recalled.add(record.id)
            self.changes += 1

    def __len__(self) -> int:
        """How many are in memory."""
        return len(self._known)

    def __contains__(self, identity: str) -> bool:
        """Whether a matter is in memory."""
        return identity in self._known

    def get(self, identity: str) -> T | None:
        """A matter, if it is in memory."""
        return self._known.get(identity)

    def all(self) -> list[T]:
        """Those in memory, oldest first."""
        return sorted(self._known.values(), key=lambda matter: (matter.opened_at, matter.id))

    def put(self, matter: T, now: int) -> T:
        """Note a new or changed matter; it is returned with its revision."""
        step = 0 if matter.id in self._touched else 1
        noted: T = msgspec.structs.replace(matter, revision=matter.revision + step, changed_at=now)  # type: ignore[type-var]
        self._known[noted.id] = self._touched[noted.id] = noted
        self.changes += 1
        return noted

    def take_records(self) -> list[Record]:
        """What changed since this was asked last; what is no longer live leaves the memory."""
        records = [self._record(matter) for matter in self._touched.values()]
        for identity in self._touched.keys() | self._recalled:
            matter = self._known.get(identity)
            if matter is not None and not matter.is_live:
                del self._known[identity]
                self.changes += 1
        self._touched.clear()
        self._recalled.clear()
        return records

    def _record(self, matter: T) -> Record:
        return Record(
            site=self._site,
            kind=self._kind,
            id=matter.id,
            revision=matter.revision,
            state=matter.state,
            live=matter.is_live,
            opened_at=matter.opened_at,
            changed_at=matter.changed_at,
            body=msgspec.json.encode(matter, order="sorted"),
        )


def content_id(*parts: str) -> str:
    """An id derived from the content, 16 hex digits: the same cause has the same id wherever it is seen."""
    return hashlib.sha256(_SEPARATOR.join(parts).encode()).hexdigest()[:16]
