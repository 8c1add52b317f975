"""What stands in the product is what stands at the device, whatever happened in between.

Every shipped profile is simulated and read by the agent's own decisions through random histories: set, cleared, several
at once, repeated, out of reach, restarted, doubled and late; what the agent tells goes on to alarms and rules in the
cloud. `make truth CASES=n` plays n histories of each profile.
"""

import pytest

from tests.truth.checks import differences
from tests.truth.device import inputs_of, profiles
from tests.truth.history import History

CASES = 2


@pytest.mark.parametrize("name", profiles())
def test_what_the_product_says_of_a_device_is_so(name: str) -> None:
    for seed in range(CASES):
        history = History(name, seed)
        history.play()
        assert differences(history) == [], f"python -m tests.truth --only {name} --seed {seed}"


@pytest.mark.parametrize("name", profiles())
def test_what_ends_while_the_agent_is_down_does_not_stand_for_ever(name: str) -> None:
    history = History(name, 0)
    history.play_restart()
    assert differences(history) == []


ONLY_CARDS = {"espresense-station", "hikvision-access", "json-post", "patrol-reader", "tasmota-pn532"}
ONLY_CARDS |= {"tasmota-rdm6300", "zkteco-push"}
"""Readers tell of moments, which end with themselves: nothing of theirs stands."""


@pytest.mark.parametrize("name", profiles())
def test_the_history_of_a_profile_moves_something(name: str) -> None:
    """A profile whose simulator takes no input would pass all of this by doing nothing."""
    assert bool(inputs_of(name)) is (name not in ONLY_CARDS)
