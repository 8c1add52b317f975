"""Values put into registers as a profile says that they stand there: the other way round from reading them. Pure."""

import datetime as dt
import struct
from collections.abc import Mapping
from typing import Final

from contract.profile.model import Kind
from contract.profile.points import Point, StateRule

_WORD: Final = 0xFFFF
_DATE_WORDS: Final = ("YYYY", "MM", "DD", "hh", "mm", "ss")
_DIGITS: Final = frozenset({Kind.BCD16, Kind.BCD32, Kind.BCD48, Kind.BCD64})
_BITS: Final = {Kind.UINT24: 24, Kind.INT24: 24}


def words_of(point: Point, value: float, factor: float = 1.0) -> list[int]:
    """The registers (or the bit) of a point when it has that value in its unit.

    Raises:
        ValueError: The value does not go in there.
    """
    return split(point, raw_of(point, value, factor))


def raw_of(point: Point, value: float, factor: float = 1.0) -> int:
    """The bits of a point when it has that value. Raises as `words_of`."""
    if point.kind is Kind.DATE:
        return _date(point, value)
    number = (value - point.offset) / (point.scale * factor)
    if point.mask:
        return _packed(point, round(number))
    return _encoded(point, number)


def text_of(point: Point, said: str) -> int:
    """The bits of a point that holds a text. Raises as `words_of`."""
    data = said.encode("ascii")
    if len(data) > 2 * point.width:
        raise ValueError(f"{said!r} does not go into {point.width} registers")
    return int.from_bytes(data.ljust(2 * point.width, b"\0"), "big")


def split(point: Point, raw: int) -> list[int]:
    """The registers of a raw code, in wire order."""
    words = [raw >> 16 * place & _WORD for place in reversed(range(point.width))]
    if point.swapped and point.kind is not Kind.BOOL:
        words = [word >> 8 | (word & 0xFF) << 8 for word in words]
    return words[::-1] if point.low_first else words


def _packed(point: Point, number: int) -> int:
    low = (point.mask & -point.mask).bit_length() - 1
    span = point.mask.bit_length() - low
    least, most = _signed(span) if point.signed else (0, (1 << span) - 1)
    if not least <= number <= most:
        raise ValueError(f"{number} does not go under mask {point.mask:#x}")
    return number << low & point.mask


def _date(point: Point, value: float) -> int:
    moment = dt.datetime.fromtimestamp(value, dt.UTC)
    parts = dict(zip(_DATE_WORDS, moment.timetuple(), strict=False)) | {"YY": moment.year % 100, "--": 0}
    by_register = len(point.form) == point.width
    data = b""
    for word in point.form:
        size = 2 if by_register or word == "YYYY" else 1
        number = parts[word]
        data += bytes.fromhex(f"{number:0{2 * size}}") if point.bcd else number.to_bytes(size, "big")
    return int.from_bytes(data.ljust(2 * point.width, b"\0"), "big")


def rest_of(point: Point) -> int:
    """A raw code under which nothing is out of the ordinary: no state of the point is so, and each is known."""
    if point.kind in {Kind.TEXT, Kind.DATE}:
        return text_of(point, next(iter(point.codes), "")) if point.kind is Kind.TEXT else _date(point, 0)
    if point.states and point.states[0].mask:
        return sum(_calm(rule) << rule.shift for rule in _one_per_mask(point.states))
    above = [rule.below if rule.clear is None else rule.clear for rule in point.states if rule.below]
    value = max((limit * 1.1 for limit in above if limit), default=max(point.low or 0.0, 0.0))
    try:
        return raw_of(point, value)
    except ValueError:
        return 0


def _calm(rule: StateRule) -> int:
    """The lowest code of a rule that is neither so, nor absent, nor unknown."""
    known = sorted(rule.words) if rule.words else range(16)
    return next(
        (code for code in known if code not in rule.absent and (code in rule.codes) == rule.inverted), 0
    )


def _one_per_mask(rules: tuple[StateRule, ...]) -> list[StateRule]:
    return list({rule.mask: rule for rule in reversed(rules)}.values())


def state_code(point: Point, word: str) -> int | None:
    """The raw code that a word of the point's states stands for."""
    for rule in point.states:
        for code, known in rule.words.items():
            if known == word:
                return code << rule.shift
    return None


def _encoded(point: Point, number: float) -> int:
    if point.kind in _REAL:
        width, form = _REAL[point.kind]
        return int.from_bytes(struct.pack(form, number), "big") & ((1 << 8 * width) - 1)
    whole = round(number)
    least, most = _RANGES[point.kind]
    if not least <= whole <= most:
        raise ValueError(f"{number:g} does not fit into {point.kind.value}")
    if point.kind is Kind.BASE10000:
        return whole // 10_000 << 16 | whole % 10_000
    if point.kind in _DIGITS:
        return int(str(whole), 16)
    return whole & ((1 << min(16 * point.width, _BITS.get(point.kind, 64))) - 1)


def _signed(bits: int) -> tuple[int, int]:
    return -(1 << bits - 1), (1 << bits - 1) - 1


_REAL: Final = {Kind.FLOAT32: (4, ">f"), Kind.FLOAT64: (8, ">d")}
_RANGES: Final[Mapping[Kind, tuple[int, int]]] = {
    Kind.BOOL: (0, 1),
    Kind.UINT16: (0, _WORD),
    Kind.UINT32: (0, (1 << 32) - 1),
    Kind.UINT64: (0, (1 << 64) - 1),
    Kind.INT16: _signed(16),
    Kind.INT32: _signed(32),
    Kind.INT64: _signed(64),
    Kind.BASE10000: (0, _WORD * 10_000 + 9_999),
    Kind.UINT24: (0, (1 << 24) - 1),
    Kind.INT24: _signed(24),
    Kind.UINT48: (0, (1 << 48) - 1),
    Kind.INT48: _signed(48),
    Kind.BCD16: (0, 10**4 - 1),
    Kind.BCD32: (0, 10**8 - 1),
    Kind.BCD48: (0, 10**12 - 1),
    Kind.BCD64: (0, 10**16 - 1),
}
