"""T34: weekly windows where the clocks change, over the year's end and on 29 February."""

import datetime as dt
import zoneinfo

import pytest

from cloud.correlation.windows import FOREVER, WindowsOf, never_close, planned, spans
from contract.days import day_mistake
from contract.site import Site, SiteFile, Window

LONDON = "Europe/London"
SHANGHAI = "Asia/Shanghai"


def utc(text: str) -> int:
    """`2026-03-29 01:00` in UTC as ms."""
    return int(dt.datetime.fromisoformat(text).replace(tzinfo=dt.UTC).timestamp() * 1000)


def between(window: Window, zone: str, since: str, until: str) -> list[tuple[str, str]]:
    """The spans as UTC texts."""
    found = spans((window,), zoneinfo.ZoneInfo(zone), utc(since), utc(until))
    return [(_text(start), _text(end)) for start, end in found]


def _text(at: int) -> str:
    return dt.datetime.fromtimestamp(at / 1000, dt.UTC).strftime("%m-%d %H:%M")


@pytest.mark.parametrize(
    ("window", "zone", "since", "until", "expected"),
    [
        # 01:30 does not exist on 29 March 2026 in London: it is 02:00 BST, the next valid instant
        ({"from_": "01:30", "to": "04:00"}, LONDON, "2026-03-29 00:00", "2026-03-29 12:00", ("03-29 01:00", "03-29 03:00")),
        # 01:30 occurs twice on 25 October 2026: the first is meant
        ({"from_": "01:30", "to": "04:00"}, LONDON, "2026-10-24 23:00", "2026-10-25 12:00", ("10-25 00:30", "10-25 04:00")),
        ({"from_": "23:00", "to": "01:30"}, LONDON, "2026-10-24 20:00", "2026-10-25 12:00", ("10-24 22:00", "10-25 00:30")),
        ({"from_": "22:00", "to": "06:00"}, SHANGHAI, "2026-12-31 12:00", "2027-01-01 06:00", ("12-31 14:00", "12-31 22:00")),
        ({"from_": "08:00", "to": "09:00"}, SHANGHAI, "2028-02-29 00:00", "2028-02-29 12:00", ("02-29 00:00", "02-29 01:00")),
        ({"from_": "00:00", "to": "24:00"}, SHANGHAI, "2026-06-01 16:00", "2026-06-02 16:00", ("06-01 16:00", "06-02 16:00")),
        ({"days": "sat", "from_": "20:00", "to": "02:00"}, SHANGHAI, "2026-06-04 00:00", "2026-06-09 00:00", ("06-06 12:00", "06-06 18:00")),
    ],
)  # fmt: skip
def test_t34_a_window_is_where_the_wall_clock_says(
    window: dict[str, str], zone: str, since: str, until: str, expected: tuple[str, str]
) -> None:
    assert between(Window(**window), zone, since, until) == [expected]


def test_t34_a_day_whose_clock_jumps_is_an_hour_shorter() -> None:
    ((start, end),) = spans(
        (Window(),), zoneinfo.ZoneInfo(LONDON), utc("2026-03-29 00:00"), utc("2026-03-29 22:00")
    )
    assert end - start == 23 * 3_600_000


def test_windows_that_overlap_are_one_and_windows_that_touch_stay_two() -> None:
    zone = zoneinfo.ZoneInfo(SHANGHAI)
    since, until = utc("2026-06-01 00:00"), utc("2026-06-01 12:00")
    overlapping = (Window(from_="08:00", to="10:00"), Window(from_="09:00", to="12:00"))
    touching = (Window(from_="08:00", to="10:00"), Window(from_="10:00", to="12:00"))
    assert len(spans(overlapping, zone, since, until)) == 1
    assert len(spans(touching, zone, since, until)) == 2


@pytest.mark.parametrize(
    ("days", "count"), [("daily", 7), ("mon-fri", 5), ("sat,sun", 2), ("fri-mon", 4), ("mon,wed-thu", 3)]
)
def test_days_are_named_alone_in_lists_and_in_ranges_over_the_weekend(days: str, count: int) -> None:
    window = Window(days=days, from_="12:00", to="13:00")
    found = spans((window,), zoneinfo.ZoneInfo(SHANGHAI), utc("2026-06-01 00:00"), utc("2026-06-08 00:00"))
    assert len(found) == count


@pytest.mark.parametrize(
    ("days", "found"),
    [
        ("2026-06-07", ["06-07"]),
        ("2026-06-07,2026-06-09..2026-06-10", ["06-07", "06-09", "06-10"]),
        ("06-08..06-09", ["06-08", "06-09"]),
        ("12-20..06-06", ["06-05", "06-06"]),
        ("2027-06-07", []),
    ],
)
def test_days_may_be_dates_or_a_part_of_every_year(days: str, found: list[str]) -> None:
    zone = zoneinfo.ZoneInfo(SHANGHAI)
    window = Window(days=days, from_="12:00", to="13:00")
    opened = spans((window,), zone, utc("2026-06-05 00:00"), utc("2026-06-12 00:00"))
    begun = [dt.datetime.fromtimestamp(start / 1000, zone).strftime("%m-%d") for start, _ in opened]
    assert begun == found


