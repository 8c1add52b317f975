"""A list of parts in a CSV file: `part,zone,name_zh,name_en`, read with every mistake named by its line.

part,zone,name_zh,name_en
3-12,b3-f3,三层走廊烟感,Smoke detector corridor 3F
3-20..3-40,b3-f4,,
"""

import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final

import msgspec

from contract.csv_text import Row, decode_text, rows_of, separator_of
from contract.part_book import BoundPart, doubles, read_span
from contract.problems import Problem
from contract.yamlfile import unknown_name

COLUMNS: Final = ("part", "zone", "name_zh", "name_en")
NEEDED: Final = ("part", "zone")
HEADER: Final = ",".join(COLUMNS)
MOST_BYTES: Final = 20_000_000
_REMEDY: Final = (
    "save it as UTF-8 (in a spreadsheet: `CSV UTF-8`), or let `sitewarden edge import-parts` make the list"
)


class PartList(msgspec.Struct, frozen=True):
    """What a file says, as far as it can be read, and every mistake in it."""

    bound: Sequence[BoundPart] = ()
    problems: Sequence[Problem] = ()


def read_part_list(path: Path) -> PartList:
    """The list in a file. Nothing is raised: what is wrong with the file is a mistake of it."""
    try:
        if path.stat().st_size > MOST_BYTES:
            return _refused(path, 1, f"is larger than {MOST_BYTES // 1_000_000} MB")
        raw = path.read_bytes()
    except OSError as error:
        return _refused(path, 1, f"can't be read: {error.strerror}")
    return parse_part_list(raw, str(path))


def parse_part_list(raw: bytes, file: str) -> PartList:
    """The same for bytes that are named `file` in messages."""
    found: list[Problem] = []
    try:
        decoded = decode_text(raw)
    except ValueError as error:
        return _refused(file, 1, str(error))
    if decoded.odd_line:
        found.append(Problem(file, decoded.odd_line, "", f"is {decoded.encoding} text: {_REMEDY}"))
    separator = separator_of(decoded.text)
    if separator != ",":
        shown = {"\t": "a tab", ";": "a semicolon", "|": "a bar"}[separator]
        found.append(Problem(file, 1, "", f"has {shown} between its columns, expected a comma"))
    rows: list[Row] = []
    try:
        for row in rows_of(decoded.text, separator):
            rows.append(row)  # noqa: PERF402 - what was read before a mistake is kept
    except ValueError as error:
        found.append(Problem(file, 1, "", str(error)))
    bound = _read(rows, file, found)
    found += doubles(bound)
    return PartList(bound, sorted(set(found)))


def _refused(file: Path | str, line: int, message: str) -> PartList:
    return PartList((), (Problem(str(file), line, "", message),))


def _read(rows: Sequence[Row], file: str, found: list[Problem]) -> list[BoundPart]:
    filled = [row for row in rows if not row.is_blank]
    head = next((place for place, row in enumerate(filled) if "part" in _names(row)), None)
    if head is None:
        line = filled[0].line if filled else 1
        shown = ",".join(filled[0].cells)[:60] if filled else "nothing"
        found.append(Problem(file, line, "", f"expected the columns {HEADER}, found {shown}"))
        return []
    found += [
        Problem(file, row.line, "", "stands before the names of the columns; take it out")
        for row in filled[:head]
    ]
    columns = _columns(filled[head], file, found)
    width = len(filled[head].cells)
    return [
        one for row in filled[head + 1 :] if (one := _bound(row, columns, width, file, found)) is not None
    ]


def _names(row: Row) -> list[str]:
    return [unicodedata.normalize("NFKC", cell).casefold() for cell in row.cells]


def _columns(row: Row, file: str, found: list[Problem]) -> Mapping[str, int]:
    columns: dict[str, int] = {}
    for place, name in enumerate(_names(row)):
        if not name:
            continue
        if name not in COLUMNS:
            found.append(
                Problem(file, row.line, "", f"{unknown_name('column', name, COLUMNS)} (known: {HEADER})")
            )
        elif name in columns:
            found.append(Problem(file, row.line, name, "is the name of two columns"))
        else:
            columns[name] = place
    found += [
        Problem(file, row.line, name, f"is missing: expected the columns {HEADER}")
        for name in NEEDED
        if name not in columns
    ]
    return columns


def _bound(
    row: Row, columns: Mapping[str, int], width: int, file: str, found: list[Problem]
) -> BoundPart | None:
    said = {name: row.cells[place] for name, place in columns.items() if place < len(row.cells)}
    surplus = [cell for cell in row.cells[width:] if cell]
    if surplus:
        found.append(Problem(file, row.line, "", f"has more cells than columns: {surplus[0][:40]!r}"))
    one = BoundPart(
        part=said.get("part", ""),
        zone=said.get("zone") or None,
        zh=said.get("name_zh", ""),
        en=said.get("name_en", ""),
        file=file,
        line=row.line,
    )
    mistakes = list(part_mistakes(one))
    found += mistakes
    return None if any(mistake.field.endswith("part") for mistake in mistakes) else one


def part_mistakes(one: BoundPart) -> Iterator[Problem]:
    """What is wrong with a line by itself."""
    where = f"{one.field}.part" if one.field else "part"
    if not one.part:
        yield Problem(one.file, one.line, where, "is empty: expected a part such as 3-12")
        return
    try:
        span = read_span(one.part)
    except ValueError as error:
        yield Problem(one.file, one.line, where, str(error))
        return
    if one.part != unicodedata.normalize("NFKC", one.part):
        shown = where.removesuffix("part") + "written"
        yield Problem(one.file, one.line, shown, f"{one.part!r} has full-width characters; write {span}")
    if not one.zone and not (one.zh or one.en):
        yield Problem(one.file, one.line, one.field, f"part {span} has neither a zone nor a name")
