"""A filter means what begins, or what ends; one that could take both is refused."""

import pytest

from cloud.correlation.people import lets_through, says_of
from cloud.correlation.rules import EventFilter, While
from cloud.correlation.state_check import mistakes_of_state
from contract.events import Event, Phase, raw_data

BOTH = "would take beginning and end alike"


@pytest.mark.parametrize(
    ("wanted", "field", "said"),
    [
        (EventFilter("fire.fault", {"state": "Cleared"}), "data.state", "did you mean cleared?"),
        (EventFilter("fire.fault", {"state": "ACTIVE"}), "data.state", "did you mean active?"),
        (EventFilter("fire.fault", {"state": "restored"}), "data.state", "did you mean cleared?"),
        (EventFilter("fire.fault", {"state": False}), "data.state", "did you mean cleared?"),
        (EventFilter("fire.fault", {"state": None}), "data.state", "expected active or cleared"),
        (EventFilter("fire.fault", {"state": 7}), "data.state", "without `state` it means active"),
        (EventFilter("fire.fault", {"state": ["active", "cleared"]}), "data.state", BOTH),
        (EventFilter(("door.opened", "door.closed")), "type", "door.opened is the end of door.closed"),
        (EventFilter(("fire.fault", "fire.reset")), "type", "fire.reset is the end of fire.fault"),
        (While("fire.fault", unless={"state": "active"}), "unless.state", "nothing is left"),
        (While("fire.fault", unless={"state": "Cleared"}), "unless.state", "did you mean cleared?"),
    ],
)
def test_a_filter_that_would_take_both_is_refused(wanted: EventFilter | While, field: str, said: str) -> None:
    found = list(mistakes_of_state(wanted, may_take_both=False))
    assert [place for place, _ in found] == [field]
    assert said in found[0][1]


@pytest.mark.parametrize(
    "wanted",
    [
        EventFilter("fire.fault"),
        EventFilter("fire.fault", {"state": "active"}),
        EventFilter("fire.fault", {"state": "cleared", "loop": 1}),
        EventFilter(("gate.released", "door.opened")),
        EventFilter("request.opened", {"state": "done"}),
        While(("fire.fault", "fire.isolated"), unless={"state": "cleared"}, until="fire.reset"),
    ],
)
def test_one_that_means_one_of_them_is_taken(wanted: EventFilter | While) -> None:
    assert list(mistakes_of_state(wanted, may_take_both=False)) == []


def test_a_sign_of_life_may_be_either() -> None:
    assert list(mistakes_of_state(EventFilter(("door.opened", "door.closed")), may_take_both=True)) == []


@pytest.mark.parametrize(
    ("asked", "told", "passes", "says"),
    [
        ({}, {}, True, Phase.BEGINS),
        ({}, {"state": "cleared"}, False, Phase.ENDS),
        ({}, {"state": "Restored"}, False, Phase.ENDS),
        ({}, {"state": "pending"}, False, Phase.UNCLEAR),
        ({"loop": 1}, {"state": "cleared"}, False, Phase.ENDS),
        ({"loop": 1}, {"loop": 2, "state": "cleared"}, False, None),
        ({"loop": 1}, {"loop": 2}, False, None),
        ({"state": "active"}, {"state": "ALARM"}, True, Phase.BEGINS),
        ({"state": "active"}, {}, True, Phase.BEGINS),
        ({"state": "cleared"}, {"state": "restored"}, True, Phase.BEGINS),
        ({"state": "cleared"}, {}, False, Phase.ENDS),
        ({"state": "cleared"}, {"state": "pending"}, False, Phase.UNCLEAR),
    ],
)
def test_what_passes_a_filter_and_what_it_says_of_its_matter(
    asked: dict[str, object], told: dict[str, object], passes: bool, says: Phase | None
) -> None:
    event = Event(seq=1, at=1, device="d", type="fire.fault", data=raw_data(told))
    wanted = EventFilter("fire.fault", asked)
    assert lets_through(wanted, event) is passes
    assert says_of(wanted, event) is says
