"""A reset of a panel read over Modbus ends what stands there: a point in fire again is a fire again."""

from hypothesis import given
from hypothesis import strategies as st

from contract.site import Device
from tests.bus import Hand, events, kinds, written

PROFILE = """
profile: panel
protocol: modbus
emits: [fire.alarm, fire.fault, fire.reset, fire.mode]
polls: {normal: 1s}
states:
  reset: [{name: reset, mask: "1", in: [1], on: fire.reset}]
  mode: [{name: mode, mask: "1", in: [1], on: fire.mode, off: fire.mode, data: {mode: manual}, off_data: {mode: auto}}]
  part:
    - {name: fire, mask: "1", in: [1], on: fire.alarm, off: fire.alarm, data: {state: active}, off_data: {state: cleared}}
points:
  - {name: reset, function: 3, address: 0, states: reset, report: false}
  - {name: mode, function: 3, address: 1, states: mode, report: false}
  - {name: d1, function: 4, address: 0, states: part, report: false, data: {point_number: 1}}
  - {name: d2, function: 4, address: 1, states: part, report: false, data: {point_number: 2}}
"""


class Panel:
    def __init__(self) -> None:
        self.hand = Hand(written(PROFILE), Device(id="panel", profile="panel"))
        self.now = 0

    def shows(self, reset: int, d1: int, d2: int, mode: int = 0) -> list[str]:
        self.now += 1_000
        seen = self.hand.answers(self.hand.request("reset"), [reset, mode], self.now)
        seen += self.hand.answers(self.hand.request("d1"), [d1, d2], self.now + 100)
        return kinds(seen)


def test_a_point_that_is_in_fire_on_both_sides_of_a_reset_is_told_twice() -> None:
    panel = Panel()
    assert panel.shows(0, 1, 0) == ["fire.alarm"]
    assert panel.shows(0, 1, 0) == []
    assert panel.shows(1, 1, 0) == ["fire.reset", "fire.alarm"]
    assert panel.shows(1, 1, 0) == []
    assert panel.shows(0, 1, 0) == []
    assert panel.shows(1, 1, 0) == ["fire.reset", "fire.alarm"]


def test_what_stands_after_a_reset_is_dated_after_it() -> None:
    panel = Panel()
    panel.shows(0, 1, 0)
    panel.shows(1, 1, 0)
    _, reset, alarm = events(panel.hand.told)
    assert alarm.at > reset.at + reset.error_ms


def test_a_reset_leaves_the_mode() -> None:
    panel = Panel()
    panel.shows(0, 0, 0, mode=1)
    assert panel.shows(1, 0, 0, mode=1) == ["fire.reset"]


@given(st.lists(st.tuples(st.integers(0, 1), st.integers(0, 1), st.integers(0, 1)), max_size=30))
def test_after_any_history_what_was_told_stands_as_at_the_panel(shown: list[tuple[int, int, int]]) -> None:
    """Each read finds the panel as it is; what was told last of each point, a reset apart, is what stands."""
    panel, told = Panel(), set[int]()
    for reset, d1, d2 in shown:
        count = len(panel.hand.told)
        panel.shows(reset, d1, d2)
        for event in events(panel.hand.told[count:]):
            if event.type == "fire.reset":
                told.clear()
            elif event.data["state"] == "active":
                told.add(int(event.data["point_number"]))
            else:
                told.discard(int(event.data["point_number"]))
        assert told == {number for number, is_so in ((1, d1), (2, d2)) if is_so}
