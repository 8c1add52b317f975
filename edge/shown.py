"""A point with its value as an engineer looks at it: raw, bits, all digits, and what it stands for. Pure."""

import datetime as dt
from collections.abc import Iterator
from decimal import Decimal
from typing import Final

import msgspec

from contract.causes import Why
from contract.profile.model import Kind
from contract.profile.points import Point, StateRule
from edge.decode.states import Verdict, judge
from edge.decode.values import Value

_WHOLE: Final = 0xFFFF_FFFF_FFFF_FFFF
_NO_BITS: Final = frozenset(
    {
        Kind.BOOL,
        Kind.TEXT,
        Kind.DATE,
        Kind.FLOAT32,
        Kind.FLOAT64,
        Kind.BCD16,
        Kind.BCD32,
        Kind.BCD48,
        Kind.BCD64,
    }
)
_EPOCH: Final = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)


class Shown(msgspec.Struct, frozen=True, kw_only=True):
    """A point as it was read. `value` None: `why` says what is amiss.

    `is_decimal`: the raw value is digits, not bits. `bits`: of a register of bits those that are set, `unread` those of them that nothing in the profile reads. `word`:
    what the value stands for, and which event that is. `path` and `found`: in a message, where it stands and what does.
    """

    name: str
    raw: int | None
    value: float | None
    unit: str
    is_decimal: bool = False
    bits: tuple[int, ...] | None = None
    unread: tuple[int, ...] = ()
    word: str = ""
    why: str = ""
    verified: bool = True
    path: str = ""
    found: str = ""


def without(point: Point, why: str) -> Shown:
    """A point that has no value, and why."""
    return Shown(name=point.name, raw=None, value=None, unit=point.unit, why=why, verified=point.verified)


def shown(point: Point, value: Value) -> Shown:
    """A point with the value that was read."""
    bits = _bits(point, value.raw)
    return Shown(
        name=point.name,
        raw=value.raw,
        value=value.number,
        unit=point.unit,
        bits=bits,
        unread=tuple(bit for bit in bits or () if not _read(point) >> bit & 1),
        word=_word(point, value),
        why=str(Why(value.cause, value.about)) if value.cause else "",
        verified=point.verified,
    )


def digits(number: float) -> str:
    """All digits of a number, none of them rounded away, without an exponent."""
    if isinstance(number, int) or (number.is_integer() and abs(number) < 1 << 53):
        return str(int(number))
    return format(Decimal(repr(number)), "f")


def _bits(point: Point, raw: int) -> tuple[int, ...] | None:
    """The bits that are set, the lowest first; None where the value is no set of bits."""
    masks = [rule.mask for rule in point.states if rule.mask]
    if (
        point.kind in _NO_BITS
        or raw < 0
        or not any(mask != _WHOLE for mask in (*masks, point.mask or _WHOLE))
    ):
        return None
    return tuple(bit for bit in range(raw.bit_length()) if raw >> bit & 1)


def _read(point: Point) -> int:
    """The bits that count for something."""
    found = point.absent_mask | point.mask
    for rule in point.states:
        found |= rule.mask
    return found


def _word(point: Point, value: Value) -> str:
    if value.number is None:
        return ""
    said = list(_words(point, value))
    if point.kind is Kind.TEXT:
        said.insert(0, repr(value.text))
    if point.kind is Kind.DATE:
        said.insert(0, f"{_EPOCH + dt.timedelta(seconds=value.number):%Y-%m-%d %H:%M:%S}")
    return ", ".join(said)


def _words(point: Point, value: Value) -> Iterator[str]:
    """Of each state that is so, its name or word and the event; of others only a word of their own."""
    for rule in point.states:
        verdict, word = judge(rule, value, was_so=False)
        alone = len(point.states) == 1
        if verdict is Verdict.SO:
            yield _so(rule, word, alone=alone)
        elif verdict is Verdict.UNKNOWN:
            code = (value.raw & rule.mask) >> rule.shift
            yield f"unknown code {code}" if alone else f"{rule.name}: unknown code {code}"
        elif verdict is Verdict.ABSENT:
            yield "not there" if alone else f"{rule.name}: not there"
        elif word and alone:
            yield word


def _so(rule: StateRule, word: str, *, alone: bool) -> str:
    named = f"{rule.name}: {word}" if word and not alone else word or rule.name
    return f"{named} ({rule.on})" if rule.on else named
