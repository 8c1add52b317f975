"""An export of a panel's software made into a list of parts: columns recognised, each row taken or told why not. Pure.

Columns go by their names in Chinese or English, in whatever order; encoding and separator are found out.
"""

import csv
import io
import re
import unicodedata
from collections.abc import Collection, Mapping, Sequence
from typing import Final

import msgspec

from contract.csv_text import Row, decode_text, rows_of, separator_of
from contract.part_book import BoundPart
from contract.part_list import COLUMNS
from contract.parts import COMPONENT, LONGEST_PART, tidy_part
from contract.site import Zone

NAMES: Final[Mapping[str, tuple[str, ...]]] = {
    "panel": ("机号", "主机号", "主机", "控制器号", "控制器编号", "控制器", "panel", "panel no", "controller", "node"),
    "loop": ("回路", "回路号", "回路编号", "回路地址", "loop", "loop no", "loop number", "slc", "line"),
    "address": (
        "地址", "地址号", "部件地址", "位号", "点号", "点位", "点位号", "设备号", "设备地址", "编码", "设备编码", "部件号",
        "部件编号", "一次码", "原码", "address", "addr", "device address", "point", "point no", "device", "device no",
    ),
    "part": ("part", "部件"),
    "kind": ("类型", "部件类型", "设备类型", "类别", "type", "device type", "kind"),
    "name_zh": (
        "描述", "设备描述", "部件描述", "名称", "设备名称", "部件名称", "位置", "安装位置", "部位", "注释", "汉字注释",
        "说明", "备注", "name_zh", "name zh", "chinese",
    ),
    "name_en": ("name_en", "name en", "name", "label", "description", "text", "location", "custom label", "english"),
    "zone": ("zone", "防区", "分区", "区域", "楼层", "楼栋", "area"),
}  # fmt: skip
"""What columns are called, the likelier name first."""

_BINARY: Final = {b"PK\x03\x04": "a spreadsheet (xlsx)", b"\xd0\xcf\x11\xe0": "a spreadsheet (xls)"}
_PLACED: Final = re.compile(
    r"(?:[Ll]|回路|LOOP|Loop|loop)?\s*0*(?P<loop>\d+)\s*(?:回路|[-_/.:#]|[Dd]|[Mm]|\s)\s*(?:地址)?\s*(?P<kind>[Mm])?0*(?P<address>\d+)\s*(?:号|点)?"
)
_MODULE: Final = re.compile("模块|module", re.IGNORECASE)


class Left(msgspec.Struct, frozen=True):
    """A row that was not taken, and why."""

    line: int
    why: str


class Imported(msgspec.Struct, frozen=True, kw_only=True):
    """What was read of an export. `columns`: what was taken of which column; `left`: rows not taken, and why."""

    encoding: str
    columns: Mapping[str, str]
    bound: Sequence[BoundPart]
    left: Sequence[Left]

    def text(self) -> str:
        """The list in the form that the site's files refer to."""
        out = io.StringIO(newline="")
        writer = csv.writer(out, lineterminator="\n")
        writer.writerow(COLUMNS)
        writer.writerows((one.part, one.zone or "", one.zh, one.en) for one in self.bound)
        return out.getvalue()


def import_parts(raw: bytes, zones: Sequence[Zone], possible: Collection[str] | None = None) -> Imported:
    """The parts of an export. `possible`: the parts that the device can tell of, where its profile says.

    Raises:
        ValueError: It is no table, or none of its columns says which part a row is; the message says what was found.
    """
    for magic, what in _BINARY.items():
        if raw.startswith(magic):
            raise ValueError(f"is {what}: save it as CSV first")
    decoded = decode_text(raw)
    rows = [row for row in rows_of(decoded.text, separator_of(decoded.text)) if not row.is_blank]
    head, columns = _header(rows)
    reading = _Reading(columns, zones, possible)
    left = [Left(row.line, "stands before the names of the columns") for row in rows[:head]]
    bound: dict[str, BoundPart] = {}
    for row in rows[head + 1 :]:
        try:
            one = reading.read(row)
        except ValueError as error:
            left.append(Left(row.line, str(error)))
            continue
        first = bound.setdefault(one.part, one)
        if first is not one:
            left.append(Left(row.line, f"{one.part} stands at line {first.line} already"))
    named = {what: rows[head].cells[place] for what, place in columns.items()}
    return Imported(encoding=decoded.encoding, columns=named, bound=tuple(bound.values()), left=tuple(left))


