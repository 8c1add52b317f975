"""Boot clock to cloud time: bounds that hold whatever the network and the crystal do within their limits."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.clockmap import (
    MAX_DRIFT_PPM,
    MAX_ERROR_MS,
    BootMap,
    ClockMap,
    Moment,
    Sample,
    measured,
    packed,
    unpacked,
)

CLOUD = 1_764_547_200_000


def test_a_sample_is_off_by_at_most_half_the_round_trip() -> None:
    assert measured(sent=1_000, received=1_100, cloud=CLOUD) == Sample(1_050, CLOUD - 1_050, 51)


def test_nothing_can_be_placed_before_the_first_sample() -> None:
    assert BootMap().resolve(5_000) is None


def test_the_error_grows_with_the_distance_from_the_sample() -> None:
    one = BootMap().with_sample(measured(1_000, 1_000, CLOUD))
    assert one.resolve(1_000) == Moment(CLOUD, 1)
    later = one.resolve(1_000 + 3_600_000)
    assert later is not None
    assert later.error_ms == 1 + 3_600_000 * MAX_DRIFT_PPM // 1_000_000


def test_a_moment_between_two_samples_lies_between_them() -> None:
    clock = (
        BootMap().with_sample(measured(0, 0, CLOUD)).with_sample(measured(100_000, 100_000, CLOUD + 100_020))
    )
    middle = clock.resolve(50_000)
    assert middle is not None
    assert middle.at == CLOUD + 50_010
    assert middle.error_ms < 25


def test_a_cloud_clock_that_was_set_anew_counts_from_its_newest_word() -> None:
    clock = (
        BootMap().with_sample(measured(0, 10, CLOUD)).with_sample(measured(30_000, 30_010, CLOUD + 3_630_000))
    )
    assert clock.resolve(30_005) == Moment(CLOUD + 3_630_000, 6)


@given(
    drift=st.floats(-MAX_DRIFT_PPM, MAX_DRIFT_PPM),
    trips=st.lists(
        st.tuples(st.integers(0, 60_000), st.integers(0, 2_000), st.integers(0, 2_000)),
        min_size=1,
        max_size=40,
    ),
    asked=st.integers(-600_000, 3_000_000),
)
def test_the_truth_is_always_within_the_error(
    drift: float, trips: list[tuple[int, int, int]], asked: int
) -> None:
    def truth(boot: float) -> float:
        return CLOUD + boot + boot * drift / 1_000_000

    clock, now = BootMap(), 0
    for pause, there, back in trips:
        now += pause
        clock = clock.with_sample(measured(now, now + there + back, round(truth(now + there))))
        now += there + back
    moment = clock.resolve(asked)
    assert moment is not None
    # 2 ms for the whole numbers on both sides.
    assert abs(truth(asked) - moment.at) <= moment.error_ms + 2


def sampled(clock: ClockMap, boot_ms: int, cloud: int) -> ClockMap:
    return clock.with_sample(measured(boot_ms, boot_ms, cloud))


def test_a_boot_that_goes_on_waits_for_its_first_sample() -> None:
    clock = ClockMap().booted("a", 500, CLOUD)
    assert clock.resolve("a", 400) is None
    assert sampled(clock, 1_000, CLOUD).resolve("a", 400) == Moment(CLOUD - 600, 2)


def test_a_boot_that_ended_without_a_sample_lies_between_its_neighbours() -> None:
    clock = sampled(ClockMap().booted("a", 0, 0), 1_000, CLOUD).running(2_000)
    clock = clock.booted("b", 10_000, 0).running(60_000)
    assert clock.resolve("b", 30_000) is None
    clock = sampled(clock.booted("c", 5_000, 0), 5_000, CLOUD + 600_000)
    moment = clock.resolve("b", 30_000)
    assert moment is not None
    # Boot b began after a's last sign of life (1 s past CLOUD) and ended before c's clock stood at 0.
    assert moment.at - moment.error_ms <= CLOUD + 1_000 + 30_000
    assert moment.at + moment.error_ms >= CLOUD + 595_000 - 30_000
    assert moment.error_ms == pytest.approx((595_000 - 30_000 - 1_000 - 30_000) / 2, abs=10)


def test_without_anything_known_before_the_wall_clock_is_a_hint_and_the_error_says_so() -> None:
    clock = ClockMap().booted("a", 0, CLOUD - 9_000_000).running(60_000)
    clock = sampled(clock.booted("b", 0, 0), 1_000, CLOUD)
    assert clock.resolve("a", 1_000) == Moment(CLOUD - 9_000_000 + 1_000, MAX_ERROR_MS)


def test_a_wall_clock_ahead_of_the_cloud_never_places_a_boot_after_the_next_one() -> None:
    clock = ClockMap().booted("a", 0, CLOUD + 99_000_000).running(60_000)
    clock = sampled(clock.booted("b", 0, 0), 1_000, CLOUD)
    moment = clock.resolve("a", 60_000)
    assert moment is not None
    assert moment.at <= CLOUD - 1_000 + 2


def test_a_boot_that_is_forgotten_was_before_all_others() -> None:
    clock = sampled(ClockMap().booted("b", 0, 0), 1_000, CLOUD)
    assert clock.resolve("a", 5) == Moment(CLOUD - 1_000 + 2, MAX_ERROR_MS)
    assert ClockMap().booted("b", 0, 0).resolve("a", 5) is None


def test_an_agent_that_restarts_within_a_boot_knows_the_time_at_once() -> None:
    before = sampled(ClockMap().booted("a", 0, 0), 1_000, CLOUD)
    after = unpacked(packed(before)["clock"]).booted("a", 90_000, 0)
    assert after.now(90_000) == before.now(90_000)


def test_only_so_many_boots_are_remembered() -> None:
    clock = ClockMap()
    for number in range(40):
        clock = clock.booted(f"boot-{number}", 0, 0)
    assert [boot.id for boot in clock.boots] == [f"boot-{number}" for number in range(24, 40)]
