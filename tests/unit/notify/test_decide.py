"""When a failed notice is tried again, and how many a channel takes."""

import pytest

from cloud.notify.decide import MINUTE_MS, Pace, again_at
from tests.outboxes import NOON, notice


def pauses(kind: str) -> list[int]:
    found: list[int] = []
    while (at := again_at(notice("n", kind=kind), len(found) + 1, NOON)) is not None:
        found.append((at - NOON) // 1_000)
    return found


def test_pauses_grow_to_a_minute() -> None:
    assert pauses("alarm")[:8] == [1, 2, 4, 8, 16, 32, 60, 60]


@pytest.mark.parametrize(
    ("kind", "hours"), [("alarm", 1), ("withdrawal", 24), ("concern", 24), ("digest", 24)]
)
def test_it_is_given_up_after_its_time(kind: str, hours: int) -> None:
    tried_for = sum(pauses(kind))
    assert hours * 3_600 - 60 < tried_for <= hours * 3_600


def test_a_channel_without_a_pace_takes_any_number() -> None:
    pace = Pace(None)
    for _ in range(100):
        pace.took(NOON)
    assert pace.left(NOON, 5) == 5


def test_a_channel_takes_so_many_in_any_minute() -> None:
    pace = Pace(3)
    for at in (NOON, NOON + 1_000, NOON + 2_000):
        assert pace.left(at, 8) > 0
        pace.took(at)
    assert pace.left(NOON + 2_000, 8) == 0
    assert pace.left(NOON + MINUTE_MS - 1, 8) == 0
    assert pace.left(NOON + MINUTE_MS, 8) == 1
    assert pace.left(NOON + MINUTE_MS + 2_000, 2) == 2


def test_what_is_critical_counts_though_it_never_waits() -> None:
    pace = Pace(1)
    for _ in range(3):
        pace.took(NOON)
    assert pace.left(NOON, 8) == 0
