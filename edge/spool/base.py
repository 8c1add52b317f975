"""What a spool is: append, next batch, accept or refuse, with the batch named.

A spool **is** a set of queues on disk, one per lane, numbered without gaps from 1; a row leaves it only some
time after the cloud said it is in its database. A spool **is not** a cache, an ordering of events by time, or
a place to look things up; it knows nothing of clocks, topics or devices.
"""

from collections.abc import Sequence
from typing import Protocol

import msgspec

from contract.batch import Lane


class BatchName(msgspec.Struct, frozen=True):
    """Names the rows `first..last` of one lane of one epoch."""

    epoch: int
    lane: Lane
    first: int
    last: int


class NewRow(msgspec.Struct, frozen=True):
    """A row to be kept: the spool numbers it within its lane, and never looks into the body."""

    lane: Lane
    body: bytes


class Row(msgspec.Struct, frozen=True):
    """A kept row. `boot` names the boot of the machine in which it was written."""

    seq: int
    boot: str
    body: bytes


class SpoolBatch(msgspec.Struct, frozen=True):
    """Rows without a gap, and the name under which they are accepted or refused."""

    name: BatchName
    rows: tuple[Row, ...]


class Appended(msgspec.Struct, frozen=True):
    """What became of rows: by position, the number a row got in its lane, or None where it was refused."""

    seqs: tuple[int | None, ...]

    @property
    def refused(self) -> int:
        """How many rows there was no room for."""
        return self.seqs.count(None)


class Depth(msgspec.Struct, frozen=True):
    """How full a spool is: rows per lane that no ack covers, and bytes in use of those allowed."""

    waiting: dict[Lane, int]
    used_bytes: int
    max_bytes: int


class Spool(Protocol):
    """A spool; every call is done, and on disk where it says so, when it returns. Not for several threads."""

    @property
    def epoch(self) -> int:
        """Random, 1 to `MAX_EPOCH`, new with each new spool."""
        ...

    def append(self, rows: Sequence[NewRow]) -> Appended:
        """Keep rows, all with one sync to disk, in the order given.

        A row that there is no room for is refused, those of the main lane first.

        Raises:
            SpoolError: Nothing of it is kept; the disk failed.
        """
        ...

    def next_batch(self, lane: Lane, after: int, max_rows: int, max_bytes: int) -> SpoolBatch | None:
        """The rows that follow number `after`, at least one if there is any; None when there is none.

        Raises:
            SpoolDamaged: A row is not as it was written.
        """
        ...

    def accept(self, lane: Lane, through: int, now: int) -> None:
        """The cloud has every row up to `through`; they are kept `keep_ms` from `now` (any clock in ms) on.

        A number below one accepted earlier changes nothing.
        """
        ...

    def refuse(self, name: BatchName, now: int) -> None:
        """The cloud can't read these rows: they are marked as refused and kept as accepted ones are."""
        ...

    def rewind(self, lane: Lane, through: int) -> int:
        """The cloud's database lost what it had: take back the acceptance of rows after `through`.

        Returns:
            The number after which rows wait again; above `through` where older ones are no longer kept.
        """
        ...

    def accepted(self, lane: Lane) -> int:
        """The highest number accepted in a lane; 0 when there is none."""
        ...

    def last(self, lane: Lane) -> int:
        """The highest number given in a lane; 0 when there is none."""
        ...

    def refused_batches(self) -> list[BatchName]:
        """The batches that the cloud could not read, oldest first, as long as they are kept."""
        ...

    def remember(self, notes: dict[str, bytes]) -> None:
        """Keep small notes by name, such as clock samples, in place of earlier ones."""
        ...

    def recall(self, name: str) -> bytes | None:
        """A note; None when there is none."""
        ...

    def depth(self) -> Depth:
        """How full it is."""
        ...

    def close(self) -> None:
        """Let go of the file."""
        ...
