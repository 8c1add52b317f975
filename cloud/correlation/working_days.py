"""Working days on a site's calendar: public holidays and the weekends worked for them, by the `holidays` package.

Years that a government has not yet decreed are what the law lets one foresee. A site adds its own days. Pure.
"""

import datetime as dt
import functools

import holidays

from cloud.correlation.windows import local_day, moment_on
from contract.site import Site


class WorkingDays:
    """The working days of one site."""

    def __init__(self, site: Site) -> None:
        calendar = site.file.calendar
        self._zone = site.timezone
        self._holidays = frozenset(calendar.holidays)
        self._workdays = frozenset(calendar.workdays)
        self._public: holidays.HolidayBase | None = None
        if calendar.country is not None:
            self._public = holidays.country_holidays(calendar.country, subdiv=calendar.subdivision)
        self.is_working_day = functools.lru_cache(4_096)(self._is_working_day)

    def _is_working_day(self, day: dt.date) -> bool:
        """Whether people work on a day; what the site says of it goes first."""
        if day in self._workdays:
            return True
        if day in self._holidays:
            return False
        if self._public is not None:
            return bool(self._public.is_working_day(day))
        return day.weekday() < 5

    def after(self, at: int, days: int) -> int:
        """The moment `days` working days later, in ms: the same local time on the last of them."""
        day = local_day(at, self._zone)
        while days:
            day += dt.timedelta(days=1)
            days -= self.is_working_day(day)
        return moment_on(day, at, self._zone)


def most_ms(days: int) -> int:
    """No stretch of so many working days is longer: weekends, and the longest public holidays beside them."""
    return (2 * days + 14) * 86_400_000
