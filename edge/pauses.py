"""Growing pauses between attempts. Pure."""

import random


class Pauses:
    """Pauses that double from `first_s` up to `most_s`, each with up to a quarter more by chance.

    The chance keeps a thousand agents from coming back in step.
    """

    def __init__(self, first_s: float, most_s: float, random_source: random.Random) -> None:
        self._first_s = first_s
        self._most_s = most_s
        self._random = random_source
        self._next_s = first_s

    def next_s(self) -> float:
        """How long to wait before the next attempt, in seconds."""
        pause = self._next_s
        self._next_s = min(2 * pause, self._most_s)
        return pause * (1 + self._random.random() / 4)

    def reset(self) -> None:
        """An attempt succeeded: begin with short pauses again."""
        self._next_s = self._first_s
