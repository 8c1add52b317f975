"""A spool in memory: the same promises for the life of the process, for tests and for agents without a disk."""

import random
from collections import deque
from collections.abc import Mapping, Sequence

from contract.batch import Lane, Opening
from edge.spool.base import (
    Appended,
    BatchName,
    Depth,
    NewRow,
    Row,
    SpoolBatch,
    branch_off,
    draw_epoch,
    draw_opening,
)
from edge.spool.limits import Limits


class _Queue:
    """One lane: rows in order, the number accepted, and when (for how long they are still kept)."""

    def __init__(self) -> None:
        self.rows: deque[Row] = deque()
        self.last = 0
        self.accepted = 0
        self.expiry: deque[tuple[int, int]] = deque()

    def drop_through(self, seq: int) -> int:
        """Forget rows up to a number; the bytes that this frees."""
        freed = 0
        while self.rows and self.rows[0].seq <= seq:
            freed += len(self.rows.popleft().body)
        return freed


class MemorySpool:
    """See `Spool`. What it holds is gone with the process."""

    def __init__(self, *, boot: str, limits: Limits, random_source: random.Random) -> None:
        self._boot = boot
        self._limits = limits
        self._epoch = draw_epoch(random_source)
        self._lanes = {lane: _Queue() for lane in Lane}
        self._used = 0
        self._refused: list[tuple[BatchName, int]] = []
        self._notes: dict[str, bytes] = {}
        self._opening = draw_opening(dict.fromkeys(Lane, 0), random_source)

    @property
    def epoch(self) -> int:
        """See `Spool.epoch`."""
        return self._epoch

    @property
    def lineage(self) -> tuple[Opening, ...]:
        """See `Spool.lineage`. It is opened once."""
        return (self._opening,)

    def append(self, rows: Sequence[NewRow]) -> Appended:
        """See `Spool.append`."""
        return Appended(tuple(self._append_one(row) for row in rows))

    def _append_one(self, row: NewRow) -> int | None:
        size = len(row.body)
        if self._used + size > self._limits.room(row.lane):
            self._free_accepted()
        if self._used + size > self._limits.room(row.lane):
            return None
        queue = self._lanes[row.lane]
        queue.last += 1
        queue.rows.append(Row(queue.last, self._boot, row.body))
        self._used += size
        return queue.last

    def _free_accepted(self) -> None:
        for queue in self._lanes.values():
            self._used -= queue.drop_through(queue.accepted)

    def next_batch(self, lane: Lane, after: int, max_rows: int, max_bytes: int) -> SpoolBatch | None:
        """See `Spool.next_batch`."""
        found: list[Row] = []
        size = 0
        for row in self._lanes[lane].rows:
            if row.seq <= after:
                continue
            size += len(row.body)
            if found and (size > max_bytes or len(found) == max_rows):
                break
            found.append(row)
        if not found:
            return None
        return SpoolBatch(BatchName(self._epoch, lane, found[0].seq, found[-1].seq), tuple(found))

    def accept(self, lane: Lane, through: int, now: int) -> None:
        """See `Spool.accept`."""
        queue = self._lanes[lane]
        through = min(through, queue.last)
        if through > queue.accepted:
            queue.accepted = through
            queue.expiry.append((now + self._limits.keep_ms, through))
        while queue.expiry and queue.expiry[0][0] <= now:
            self._used -= queue.drop_through(min(queue.expiry.popleft()[1], queue.accepted))

    def refuse(self, name: BatchName, now: int) -> None:
        """See `Spool.refuse`."""
        self._refused = [entry for entry in self._refused if entry[1] > now]
        self._refused.append((name, now + self._limits.keep_ms))

    def rewind(self, lane: Lane, through: int) -> int:
        """See `Spool.rewind`."""
        queue = self._lanes[lane]
        oldest = queue.rows[0].seq if queue.rows else queue.last + 1
        queue.accepted = min(queue.accepted, max(through, oldest - 1))
        return queue.accepted

    def begin_epoch(self, common: Mapping[Lane, int]) -> None:
        """See `Spool.begin_epoch`."""
        left, branch = self._epoch, branch_off(self._epoch, self.lineage, common)
        self._epoch, (self._opening, *_) = branch.epoch, branch.lineage
        for lane, queue in self._lanes.items():
            after = common[lane]
            self._used -= queue.drop_through(after)
            queue.rows = deque(Row(row.seq - after, row.boot, row.body) for row in queue.rows)
            queue.last, queue.accepted = max(queue.last - after, 0), 0
            queue.expiry.clear()
        self._refused = [
            (moved, until)
            for name, until in self._refused
            if (moved := _moved(name, common[name.lane], left, self._epoch)) is not None
        ]

    def accepted(self, lane: Lane) -> int:
        """See `Spool.accepted`."""
        return self._lanes[lane].accepted

    def last(self, lane: Lane) -> int:
        """See `Spool.last`."""
        return self._lanes[lane].last

    def refused_batches(self) -> list[BatchName]:
        """See `Spool.refused_batches`."""
        return [name for name, _ in self._refused]

    def remember(self, notes: dict[str, bytes]) -> None:
        """See `Spool.remember`."""
        self._notes |= notes

    def recall(self, name: str) -> bytes | None:
        """See `Spool.recall`."""
        return self._notes.get(name)

    def depth(self) -> Depth:
        """See `Spool.depth`."""
        waiting = {lane: queue.last - queue.accepted for lane, queue in self._lanes.items()}
        return Depth(waiting, self._used, self._limits.max_bytes)

    def close(self) -> None:
        """See `Spool.close`."""


def _moved(name: BatchName, after: int, left: int, epoch: int) -> BatchName | None:
    """The name of a batch after its rows above `after` were renumbered; None when it has none of those."""
    if name.epoch != left or name.last <= after:
        return None
    return BatchName(epoch, name.lane, max(name.first - after, 1), name.last - after)
