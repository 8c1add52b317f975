"""T43: a device whose clock stands still shows old values: it is blind within three polls, until it moves again."""

import pytest

from contract.problems import ConfigError
from contract.site import Device
from edge.ports import Covered, Failed
from tests.bus import Hand, events, readings, written

PROFILE = """
profile: clocked
protocol: modbus
emits: [fire.alarm, fire.reset]
polls: {normal: 1s}
states: {fire: [{name: fire, mask: "1", in: [1], on: fire.alarm, off: fire.reset}]}
alive: {point: clock}
points:
  - {name: clock, function: 3, address: 0, report: false}
  - {name: smoke, function: 3, address: 1, states: fire}
"""


@pytest.fixture
def hand() -> Hand:
    return Hand(written(PROFILE), Device(id="dev", profile="clocked"))


def reads(hand: Hand, clock: int, smoke: int, at: int) -> list[object]:
    return list(hand.answers(hand.request("clock"), [clock, smoke], at))


def test_t43_a_frozen_device_is_stale_within_three_polls(hand: Hand) -> None:
    for second in range(5):
        reads(hand, second, 0, second * 1_000)
    told = [reads(hand, 4, 0, second * 1_000) for second in range(5, 9)]
    assert [any(isinstance(seen, Failed) for seen in one) for one in told] == [False, False, True, True]
    assert [event.data["causes"] for event in events(hand.told)] == ["frozen"]


def test_nothing_of_a_frozen_device_is_told_and_what_follows_begins_anew(hand: Hand) -> None:
    for second in range(3):
        reads(hand, second, 0, second * 1_000)
    for second in range(3, 8):
        reads(hand, 2, 0, second * 1_000)
    hand.told.clear()
    assert readings(reads(hand, 2, 1, 8_000)) == {}
    seen = reads(hand, 9, 1, 9_000)
    (alarm,) = events(seen)
    assert (alarm.type, alarm.at, alarm.observed_at) == ("fire.alarm", 9_020, 9_020), (
        "when it began, nobody saw"
    )
    spans = [(one.since, one.to) for one in seen if isinstance(one, Covered)]
    assert spans == [(9_000, 9_000)], "the time it stood still is not covered"


def test_a_device_without_such_a_point_may_stand_still() -> None:
    plain = Hand(written(PROFILE.replace("alive: {point: clock}\n", "")), Device(id="dev", profile="clocked"))
    for second in range(9):
        assert not [seen for seen in reads(plain, 7, 0, second * 1_000) if isinstance(seen, Failed)]


def test_the_point_must_be_there() -> None:
    with pytest.raises(ConfigError, match=r"alive\.point: no point 'clok'"):
        written(PROFILE.replace("alive: {point: clock}", "alive: {point: clok}"))


def test_what_a_device_lacks_holds_nothing_up_when_it_moves_again() -> None:
    optional = (
        PROFILE.rstrip() + "\n  - {name: extra, function: 3, address: 90, optional: true, states: fire}\n"
    )
    hand = Hand(written(optional), Device(id="dev", profile="clocked"))
    hand.refuses(hand.request("extra"), 2, 0)
    for second in range(8):
        reads(hand, min(second, 2), 0, second * 1_000)
    seen = reads(hand, 99, 0, 9_000) + reads(hand, 100, 0, 10_000)
    assert [(one.since, one.to) for one in seen if isinstance(one, Covered)][-1] == (9_000, 10_000)
