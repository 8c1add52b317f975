"""When the far side of a connection closes it: after so many answers, or after so long a silence. Pure.

Many converters and PLCs close TCP after each reply, after some, or when idle. That is no fault: the next question goes
over a new connection. To know it beforehand keeps a question from crossing with the close.
"""

from typing import Final

SOON_MS: Final = 100
"""A close that comes so soon after an answer is because of it; a later one because of the silence."""
EARLY: Final = 0.8
"""A connection that has been silent for so much of what the far side bears is opened anew."""


class Habit:
    """What the far side did twice in a row is taken for its habit."""

    def __init__(self) -> None:
        self._answers = 0
        self._idle_ms = 0
        self._after_answers = 0
        self._after_idle_ms = 0

    def closed(self, answers: int, idle_ms: int) -> None:
        """The far side closed a connection `idle_ms` after the last of `answers` on it."""
        if not answers:
            return
        if idle_ms <= SOON_MS:
            self._after_answers = answers if answers == self._answers else 0
            self._answers = answers
        else:
            near = EARLY * self._idle_ms <= idle_ms <= self._idle_ms / EARLY
            self._after_idle_ms = min(idle_ms, self._idle_ms) if near else 0
            self._idle_ms = idle_ms

    @property
    def is_known(self) -> bool:
        """Whether it has any."""
        return self._after_answers > 0 or self._after_idle_ms > 0

    def stayed_open(self) -> None:
        """A close that was due after an answer did not come."""
        self._answers = self._after_answers = 0

    def is_closing(self, answers: int) -> bool:
        """Whether a connection with so many answers is about to be closed."""
        return 0 < self._after_answers <= answers

    def is_stale(self, idle_ms: int) -> bool:
        """Whether a connection that has been silent for so long is better opened anew."""
        return 0 < self._after_idle_ms * EARLY <= idle_ms
