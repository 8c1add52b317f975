"""The one name of a part, whatever its source calls it."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contract.parts import component_part, is_reset_with, kin_of, part_name, renamed, reset_name, tidy_part

_COMPONENT = {"system": 1, "system_address": 1, "component": 40, "what": "component"}


@pytest.mark.parametrize(
    ("data", "part"),
    [
        ({"loop": 1, "address": 134, "point": "l1d134"}, "1-134"),
        ({"loop": 1, "address": 134, "point": "l1m134", "device_kind": "module"}, "1-M134"),
        ({**_COMPONENT, "component_address": 132}, "132"),
        ({**_COMPONENT, "component_address": 0x000600D9}, "6-217"),
        ({**_COMPONENT, "component_address": 0}, "0"),
        ({**_COMPONENT, "component_address": 132, "what": "power"}, "132.power"),
        ({**_COMPONENT, "component_address": 132, "system_address": 2}, "2/132"),
        ({**_COMPONENT, "component_address": 132, "system": 11, "system_address": 1}, "11.1/132"),
        ({"system": 1, "system_address": 1, "what": "main_power"}, "main_power"),
        ({"system": 1, "system_address": 3, "what": "system"}, "3/system"),
        ({"system": 1, "system_address": 1, "what": "reset", "operator": 2}, ""),
        ({"what": "line_to_centre", "state": "active"}, "line_to_centre"),
        ({"point": "alarms_1", "alarm": "emergency_stop"}, "alarms_1.emergency_stop"),
        ({"point": "engine_state", "what": "shutdown"}, "engine_state"),
        ({"part": "3-12", "point": "raw"}, "3-12"),
        ({"part": "", "point": "smoke"}, "smoke"),
        ({"part": True, "loop": True, "address": 2.5}, ""),
        ({"part": 7, "loop": True, "address": 2.5}, "7"),
        ({"part": 132}, "132"),
        ({"part": 132.0}, "132"),
        ({"loop": "1", "address": "1"}, "1-1"),
        ({"loop": "０1", "address": " 001 "}, "1-1"),
        ({"loop": 1.0, "address": 1.0}, "1-1"),
        ({"loop": "1.0", "address": 1}, "1-1"),
        ({"loop": "1", "address": "M7", "device_kind": "module"}, "1-M7"),
        ({"loop": "A", "address": 7}, "A-7"),
        ({"loop": "1"}, "1"),
        ({**_COMPONENT, "component_address": "132"}, "132"),
        ({**_COMPONENT, "component_address": 132.0, "system_address": "2"}, "2/132"),
        ({"loop": float("nan"), "address": float("inf")}, ""),
        ({"loop": 2}, "2"),
        ({"loop": True, "address": 2}, "2"),
        ({"state": "active", "why": "no JSON object"}, ""),
    ],
)
def test_a_part_is_named_whatever_its_source_calls_it(data: dict[str, Any], part: str) -> None:
    assert part_name(data) == part
    assert part_name({**data, "part": part}) == part


@pytest.mark.parametrize(
    ("data", "reset"),
    [
        ({"system": 1, "system_address": 1, "what": "reset", "operator": 2}, "system"),
        ({"system": 1, "system_address": 3, "what": "reset"}, "3/system"),
        ({"system": 11, "system_address": 1, "what": "reset"}, "11.1/system"),
        ({"system": 0, "system_address": 1, "what": "reset"}, ""),
        ({"operator": 2, "what": "reset"}, ""),
        ({"loop": 1, "address": 134}, "1-134"),
        ({"loop": 1}, "1"),
        ({"loop": "1"}, "1"),
        ({"loop": [1]}, "?"),
        ({"part": {"loop": 1}}, "?"),
        ({"loop": None, "address": ""}, ""),
        ({"part": "2/system", "system": 1, "system_address": 1}, "2/system"),
        ({}, ""),
    ],
)
def test_a_reset_names_what_it_resets(data: dict[str, Any], reset: str) -> None:
    assert reset_name(data) == reset


@given(
    st.sampled_from([(1, 1), (1, 2), (1, 12), (11, 2)]),
    st.sampled_from([(1, 1), (1, 2), (1, 12), (11, 2)]),
    st.sampled_from(["component", "power", "system", "main_power"]),
    st.integers(0, 2**32 - 1),
)
def test_a_reset_of_a_system_ends_what_is_behind_it_and_nothing_else(
    one: tuple[int, int], other: tuple[int, int], what: str, address: int
) -> None:
    def named(system: tuple[int, int]) -> dict[str, Any]:
        return {"system": system[0], "system_address": system[1]}

    component = {"component_address": address} if what in {"component", "power"} else {}
    part = part_name({**named(one), "what": what, **component})
    assert is_reset_with(part, reset_name({**named(other), "what": "reset"})) is (one == other)
    assert is_reset_with(part, "")


@given(st.integers(0, 999), st.integers(0, 999))
def test_a_number_names_one_part_in_each_form_of_it(loop: int, address: int) -> None:
    forms = (
        (loop, address),
        (str(loop), f"{address:04}"),
        (float(loop), float(address)),
        (f"{loop}.0", address),
    )
    assert {part_name({"loop": one, "address": other}) for one, other in forms} == {f"{loop}-{address}"}
    assert part_name({"part": address}) == part_name({"part": float(address)}) == str(address)


def test_a_reset_that_is_not_understood_ends_nothing() -> None:
    for part in ("", "1", "1-1", "system", "2/system"):
        assert not is_reset_with(part, reset_name({"loop": [1]}))


@given(st.integers(0, 2**32 - 1), st.integers(0, 2**32 - 1))
def test_two_components_are_two_parts(one: int, other: int) -> None:
    assert (component_part(one) == component_part(other)) is (one == other)


@pytest.mark.parametrize(
    ("written", "part"),
    [
        ("３－１２", "3-12"),
        ("003-012", "3-12"),
        (" 3 - 12 ", "3-12"),
        ("3—12", "3-12"),
        ("1-M007", "1-M7"),
        ("l1d001", "l1d001"),
        ("2/003-012.power", "2/3-12.power"),
        ("0", "0"),
        ("100", "100"),
    ],
)
def test_a_part_is_known_as_people_write_it(written: str, part: str) -> None:
    assert tidy_part(written) == part


@given(st.from_regex(r"([1-9]/)?[0-9]{1,3}-M?[0-9]{1,3}", fullmatch=True))
def test_a_tidy_part_stays_as_it_is(part: str) -> None:
    assert tidy_part(tidy_part(part)) == tidy_part(part)


def test_a_part_is_looked_up_by_its_component_and_without_its_system() -> None:
    assert kin_of("2/3-12.power") == ("2/3-12.power", "2/3-12", "3-12.power", "3-12")
    assert kin_of("11.2/132") == ("11.2/132", "132")
    assert kin_of("132") == ("132",)


@pytest.mark.parametrize(
    ("stored", "part"),
    [("1-134-l1d134", "1-134"), ("1-134-l1m134", "1-M134"), ("1-134", "1-134"), ("oil_low", "oil_low")],
)
def test_what_was_stored_under_three_fields_goes_on_under_its_name(stored: str, part: str) -> None:
    assert renamed(stored) == part
