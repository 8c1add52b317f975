import pytest

from contract.batch import TimeReply
from edge.timekeeper import Timekeeper

H = 3_600_000
CLOUD = 1_764_547_200_000


@pytest.mark.parametrize("step", [-2 * H, 2 * H])
def test_t32_a_wall_clock_set_by_two_hours_moves_no_event(step: int) -> None:
    honest = Timekeeper(None, boot="a", boot_ms=0, wall_ms=CLOUD)
    stepped = Timekeeper(None, boot="a", boot_ms=0, wall_ms=CLOUD + step)
    for keeper in (honest, stepped):
        assert keeper.answered(TimeReply(boot="a", sent=1_000, cloud=CLOUD + 1_010), 1_020)
    assert stepped.now(90_000) == honest.now(90_000)
    assert stepped.offset_ms(1_010, CLOUD + 1_010 + step) == step, "the machine's own clock is said to be off"


@pytest.mark.parametrize("step", [-2 * H, 2 * H])
def test_t32_an_agent_started_anew_under_a_wrong_wall_clock_places_events_as_before(step: int) -> None:
    first = Timekeeper(None, boot="a", boot_ms=0, wall_ms=CLOUD)
    first.answered(TimeReply(boot="a", sent=1_000, cloud=CLOUD + 1_010), 1_020)
    again = Timekeeper(first.note(60_000)["clock"], boot="a", boot_ms=61_000, wall_ms=CLOUD + step)
    assert again.now(90_000) == first.now(90_000)
