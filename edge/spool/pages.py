"""Reads the records of a damaged SQLite file page by page, past whatever the library stumbles over. Pure.

By https://sqlite.org/fileformat2.html: chapters 1.5 (the free list), 1.6 (b-tree pages), 2.1 (records), 4.1 (the
write-ahead log). What is read may be wrong, as the file is: only a checksum of the record's own tells.
"""

import mmap
import struct
from collections import Counter
from collections.abc import Iterator
from typing import Final

import msgspec

Value = int | float | str | bytes | None
Buffer = bytes | mmap.mmap

_INDEX_INTERIOR, _INDEX_LEAF, _TABLE_LEAF = 2, 10, 13
_HEADER: Final = {_INDEX_INTERIOR: 12, _INDEX_LEAF: 8, _TABLE_LEAF: 8}
_INTEGERS: Final = {1: 1, 2: 2, 3: 3, 4: 4, 5: 6, 6: 8}
"""By serial type, so many bytes."""
_MOST_PAYLOAD: Final = 1 << 20
_WAL_HEADER, _FRAME_HEADER = 32, 24
_DEFAULT_PAGE: Final = 4_096
_LITTLE: Final = 0x377F0682
"""How a log begins whose checksums are over little-endian words."""


class Record(msgspec.Struct, frozen=True):
    """A record: the `index`th of `page`, a leaf of its tree or not; `rowid` is None in a table without.

    `age` counts the newer images of that page.
    """

    page: int
    age: int
    index: int
    is_leaf: bool
    rowid: int | None
    values: tuple[Value, ...]


class _Broken(Exception):  # noqa: N818 - never leaves this module
    """Here stands what no SQLite wrote."""


