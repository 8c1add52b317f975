"""What a spool is: append, next batch, accept or refuse, with the batch named.

A spool **is** a set of queues on disk, one per lane, numbered without gaps from 1; a row leaves it only some
time after the cloud said it is in its database. A spool **is not** a cache, an ordering of events by time, or
a place to look things up; it knows nothing of clocks, topics or devices.
"""

import hashlib
import random
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Final, Protocol

import msgspec

from contract.batch import MAX_EPOCH, Lane, Opening

MOST_OPENINGS: Final = 32
"""So many openings of a spool are told to the cloud; it remembers more."""


def draw_opening(after: Mapping[Lane, int], source: random.Random) -> Opening:
    """An opening with a random id of 64 bits."""
    return Opening(f"{source.getrandbits(64):016x}", {lane: after[lane] for lane in Lane})


def draw_epoch(source: random.Random) -> int:
    """A random epoch."""
    return source.randint(1, MAX_EPOCH)


class Branch(msgspec.Struct, frozen=True):
    """The epoch that a spool begins when it leaves another at `common`, and the openings that it consists of."""

    epoch: int
    lineage: tuple[Opening, ...]


def branch_off(epoch: int, lineage: Sequence[Opening], common: Mapping[Lane, int]) -> Branch:
    """The epoch of the rows above `common`.

    It follows from the first opening that wrote them, so that two copies which both hold those rows, and both have to
    leave, come to the same epoch and numbers: the cloud then knows the rows from each other's.
    """
    later = [one for one in lineage if all(one.after[lane] >= common[lane] for lane in Lane)] or [lineage[0]]
    digest = hashlib.sha256(f"{epoch}/{later[-1].id}".encode()).digest()
    number = int.from_bytes(digest[:8]) % MAX_EPOCH + 1
    moved = (
        Opening(one.id, {lane: max(one.after[lane] - common[lane], 0) for lane in Lane}) for one in later
    )
    return Branch(number if number != epoch else number % MAX_EPOCH + 1, tuple(moved))


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
    """Rows in order, and the name under which they are accepted or refused.

    `lost`: numbers of that name whose rows are no more, since the spool was damaged.
    """

    name: BatchName
    rows: tuple[Row, ...]
    lost: tuple[tuple[int, int], ...] = ()


class Damage(msgspec.Struct, frozen=True):
    """What became of a damaged spool: the `file` that is kept aside, how many rows were saved, and what is lost.

    `lost`: by lane, the numbers without a row that the cloud was not known to have.
    """

    file: Path
    saved: int
    lost: Mapping[Lane, Sequence[tuple[int, int]]]


def missing(numbers: Iterable[int], after: int, last: int) -> tuple[tuple[int, int], ...]:
    """The ranges of `after + 1` to `last` that are not among `numbers`, which are in order."""
    gaps = []
    for number in (*(n for n in numbers if after < n <= last), last + 1):
        if number > after + 1:
            gaps.append((after + 1, number - 1))
        after = number
    return tuple(gaps)


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

    @property
    def lineage(self) -> tuple[Opening, ...]:
        """This opening of the spool and the ones before it, newest first, at most `MOST_OPENINGS`."""
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

        The batch begins with number `after + 1`, be its row there or lost.

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

    def begin_epoch(self, common: Mapping[Lane, int]) -> None:
        """Give the rows above `common` new numbers from 1 on, in a new epoch (`branch_off`); the others are forgotten.

        To be called when the cloud has taken other rows under the same numbers. Nothing of the new numbers is
        accepted.

        Raises:
            SpoolError: Nothing is changed; the disk failed.
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
