"""The spool on disk: SQLite in WAL mode with `synchronous=FULL`, exactly one connection.

`synchronous=NORMAL` lost acknowledged rows in 5 of 5 simulated power cuts, `FULL` in none; one connection,
because SQLite 3.7.0 to 3.51.2 can corrupt the WAL with several (https://sqlite.org/wal.html#walresetbug).
"""

import contextlib
import random
import sqlite3
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final, TypeVar

from contract.batch import MOST_LOST, Lane, Opening
from edge.errors import SpoolDamaged, SpoolError
from edge.spool.ballast import Ballast
from edge.spool.base import (
    MOST_OPENINGS,
    Appended,
    BatchName,
    Branch,
    Damage,
    Depth,
    NewRow,
    Row,
    SpoolBatch,
    branch_off,
    draw_epoch,
    draw_opening,
    missing,
)
from edge.spool.files import DAMAGE, FRESH, beside, connect, is_damage, is_full, salvage
from edge.spool.limits import Limits

_LANE_NUMBER: Final = {Lane.MAIN: 0, Lane.LIFE: 1}
_MINUTE_MS: Final = 60_000
_FREE_BYTES: Final = 128 * 1024
"""So much is left free within the file on a full disk: pages are not filled to the last byte."""
_PRUNED_ROWS: Final = 2_000
"""Let go of at once: what is changed goes to the write-ahead log first, and that wants room too."""

T = TypeVar("T")


def open_spool(
    path: Path, *, boot: str, limits: Limits, random_source: random.Random
) -> tuple["SqliteSpool", Damage | None]:
    """The spool in a file, begun if there is none; of a damaged one all that is whole, under its numbers.

    Returns:
        The spool, and what became of the file that stood there, if it was damaged.

    Raises:
        SpoolError: The file can't be opened, or another process has it.
    """

    def begun(connection: sqlite3.Connection) -> SqliteSpool:
        return SqliteSpool(connection, path, boot=boot, limits=limits, random_source=random_source)

    fresh = beside(path, FRESH)
    if fresh.exists() and not path.exists():
        fresh.rename(path)  # a salvage was cut short when it was all but done
    try:
        if not (beside(path, DAMAGE).exists() and path.exists()):
            beside(path, DAMAGE).unlink(missing_ok=True)
            return begun(connect(path)), None
    except SpoolDamaged:
        pass
    aside, found, saved = salvage(path)
    spool = begun(connect(path))
    if found.epoch is None:
        # Nobody knows any more under what numbers the cloud has them.
        spool.begin_epoch({lane: spool.accepted(lane) for lane in Lane})
    return spool, Damage(aside, saved, {lane: spool.lost(lane) for lane in Lane})


