"""Whether an event begins a state or ends it, whatever a source wrote."""

from typing import Any

import msgspec
import pytest

from contract.events import (
    ENDED_BY,
    KNOWN_TYPES,
    MOMENT_TYPES,
    Event,
    Phase,
    has_ended,
    phase_of,
    raw_data,
    state_word,
)

LEVELS = sorted(KNOWN_TYPES - MOMENT_TYPES)
OPEN = (
    "fire.alarm",
    "fire.fault",
    "device.fault",
    "device.tamper",
    "generator.fault",
    "door.held",
    "lift.stuck",
)
"""Types that need a word to say that they are over."""


def told(kind: str, data: dict[str, Any] | None = None) -> Event:
    """An event of a type with its data."""
    return Event(seq=1, at=1, device="d", type=kind, data=raw_data(data))


@pytest.mark.parametrize("kind", LEVELS)
@pytest.mark.parametrize(
    ("data", "phase"),
    [
        ({}, Phase.BEGINS),
        ({"loop": 1}, Phase.BEGINS),
        ({"state": "active"}, Phase.BEGINS),
        ({"state": None}, Phase.BEGINS),
        ({"state": "cleared"}, Phase.ENDS),
        ({"state": "CLEARED"}, Phase.ENDS),
    ],
)
def test_a_state_begins_unless_it_says_cleared(kind: str, data: dict[str, Any], phase: Phase) -> None:
    assert phase_of(told(kind, data)) is phase
    assert has_ended(told(kind, data)) is (phase is Phase.ENDS)


@pytest.mark.parametrize(
    "state", ["Cleared", " cleared ", "restored", "RETURN_TO_NORMAL", "已恢复", False, 0, 0.0]
)
@pytest.mark.parametrize("kind", OPEN)
def test_other_words_for_the_end_are_the_end(kind: str, state: object) -> None:
    assert phase_of(told(kind, {"state": state})) is Phase.ENDS


@pytest.mark.parametrize("state", ["Active", "ACTIVE", "Alarm", "triggered", "报警", True, 1])
@pytest.mark.parametrize("kind", OPEN)
def test_other_words_for_the_beginning_are_the_beginning(kind: str, state: object) -> None:
    assert phase_of(told(kind, {"state": state})) is Phase.BEGINS


@pytest.mark.parametrize("state", ["pending", "", "2", 2, -1, 1.5, [], ["cleared"], {"state": "cleared"}])
def test_a_word_that_could_be_either_is_neither(state: object) -> None:
    assert state_word(state) is None
    for kind in OPEN:
        assert phase_of(told(kind, {"state": state})) is Phase.UNCLEAR


@pytest.mark.parametrize(
    "kind", ["door.closed", "gate.locked", "mains.restored", "input.off", "generator.mode"]
)
@pytest.mark.parametrize("state", ["closed", "OFF", "pending", 7])
def test_where_the_type_says_how_it_is_a_word_of_the_device_changes_nothing(kind: str, state: object) -> None:
    assert phase_of(told(kind, {"state": state})) is Phase.BEGINS


@pytest.mark.parametrize("kind", sorted(MOMENT_TYPES))
@pytest.mark.parametrize("state", ["active", "cleared", "done", 0])
def test_a_moment_has_no_end(kind: str, state: object) -> None:
    assert phase_of(told(kind, {"state": state})) is Phase.MOMENT


@pytest.mark.parametrize("data", [b"[1]", b"7", b"{", b"null", b"", b'{"state": 1e999}', b"\xff"])
def test_data_that_is_none_says_nothing_of_an_end(data: bytes) -> None:
    assert phase_of(Event(seq=1, at=1, device="d", type="fire.alarm", data=msgspec.Raw(data))) is Phase.BEGINS


def test_what_ends_a_state_is_known_and_is_not_that_state() -> None:
    for name, ends in ENDED_BY.items():
        assert {name} | ends <= KNOWN_TYPES
        assert name not in ends
