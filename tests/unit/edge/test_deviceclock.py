"""A device's own clock: corrected while it makes sense, left aside while it doesn't."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.deviceclock import DAY_MS, LIVE_ERROR_MS, UNKNOWN_MS, DeviceClock, Stamped, stamp
from edge.ports import Happened, Order
from edge.rows import EventRow
from edge.stamp import DeviceClocks

CLOUD = 1_764_547_200_000
MINUTE = 60_000
HOUR = 60 * MINUTE


def contact(
    known: DeviceClock | None,
    *,
    device: int,
    boot: int,
    buffers: bool = False,
    keeps: bool = False,
    order: Order = Order.ANY,
) -> tuple[DeviceClock | None, Stamped]:
    """A stamp that came in at `boot`; cloud time is `CLOUD + boot`."""
    return stamp(known, device, boot, CLOUD + boot, buffers=buffers, keeps=keeps, order=order)


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


def test_a_slow_clock_is_corrected_once_it_has_shown_to_be_slow() -> None:
    known, first = contact(None, device=CLOUD - 10 * MINUTE, boot=0)
    assert first.mark == "unsure"
    _, second = contact(known, device=CLOUD - 9 * MINUTE, boot=MINUTE)
    assert second == Stamped(at=MINUTE, error_ms=0, mark="off")


def test_the_first_stamp_of_a_slow_or_late_device_lies_anywhere_in_between() -> None:
    _, first = contact(None, device=CLOUD - 10 * MINUTE, boot=0)
    assert first == Stamped(at=-5 * MINUTE, error_ms=5 * MINUTE, mark="unsure")


def test_what_a_terminal_kept_for_a_day_and_a_half_is_of_then() -> None:
    known, _ = contact(None, device=CLOUD, boot=0)
    for boot, hours in ((6_000, 36), (7_000, 35), (8_000, 3)):
        known, kept = contact(known, device=CLOUD + boot - hours * HOUR, boot=boot)
        assert kept.at == pytest.approx(boot - hours * HOUR, abs=20)
    _, live = contact(known, device=CLOUD + 9_000, boot=9_000)
    assert live == Stamped(at=9_000, error_ms=0, mark=None)


def test_a_terminal_that_begins_with_what_it_kept_is_unsure_until_it_is_live() -> None:
    known = None
    for boot, hours in ((0, 36), (1_000, 35), (2_000, 3)):
        known, kept = contact(known, device=CLOUD + boot - hours * HOUR, boot=boot)
        assert kept.mark == "unsure"
        assert abs(kept.at - (boot - hours * HOUR)) <= kept.error_ms + 20
    known, live = contact(known, device=CLOUD + 3_000, boot=3_000)
    assert live == Stamped(at=3_000, error_ms=0, mark=None)
    _, kept = contact(known, device=CLOUD + 4_000 - HOUR, boot=4_000)
    assert kept.at == pytest.approx(4_000 - HOUR, abs=20)


def test_a_clock_that_jumps_ahead_may_be_further_ahead() -> None:
    known, _ = contact(None, device=CLOUD, boot=0)
    _, ahead = contact(known, device=CLOUD + HOUR + 10_000, boot=10_000)
    assert ahead == Stamped(at=10_000, error_ms=HOUR, mark="off")


def test_a_clock_that_was_set_back_is_believed_at_the_second_stamp() -> None:
    known, _ = contact(None, device=CLOUD, boot=0)
    known, first = contact(known, device=CLOUD - 3_590_000, boot=10_000)
    assert first.at == pytest.approx(-3_590_000, abs=10)
    known, second = contact(known, device=CLOUD - 3_580_000, boot=20_000)
    assert (second.at, second.mark) == (20_000, "off")
    _, third = contact(known, device=CLOUD - 3_570_000, boot=30_000)
    assert third.at == 30_000


@pytest.mark.parametrize("order", [Order.IN_ORDER, Order.LIVE])
def test_what_comes_in_order_with_an_earlier_stamp_is_of_a_clock_that_was_set_back(order: Order) -> None:
    """A fire of now must not lie before the end of the last one, and so be over."""
    known, _ = contact(None, device=CLOUD, boot=0, order=order)
    known, back = contact(known, device=CLOUD - 2 * HOUR + 10_000, boot=10_000, order=order)
    assert back == Stamped(at=10_000, error_ms=2 * HOUR, mark="off")
    _, after = contact(known, device=CLOUD - 2 * HOUR + 11_000, boot=11_000, order=order)
    assert after == Stamped(at=11_000, error_ms=0, mark="off")


def test_what_waited_for_nothing_and_seems_late_is_of_now_or_of_its_stamp() -> None:
    """A clock that was 45 s ahead was set right: its stamps go on, and seem 45 s late."""
    known, _ = contact(None, device=CLOUD + 45_000, boot=0, order=Order.LIVE)
    known, first = contact(known, device=CLOUD + 60_000, boot=60_000, order=Order.LIVE)
    assert (first.at, first.error_ms) == (60_000, pytest.approx(45_000, abs=20))
    known, second = contact(known, device=CLOUD + 90_000, boot=90_000, order=Order.LIVE)
    assert second == Stamped(at=90_000, error_ms=0, mark=None)


@pytest.mark.parametrize("contacts", [1, 2])
def test_the_first_of_a_slow_clock_is_of_now_where_nothing_waits(contacts: int) -> None:
    known, stamped = contact(None, device=CLOUD - 2 * HOUR, boot=0, order=Order.LIVE)
    if contacts == 2:
        _, stamped = contact(known, device=CLOUD - 2 * HOUR, boot=300, order=Order.LIVE)
    assert abs(stamped.error_ms - 2 * HOUR) <= 300
    assert (stamped.at, stamped.mark) == (300 * (contacts - 1), "off")


def test_what_comes_right_after_a_first_one_that_waited_may_have_waited_as_long() -> None:
    known, first = contact(None, device=CLOUD, boot=20_000)
    known, second = contact(known, device=CLOUD, boot=20_010)
    assert (first.error_ms, second.error_ms) == (20_000, 20_000)
    known, live = contact(known, device=CLOUD + 30_000, boot=30_040)
    assert live == Stamped(at=30_040, error_ms=40, mark=None)
    known, slow = contact(None, device=CLOUD, boot=20_000)
    _, sure = contact(known, device=CLOUD + 10_000, boot=30_000)
    assert (slow.error_ms, sure.error_ms) == (20_000, 0)


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
    [
        0,
        946_684_800_000,
        0xFFFF_FFFF,
        CLOUD - 3_650 * DAY_MS,
        CLOUD + 29_200 * DAY_MS,
        CLOUD + 2 * DAY_MS,
        2**52,
    ],
    ids=["1970", "2000", "0xFFFFFFFF", "ten years back", "eighty years on", "two days on", "far away"],
)
def test_an_impossible_stamp_is_left_aside_and_teaches_nothing(device: int) -> None:
    known, _ = contact(None, device=CLOUD, boot=0)
    after, stamped = contact(known, device=device, boot=10_000)
    assert stamped == Stamped(at=10_000, error_ms=LIVE_ERROR_MS, mark="impossible")
    assert after == known


@pytest.mark.parametrize(
    "device", [0, 946_684_800_000, CLOUD + 2 * DAY_MS], ids=["1970", "2000", "two days on"]
)
@pytest.mark.parametrize("way", ["buffers", "keeps"])
def test_an_impossible_stamp_of_what_may_have_waited_proves_nothing(device: int, way: str) -> None:
    buffers = way == "buffers"
    _, stamped = stamp(None, device, 10_000, CLOUD + 10_000, buffers=buffers, keeps=not buffers)
    assert stamped == Stamped(at=10_000, error_ms=UNKNOWN_MS, mark="unsure")


def test_a_stamp_of_years_ago_proves_nothing() -> None:
    _, stamped = contact(None, device=CLOUD - 500 * DAY_MS, boot=10_000)
    assert stamped == Stamped(at=10_000, error_ms=UNKNOWN_MS, mark="unsure")


def test_a_wand_read_days_later_is_taken_at_its_word() -> None:
    _, stamped = contact(None, device=CLOUD - 3 * DAY_MS, boot=1_000, buffers=True)
    assert stamped == Stamped(at=-3 * DAY_MS, error_ms=0, mark=None)


def test_a_wand_ahead_of_its_time_kept_its_scans_for_nobody_knows_how_long() -> None:
    _, stamped = contact(None, device=CLOUD + 10 * MINUTE, boot=1_000, buffers=True)
    assert stamped == Stamped(at=1_000, error_ms=10 * MINUTE - 1_000, mark="unsure")


def test_before_cloud_time_is_known_a_stamp_counts_as_fresh() -> None:
    _, stamped = stamp(None, CLOUD, 5_000, None, buffers=False)
    assert stamped == Stamped(at=5_000, error_ms=0, mark=None)


MESSAGES = st.lists(
    st.tuples(st.integers(10_000, 600_000), st.integers(0, 36 * 3_600_000)), min_size=1, max_size=12
)


@given(MESSAGES, st.integers(-50_000, 50_000))
def test_the_truth_lies_within_the_error_or_the_event_proves_nothing(
    messages: list[tuple[int, int]], offset: int
) -> None:
    """A device with a good clock whose messages wait for as long as they like, each of them; no two alike."""
    known, boot, waits = None, 0, set[int]()
    for pause, wait in messages:
        boot += pause
        if any(abs(wait - other) < 5_000 for other in waits):
            continue
        waits.add(wait)
        known, stamped = contact(known, device=CLOUD + boot - wait + offset, boot=boot)
        if stamped.mark is None:
            # Before a live one was seen, what waited less than a minute counts as live.
            assert abs(stamped.at - (boot - wait)) <= stamped.error_ms + 2 * MINUTE


def rows_of(told: list[tuple[int, str, int]], *, keeps: bool) -> list[EventRow]:
    """The rows of a device's events: when each came in, its type, and what the device's clock was ahead by."""
    clocks = DeviceClocks(keeping=frozenset({"panel"}) if keeps else frozenset())
    return [
        clocks.event_row(
            Happened(device="panel", type=type_, at=boot, observed_at=boot, device_at=CLOUD + boot + ahead),
            CLOUD + boot,
        )
        for boot, type_, ahead in told
    ]


SET = {
    "2 min ahead, put right": (2 * MINUTE, 0),
    "45 s ahead, put right": (45_000, 0),
    "10 min ahead, put right": (10 * MINUTE, 0),
    "8 h ahead, put right": (8 * HOUR, 0),
    "right, set back by 1 h": (0, -HOUR),
    "2 min ahead, set 5 s too late": (2 * MINUTE, -5_000),
    "8 h ahead, set 1 min too late": (8 * HOUR, -MINUTE),
}


@pytest.mark.parametrize("keeps", [False, True])
@pytest.mark.parametrize(("before", "after"), SET.values(), ids=SET)
def test_a_fire_after_a_clock_was_set_is_never_older_than_the_reset_before_it(
    before: int, after: int, *, keeps: bool
) -> None:
    told = [(60_000, "fire.fault", before), (590_000, "fire.reset", before), (600_000, "fire.alarm", after)]
    _, reset, fire = rows_of(told, keeps=keeps)
    assert fire.at > reset.at
    assert abs(fire.at - 600_000) <= fire.error_ms


def test_a_reset_told_after_a_fire_ends_it_whether_both_waited_or_the_clock_was_set_back() -> None:
    told = [(60_000, "fire.fault", 0), (62_000, "fire.alarm", -HOUR), (64_000, "fire.reset", -HOUR)]
    _, fire, reset = rows_of(told, keeps=True)
    assert reset.at >= fire.at
    assert reset.at - reset.error_ms <= 64_000 - HOUR


def test_a_reset_that_waited_ends_no_fire_of_now() -> None:
    told = [(60_000, "fire.fault", 0), (62_000, "fire.alarm", 0), (64_000, "fire.reset", -HOUR)]
    _, fire, reset = rows_of(told, keeps=True)
    assert reset.at < fire.at


@given(
    st.lists(
        st.tuples(st.integers(100, 600_000), st.sampled_from(["fire.reset", "fire.alarm", "fire.fault"])),
        min_size=2,
        max_size=12,
    ),
    st.lists(st.one_of(st.just(0), st.integers(-9 * HOUR, 9 * HOUR)), min_size=12, max_size=12),
    st.booleans(),
)
def test_a_danger_is_in_the_order_it_was_told_and_of_now_within_its_error_however_the_clock_is_set(
    told: list[tuple[int, str]],
    clocks: list[int],
    keeps: bool,
) -> None:
    boot, all_told = 0, []
    for (pause, type_), ahead in zip(told, clocks, strict=False):
        boot += pause
        all_told.append((boot, type_, ahead))
    latest = -DAY_MS
    for row in rows_of(all_told, keeps=keeps):
        if row.type != "fire.reset":
            assert row.at >= latest
            assert abs(row.at - row.observed_at) <= row.error_ms + 2_500
        latest = max(latest, row.at)


BACKLOG = st.lists(
    st.tuples(st.integers(1_000, 60_000), st.one_of(st.just(0), st.integers(-30_000, 30_000))),
    min_size=2,
    max_size=20,
)


def check_backlog(posts: list[tuple[int, int]], age: int, *, keeps: bool, live_first: int | None) -> None:
    """Each told after a pause, `age` ms old give or take; after one told at once by a clock ahead by `live_first`."""
    known, boot, ahead = None, 0, live_first or 0
    if live_first is not None:
        known, _ = contact(None, device=CLOUD + ahead, boot=0, keeps=keeps)
    for pause, jitter in posts:
        boot += pause
        old = age + jitter
        known, row = contact(known, device=CLOUD + boot - old + ahead, boot=boot, keeps=keeps)
        assert row.mark == "unsure" or abs(row.at - (boot - old)) <= row.error_ms + 2 * MINUTE


@pytest.mark.parametrize("keeps", [False, True])
@pytest.mark.parametrize("live_first", [None, 0])
def test_badges_of_36_h_ago_told_at_the_pace_of_then_are_never_of_now(
    live_first: int | None, *, keeps: bool
) -> None:
    posts = [(8_000, 0), (16_000, 0), (9_000, 500), (12_000, 0), (8_000, 1_000)]
    check_backlog(posts, 36 * HOUR, keeps=keeps, live_first=live_first)


@given(BACKLOG, st.integers(3 * HOUR, 72 * HOUR), st.booleans(), st.none() | st.integers(-MINUTE, MINUTE))
def test_an_old_backlog_is_of_its_stamps_or_unsure_at_whatever_pace_it_is_told(
    posts: list[tuple[int, int]],
    age: int,
    keeps: bool,
    live_first: int | None,
) -> None:
    check_backlog(posts, age, keeps=keeps, live_first=live_first)


@given(BACKLOG, st.integers(3 * MINUTE, 3 * HOUR), st.none() | st.integers(-MINUTE, MINUTE))
def test_what_a_terminal_kept_for_minutes_is_never_of_now(
    posts: list[tuple[int, int]], age: int, live_first: int | None
) -> None:
    check_backlog(posts, age, keeps=True, live_first=live_first)
