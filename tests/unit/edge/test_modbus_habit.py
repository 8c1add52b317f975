"""When a far side is expected to close its connection."""

import pytest

from edge.drivers.modbus_habit import Habit


def after(*closes: tuple[int, int]) -> Habit:
    habit = Habit()
    for answers, idle_ms in closes:
        habit.closed(answers, idle_ms)
    return habit


def test_once_is_no_habit() -> None:
    assert not after((1, 0)).is_closing(1)
    assert not after((9, 1_000)).is_stale(5_000)


@pytest.mark.parametrize("answers", [1, 3, 100])
def test_a_close_after_as_many_answers_twice_is_expected_again(answers: int) -> None:
    habit = after((answers, 2), (answers, 5))
    assert habit.is_closing(answers)
    assert not habit.is_closing(answers - 1)


def test_a_close_after_another_number_is_no_habit() -> None:
    assert not after((1, 2), (3, 2)).is_closing(3)


def test_one_that_did_not_come_is_not_expected_again() -> None:
    habit = after((1, 2), (1, 2))
    habit.stayed_open()
    assert not habit.is_closing(1)


def test_a_close_after_as_long_a_silence_twice_is_forestalled() -> None:
    habit = after((9, 5_000), (40, 5_050))
    assert habit.is_stale(4_500)
    assert not habit.is_stale(3_500)
    assert not habit.is_closing(9)


def test_a_far_side_that_restarts_now_and_then_has_no_habit() -> None:
    assert not after((9, 300), (40, 50_000), (7, 4_000)).is_stale(60_000)


def test_a_connection_closed_before_any_answer_tells_nothing() -> None:
    assert not after((0, 0), (0, 0)).is_closing(0)
