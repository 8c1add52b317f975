"""Working days: weekends, public holidays, weekends worked for them, and the site's own days."""

import datetime as dt
import zoneinfo

import pytest

from cloud.correlation.working_days import WorkingDays, most_ms
from contract.site import Calendar, Site, SiteFile

ZONE = zoneinfo.ZoneInfo("Asia/Shanghai")


def ms(text: str) -> int:
    return round(dt.datetime.fromisoformat(text).replace(tzinfo=ZONE).timestamp() * 1_000)


def days(**calendar: object) -> WorkingDays:
    return WorkingDays(Site(SiteFile(site="s", calendar=Calendar(**calendar))))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("start", "count", "end"),
    [
        ("2026-06-01T10:00:00.250", 1, "2026-06-02T10:00:00.250"),
        ("2026-06-05T10:00", 1, "2026-06-08T10:00"),
        ("2026-06-06T10:00", 1, "2026-06-08T10:00"),
        ("2026-06-17T10:00", 2, "2026-06-22T10:00"),  # Dragon Boat on Friday 19 June
        ("2026-09-30T18:00", 1, "2026-10-08T18:00"),  # National Day, 1 to 7 October
        ("2026-10-09T10:00", 1, "2026-10-10T10:00"),  # a Saturday worked for it
    ],
)
def test_working_days_in_china(start: str, count: int, end: str) -> None:
    assert days().after(ms(start), count) == ms(end)


def test_a_site_has_days_of_its_own() -> None:
    own = days(country=None, holidays=(dt.date(2026, 6, 2),), workdays=(dt.date(2026, 6, 6),))
    assert own.after(ms("2026-06-01T10:00"), 1) == ms("2026-06-03T10:00")
    assert own.after(ms("2026-06-05T10:00"), 1) == ms("2026-06-06T10:00")


@pytest.mark.parametrize("count", [1, 2, 5, 20, 100])
def test_no_stretch_is_longer_than_the_bound(count: int) -> None:
    found = days()
    for offset in range(0, 365, 3):
        at = ms("2026-01-01T12:00") + offset * 86_400_000
        assert found.after(at, count) - at <= most_ms(count)
