"""Where an event gets the name of its part and its zone, and how states of a point are parts of their own."""

from typing import Any

import msgspec
import pytest

from contract.part_book import BoundPart, PartBook
from contract.profile.expand import device_map
from contract.profile.model import ModbusProfile
from contract.site import Device, Site, SiteFile, Zone
from edge.decode.states import Moment, follow
from edge.decode.values import Value
from edge.parts import PartNames
from edge.ports import Happened

BOOK = PartBook([BoundPart(part="3-1..3-40", zone="b3-f3"), BoundPart(part="9", zh="only a name")])
SITE = Site(
    SiteFile(
        site="s",
        zones=(Zone(id="control"), Zone(id="b3-f3"), Zone(id="hall")),
        devices=(Device(id="panel", zone="control"), Device(id="genset", zone="control")),
    ),
    parts={"panel": BOOK},
)


def told(device: str = "panel", zone: str | None = None, **data: Any) -> Happened:
    return Happened(device=device, type="fire.alarm", at=1, observed_at=1, zone=zone, data=data)


@pytest.mark.parametrize(
    ("seen", "zone", "data"),
    [
        (told(component_address=3 * 65_536 + 12), "b3-f3", {"part": "3-12"}),
        (told(component_address=4 * 65_536), None, {"part": "4-0", "unbound": True}),
        (told(part="9"), None, {"part": "9", "unbound": True}),
        (told(loop=3, address=1, point="l3d001", zone="hall"), "hall", {"part": "3-1"}),
        (told("genset", point="alarm"), None, {"part": "alarm"}),
        (told(why="nonsense"), None, {}),
    ],
)
def test_an_event_is_named_and_placed_by_its_part(
    seen: Happened, zone: str | None, data: dict[str, Any]
) -> None:
    named = PartNames(SITE).named(seen)
    assert named.zone == zone
    assert named.data == {**seen.data, **data}


@pytest.mark.parametrize(
    ("data", "part"),
    [
        ({}, None),
        ({"loop": "1"}, "1"),
        ({"loop": [1]}, "?"),
        ({"state": "cleared"}, "reset_over"),
        ({"loop": 1, "state": 0}, "1.reset_over"),
    ],
)
def test_what_resets_nothing_never_stands_in_place_of_a_reset(data: dict[str, Any], part: str | None) -> None:
    seen = Happened(device="panel", type="fire.reset", at=1, observed_at=1, data=data)
    assert PartNames(SITE).named(seen).data.get("part") == part


def register(states: list[dict[str, Any]]) -> Any:
    profile = msgspec.convert(
        {
            "profile": "p",
            "emits": ["generator.fault"],
            "sources": ["a test"],
            "unit": 1,
            "limits": {"max_registers": 10, "response_timeout_ms": 500},
            "states": {"faults": states},
            "points": [{"name": "faults", "function": 3, "address": 0, "states": "faults"}],
        },
        ModbusProfile,
        strict=False,
    )
    return device_map(profile, Device(id="genset")).points[0]


def walked(states: list[dict[str, Any]], *values: int) -> list[tuple[str, str]]:
    """What a register tells as it goes through values: the part, and whether it is so or over."""
    point = register(states)
    active: Any = {}
    found = []
    for value in values:
        moment = Moment(since=0, answered_at=1, bridge_ms=10)
        outcome = follow("faults", point.told, point.states, Value(value, value), active, moment)
        active = outcome.active
        found += [PartNames().named(event).data for event in outcome.events]
    return [(str(data["part"]), str(data["state"])) for data in found]


def fault(name: str, **more: Any) -> dict[str, Any]:
    return {
        "name": name,
        "on": "generator.fault",
        "off": "generator.fault",
        "data": {"state": "active"},
        "off_data": {"state": "cleared"},
        **more,
    }


def test_several_bits_of_a_word_are_several_parts() -> None:
    bits = [
        fault("emergency_stop", mask="1", **{"in": [1]}),
        fault("low_oil_pressure", mask="2", **{"in": [1]}),
    ]
    assert walked(bits, 0, 1, 3, 2, 0) == [
        ("faults.emergency_stop", "active"),
        ("faults.low_oil_pressure", "active"),
        ("faults.emergency_stop", "cleared"),
        ("faults.low_oil_pressure", "cleared"),
    ]


@pytest.mark.parametrize("label", ["word", "fault", "alarm"])
def test_each_word_of_a_register_of_faults_is_a_part_and_ends_as_the_next_begins(label: str) -> None:
    words = {"0": "none", "1": "emergency_stop", "2": "low_oil_pressure"}
    state = fault("fault", mask="0xFF", words=words, **{"in": [1, 2], "as": label})
    assert walked([state], 0, 1, 1, 2, 0) == [
        ("faults.emergency_stop", "active"),
        ("faults.emergency_stop", "cleared"),
        ("faults.low_oil_pressure", "active"),
        ("faults.low_oil_pressure", "cleared"),
    ]


def test_how_bad_a_fault_is_makes_no_other_part_of_it() -> None:
    words = {"0": "none", "1": "warning", "2": "shutdown"}
    state = fault("state", mask="0xFF", words=words, **{"in": [1, 2], "as": "severity"})
    assert walked([state], 0, 1, 2, 0) == [("faults", "active"), ("faults", "active"), ("faults", "cleared")]


def test_states_of_different_types_are_of_one_part() -> None:
    states = [
        fault("alarm", mask="1", **{"in": [1], "on": "fire.alarm", "off": "fire.alarm"}),
        fault("fault", mask="2", **{"in": [1], "on": "fire.fault", "off": "fire.fault"}),
    ]
    assert walked(states, 0, 3) == [("faults", "active"), ("faults", "active")]
