"""Outboxes for tests: filled as the worker would, and looked into from outside."""

from collections.abc import Sequence
from typing import Any

import msgspec
import psycopg

from cloud.operations.alarm import Priority
from cloud.operations.notice import Notice, Stopped
from cloud.store.base import Commit, PartitionWriter, Position
from cloud.store.memory import MemoryStore

NOON = 1_764_547_200_123
SITE = "demo"


class Told(msgspec.Struct, frozen=True):
    """A notice as it stands in the store."""

    state: str
    attempts: int
    answer: str
    settled_at: int | None


class Attempt(msgspec.Struct, frozen=True):
    """One attempt as the store has it."""

    attempt: int
    at: int
    ok: bool
    answer: str


def notice(name: str, **more: Any) -> Notice:
    """An alarm for the guard, due at noon."""
    facts: dict[str, Any] = {
        "site": SITE,
        "id": name,
        "about": "incident:1",
        "person": "p-007",
        "channel": "hook",
        "kind": "alarm",
        "priority": Priority.HIGH,
        "title": "三号楼地下一层火警",
        "text": "请立即前往 B1 查看。",
        "made_at": NOON,
        "not_before": NOON,
    }
    return Notice(**(facts | more))


def stopped(about: str = "incident:1", at: int = NOON + 500) -> Stopped:
    """Somebody has acknowledged it."""
    return Stopped(site=SITE, about=about, at=at)


class Filler:
    """Commits notices as a worker does, one commit each time."""

    def __init__(self, writer: PartitionWriter) -> None:
        self.writer = writer
        self._number = 0

    def put(self, *notices: Notice, stopped: Sequence[Stopped] = ()) -> None:
        """One commit."""
        self._number += 1
        self.writer.commit(
            Commit(
                partition=3,
                commit_no=self._number,
                committed_at=NOON,
                position=Position(stream="s", seq=self._number),
                notices=notices,
                stopped=stopped,
            )
        )


def told(kept: MemoryStore | str, name: str) -> Told:
    """A notice in a store, or in the database of a DSN."""
    if isinstance(kept, MemoryStore):
        held = kept.partitions[3].notices[SITE, name]
        return Told(held.state, held.attempts, held.answer, held.settled_at)
    query = b"select state, attempts, answer, to_ms(settled_at) from notices where id = %s"
    with psycopg.connect(kept) as connection:
        return Told(*connection.execute(query, [name]).fetchall()[0])


def attempts(kept: MemoryStore | str, name: str) -> list[Attempt]:
    """The attempts to send it, in their order."""
    if isinstance(kept, MemoryStore):
        sends = kept.partitions[3].sends.values()
        return [Attempt(s.attempt, s.at, s.ok, s.answer) for s in sends if s.notice == name]
    query = b"select attempt, to_ms(at), ok, answer from sends where notice = %s order by attempt"
    with psycopg.connect(kept) as connection:
        return [Attempt(*row) for row in connection.execute(query, [name]).fetchall()]
