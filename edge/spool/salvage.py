"""What a damaged spool still holds: every row whose checksum is right, and the numbers of those that are lost."""

import contextlib
import mmap
import sqlite3
import zlib
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final

import msgspec

from contract.batch import MAX_EPOCH, MAX_SEQ
from edge.spool.pages import Buffer, Pages, Record, lost_commits

LANES: Final = (0, 1)
_UNKNOWN_BOOT: Final = 0
Key = tuple[int, int]
"""A lane and a number."""


class SavedRow(msgspec.Struct, frozen=True):
    """A row whose body is as it was written."""

    lane: int
    seq: int
    boot: int
    crc: int
    body: bytes


class Salvaged(msgspec.Struct, kw_only=True):
    """What stands besides the rows, as far as it can be read.

    `last`: by lane, the highest number that was seen; it may be of a row that is lost.
    """

    epoch: int | None = None
    boots: dict[int, str] = {}
    accepted: dict[int, int] = {}
    openings: dict[int, tuple[str, int, int]] = {}
    notes: dict[str, bytes] = {}
    last: dict[int, int] = {}


@contextlib.contextmanager
def opened(path: Path) -> Iterator["Wreck"]:
    """A damaged spool for reading, with the log beside it."""
    with contextlib.ExitStack() as files:
        yield Wreck(_mapped(path, files), _mapped(path.with_name(path.name + "-wal"), files))


def _mapped(path: Path, files: contextlib.ExitStack) -> Buffer:
    if not path.exists() or not path.stat().st_size:
        return b""
    file = files.enter_context(path.open("rb"))
    return files.enter_context(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))


def has_lost_commits(path: Path) -> bool:
    """Whether the log beside a spool is damaged: SQLite leaves out what stands behind the damage without a word."""
    wal = path.with_name(path.name + "-wal")
    return wal.exists() and lost_commits(wal.read_bytes()) > 1


class Wreck:
    """The records of a damaged spool, known by their columns: see `schema.sql`."""

    def __init__(self, database: Buffer, wal: Buffer) -> None:
        self._pages = Pages(database, wal)
        self._sure = self._sure_keys()

    def salvaged(self) -> Salvaged:
        """All but the rows."""
        found = Salvaged(last={lane: max(self._numbers(lane), default=0) for lane in LANES})
        through: dict[int, int] = {}
        others = [record for record in self._pages.records() if _row(record) is None]
        for record in sorted(others, key=lambda record: record.age):
            match record.rowid, record.values:
                case int(), (int(epoch),) if 0 < epoch <= MAX_EPOCH and found.epoch is None:
                    found.epoch = epoch
                case int(number), (None, str(boot)):
                    found.boots.setdefault(number, boot)
                case int(lane), (None, int(number)) if lane in LANES:
                    found.accepted.setdefault(lane, number)
                case int(number), (None, str(name), int(life), int(main)):
                    found.openings.setdefault(number, (name, life, main))
                case None, (str(name), bytes(note)):
                    found.notes.setdefault(name, note)
                case None, (int(lane), int(), int(number)) if lane in LANES:
                    through[lane] = max(number, through.get(lane, 0))
                case _:
                    pass
        # Only accepted rows are ever let go of.
        before = {lane: min(self._numbers(lane), default=1) - 1 for lane in LANES}
        found.accepted = {**before, **through, **found.accepted}
        return found

    def _numbers(self, lane: int) -> Iterator[int]:
        return (number for where, number in self._sure if where == lane)

    def rows(self, accepted: Mapping[int, int]) -> Iterator[SavedRow]:
        """The rows; one may come twice. Of accepted ones only those that were still kept."""
        for record in self._pages.records():
            row = _row(record)
            if row is None or zlib.crc32(row.body) != row.crc:
                continue
            is_kept = record.age == 0 or row.seq > accepted.get(row.lane, 0)
            if is_kept and (row.lane, row.seq) in self._sure:
                yield row

    def _sure_keys(self) -> set[Key]:
        """The keys that fit those around them, also of rows that are damaged themselves.

        Keys have no checksum: on a leaf they follow each other without a gap, and one between two leaves has a
        neighbour in one of them.
        """
        leaves: dict[tuple[int, int], list[tuple[int, Key]]] = defaultdict(list)
        between: list[Key] = []
        for record in self._pages.records():
            if (row := _row(record)) is None:
                continue
            if record.is_leaf:
                leaves[record.page, record.age].append((record.index, (row.lane, row.seq)))
            else:
                between.append((row.lane, row.seq))
        sure = {key for keys in leaves.values() for key in _in_line(keys)}
        return sure | {
            (lane, seq) for lane, seq in between if not {(lane, seq - 1), (lane, seq + 1)}.isdisjoint(sure)
        }


def _row(record: Record) -> SavedRow | None:
    match record.rowid, record.values:
        case None, (int(lane), int(seq), int(boot), int(crc), bytes(body)) if (
            lane in LANES and 0 < seq <= MAX_SEQ
        ):
            return SavedRow(lane, seq, boot, crc, body)
    return None


def _in_line(keys: Sequence[tuple[int, Key]]) -> Iterator[Key]:
    """The keys of a leaf that follow each other, lane by lane."""
    for lane in LANES:
        starts = Counter(seq - index for index, (where, seq) in keys if where == lane)
        if starts:
            ((start, _),) = starts.most_common(1)
            yield from ((lane, seq) for index, (where, seq) in keys if where == lane and seq - index == start)


def take_over(connection: sqlite3.Connection, path: Path) -> tuple[Salvaged, int]:
    """Write into a new spool what a damaged one still holds, with an empty row for the last number if that is lost.

    Returns:
        What stood besides the rows, and how many rows were saved.
    """
    with opened(path) as wreck:
        found = wreck.salvaged()
        connection.execute("BEGIN IMMEDIATE")
        _write_small(connection, found)
        insert = "INSERT OR IGNORE INTO rows VALUES (?, ?, ?, ?, ?)"
        for row in wreck.rows(found.accepted):
            connection.execute(insert, (row.lane, row.seq, row.boot, row.crc, row.body))
        (saved,) = connection.execute("SELECT count(*) FROM rows").fetchone()
        for lane, last in found.last.items():
            if last > found.accepted.get(lane, 0):
                connection.execute(insert, (lane, last, _UNKNOWN_BOOT, zlib.crc32(b""), b""))
        _write_boots(connection, found)
        connection.execute("COMMIT")
    return found, int(saved)


def _write_small(connection: sqlite3.Connection, found: Salvaged) -> None:
    if found.epoch is not None:
        connection.execute("INSERT INTO spool VALUES (?)", (found.epoch,))
    connection.executemany("INSERT INTO accepted VALUES (?, ?)", list(found.accepted.items()))
    connection.executemany("INSERT OR IGNORE INTO notes VALUES (?, ?)", list(found.notes.items()))
    connection.executemany(
        "INSERT OR IGNORE INTO openings VALUES (?, ?, ?, ?)",
        [(number, *opening) for number, opening in sorted(found.openings.items())],
    )


def _write_boots(connection: sqlite3.Connection, found: Salvaged) -> None:
    """The boots that are known, and for those of the rows that are not a name that nobody has."""
    connection.executemany("INSERT OR IGNORE INTO boots VALUES (?, ?)", list(found.boots.items()))
    connection.execute(
        "INSERT INTO boots SELECT DISTINCT boot, 'lost-' || boot FROM rows"
        " WHERE boot NOT IN (SELECT n FROM boots)"
    )
