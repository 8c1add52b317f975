"""A converter or gateway that closes its connection by itself, and how the driver goes on over a new one. Pure."""

from typing import Final

from edge.drivers.modbus_habit import Habit

CONNECT_MS: Final = 5
"""How long a new connection takes on the line of a site."""
NOTICED_MS: Final = 3
"""How long after a question it shows that the connection had ended."""
SECOND_ANSWER_MS: Final = 100
"""How long the driver listens for a second answer to a question that it asked twice."""


class Converter:
    """The connection to one line. The driver learns its habit, as `ModbusLine` does."""

    def __init__(self) -> None:
        self._habit = Habit()
        self._after_answers = 0
        self._after_idle_ms = 0
        self._answers = 0
        self._used_at = 0
        self._is_twice = False

    def closes(self, *, answers: int, idle_ms: int) -> None:
        """Close after so many answers, or after so long a silence; 0: never."""
        self._after_answers, self._after_idle_ms = answers, idle_ms

    def asked(self, now: int, timeout_ms: int) -> int:
        """When the question that is asked now goes over a connection that stands."""
        idle_ms = now - self._used_at
        if not self._is_over(idle_ms):
            return now
        was_known = self._habit.is_closing(self._answers) or self._habit.is_stale(idle_ms)
        since_answer_ms = 1 if 0 < self._after_answers <= self._answers else idle_ms
        self._habit.closed(self._answers, since_answer_ms)
        self._answers = 0
        if was_known:
            return now + CONNECT_MS
        self._is_twice = True
        return now + min(NOTICED_MS, timeout_ms) + CONNECT_MS

    def _is_over(self, idle_ms: int) -> bool:
        by_count = 0 < self._after_answers <= self._answers
        return self._answers > 0 and (by_count or 0 < self._after_idle_ms <= idle_ms)

    def answered(self, now: int) -> int:
        """The question was answered; when the next may be asked."""
        self._answers += 1
        self._used_at = now
        was_twice, self._is_twice = self._is_twice, False
        return now + SECOND_ANSWER_MS if was_twice else now
