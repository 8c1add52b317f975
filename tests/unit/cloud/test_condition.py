"""Joints against their neighbours and their own past; sensors that can't be believed."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloud.condition.joints import HOLDS, MINUTE_MS, joints, over_peers, rise
from cloud.condition.sensors import suspicions

DAY = 24 * 60


def column(values: list[float], every: int = 1) -> tuple[np.ndarray, np.ndarray]:
    """A reading every so many minutes, 17 s into each."""
    at = np.arange(len(values), dtype=np.int64) * every * MINUTE_MS + 17_000
    return at, np.array(values, np.float64)


def test_a_joint_is_compared_with_the_median_of_the_others() -> None:
    found = joints({"l1": column([40, 41]), "l2": column([42, 42]), "l3": column([55, 60])})
    assert found.names == ("l1", "l2", "l3")
    assert found.over_peers[2].tolist() == [55 - 41, 60 - 41.5]


def test_with_fewer_than_two_neighbours_nothing_is_said() -> None:
    assert np.isnan(joints({"l1": column([40]), "l2": column([90])}).over_peers).all()


def test_an_old_reading_stands_for_ten_minutes_and_no_longer() -> None:
    quiet = (np.array([0], np.int64), np.array([40.0]))
    found = joints({"l1": quiet, "l2": column([41.0] * 20)})
    assert np.isnan(found.temperature[0]).tolist() == [minute > HOLDS for minute in range(20)]


def test_the_rise_is_in_kelvin_a_minute() -> None:
    assert rise(np.array([[20.0, 26.0, 32.0, 38.0, 44.0, 44.0, 44.0, 44.0, 44.0]]))[0, 4] == pytest.approx(6)
    assert rise(np.array([[20.0, 26.0, 32.0, 38.0, 44.0, 44.0, 44.0, 44.0, 44.0]]))[0, -1] == pytest.approx(0)


@given(
    st.lists(
        st.lists(st.one_of(st.floats(-50, 150), st.just(float("nan"))), min_size=8, max_size=8), max_size=6
    )
)
def test_both_equal_the_slow_plain_way(rows: list[list[float]]) -> None:
    grid = np.array(rows).reshape(len(rows), 8)
    for row in range(len(grid)):
        for minute in range(8):
            others = [v for v in np.delete(grid[:, minute], row) if not np.isnan(v)]
            expected = grid[row, minute] - np.median(others) if len(others) >= 2 else np.nan
            assert over_peers(grid)[row, minute] == pytest.approx(expected, nan_ok=True)
            window = grid[row, max(0, minute - 4) : minute + 1]
            known = np.flatnonzero(~np.isnan(window))
            slope = np.polyfit(known, window[known], 1)[0] if len(known) >= 3 else np.nan
            assert rise(grid)[row, minute] == pytest.approx(slope, nan_ok=True, abs=1e-6)


@given(st.permutations(range(6)))
def test_the_order_of_readings_does_not_matter(order: list[int]) -> None:
    at, values = column([40, 41, 45, 50, 44, 43])
    one = joints({"l1": (at, values), "l2": column([40] * 6), "l3": column([41] * 6)})
    two = joints({"l1": (at[order], values[order]), "l2": column([40] * 6), "l3": column([41] * 6)})
    assert np.array_equal(one.over_peers, two.over_peers)


WAVE = [20 + 3 * np.sin(minute / 200) for minute in range(3 * DAY)]


def test_a_sensor_that_never_moves_while_its_neighbours_do_is_stuck() -> None:
    frozen = WAVE[:1000] + [21.0] * (3 * DAY - 1000)
    (found,) = suspicions({"a": column(WAVE), "b": column(WAVE), "c": column(frozen)})
    assert (found.sensor, found.what) == ("c", "stuck")
    assert found.since == 1000 * MINUTE_MS + 17_000


def test_a_sensor_that_walks_away_from_its_neighbours_drifts() -> None:
    walking = [value + 5 * minute / len(WAVE) for minute, value in enumerate(WAVE)]
    (found,) = suspicions({"a": column(WAVE), "b": column(WAVE), "c": column(walking)})
    assert (found.sensor, found.what) == ("c", "drifting")
    assert found.by == pytest.approx(10 / 3, abs=0.1)


def test_a_sensor_that_jumps_to_and_fro_is_noisy() -> None:
    jumping = [value + 2 * (-1) ** minute for minute, value in enumerate(WAVE)]
    (found,) = suspicions({"a": column(WAVE), "b": column(WAVE), "c": column(jumping)})
    assert (found.sensor, found.what) == ("c", "noisy")


def test_good_sensors_are_not_suspected() -> None:
    assert suspicions({"a": column(WAVE), "b": column(WAVE), "c": column([v + 1 for v in WAVE])}) == []
