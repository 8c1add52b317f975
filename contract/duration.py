"""Durations as people write them: `90s`, `2m`, `24h`, `3d`, `500ms`, `2wd` (working days)."""

import re
from typing import Final

import msgspec
from typing_extensions import override

_UNITS: Final = {"ms": 1, "s": 1_000, "m": 60_000, "h": 3_600_000, "d": 86_400_000}
_FORM: Final = re.compile(r"([0-9]+)(ms|s|m|h|d|wd)")
PATTERN: Final = r"^[0-9]+(ms|s|m|h|d|wd)$"


class Duration(msgspec.Struct, frozen=True):
    """A length of time: `ms` of clock time, or `working_days` on the site's calendar. One of them is 0."""

    ms: int = 0
    working_days: int = 0

    @override
    def __str__(self) -> str:
        """The shortest way to write it."""
        if self.working_days:
            return f"{self.working_days}wd"
        for unit in ("d", "h", "m", "s"):
            if self.ms and self.ms % _UNITS[unit] == 0:
                return f"{self.ms // _UNITS[unit]}{unit}"
        return f"{self.ms}ms"


def parse_duration(text: str) -> Duration:
    """The duration that `text` writes.

    Raises:
        ValueError: The text is no duration; the message says what is expected.
    """
    match = _FORM.fullmatch(text)
    if match is None:
        raise ValueError(f"expected a duration such as 90s, 2m, 24h, 3d or 2wd, found {text!r}")
    count, unit = int(match[1]), match[2]
    return Duration(working_days=count) if unit == "wd" else Duration(ms=count * _UNITS[unit])
