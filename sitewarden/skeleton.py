"""A profile begun from what somebody has: a register list as CSV, or a captured message. Pure."""

import codecs
import csv
import json
import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

import msgspec

from contract.profile.model import Kind
from sitewarden.errors import CommandError

_COLUMNS: Final = {
    "name": ("name", "point", "description", "parameter", "名称", "参数", "点名", "描述"),
    "address": ("address", "register", "addr", "reg", "offset", "地址", "寄存器", "寄存器地址"),
    "type": ("type", "data type", "datatype", "format", "类型", "数据类型", "格式"),
    "scale": ("scale", "factor", "multiplier", "resolution", "系数", "倍率", "比例", "分辨率"),
    "unit": ("unit", "units", "单位"),
    "function": ("function", "fc", "function code", "功能码"),
}
_TYPES: Final = {
    "u16": "uint16", "s16": "int16", "u32": "uint32", "s32": "int32", "u64": "uint64", "s64": "int64",
    "float": "float32", "real": "float32", "double": "float64", "bit": "bool", "coil": "bool", "word": "uint16",
    "short": "int16", "ushort": "uint16", "int": "int16", "uint": "uint16", "long": "int32", "dword": "uint32",
    "unsigned": "uint16", "signed": "int16",
}  # fmt: skip
_ENCODINGS: Final = ("utf-8-sig", "gb18030")
_PLC: Final = ((1, 1), (10_001, 2), (30_001, 4), (40_001, 3))
"""Five-digit numbers of PLCs: the first of each table, and the function that reads it."""


class _Register(msgspec.Struct, frozen=True):
    name: str
    address: int
    kind: str
    scale: float
    unit: str
    function: int


def begun_from(name: str, file: str, body: bytes) -> str:
    """The text of a profile `name`, from the bytes of a CSV register list or of a captured message.

    Raises:
        CommandError: It is neither; the message says line and column.
    """
    text = _text(body)
    stripped = text.strip()
    if file.lower().endswith(".csv"):
        return _of_registers(name, file, text)
    try:
        return _of_message(name, file, json.loads(stripped))
    except json.JSONDecodeError as error:
        if "," in stripped.partition("\n")[0] and "\n" in stripped:
            return _of_registers(name, file, text)
        raise CommandError(
            f"{file}:{error.lineno}: expected a register list as CSV, or a captured message as JSON: {error.msg}"
        ) from error


def _text(body: bytes) -> str:
    if body.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return body.decode("utf-16")
    for encoding in _ENCODINGS:
        try:
            return body.decode(encoding)
        except UnicodeDecodeError:
            continue
    raise CommandError("expected text in UTF-8, UTF-16 or GB 18030")


# --- a register list


def _of_registers(name: str, file: str, text: str) -> str:
    lines = text.splitlines()
    if not lines:
        raise CommandError(f"{file}: is empty")
    delimiter = max(",;\t", key=lines[0].count)
    rows = list(csv.reader(lines, delimiter=delimiter))
    columns = _columns(rows[0])
    missing = [wanted for wanted in ("name", "address") if wanted not in columns]
    if missing:
        known = "; ".join(f"{key}: {', '.join(words)}" for key, words in _COLUMNS.items())
        raise CommandError(f"{file}:1: expected columns {' and '.join(missing)}; known are {known}")
    found, mistakes = [], []
    for number, row in enumerate(rows[1:], start=2):
        if not any(cell.strip() for cell in row):
            continue
        try:
            found.append(_register({key: row[at].strip() for key, at in columns.items() if at < len(row)}))
        except ValueError as error:
            mistakes.append(f"{file}:{number}: {error}")
    if mistakes:
        raise CommandError("\n".join(mistakes))
    if not found:
        raise CommandError(f"{file}: has no register")
    return _modbus(name, file, found)


def _columns(head: list[str]) -> dict[str, int]:
    words = [cell.strip().lower() for cell in head]
    return {
        key: next(at for at, word in enumerate(words) if word in names)
        for key, names in _COLUMNS.items()
        if any(word in names for word in words)
    }


