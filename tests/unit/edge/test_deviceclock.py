"""A device's own clock: corrected while it makes sense, left aside while it doesn't."""

import pytest

from edge.deviceclock import DAY_MS, DeviceClock, Stamped, stamp

CLOUD = 1_764_547_200_000
MINUTE = 60_000


def contact(
    known: DeviceClock | None, *, device: int, boot: int, buffers: bool = False
) -> tuple[DeviceClock | None, Stamped]:
    """A stamp that came in at `boot`; cloud time is `CLOUD + boot`."""
    return stamp(known, device, boot, CLOUD + boot, buffers=buffers)


def test_a_good_clock_is_taken_as_it_is() -> None:
    known, first = contact(None, device=CLOUD + 1_000, boot=1_040)
    assert first == Stamped(at=1_040, error_ms=40, mark=None)
    _, second = contact(known, device=CLOUD + 5_000, boot=5_040)
    assert second == Stamped(at=5_040, error_ms=0, mark=None)


def test_a_message_that_was_held_up_happened_when_the_device_says() -> None:
    known, _ = contact(None, device=CLOUD + 1_000, boot=1_000)
    _, late = contact(known, device=CLOUD + 5_000, boot=35_000)
    assert late.at == pytest.approx(5_000, abs=10)
    assert late.mark is None


def test_a_slow_clock_is_corrected_and_marked() -> None:
    known, first = contact(None, device=CLOUD - 10 * MINUTE, boot=0)
    assert (first.at, first.mark) == (0, "off")
    _, second = contact(known, device=CLOUD - 9 * MINUTE, boot=MINUTE)
    assert (second.at, second.mark) == (MINUTE, "off")


def test_the_first_stamp_of_a_slow_or_late_device_may_lie_anywhere_in_between() -> None:
    _, first = contact(None, device=CLOUD - 10 * MINUTE, boot=0)
    assert first.error_ms == 10 * MINUTE


def test_a_clock_that_was_set_back_is_believed_at_the_second_stamp() -> None:
    known, _ = contact(None, device=CLOUD, boot=0)
    known, first = contact(known, device=CLOUD - 3_590_000, boot=10_000)
    assert first.at == pytest.approx(-3_590_000, abs=10)
    known, second = contact(known, device=CLOUD - 3_580_000, boot=20_000)
    assert (second.at, second.mark) == (20_000, "off")
    _, third = contact(known, device=CLOUD - 3_570_000, boot=30_000)
    assert third.at == 30_000


def test_a_burst_of_old_scans_is_not_taken_for_a_clock_that_was_set() -> None:
    known, _ = contact(None, device=CLOUD, boot=0)
    for second in range(100, 200, 10):
        known, late = contact(known, device=CLOUD + second * 1_000, boot=600_000 + second)
        assert late.at == pytest.approx(second * 1_000, abs=200)


def test_a_clock_that_was_set_forward_is_believed_at_once() -> None:
    known, _ = contact(None, device=CLOUD, boot=0)
    _, ahead = contact(known, device=CLOUD + 3_610_000, boot=10_000)
    assert (ahead.at, ahead.mark) == (10_000, "off")


def test_a_drifting_clock_is_followed() -> None:
    known, boot = None, 0
    for hour in range(48):
        boot = hour * 3_600_000
        known, stamped = contact(known, device=CLOUD + boot + boot * 150 // 1_000_000, boot=boot)
        assert stamped.at == pytest.approx(boot, abs=5)


@pytest.mark.parametrize(
    "device",
    [0, 0xFFFF_FFFF, CLOUD - 3_650 * DAY_MS, CLOUD + 29_200 * DAY_MS, CLOUD - 2 * DAY_MS, 2**52],
    ids=["1970", "0xFFFFFFFF", "ten years back", "eighty years on", "two days back", "far away"],
)
def test_an_impossible_stamp_is_left_aside_and_teaches_nothing(device: int) -> None:
    known, _ = contact(None, device=CLOUD, boot=0)
    after, stamped = contact(known, device=device, boot=10_000)
    assert stamped == Stamped(at=10_000, error_ms=0, mark="impossible")
    assert after == known


def test_a_wand_read_days_later_is_taken_at_its_word() -> None:
    _, stamped = contact(None, device=CLOUD - 3 * DAY_MS, boot=1_000, buffers=True)
    assert stamped == Stamped(at=-3 * DAY_MS, error_ms=0, mark=None)


def test_a_wand_ahead_of_its_time_is_used_at_the_moment_it_was_read() -> None:
    _, stamped = contact(None, device=CLOUD + 10 * MINUTE, boot=1_000, buffers=True)
    assert stamped == Stamped(at=1_000, error_ms=0, mark="off")


def test_before_cloud_time_is_known_a_stamp_counts_as_fresh() -> None:
    _, stamped = stamp(None, CLOUD, 5_000, None, buffers=False)
    assert stamped == Stamped(at=5_000, error_ms=0, mark=None)
