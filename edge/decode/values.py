"""Registers made into numbers, with a cause wherever there is none."""

import math
import struct
from collections.abc import Callable, Sequence
from decimal import Decimal

import msgspec

from contract.causes import Cause, Fact
from contract.profile.bits import taken
from contract.profile.model import Kind
from contract.profile.points import Point
from edge.decode.dates import date_number

_LONG = 10**11
_MOST_DECIMALS = 9


class Value(msgspec.Struct, frozen=True, gc=False):
    """What a point held. `raw` is its bits, unsigned; without a `number`, `cause` says why, and `about` what fills its gaps.

    `absent`: the device says that it has no such thing, as against having it and not knowing its value. `text`: what
    a text says.
    """

    raw: int
    number: float | None
    cause: str = ""
    about: tuple[tuple[str, Fact], ...] = ()
    absent: bool = False
    text: str = ""


def read_value(point: Point, words: Sequence[int], factor: float | None = 1.0) -> Value:
    """The value in the registers (or the bit) of a point, in wire order, as many as it is wide.

    `factor`: what its scale is multiplied by, where that stands in another point; None while nobody knows it.
    """
    raw = _combined(point, words)
    if point.absent_codes and raw & point.absent_mask in point.absent_codes:
        return Value(raw, None, Cause.NOT_THERE, absent=True)
    cause = point.na.get(raw)
    if cause is not None:
        return Value(raw, None, cause, absent=cause in point.absent_causes)
    if point.kind is Kind.TEXT:
        return _text(point, raw)
    number = _number(point, raw)
    if not math.isfinite(number):
        return Value(raw, None, Cause.NOT_A_NUMBER)
    if factor is None:
        return Value(raw, None, Cause.SCALE_UNKNOWN)
    return ranged(point, raw, scaled(number, point, factor))


def factor_of(point: Point, scaler: Value | None) -> float | None:
    """What the scale of a point is multiplied by, by the value of the point in which it stands."""
    if scaler is None or scaler.number is None:
        return None
    if point.scales:
        return point.scales.get(int(scaler.number))
    if point.scale_from is not None:
        return scaler.number
    power = int(scaler.number) if point.exponent_from is not None else -int(scaler.number)
    return float(f"1e{power}") if abs(power) <= _MOST_DECIMALS else None


def _number(point: Point, raw: int) -> float:
    if point.kind is Kind.DATE:
        return date_number(point, raw)
    if point.mask:
        return taken(raw, point.mask, signed=point.signed)
    return _DECODERS[point.kind](raw)


def _text(point: Point, raw: int) -> Value:
    said = raw.to_bytes(2 * point.width, "big").partition(b"\0")[0].decode("ascii", "replace").strip()
    if not point.codes:
        return Value(raw, 0.0, text=said)
    if said not in point.codes:
        return Value(raw, None, Cause.UNKNOWN_TEXT, text=said)
    return Value(point.codes[said], point.codes[said], text=said)


def ranged(point: Point, raw: int, number: float) -> Value:
    """A number of a point, without it where it is outside the point's range."""
    if (point.low is not None and number < point.low) or (point.high is not None and number > point.high):
        return Value(raw, None, Cause.OUT_OF_RANGE)
    return Value(raw, number)


def _combined(point: Point, words: Sequence[int]) -> int:
    if point.swapped and point.kind is not Kind.BOOL:
        words = [word >> 8 | (word & 0xFF) << 8 for word in words]
    if point.width == 1:
        return words[0]
    raw = 0
    for word in reversed(words) if point.low_first else words:
        raw = (raw << 16) | word
    return raw


def scaled(number: float, point: Point, factor: float = 1.0) -> float:
    """To twelve significant digits, so that 3 * 0.1 reads 0.3; of a number of more, to all that it has."""
    if point.scale == 1.0 and point.offset == 0.0 and factor == 1.0:
        return number
    if abs(number) >= _LONG:
        scale = Decimal(str(point.scale)) * Decimal(str(factor))
        return float(Decimal(number) * scale + Decimal(str(point.offset)))
    return float(f"{number * point.scale * factor + point.offset:.12g}")


def _signed(bits: int) -> Callable[[int], float]:
    top, whole = 1 << (bits - 1), 1 << bits
    return lambda raw: _whole((raw & whole - 1) - (whole if raw & top else 0))


def _unsigned(bits: int) -> Callable[[int], float]:
    whole = (1 << bits) - 1
    return lambda raw: _whole(raw & whole)


def _whole(number: int) -> float:
    """With all its digits: beyond 2 ** 53 a float has not all of them."""
    return number if abs(number) >= 1 << 53 else float(number)


def _decimal(raw: int) -> float:
    """The number that decimal digits write; none where one of them is beyond 9."""
    digits = f"{raw:x}"
    return _whole(int(digits)) if digits.isdecimal() else math.nan


def _real(width: int, form: str) -> Callable[[int], float]:
    return lambda raw: float(struct.unpack(form, raw.to_bytes(width, "big"))[0])


def _base10000(raw: int) -> float:
    return float((raw >> 16) * 10_000 + (raw & 0xFFFF))


_DECODERS: dict[Kind, Callable[[int], float]] = {
    Kind.BOOL: float,
    Kind.UINT16: float,
    Kind.UINT24: _unsigned(24),
    Kind.UINT32: float,
    Kind.UINT48: float,
    Kind.UINT64: _unsigned(64),
    Kind.INT16: _signed(16),
    Kind.INT24: _signed(24),
    Kind.INT32: _signed(32),
    Kind.INT48: _signed(48),
    Kind.INT64: _signed(64),
    Kind.FLOAT32: _real(4, ">f"),
    Kind.FLOAT64: _real(8, ">d"),
    Kind.BASE10000: _base10000,
    Kind.BCD16: _decimal,
    Kind.BCD32: _decimal,
    Kind.BCD48: _decimal,
    Kind.BCD64: _decimal,
}
