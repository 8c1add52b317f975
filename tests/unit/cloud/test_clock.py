import pytest

from cloud.clock import SteadyClock

M = 60_000


class _Clocks:
    """A wall clock that can be set, and a boot clock that can't."""

    def __init__(self) -> None:
        self.boot = 5_000
        self.ahead = 1_800_000_000_000
        self.told: list[int] = []
        self.steady = SteadyClock(lambda: self.boot + self.ahead, lambda: self.boot, self.told.append)

    def pass_ms(self, ms: int) -> None:
        self.boot += ms


@pytest.mark.parametrize("step", [-5 * M, 5 * M])
def test_t33_a_wall_clock_set_by_five_minutes_moves_a_timer_by_less_than_two_seconds(step: int) -> None:
    clocks = _Clocks()
    began = clocks.steady.now()
    clocks.pass_ms(M)
    clocks.ahead += step
    for _ in range(14):
        clocks.pass_ms(M)
        clocks.steady.now()
    assert clocks.steady.now() - began == pytest.approx(15 * M, abs=2_000)


@pytest.mark.parametrize("step", [-5 * M, 5 * M])
def test_a_clock_that_was_set_is_told_of_once_with_how_far_it_is_off(step: int) -> None:
    clocks = _Clocks()
    clocks.ahead += step
    for _ in range(3):
        clocks.pass_ms(1_000)
        clocks.steady.now()
    assert clocks.told == [step]


def test_a_small_correction_of_the_wall_clock_is_followed_without_a_word() -> None:
    clocks = _Clocks()
    clocks.ahead += 40
    clocks.pass_ms(2 * M)
    assert clocks.steady.now() == clocks.boot + clocks.ahead
    assert clocks.told == []


def test_time_never_runs_backwards() -> None:
    clocks = _Clocks()
    seen = []
    for step in (0, -3_600_000, 10, 7_200_000, -1):
        clocks.ahead += step
        clocks.pass_ms(3)
        seen.append(clocks.steady.now())
    assert seen == sorted(seen)
