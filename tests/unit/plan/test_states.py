"""How devices are, of what they told."""

import itertools
from typing import Any

import msgspec
import pytest

from cloud.plan.states import states
from contract.events import (
    KNOWN_TYPES,
    LASTING_PART_TYPES,
    LASTING_TYPES,
    Event,
    has_ended,
    part_of,
    raw_data,
)
from contract.site import Device, Site, SiteFile, Zone
from contract.site_parts import event_zone


def told(seq: int, kind: str, device: str = "d", at: int | None = None, **data: Any) -> Event:
    """An event with its data; at its number unless said otherwise."""
    return Event(seq=seq, at=seq if at is None else at, device=device, type=kind, data=raw_data(data))


CASES = {
    "the newest of a line": (
        [told(1, "gate.released"), told(2, "gate.locked"), told(3, "gate.released", at=1)],
        [("gate.locked", None)],
    ),
    "of one moment the later number": (
        [told(1, "gate.released", at=5), told(2, "gate.locked", at=5)],
        [("gate.locked", None)],
    ),
    "a lock and its door are two lines": (
        [
            told(1, "gate.released", point="di_3"),
            told(2, "door.opened", point="di_4"),
            told(3, "door.closed"),
        ],
        [("door.closed", None), ("gate.released", None)],
    ),
    "an engine that runs does not say that it bears the load": (
        [told(1, "generator.on_load"), told(2, "generator.off_load"), told(3, "generator.started")],
        [("generator.started", None), ("generator.off_load", None)],
    ),
    "each detector by itself": (
        [
            told(1, "fire.alarm", point="l1d001"),
            told(2, "fire.alarm", point="l1d002"),
            told(3, "fire.reset", point="l1d001"),
        ],
        [("fire.reset", "l1d001"), ("fire.alarm", "l1d002")],
    ),
    "a reset of the panel ends what its detectors told before": (
        [told(1, "fire.alarm", point="l1d001"), told(2, "fire.reset"), told(3, "fire.alarm", point="l1d002")],
        [("fire.reset", None), ("fire.alarm", "l1d002")],
    ),
    "a reset of one system leaves what the detectors of another told": (
        [
            told(1, "fire.alarm", part="3-12"),
            told(2, "fire.alarm", part="2/3-12"),
            told(3, "fire.reset", part="2/system"),
            told(4, "fire.alarm", part="2/3-13"),
        ],
        [("fire.alarm", "2/3-13"), ("fire.reset", "2/system"), ("fire.alarm", "3-12")],
    ),
    "a fault that is cleared is none, another stands": (
        [
            told(1, "generator.fault", point="low_oil", state="active"),
            told(2, "generator.fault", point="fail_start", state="active"),
            told(3, "generator.fault", point="low_oil", state="cleared"),
        ],
        [("generator.fault", "fail_start")],
    ),
    "what does not last is passed over": ([told(1, "checkpoint.scan"), told(2, "fire.prealarm")], []),
}


@pytest.mark.parametrize("case", CASES)
def test_a_device_is_as_it_told_last(case: str) -> None:
    events, expected = CASES[case]
    for order in itertools.permutations(events):
        assert [(state.event.type, state.part) for state in states(order)] == expected


def test_devices_do_not_mix() -> None:
    found = states([told(1, "gate.released", "g1"), told(2, "gate.locked", "g2")])
    assert [(state.event.device, state.event.type) for state in found] == [
        ("g1", "gate.released"),
        ("g2", "gate.locked"),
    ]


def test_what_lasts_is_known_and_told_either_of_a_device_or_of_its_parts() -> None:
    assert LASTING_TYPES | LASTING_PART_TYPES <= KNOWN_TYPES
    assert not LASTING_TYPES & LASTING_PART_TYPES


@pytest.mark.parametrize(
    "data", [b"[1]", b"7", b"{", b'{"point": 7, "state": ["cleared"]}', b'{"point": null}']
)
def test_an_event_with_strange_data_is_one_of_its_device(data: bytes) -> None:
    event = Event(seq=1, at=1, device="d", type="fire.alarm", data=msgspec.Raw(data))
    assert part_of(event) == ""
    assert not has_ended(event)


@pytest.mark.parametrize(
    ("device", "named", "zone"), [("d", "b", "b"), ("d", None, "a"), ("stranger", None, None)]
)
def test_an_event_is_where_it_says_or_where_its_device_stands(
    device: str, named: str | None, zone: str | None
) -> None:
    site = Site(SiteFile(site="s", zones=(Zone(id="a"), Zone(id="b")), devices=(Device(id="d", zone="a"),)))
    assert event_zone(site, Event(seq=1, at=1, device=device, type="door.opened", zone=named)) == zone
