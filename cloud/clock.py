"""The cloud's clocks; nothing else on this side reads one."""

import time


def now_ms() -> int:
    """Wall-clock time in ms since the epoch, UTC."""
    return time.time_ns() // 1_000_000


def monotonic_ms() -> int:
    """Milliseconds of a clock that never steps."""
    return time.monotonic_ns() // 1_000_000
