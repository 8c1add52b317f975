"""Registers made into numbers, with a cause wherever there is none."""

import math
import struct
from collections.abc import Callable, Sequence
from decimal import Decimal

import msgspec

from contract.profile.model import Kind
from contract.profile.points import Point

OUT_OF_RANGE = "out_of_range"
NOT_A_NUMBER = "not_a_number"
NOT_THERE = "not_there"
_LONG = 10**11


class Value(msgspec.Struct, frozen=True, gc=False):
    """What a point held. `raw` is its bits, unsigned; without a `number`, `cause` says why.

    `absent`: the device says that it has no such thing, as against having it and not knowing its value.
    """

    raw: int
    number: float | None
    cause: str = ""
    absent: bool = False


def read_value(point: Point, words: Sequence[int]) -> Value:
    """The value in the registers (or the bit) of a point, in wire order, as many as it is wide."""
    raw = _combined(point, words)
    if point.absent_codes and raw & point.absent_mask in point.absent_codes:
        return Value(raw, None, NOT_THERE, absent=True)
    cause = point.na.get(raw)
    if cause is not None:
        return Value(raw, None, cause, absent=cause in point.absent_causes)
    number = _DECODERS[point.kind](raw)
    if not math.isfinite(number):
        return Value(raw, None, NOT_A_NUMBER)
    return ranged(point, raw, scaled(number, point))


def ranged(point: Point, raw: int, number: float) -> Value:
    """A number of a point, without it where it is outside the point's range."""
    if (point.low is not None and number < point.low) or (point.high is not None and number > point.high):
        return Value(raw, None, OUT_OF_RANGE)
    return Value(raw, number)


def _combined(point: Point, words: Sequence[int]) -> int:
    if point.width == 1:
        return words[0]
    raw = 0
    for word in reversed(words) if point.low_first else words:
        raw = (raw << 16) | word
    return raw


def scaled(number: float, point: Point) -> float:
    """To twelve significant digits, so that 3 * 0.1 reads 0.3; of a number of more, to all that it has."""
    if point.scale == 1.0 and point.offset == 0.0:
        return number
    if abs(number) >= _LONG:
        return float(Decimal(number) * Decimal(str(point.scale)) + Decimal(str(point.offset)))
    return float(f"{number * point.scale + point.offset:.12g}")


def _signed(bits: int) -> Callable[[int], float]:
    top, whole = 1 << (bits - 1), 1 << bits
    return lambda raw: float(raw - whole if raw & top else raw)


def _real(width: int, form: str) -> Callable[[int], float]:
    return lambda raw: float(struct.unpack(form, raw.to_bytes(width, "big"))[0])


def _base10000(raw: int) -> float:
    return float((raw >> 16) * 10_000 + (raw & 0xFFFF))


_DECODERS: dict[Kind, Callable[[int], float]] = {
    Kind.BOOL: float,
    Kind.UINT16: float,
    Kind.UINT32: float,
    Kind.UINT64: float,
    Kind.INT16: _signed(16),
    Kind.INT32: _signed(32),
    Kind.INT64: _signed(64),
    Kind.FLOAT32: _real(4, ">f"),
    Kind.FLOAT64: _real(8, ">d"),
    Kind.BASE10000: _base10000,
}