class SqliteSpool:
    """See `Spool`. Calls may come from any thread, one at a time."""

    def __init__(
        self,
        connection: sqlite3.Connection,
        path: Path,
        *,
        boot: str,
        limits: Limits,
        random_source: random.Random,
    ) -> None:
        self._db = connection
        self._path = path
        self._limits = limits
        self._ballast = Ballast(path.with_name(path.name + ".ballast"), limits.ballast_bytes)
        self._page_bytes = self._number("PRAGMA page_size")
        self._random = random_source
        self._is_damaged = False
        with self._named_errors():
            self._with_room(lambda: self._begin(boot))
        self._ballast.restore()

    def _begin(self, boot: str) -> None:
        with self._transaction():
            self._epoch = self._first_epoch()
            self._boot = self._number_of_boot(boot)
        accepted = dict.fromkeys(_LANE_NUMBER.values(), 0)
        accepted |= dict(self._db.execute("SELECT lane, through FROM accepted"))
        self._accepted = {lane: accepted[number] for lane, number in _LANE_NUMBER.items()}
        self._last = {lane: max(self._highest(lane), self._accepted[lane]) for lane in Lane}
        self._unwritten: set[Lane] = set()
        with self._transaction():
            self._lineage = self._note_opening()

    def _first_epoch(self) -> int:
        self._db.execute(
            "INSERT INTO spool SELECT ? WHERE NOT EXISTS (SELECT 1 FROM spool)", (draw_epoch(self._random),)
        )
        return self._number("SELECT epoch FROM spool")

    def _note_opening(self) -> tuple[Opening, ...]:
        self._write_opening(draw_opening(self._last, self._random))
        self._db.execute(
            "DELETE FROM openings WHERE n <= (SELECT max(n) FROM openings) - ?", (MOST_OPENINGS,)
        )
        found = self._db.execute("SELECT id, life, main FROM openings ORDER BY n DESC")
        return tuple(Opening(name, {Lane.LIFE: life, Lane.MAIN: main}) for name, life, main in found)

    def _number_of_boot(self, boot: str) -> int:
        self._db.execute("INSERT INTO boots (id) VALUES (?) ON CONFLICT DO NOTHING", (boot,))
        return self._number("SELECT n FROM boots WHERE id = ?", boot)

    def _write_opening(self, opening: Opening) -> None:
        self._db.execute(
            "INSERT INTO openings (id, life, main) VALUES (?, ?, ?)",
            (opening.id, opening.after[Lane.LIFE], opening.after[Lane.MAIN]),
        )

    def _highest(self, lane: Lane) -> int:
        return self._number("SELECT coalesce(max(seq), 0) FROM rows WHERE lane = ?", _LANE_NUMBER[lane])

    def _number(self, query: str, *values: object) -> int:
        return int(self._db.execute(query, values).fetchone()[0])

    @contextlib.contextmanager
    def _transaction(self) -> Iterator[None]:
        self._db.execute("BEGIN IMMEDIATE")
        try:
            yield
            self._db.execute("COMMIT")
        finally:
            if self._db.in_transaction:
                self._db.execute("ROLLBACK")

    def _with_room(self, work: Callable[[], T]) -> T:
        """Do what must be written, on a full disk in the room of the ballast."""
        try:
            return work()
        except sqlite3.OperationalError as error:
            if not (is_full(error) and self._ballast.give_up()):
                raise
            return work()

    @contextlib.contextmanager
    def _named_errors(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as error:
            if is_damage(error):
                raise self._damaged(str(error)) from error
            raise SpoolError(f"the spool {self._path} failed: {error}") from error

    def _damaged(self, what: str) -> SpoolDamaged:
        self._db.close()
        self._is_damaged = True
        beside(self._path, DAMAGE).touch()
        return SpoolDamaged(f"{self._path} is damaged ({what}); what is whole is taken over")

    @property
    def epoch(self) -> int:
        """See `Spool.epoch`."""
        return self._epoch

    @property
    def lineage(self) -> tuple[Opening, ...]:
        """See `Spool.lineage`."""
        return self._lineage

    def append(self, rows: Sequence[NewRow]) -> Appended:
        """See `Spool.append`."""
        with self._named_errors():
            seqs = self._try_append(rows)
            if seqs is None and self._ballast.give_up():
                seqs = self._try_append(rows)
            return Appended(tuple(seqs) if seqs is not None else (None,) * len(rows))

    def _try_append(self, rows: Sequence[NewRow]) -> list[int | None] | None:
        """The numbers given, or None when the disk is full."""
        try:
            with self._transaction():
                open_lanes = self._lanes_with_room(rows)
                last = dict(self._last)
                seqs = [self._insert(row, last) if row.lane in open_lanes else None for row in rows]
                self._write_accepted()
        except sqlite3.OperationalError as error:
            if is_full(error):
                return None
            raise
        self._last = last
        self._unwritten.clear()
        return seqs

    def _insert(self, row: NewRow, last: dict[Lane, int]) -> int:
        last[row.lane] += 1
        self._db.execute(
            "INSERT INTO rows (lane, seq, boot, crc, body) VALUES (?, ?, ?, ?, ?)",
            (_LANE_NUMBER[row.lane], last[row.lane], self._boot, zlib.crc32(row.body), row.body),
        )
        return last[row.lane]

    def _lanes_with_room(self, rows: Sequence[NewRow]) -> set[Lane]:
        coming = sum(len(row.body) for row in rows)
        if self._used() + coming > self._limits.room(Lane.MAIN):
            for lane in (Lane.MAIN, Lane.LIFE):
                self._prune(lane, self._accepted[lane])
        used = self._used() + coming
        lanes = {lane for lane in Lane if used <= self._limits.room(lane)}
        return lanes - {Lane.MAIN} if self._ballast.given_up and not self._has_free_pages(coming) else lanes

    def _has_free_pages(self, coming: int) -> bool:
        """Whether rows fit within the file, where accepted ones make room: the ballast's own room is for alarms only."""
        wanted = 2 * coming + _FREE_BYTES
        for lane in (Lane.MAIN, Lane.LIFE):
            if self._free_bytes() < wanted:
                oldest = self._number(
                    "SELECT coalesce(min(seq), 0) FROM rows WHERE lane = ?", _LANE_NUMBER[lane]
                )
                self._prune(lane, min(oldest + _PRUNED_ROWS, self._accepted[lane]))
        return self._free_bytes() >= wanted

    def _free_bytes(self) -> int:
        return self._number("PRAGMA freelist_count") * self._page_bytes

    def _used(self) -> int:
        pages = self._number("PRAGMA page_count") - self._number("PRAGMA freelist_count")
        return pages * self._page_bytes

    def next_batch(self, lane: Lane, after: int, max_rows: int, max_bytes: int) -> SpoolBatch | None:
        """See `Spool.next_batch`."""
        with self._named_errors():
            found = list(self._read(lane, after, max_rows, max_bytes))
        if not found:
            return None
        gaps = missing((row.seq for row in found), after, found[-1].seq)
        if len(gaps) > MOST_LOST:
            found = [row for row in found if row.seq < gaps[MOST_LOST][0]]
        name = BatchName(self._epoch, lane, after + 1, found[-1].seq)
        return SpoolBatch(name, tuple(found), gaps[:MOST_LOST])

    def lost(self, lane: Lane) -> tuple[tuple[int, int], ...]:
        """The numbers above the accepted ones whose rows are no more."""
        with self._named_errors():
            accepted = self._accepted[lane]
            query = "SELECT seq FROM rows WHERE lane = ? AND seq > ? AND body <> x'' ORDER BY seq"
            numbers = (seq for (seq,) in self._db.execute(query, (_LANE_NUMBER[lane], accepted)))
            return missing(numbers, accepted, self._last[lane])

    def _read(self, lane: Lane, after: int, max_rows: int, max_bytes: int) -> Iterator[Row]:
        size = 0
        query = (
            "SELECT rows.seq, boots.id, rows.crc, rows.body FROM rows JOIN boots ON boots.n = rows.boot"
            " WHERE rows.lane = ? AND rows.seq > ? ORDER BY rows.seq LIMIT ?"
        )
        for seq, boot, crc, body in self._db.execute(query, (_LANE_NUMBER[lane], after, max_rows)):
            if zlib.crc32(body) != crc:
                raise self._damaged(f"{lane} row {seq} differs from its checksum")
            if size and size + len(body) > max_bytes:
                return
            size += len(body)
            yield Row(seq, boot, body)

    def accept(self, lane: Lane, through: int, now: int) -> None:
        """See `Spool.accept`. It reaches the disk with the next write: after a crash rows are sent once more."""
        with self._named_errors():
            through = min(through, self._last[lane])
            if through > self._accepted[lane]:
                self._accepted[lane] = through
                self._unwritten.add(lane)
            try:
                if self._number("SELECT count(*) FROM kept WHERE until <= ?", now):
                    with self._transaction():
                        self._prune_expired(now)
                self._mark_kept(lane, now)
            except sqlite3.OperationalError as error:
                # On a full disk the mark is made with a later ack: rows are kept for longer.
                if not is_full(error):
                    raise

    def _mark_kept(self, lane: Lane, now: int) -> None:
        # One mark a minute is enough; it is written when a new minute begins.
        until = ((now + self._limits.keep_ms) // _MINUTE_MS + 1) * _MINUTE_MS
        newest = self._number("SELECT coalesce(max(until), 0) FROM kept WHERE lane = ?", _LANE_NUMBER[lane])
        if newest == until or not self._accepted[lane]:
            return
        with self._transaction():
            self._db.execute(
                "INSERT INTO kept VALUES (?, ?, ?)", (_LANE_NUMBER[lane], until, self._accepted[lane])
            )
            self._write_accepted()
        self._unwritten.clear()

    def _prune_expired(self, now: int) -> None:
        for lane, number in _LANE_NUMBER.items():
            expired = self._number(
                "SELECT coalesce(max(through), 0) FROM kept WHERE lane = ? AND until <= ?", number, now
            )
            self._prune(lane, min(expired, self._accepted[lane]))
        self._db.execute("DELETE FROM kept WHERE until <= ?", (now,))
        self._db.execute("DELETE FROM refused WHERE until <= ?", (now,))

    def _prune(self, lane: Lane, through: int) -> None:
        self._db.execute("DELETE FROM rows WHERE lane = ? AND seq <= ?", (_LANE_NUMBER[lane], through))
        # What no longer has a row must not be numbered anew.
        self._unwritten.add(lane)
        self._write_accepted()

    def _write_accepted(self) -> None:
        self._db.executemany(
            "INSERT INTO accepted VALUES (?, ?) ON CONFLICT (lane) DO UPDATE SET through = excluded.through",
            [(_LANE_NUMBER[lane], self._accepted[lane]) for lane in self._unwritten],
        )

    def refuse(self, name: BatchName, now: int) -> None:
        """See `Spool.refuse`."""
        with self._named_errors():
            self._with_room(lambda: self._note_refused(name, now))

    def _note_refused(self, name: BatchName, now: int) -> None:
        with self._transaction():
            self._db.execute(
                "INSERT INTO refused VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING",
                (_LANE_NUMBER[name.lane], name.first, name.last, now + self._limits.keep_ms),
            )

    def rewind(self, lane: Lane, through: int) -> int:
        """See `Spool.rewind`."""
        with self._named_errors():
            self._with_room(lambda: self._take_back(lane, through))
        return self._accepted[lane]

    def _take_back(self, lane: Lane, through: int) -> None:
        with self._transaction():
            query = "SELECT coalesce(min(seq), ?) FROM rows WHERE lane = ?"
            oldest = self._number(query, self._last[lane] + 1, _LANE_NUMBER[lane])
            self._accepted[lane] = min(self._accepted[lane], max(through, oldest - 1))
            self._unwritten.add(lane)
            self._write_accepted()

    def begin_epoch(self, common: Mapping[Lane, int]) -> None:
        """See `Spool.begin_epoch`."""
        branch = branch_off(self._epoch, self._lineage, common)
        last = {lane: max(self._last[lane] - common[lane], 0) for lane in Lane}
        with self._named_errors():
            self._with_room(lambda: self._write_branch(branch, common))
        self._epoch, self._lineage, self._last = branch.epoch, branch.lineage, last
        self._accepted = dict.fromkeys(Lane, 0)
        self._unwritten.clear()

    def _write_branch(self, branch: Branch, common: Mapping[Lane, int]) -> None:
        with self._transaction():
            for lane, number in _LANE_NUMBER.items():
                self._renumber(number, common[lane])
            self._db.execute("DELETE FROM kept")
            self._db.execute("DELETE FROM accepted")
            self._db.execute("DELETE FROM openings")
            self._db.execute("UPDATE spool SET epoch = ?", (branch.epoch,))
            for opening in reversed(branch.lineage):
                self._write_opening(opening)

    def _renumber(self, lane: int, after: int) -> None:
        # By way of negative numbers: a row must not meet one that has yet to move.
        where = {"lane": lane, "after": after}
        for table, first in (("rows", "seq"), ("refused", "last")):
            self._db.execute(f"DELETE FROM {table} WHERE lane = :lane AND {first} <= :after", where)  # noqa: S608
        self._db.execute("UPDATE rows SET seq = :after - seq WHERE lane = :lane", where)
        self._db.execute("UPDATE rows SET seq = -seq WHERE lane = :lane AND seq < 0", where)
        self._db.execute(
            "UPDATE refused SET first = max(first - :after, 1), last = last - :after WHERE lane = :lane",
            where,
        )

    def accepted(self, lane: Lane) -> int:
        """See `Spool.accepted`."""
        return self._accepted[lane]

    def last(self, lane: Lane) -> int:
        """See `Spool.last`."""
        return self._last[lane]

    def refused_batches(self) -> list[BatchName]:
        """See `Spool.refused_batches`."""
        lanes = {number: lane for lane, number in _LANE_NUMBER.items()}
        with self._named_errors():
            found = self._db.execute("SELECT lane, first, last FROM refused ORDER BY until, lane, first")
            return [BatchName(self._epoch, lanes[lane], first, last) for lane, first, last in found]

    def remember(self, notes: dict[str, bytes]) -> None:
        """See `Spool.remember`. On a full disk the earlier notes stay."""
        self._ballast.restore()
        try:
            with self._named_errors(), self._transaction():
                self._db.executemany(
                    "INSERT INTO notes VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET body = excluded.body",
                    list(notes.items()),
                )
                self._write_accepted()
        except SpoolError as error:
            if not (isinstance(error.__cause__, sqlite3.Error) and is_full(error.__cause__)):
                raise
        else:
            self._unwritten.clear()

    def recall(self, name: str) -> bytes | None:
        """See `Spool.recall`."""
        with self._named_errors():
            found = self._db.execute("SELECT body FROM notes WHERE name = ?", (name,)).fetchone()
        return bytes(found[0]) if found else None

    def depth(self) -> Depth:
        """See `Spool.depth`."""
        with self._named_errors():
            waiting = {lane: self._last[lane] - self._accepted[lane] for lane in Lane}
            return Depth(waiting, self._used(), self._limits.max_bytes)

    def close(self) -> None:
        """See `Spool.close`."""
        if self._is_damaged:
            return
        with self._named_errors():
            if self._unwritten:
                with self._transaction():
                    self._write_accepted()
            self._db.close()