@pytest.mark.parametrize("days", ["2027-05-01", "2028-02-29", "05-01..05-02", "2035-01-01..2035-01-02"])
def test_the_next_window_is_found_however_far_ahead(days: str) -> None:
    site = Site(SiteFile(site="s", timezone=SHANGHAI))
    windows = WindowsOf((Window(days=days, from_="12:00", to="13:00"),), site, utc("2026-06-01 00:00"))
    start = windows.next_start(utc("2026-06-01 00:00"))
    assert start is not None
    assert dt.datetime.fromtimestamp(start / 1000, zoneinfo.ZoneInfo(SHANGHAI)).strftime("%m-%d") in days
    past = WindowsOf((Window(days="2026-05-01"),), site, utc("2026-06-01 00:00"))
    assert past.next_start(utc("2026-06-01 00:00")) is None


@pytest.mark.parametrize(
    ("days", "said"),
    [
        ("2026-02-30", "there is no day 2026-02-30"),
        ("02-29..03-01", ""),
        ("11-31..12-01", "there is no day 11-31"),
        ("2026-06-09..2026-06-07", "2026-06-07 is before 2026-06-09"),
        ("sat-sun", ""),
    ],
)
def test_a_day_that_does_not_exist_is_named(days: str, said: str) -> None:
    assert day_mistake(days) == said


@pytest.mark.parametrize(
    ("windows", "never"),
    [
        ((Window(),), False),
        ((Window(from_="00:00", to="13:00"), Window(from_="13:00", to="24:00")), False),
        ((Window(from_="00:00", to="13:00"), Window(from_="12:00", to="24:00")), False),
        ((Window(from_="00:00", to="13:00"), Window(from_="12:00", to="01:00")), True),
        ((Window(from_="00:00", to="13:00"), Window(days="mon-sat", from_="12:00", to="01:00")), False),
    ],
)
def test_windows_that_overlap_without_end_are_none(windows: tuple[Window, ...], never: bool) -> None:
    assert never_close(windows) is never


@pytest.mark.parametrize("first", ["2026-06-01 00:00", "2026-05-14 03:00"])
def test_windows_of_a_rule_that_touch_over_five_days_are_whole_wherever_they_are_asked_for(
    first: str,
) -> None:
    for day in range(8, 29):
        windows = WindowsOf((Window(days="mon-fri"),), Site(SiteFile(site="s")), utc(first), joined=True)
        windows.holding(utc("2026-06-05 12:00"))
        moment = utc(f"2026-06-{day:02} 12:00")
        found = windows.holding(moment)
        weekday = dt.datetime.fromtimestamp(moment / 1000, zoneinfo.ZoneInfo(SHANGHAI)).weekday()
        assert (found is not None) is (weekday < 5)
        assert found is None or found[1] - found[0] == 5 * 86_400_000


@pytest.mark.parametrize("asked", ["2026-11-20 12:00", "2027-01-05 00:00", "2027-03-14 23:00"])
def test_a_season_whose_days_touch_is_one_window_wherever_it_is_asked_for(asked: str) -> None:
    for days in ("11-15..03-15", "2026-11-15..2027-03-15"):
        windows = WindowsOf(
            (Window(days=days),), Site(SiteFile(site="s")), utc("2026-06-01 00:00"), joined=True
        )
        assert windows.holding(utc(asked)) == (utc("2026-11-14 16:00"), utc("2027-03-15 16:00"))
        assert windows.holding(utc("2027-03-15 16:00")) is None


def test_days_of_dates_that_never_end_are_one_window_without_end() -> None:
    windows = WindowsOf(
        (Window(days="01-01..12-31"),), Site(SiteFile(site="s")), utc("2026-06-01 00:00"), joined=True
    )
    assert windows.holding(utc("2026-07-01 00:00")) == (utc("2026-06-01 00:00"), FOREVER)


def test_a_round_planned_for_an_hour_that_the_clock_skips_starts_when_the_hour_ends() -> None:
    zone = zoneinfo.ZoneInfo(LONDON)
    since, until = utc("2026-03-29 00:00"), utc("2026-03-29 20:00")
    assert planned(("01:30", "sun 03:00"), zone, since, until) == [
        utc("2026-03-29 01:00"),
        utc("2026-03-29 02:00"),
    ]
    once = planned(("01:30",), zone, utc("2026-10-24 23:00"), utc("2026-10-25 12:00"))
    assert once == [utc("2026-10-25 00:30")]
