"""Whether an event begins a state or ends it, whatever a source wrote."""

from typing import Any

import msgspec
import pytest

from contract.events import (
    ENDED_BY,
    KNOWN_TYPES,
    MOMENT_TYPES,
    RESET_TYPES,
    Event,
    Phase,
    has_ended,
    phase_of,
    raw_data,
    type_now,
)
from contract.state_words import GOOD_TYPES, state_word

ENDS = (
    *(
        "故障恢复",
        "恢复正常",
        "报警解除",
        "解除",
        "复位",
        "恢復",
        "故障恢復",
        "報警解除",
        "已復位",
        "火警消除",
        "故障 已恢复",
    ),
    *(
        "off",
        "recovered",
        "Recovered",
        "０",
        "0.0",
        "０．０",
        "00",
        "ＯＫ",
        "alarm_cleared",
        "解除报警",
        "无故障",
    ),
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
    "state", ["Cleared", " cleared ", "restored", "RETURN_TO_NORMAL", "已恢复", False, 0, 0.0, *ENDS]
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
    ("kind", "states"),
    [
        *(
            (kind, ("closed", "OFF"))
            for kind in ("door.closed", "gate.locked", "mains.restored", "input.off")
        ),
        *(
            (kind, ("closed", "OFF", "pending", 7))
            for kind in ("generator.mode", "mains.lost", "door.opened")
        ),
    ],
)
def test_where_the_type_says_how_it_is_a_word_of_the_device_changes_nothing(
    kind: str, states: tuple[object, ...]
) -> None:
    if kind == "door.opened":
        states = ("OFF", "pending", 7)
    assert {phase_of(told(kind, {"state": state})) for state in states} == {Phase.BEGINS}


@pytest.mark.parametrize("kind", sorted(GOOD_TYPES))
def test_a_type_that_says_all_is_well_is_confirmed_by_words_that_say_so_too(kind: str) -> None:
    for word in (*ENDS, "ok", "Normal", "restored", "closed", 0, False, 0.0, "false", "正常", "active"):
        assert phase_of(told(kind, {"state": word})) is Phase.BEGINS, word
        assert type_now(told(kind, {"state": word})) == kind
    for word in ("pending", "", 7, [], "inactive", "over", "未恢复", "begun"):
        assert phase_of(told(kind, {"state": word})) is not Phase.ENDS, word
    assert phase_of(told(kind, {"state": "pending"})) is Phase.UNCLEAR


@pytest.mark.parametrize("kind", sorted(GOOD_TYPES))
def test_only_the_contrary_turns_a_type_that_says_all_is_well(kind: str) -> None:
    (contrary,) = ENDED_BY[kind]
    for word in ("cleared", " CLEARED ", contrary.partition(".")[2]):
        assert phase_of(told(kind, {"state": word})) is Phase.ENDS
        assert type_now(told(kind, {"state": word})) == contrary
    for word in ("alarm", "报警"):
        turned = Phase.UNCLEAR if kind.startswith("generator.") else Phase.ENDS
        assert phase_of(told(kind, {"state": word})) is turned


@pytest.mark.parametrize("kind", sorted(ENDED_BY.keys() - GOOD_TYPES))
def test_a_word_that_leaves_it_open_never_ends_what_is_bad(kind: str) -> None:
    for word in ("pending", "", 7, [], "未恢复", "未解除", "off-normal", "x" * 1000):
        assert not has_ended(told(kind, {"state": word}))


@pytest.mark.parametrize(
    ("kind", "word"),
    [
        *(("mains.lost", "off"), ("mains.lost", "lost"), ("device.offline", "off"), ("door.opened", "open")),
        *(("generator.started", "normal"), ("generator.on_load", "on load"), ("generator.mode", "off")),
    ],
)
def test_a_word_that_repeats_the_type_ends_nothing(kind: str, word: str) -> None:
    assert phase_of(told(kind, {"state": word})) is Phase.BEGINS


@pytest.mark.parametrize("state", ["cleared", "Inactive", 0, "off", False])
def test_the_end_of_the_signal_of_a_reset_is_no_reset(state: object) -> None:
    assert phase_of(told("fire.reset", {"state": state})) is Phase.ENDS


@pytest.mark.parametrize("state", ["active", "复位", "restored", "normal", 1, None, "pending"])
def test_a_reset_stays_one_in_other_words(state: object) -> None:
    assert phase_of(told("fire.reset", {"state": state})) is Phase.MOMENT


@pytest.mark.parametrize("kind", sorted(MOMENT_TYPES - RESET_TYPES))
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
