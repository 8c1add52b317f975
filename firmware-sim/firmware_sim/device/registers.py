"""Values put into registers as a profile says that they stand there: the other way round from reading them. Pure."""

import struct
from collections.abc import Mapping
from typing import Final

from contract.profile.model import Kind
from contract.profile.points import Point, StateRule

_WORD: Final = 0xFFFF


def words_of(point: Point, value: float) -> list[int]:
    """The registers (or the bit) of a point when it has that value in its unit.

    Raises:
        ValueError: The value does not go in there.
    """
    number = (value - point.offset) / point.scale
    return split(point, _encoded(point, number))


def split(point: Point, raw: int) -> list[int]:
    """The registers of a raw code, in wire order."""
    words = [raw >> 16 * place & _WORD for place in reversed(range(point.width))]
    return words[::-1] if point.low_first else words


def rest_of(point: Point) -> int:
    """A raw code under which nothing is out of the ordinary: no state of the point is so, and each is known."""
    if point.states and point.states[0].mask:
        return sum(_calm(rule) << rule.shift for rule in _one_per_mask(point.states))
    above = [rule.below if rule.clear is None else rule.clear for rule in point.states if rule.below]
    value = max((limit * 1.1 for limit in above if limit), default=max(point.low or 0.0, 0.0))
    return _encoded(point, (value - point.offset) / point.scale)


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
    return whole & ((1 << 16 * point.width) - 1)


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
}
