"""Growing pauses between attempts, each told once. Pure."""

from typing import Final

FIRST_S: Final = 0.2
MOST_S: Final = 5.0


class Pauses:
    """Pauses that double from `FIRST_S` to `MOST_S`, until an attempt succeeds."""

    def __init__(self) -> None:
        self._next_s = FIRST_S
        self._failing = False

    def failed(self) -> tuple[float, bool]:
        """How long to wait after a failure, in seconds, and whether it is the first one in a row."""
        pause, first = self._next_s, not self._failing
        self._next_s = min(2 * pause, MOST_S)
        self._failing = True
        return pause, first

    def succeeded(self) -> bool:
        """It works: begin with short pauses again. Returns whether it had failed before."""
        recovered, self._failing = self._failing, False
        self._next_s = FIRST_S
        return recovered
