"""The only place of the simulators that reads clocks; every device and the world take `now` as an argument."""

import time


def wall_ms() -> int:
    """Milliseconds since the epoch, UTC: what a simulated device's own clock shows."""
    return time.time_ns() // 1_000_000


def monotonic_ms() -> int:
    """Milliseconds of a clock that never steps: what the world lives by."""
    return time.monotonic_ns() // 1_000_000