def _register(cells: Mapping[str, str]) -> _Register:
    address = _address(cells.get("address", ""))
    function = cells.get("function", "")
    said = re.sub(r"[^a-z0-9]", "", cells.get("type", "").lower()) or "uint16"
    kind = _TYPES.get(said, said)
    if kind not in [one.value for one in Kind]:
        raise ValueError(f"type: expected one of {', '.join(Kind)}, found {cells.get('type')!r}")
    if not cells.get("name"):
        raise ValueError("name: is empty")
    scale = cells.get("scale", "") or "1"
    try:
        factor = float(scale)
    except ValueError as error:
        raise ValueError(f"scale: expected a number, found {scale!r}") from error
    for first, code in reversed(_PLC):
        if not function and address >= 10_001 and address >= first:
            address, function = address - first, str(code)
            break
    digits = re.sub(r"\D", "", function) or ("1" if kind == "bool" else "3")
    if int(digits) not in {1, 2, 3, 4}:
        raise ValueError(f"function: expected 1, 2, 3 or 4, found {function!r}")
    if address > 65_535:
        raise ValueError(f"address: {address} is beyond 65535")
    return _Register(cells["name"], address, kind, factor, cells.get("unit", ""), int(digits))


def _address(said: str) -> int:
    shown = said.strip().lower()
    try:
        if shown.endswith("h"):
            return int(shown[:-1], 16)
        return int(shown, 16 if shown.startswith("0x") else 10)
    except ValueError as error:
        raise ValueError(f"address: expected a number such as 256 or 0x0100, found {said!r}") from error


def _modbus(name: str, file: str, registers: list[_Register]) -> str:
    taken: set[str] = set()
    points = []
    for one in registers:
        own = _unique(_word(one.name) or f"register_{one.address}", taken)
        facts: dict[str, Any] = {
            "name": own,
            "function": one.function,
            "address": one.address,
            "type": one.kind,
        }
        if one.scale != 1:
            facts["scale"] = one.scale
        if one.unit:
            facts["unit"] = one.unit
        if not one.name.isascii():
            facts["label"] = {"zh": one.name}
        points.append(f"  - {json.dumps(facts, ensure_ascii=False)}")
    return "\n".join([*_head(name, file, "modbus"), "points:", *points, ""])


# --- a captured message


def _of_message(name: str, file: str, body: object) -> str:
    taken: set[str] = set()
    fields = [f"      - {json.dumps(field, ensure_ascii=False)}" for field in _fields(body, (), taken)]
    if not fields:
        raise CommandError(f"{file}: holds no number, and nothing that is true or false")
    topic = ["topics:", '  - topic: "CHANGE/{address}/ME"', "    fields:", *fields, ""]
    return "\n".join([*_head(name, file, "mqtt"), *topic])


def _fields(body: object, path: tuple[str, ...], taken: set[str]) -> Iterator[dict[str, Any]]:
    if isinstance(body, dict):
        for key, value in body.items():
            yield from _fields(value, (*path, str(key)), taken)
    elif isinstance(body, list):
        for index, value in enumerate(body):
            yield from _fields(value, (*path, str(index)), taken)
    elif isinstance(body, bool):
        yield {"name": _named(path, taken), "path": ".".join(path), "codes": {"true": 1, "false": 0}}
    elif isinstance(body, int | float) or (isinstance(body, str) and _is_number(body)):
        yield {"name": _named(path, taken), "path": ".".join(path)}


def _is_number(said: str) -> bool:
    return re.fullmatch(r"\s*[+-]?\d+(\.\d+)?\s*", said) is not None


def _named(path: tuple[str, ...], taken: set[str]) -> str:
    """A name of the last word of a path that is one, with the numbers behind it."""
    words = [_word(part) for part in path if _word(part)]
    last = next((at for at in reversed(range(len(words))) if not words[at].isdecimal()), None)
    plain = "_".join(words[last:]) if last is not None else "_".join(["value", *words])
    if plain in taken and len(words) > 1:
        plain = "_".join(words)
    return _unique(plain, taken)


# --- both


def _head(name: str, file: str, protocol: str) -> list[str]:
    return [
        f"# Begun from {file}: give each point a name that is looked for (docs/devices.md), its unit, what it may be at",
        "# least and at most, and states where it tells of something; strike what nobody needs. Then run",
        f"# `sitewarden profile check {name}.yaml`.",
        f"profile: {name}",
        f"protocol: {protocol}",
        f"name: {{zh: {name}, en: {name}}}",
        f"sources: [{json.dumps(file, ensure_ascii=False)}]",
    ]


def _word(said: str) -> str:
    snake = re.sub(r"(?<=[a-z0-9])(?=[A-Z][a-z])", "_", said)
    return re.sub(r"[^a-z0-9]+", "_", snake.lower()).strip("_")


def _unique(name: str, taken: set[str]) -> str:
    own, number = name, 1
    while own in taken:
        number += 1
        own = f"{name}_{number}"
    taken.add(own)
    return own
