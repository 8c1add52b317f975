"""When to try again, when to give up, and how much a channel takes. Pure."""

from collections import deque
from typing import Final

from cloud.operations.notice import Notice

MINUTE_MS: Final = 60_000
FIRST_PAUSE_MS: Final = 1_000
MOST_PAUSE_MS: Final = MINUTE_MS
ALARM_FOR_MS: Final = 60 * MINUTE_MS
"""An alarm that reached nobody for an hour is given up: the next step of its escalation is long due."""
OTHER_FOR_MS: Final = 24 * 60 * MINUTE_MS
_DOUBLINGS: Final = 6


def again_at(notice: Notice, attempt: int, now: int) -> int | None:
    """When to try again after attempt number `attempt` has failed at `now`; None to give up."""
    pauses = _pauses_ms(attempt)
    most = ALARM_FOR_MS if notice.kind == "alarm" else OTHER_FOR_MS
    return None if pauses > most else now + pauses - _pauses_ms(attempt - 1)


def _pauses_ms(attempts: int) -> int:
    """All pauses up to and after that many attempts: 1, 2, 4 … 32 s, then a minute each."""
    doubled = min(attempts, _DOUBLINGS)
    return FIRST_PAUSE_MS * ((1 << doubled) - 1) + MOST_PAUSE_MS * (attempts - doubled)


class Pace:
    """How many notices a channel has taken within a minute. None: it takes any number."""

    def __init__(self, per_minute: int | None) -> None:
        self._per_minute = per_minute
        self._taken: deque[int] = deque()

    def took(self, now: int) -> None:
        """One more, of whatever kind."""
        if self._per_minute is not None:
            self._taken.append(now)

    def left(self, now: int, most: int) -> int:
        """How many more it takes now that can wait, at most `most`."""
        if self._per_minute is None:
            return most
        while self._taken and self._taken[0] <= now - MINUTE_MS:
            self._taken.popleft()
        return max(0, min(most, self._per_minute - len(self._taken)))
