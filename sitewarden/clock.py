"""The only place of the command that reads a clock."""

import time


def monotonic_s() -> float:
    """Seconds of a clock that never steps."""
    return time.monotonic()
