"""What a poll can't promise to see."""

import pytest

from contract.profile.expand import device_map
from edge.pulses import not_guaranteed
from tests.bus import on_site, shipped


@pytest.mark.parametrize(
    ("shortest", "load", "seen"),
    [("600ms", 0.5, True), ("500ms", 0.5, False), ("200ms", 0.5, False), ("600ms", 1.5, False)],
)
def test_a_pulse_must_be_longer_than_the_time_between_two_reads(
    shortest: str, load: float, seen: bool
) -> None:
    device = device_map(
        shipped("waveshare-relay-d"), on_site("waveshare-relay-d", di_1={"shortest": shortest})
    )
    assert [unsure.point for unsure in not_guaranteed([device], {device.device: max(1.0, load)})] == (
        [] if seen else ["di_1"]
    )


def test_nothing_is_said_of_states_that_nobody_called_short() -> None:
    assert not_guaranteed([device_map(shipped("waveshare-relay-d"), on_site("waveshare-relay-d"))], {}) == []
