"""Tables that other programs wrote: their encoding, their separator, their cells with line numbers. Pure."""

import csv
import io
import re
from collections.abc import Iterator, Sequence
from typing import Final

import msgspec

_BOMS: Final = (
    (b"\xef\xbb\xbf", "utf-8-sig", "UTF-8"),
    (b"\xff\xfe", "utf-16", "UTF-16"),
    (b"\xfe\xff", "utf-16", "UTF-16"),
)
_SEPARATORS: Final = ",\t;|"
_LINES_LOOKED_AT: Final = 30
_QUOTED: Final = re.compile('"[^"]*"')


class Decoded(msgspec.Struct, frozen=True):
    """Text with the encoding that it was found in; `odd_line` is the first line that is no UTF-8, 0 for none."""

    text: str
    encoding: str
    odd_line: int = 0


def decode_text(raw: bytes) -> Decoded:
    """The text of a file in UTF-8, UTF-16 or GB 18030 (with GBK and GB 2312), told apart by what it holds.

    Raises:
        ValueError: It is none of these; the message says at which line.
    """
    for mark, codec, name in _BOMS:
        if raw.startswith(mark):
            return _decoded(raw, codec, name)
    nulls = raw[:4_096].count(0)
    if nulls > len(raw[:4_096]) // 8:
        low_first = raw[1:4_096:2].count(0) >= raw[0:4_096:2].count(0)
        return _decoded(raw, "utf-16-le" if low_first else "utf-16-be", "UTF-16")
    try:
        return Decoded(raw.decode("utf-8"), "UTF-8")
    except UnicodeDecodeError as error:
        odd = raw[: error.start].count(b"\n") + 1
    try:
        return Decoded(raw.decode("gb18030"), "GBK", odd)
    except UnicodeDecodeError as error:
        line = raw[: error.start].count(b"\n") + 1
        raise ValueError(f"line {line} is neither UTF-8 nor GBK nor UTF-16 text") from error


def _decoded(raw: bytes, codec: str, name: str) -> Decoded:
    try:
        text = raw.decode(codec)
    except UnicodeDecodeError as error:
        raise ValueError(f"the file begins as {name} and does not go on as such") from error
    return Decoded(text, name, 0 if name == "UTF-8" else 1)


class Row(msgspec.Struct, frozen=True):
    """The cells of a line, with one blank for any between words and none around them."""

    line: int
    cells: Sequence[str]

    @property
    def is_blank(self) -> bool:
        """Whether nothing stands in it."""
        return not any(self.cells)


def separator_of(text: str) -> str:
    """The character between the cells: the one that stands equally often in most of the first lines, outside of quotes."""
    lines = [_QUOTED.sub("", line) for line in text.splitlines()[:_LINES_LOOKED_AT] if line.strip()]
    counts = {one: sorted(line.count(one) for line in lines) for one in _SEPARATORS}
    middles = {one: found[len(found) // 2] if found else 0 for one, found in counts.items()}
    best = max(middles, key=lambda one: (middles[one], counts[one].count(middles[one])))
    return best if middles[best] else ","


def rows_of(text: str, separator: str) -> Iterator[Row]:
    """The rows of a table, each with the line where it begins.

    Raises:
        ValueError: A quotation mark is never closed, or a cell is too long; the message names the line.
    """
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True)
    line = 1
    while True:
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            raise ValueError(f"line {line}: {error}") from error
        yield Row(line, [" ".join(cell.split()) for cell in cells])
        line = reader.line_num + 1