class Pages:
    """The pages of a database file and its log: of each the images that there are, newest first."""

    def __init__(self, database: Buffer, wal: Buffer) -> None:
        self._size = _page_size(database)
        self._images: dict[int, list[tuple[Buffer, int]]] = {
            number + 1: [(database, start)]
            for number, start in enumerate(range(0, len(database) - self._size + 1, self._size))
        }
        for number, start in _frames(wal, self._size):
            self._images.setdefault(number, []).insert(0, (wal, start))
        self._free = self._free_pages()

    def newest(self, number: int) -> bytes:
        """The newest image of a page; nothing where there is none."""
        return next(self._all(number), b"")

    def _all(self, number: int) -> Iterator[bytes]:
        for file, start in self._images.get(number, ()):
            yield bytes(file[start : start + self._size])

    def records(self) -> Iterator[Record]:
        """All records that can be read; pages of the free list are left out."""
        for number in self._images:
            if number not in self._free:
                for age, image in enumerate(self._all(number)):
                    yield from _of_page(number, age, image, self)

    def _free_pages(self) -> set[int]:
        free: set[int] = set()
        trunk = int.from_bytes(self.newest(1)[32:36])
        while trunk in self._images and trunk not in free:
            free.add(trunk)
            image = self.newest(trunk)
            count = min(int.from_bytes(image[4:8]), len(image) // 4 - 2)
            free |= set(struct.unpack(f">{count}I", image[8 : 8 + 4 * count]))
            trunk = int.from_bytes(image[:4])
        return free


def _page_size(database: Buffer) -> int:
    size = int.from_bytes(database[16:18])
    size = 65_536 if size == 1 else size
    return size if size >= 512 and size & (size - 1) == 0 else _DEFAULT_PAGE


def _frames(wal: Buffer, size: int) -> Iterator[tuple[int, int]]:
    """Where images of pages start in the present round of a log, oldest first, whether or not their checksums are right."""
    salt = _salt(wal, size)
    for start, head in _heads(wal, size):
        if head[8:16] == salt:
            yield int.from_bytes(head[:4]), start + _FRAME_HEADER


def _heads(wal: Buffer, size: int) -> Iterator[tuple[int, bytes]]:
    for start in range(_WAL_HEADER, len(wal) - _FRAME_HEADER - size + 1, _FRAME_HEADER + size):
        yield start, bytes(wal[start : start + _FRAME_HEADER])


def _salt(wal: Buffer, size: int) -> bytes:
    """What marks the frames of the present round: as the log says, unless it is that which is damaged."""
    if _has_good_head(bytes(wal[:_WAL_HEADER])):
        return bytes(wal[16:24])
    salts = Counter(head[8:16] for _, head in _heads(wal, size))
    first = next((head[8:16] for _, head in _heads(wal, size)), b"")
    return max(bytes(wal[16:24]), first, key=lambda salt: salts[salt])


def lost_commits(wal: bytes) -> int:
    """How many commits of a log lie at or behind a frame whose checksum is wrong: SQLite would leave them out.

    One may be a write that a power cut tore, which nobody was told to be on disk. More are damage.
    """
    size = _size_in_log(wal)
    if not size:
        return 0
    order = _order(wal)
    total = _checksum(wal[:24], (0, 0), order)
    is_good = _has_good_head(wal[:_WAL_HEADER])
    lost, salt = 0, _salt(wal, size)
    for start, head in _heads(wal, size):
        if is_good:
            total = _checksum(head[:8], total, order)
            total = _checksum(wal[start + _FRAME_HEADER : start + _FRAME_HEADER + size], total, order)
            is_good = head[8:16] == salt and struct.pack(">II", *total) == head[16:24]
        if not is_good and head[8:16] == salt and int.from_bytes(head[4:8]):
            lost += 1
    return lost


def _order(wal: bytes) -> str:
    return "little" if int.from_bytes(wal[:4]) == _LITTLE else "big"


def _has_good_head(head: bytes) -> bool:
    if len(head) < _WAL_HEADER:
        return False
    return struct.pack(">II", *_checksum(head[:24], (0, 0), _order(head))) == head[24:]


def _size_in_log(wal: bytes) -> int:
    """The size of the pages of a log; 0 for one without frames."""
    if len(wal) < _WAL_HEADER + _FRAME_HEADER:
        return 0
    size = int.from_bytes(wal[8:12])
    return size if 512 <= size <= 65_536 and size & (size - 1) == 0 else _DEFAULT_PAGE


def _checksum(data: bytes, before: tuple[int, int], order: str) -> tuple[int, int]:
    one, two = before
    words = struct.unpack(f"{'<' if order == 'little' else '>'}{len(data) // 4}I", data)
    for place in range(0, len(words), 2):
        one = (one + words[place] + two) & 0xFFFFFFFF
        two = (two + words[place + 1] + one) & 0xFFFFFFFF
    return one, two


def _of_page(number: int, age: int, image: bytes, pages: Pages) -> Iterator[Record]:
    start = 100 if number == 1 else 0
    kind = image[start] if len(image) > start else 0
    if kind not in _HEADER:
        return
    count = int.from_bytes(image[start + 3 : start + 5])
    first = start + _HEADER[kind]
    for index in range(min(count, (len(image) - first) // 2)):
        place = int.from_bytes(image[first + 2 * index : first + 2 * index + 2])
        try:
            rowid, payload = _cell(kind, image, place, pages)
            yield Record(number, age, index, kind != _INDEX_INTERIOR, rowid, _values(payload))
        except (_Broken, IndexError, UnicodeDecodeError, struct.error):
            continue


def _cell(kind: int, image: bytes, place: int, pages: Pages) -> tuple[int | None, bytes]:
    if kind == _INDEX_INTERIOR:
        place += 4
    size, place = _varint(image, place)
    rowid = None
    if kind == _TABLE_LEAF:
        rowid, place = _varint(image, place)
    if size > _MOST_PAYLOAD:
        raise _Broken
    local = _local_bytes(size, len(image), is_table=kind == _TABLE_LEAF)
    payload = image[place : place + local]
    if local < size:
        payload += _overflow(int.from_bytes(image[place + local : place + local + 4]), size - local, pages)
    if len(payload) < size:
        raise _Broken
    return rowid, payload


def _local_bytes(size: int, page: int, *, is_table: bool) -> int:
    """How much of a payload stands on the page itself."""
    least = (page - 12) * 32 // 255 - 23
    most = page - 35 if is_table else (page - 12) * 64 // 255 - 23
    if size <= most:
        return size
    fitting = least + (size - least) % (page - 4)
    return fitting if fitting <= most else least


def _overflow(number: int, size: int, pages: Pages) -> bytes:
    found = bytearray()
    while len(found) < size:
        image = pages.newest(number)
        if not image:
            raise _Broken
        found += image[4:]
        number = int.from_bytes(image[:4])
    return bytes(found[:size])


def _varint(data: bytes, place: int) -> tuple[int, int]:
    value = 0
    for count in range(8):
        byte = data[place + count]
        value = value << 7 | byte & 0x7F
        if byte < 0x80:
            return value, place + count + 1
    return value << 8 | data[place + 8], place + 9


def _values(payload: bytes) -> tuple[Value, ...]:
    length, place = _varint(payload, 0)
    types = []
    while place < length:
        kind, place = _varint(payload, place)
        types.append(kind)
    values = []
    for kind in types:
        value, place = _value(kind, payload, place)
        values.append(value)
    if place != len(payload):
        raise _Broken
    return tuple(values)


def _value(kind: int, payload: bytes, place: int) -> tuple[Value, int]:
    if kind == 0:
        return None, place
    if kind in _INTEGERS:
        end = place + _INTEGERS[kind]
        return int.from_bytes(payload[place:end], signed=True), end
    if kind in {8, 9}:
        return kind - 8, place
    if kind < 12:
        raise _Broken
    end = place + (kind - 12) // 2
    body = payload[place:end]
    return (body.decode() if kind % 2 else body), end
