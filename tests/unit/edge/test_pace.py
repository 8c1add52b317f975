"""A device that is read more rarely than its changes need says so, and says when it is over."""

from contract.site import Binding, Device
from tests.bus import Hand, events, written

PROFILE = """
profile: gate
protocol: modbus
emits: [gate.released, gate.locked]
polls: {normal: 1s, slow: 10s}
states: {lock: [{name: lock, mask: "1", in: [1], on: gate.released, off: gate.locked}]}
points:
  - {name: lock, function: 3, address: 0, states: lock, report: false}
  - {name: pulse, function: 2, address: 0, type: bool, states: lock, report: false}
  - {name: level, function: 4, address: 0, poll: slow}
"""


def hand() -> Hand:
    return Hand(
        written(PROFILE), Device(id="gate", profile="gate", points={"pulse": Binding(shortest="1500ms")})
    )


def reads(gate: Hand, point: str, gaps: list[int], begin: int = 0) -> int:
    at = begin
    for gap in gaps:
        at += gap
        gate.answers(gate.request(point), [0], at)
    return at


def faults(gate: Hand) -> list[tuple[object, object, object]]:
    told = [one for one in events(gate.told) if one.type == "device.fault"]
    return [(one.data["state"], one.data.get("points"), one.data.get("causes")) for one in told]


def test_a_request_that_comes_at_its_pace_or_misses_one_now_and_then_is_well() -> None:
    gate = hand()
    reads(gate, "lock", [1_000, 1_900, 2_500, 1_000, 1_000, 3_000, 1_000, 1_000, 1_000] * 5)
    assert faults(gate) == []


def test_one_that_comes_too_rarely_for_its_changes_is_told_once_until_it_is_well() -> None:
    gate = hand()
    at = reads(gate, "lock", [3_000] * 20)
    assert faults(gate) == [("active", "lock", "read_too_rarely")]
    reads(gate, "lock", [1_000] * 20, at)
    assert faults(gate)[1:] == [("cleared", None, None)]


def test_a_pulse_that_the_pace_would_have_seen_may_be_missed_at_the_real_one() -> None:
    gate = hand()
    reads(gate, "pulse", [1_700] * 10)
    assert faults(gate) == [("active", "pulse", "pulse_may_be_missed")]


def test_what_tells_of_no_state_may_come_when_it_will() -> None:
    gate = hand()
    reads(gate, "level", [60_000] * 10)
    assert faults(gate) == []
