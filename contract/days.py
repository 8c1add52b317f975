"""Days as people write them in a window: `mon-fri`, `2026-06-07..2026-06-09`, `11-15..03-15` of every year."""

import datetime as dt
import re
from typing import Annotated, Final

from msgspec import Meta

_WEEKDAY: Final = "(mon|tue|wed|thu|fri|sat|sun)"
_DAY: Final = r"[0-9]{4}-[0-9][0-9]-[0-9][0-9]"
_DATES: Final = rf"{_DAY}(\.\.{_DAY})?"
_SEASON: Final = r"[0-9][0-9]-[0-9][0-9]\.\.[0-9][0-9]-[0-9][0-9]"
_WEEKDAYS: Final = re.compile(f"(daily|{_WEEKDAY})([-,]{_WEEKDAY})*")
_DATE: Final = len("2026-06-07")

Days = Annotated[
    str,
    Meta(
        pattern=rf"^((daily|{_WEEKDAY})([-,]{_WEEKDAY})*|{_DATES}(,{_DATES})*|{_SEASON}(,{_SEASON})*)$",
        description="such as mon-fri, sat,sun, daily, 2026-06-07..2026-06-09 or 11-15..03-15",
    ),
]


def start_mistake(days: str) -> str:
    """What is wrong with the days before the time at which a round starts; empty where nothing is."""
    return (
        ""
        if _WEEKDAYS.fullmatch(days)
        else f"expected days such as mon-fri, sat,sun or daily, found {days!r}"
    )


def day_mistake(text: str) -> str:
    """What is wrong with days that have the right form; empty where nothing is."""
    if text[:1].isalpha():
        return ""
    for part in text.split(","):
        first, _, last = part.partition("..")
        for day in (first, last or first):
            if not _exists(day):
                return f"there is no day {day}"
        if last and len(first) == _DATE and last < first:
            return f"{last} is before {first}"
    return ""


def _exists(day: str) -> bool:
    try:
        dt.date.fromisoformat(day if len(day) == _DATE else f"2024-{day}")  # a leap year has every day
    except ValueError:
        return False
    return True
