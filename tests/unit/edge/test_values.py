"""Registers become numbers, and where there is none the cause is known."""

import math
import struct
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contract.profile.model import Kind
from contract.profile.points import Point, Told
from edge.decode.values import Value, read_value


def point(kind: Kind, width: int, **more: Any) -> Point:
    return Point(name="p", told=Told(device="d"), function=3, address=0, width=width, kind=kind, **more)


@pytest.mark.parametrize(
    ("kind", "words", "number"),
    [
        (Kind.BOOL, [1], 1),
        (Kind.UINT16, [0xFFFF], 65535),
        (Kind.INT16, [0xFFCE], -50),
        (Kind.UINT32, [0x0001, 0x0002], 65538),
        (Kind.INT32, [0xFFFF, 0xFFFF], -1),
        (Kind.INT64, [0xFFFF, 0xFFFF, 0xFFFF, 0xFFFE], -2),
        (Kind.UINT64, [0, 0, 1, 0], 65536),
        (Kind.FLOAT32, [0x4148, 0x0000], 12.5),
        (Kind.FLOAT64, [0xC029, 0x0000, 0, 0], -12.5),
        (Kind.BASE10000, [12, 345], 120345),
    ],
)
def test_each_kind_is_decoded(kind: Kind, words: list[int], number: float) -> None:
    assert read_value(point(kind, len(words)), words).number == number


@pytest.mark.parametrize("words", [[0x4148, 0x0000]])
def test_the_low_word_may_come_first(words: list[int]) -> None:
    assert read_value(point(Kind.FLOAT32, 2, low_first=True), words[::-1]).number == 12.5


def test_a_value_below_zero_is_scaled_with_its_sign() -> None:
    assert read_value(point(Kind.INT16, 1, scale=0.1), [0xFFCE]).number == -5.0


@given(st.integers(0, 65535))
def test_tenths_read_as_people_write_them(raw: int) -> None:
    value = read_value(point(Kind.UINT16, 1, scale=0.1), [raw])
    assert str(value.number) == f"{raw // 10}.{raw % 10}"


@given(st.floats(width=32, allow_nan=False, allow_infinity=False))
def test_floats_come_back_as_they_were_sent(number: float) -> None:
    raw = struct.pack(">f", number)
    words = [int.from_bytes(raw[:2], "big"), int.from_bytes(raw[2:], "big")]
    assert read_value(point(Kind.FLOAT32, 2), words).number == number


@pytest.mark.parametrize("number", [math.nan, math.inf, -math.inf])
def test_what_is_no_number_is_no_value(number: float) -> None:
    raw = struct.pack(">f", number)
    words = [int.from_bytes(raw[:2], "big"), int.from_bytes(raw[2:], "big")]
    value = read_value(point(Kind.FLOAT32, 2), words)
    assert (value.number, value.cause) == (None, "not_a_number")


def test_a_sentinel_is_no_value_and_names_its_cause() -> None:
    fault = point(Kind.INT16, 1, na={0x7FFC: "transducer_fault"}, absent_causes=frozenset({"unimplemented"}))
    assert read_value(fault, [0x7FFC]) == Value(0x7FFC, None, "transducer_fault")


def test_some_sentinels_say_that_there_is_no_such_thing() -> None:
    lacking = point(Kind.UINT16, 1, na={0xFFFF: "unimplemented"}, absent_causes=frozenset({"unimplemented"}))
    assert read_value(lacking, [0xFFFF]).absent


def test_part_of_the_bits_may_say_that_there_is_no_such_thing() -> None:
    programmed = point(Kind.UINT16, 1, absent_mask=0xFF, absent_codes=frozenset({0xFF}))
    assert read_value(programmed, [0x14FF]).absent
    assert not read_value(programmed, [0x1400]).absent


@pytest.mark.parametrize(
    ("raw", "cause"), [(601, "out_of_range"), (600, ""), (0xFE70, ""), (0xFE6F, "out_of_range")]
)
def test_the_range_is_checked_on_the_scaled_value_bounds_included(raw: int, cause: str) -> None:
    value = read_value(point(Kind.INT16, 1, scale=0.1, low=-40, high=60), [raw])
    assert (value.cause, value.number is None) == (cause, bool(cause))