def _header(rows: Sequence[Row]) -> tuple[int, Mapping[str, int]]:
    for number, row in enumerate(rows[:50]):
        columns = _columns(row)
        if "part" in columns or "address" in columns:
            return number, columns
    shown = " | ".join(rows[0].cells)[:120] if rows else "nothing"
    raise ValueError(
        f"has no column that says which part a row is: expected one such as 地址, 编码 or address, found {shown}"
    )


def _columns(row: Row) -> Mapping[str, int]:
    cells = {_plain(cell): place for place, cell in reversed(list(enumerate(row.cells)))}
    found: dict[str, int] = {}
    for what, names in NAMES.items():
        place = next((cells[name] for name in names if name in cells), None)
        if place is not None and place not in found.values():
            found[what] = place
    return found


def _plain(cell: str) -> str:
    text = unicodedata.normalize("NFKC", cell).casefold().strip().rstrip(".:")
    return re.sub(r"\s*\(.*\)$", "", text)


class _Reading:
    """Reads rows by their columns."""

    def __init__(
        self, columns: Mapping[str, int], zones: Sequence[Zone], possible: Collection[str] | None
    ) -> None:
        self._columns = columns
        self._possible = possible
        self._zones = {
            name: zone.id for zone in zones for name in (zone.id, zone.name.zh, zone.name.en) if name
        }

    def read(self, row: Row) -> BoundPart:
        part = self._part(row)
        zone = self._said(row, "zone")
        zh, en = self._said(row, "name_zh"), self._said(row, "name_en")
        if en and not zh and not en.isascii():
            zh, en = en, ""
        return BoundPart(part=part, zone=self._zones.get(zone), zh=zh, en=en, line=row.line)

    def _said(self, row: Row, what: str) -> str:
        place = self._columns.get(what)
        return row.cells[place] if place is not None and place < len(row.cells) else ""

    def _part(self, row: Row) -> str:
        own = self._said(row, "part") or self._said(row, "address")
        if not own:
            raise ValueError("says no address")
        loop = _number(self._said(row, "loop"))
        address = _number(own)
        plain = unicodedata.normalize("NFKC", own)
        if (placed := _PLACED.fullmatch(plain)) is not None:
            part = f"{placed['loop']}-{(placed['kind'] or '').upper()}{placed['address']}"
        elif address is not None:
            part = f"{loop}-{address}" if loop is not None else str(address)
        else:
            part = tidy_part(own)
        panel = _number(self._said(row, "panel"))
        part = self._of_kind(row, part)
        whole = f"{panel}/{part}" if panel is not None and panel > 1 and not self._possible else part
        if len(whole) > LONGEST_PART:
            raise ValueError(f"{own[:40]!r} is too long for an address")
        if self._possible is None and not COMPONENT.fullmatch(whole):
            raise ValueError(f"{own[:40]!r} is no address")
        if self._possible is not None and whole not in self._possible:
            raise ValueError(f"the device has no part {whole}")
        return whole

    def _of_kind(self, row: Row, part: str) -> str:
        """A module where the panel counts modules by themselves and the row says that it is one."""
        loop, dash, address = part.partition("-")
        module = f"{loop}-M{address}"
        if dash and self._possible and module in self._possible and _MODULE.search(self._said(row, "kind")):
            return module
        return part


def _number(text: str) -> int | None:
    plain = unicodedata.normalize("NFKC", text).strip()
    found = re.fullmatch(r"(?:[Ll]|回路|loop|Loop|LOOP)?\s*(\d{1,10})(?:\.0)?\s*(?:回路|号|#)?", plain)
    return int(found[1]) if found else None
