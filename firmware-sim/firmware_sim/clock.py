"""The only place of the simulators that reads clocks; every device and the world take `now` as an argument."""

import time


def wall_ms() -> int:
    """Milliseconds since the epoch, UTC: what a simulated device's own clock shows."""
    return time.time_ns() // 1_000_000


def monotonic_ms() -> int:
    """Milliseconds of a clock that never steps: what the world lives by."""
    return time.monotonic_ns() // 1_000_000


class WorldClock:
    """The world's time: ms from 0 at its making, running `speed` times as fast as real time."""

    def __init__(self, speed: float) -> None:
        self._speed = speed
        self._began = monotonic_ms()
        self.began_at = wall_ms()

    def now(self) -> int:
        """The world's time."""
        return round((monotonic_ms() - self._began) * self._speed)

    def wall(self, at: int) -> int:
        """When the world's time is or was `at`, in real ms since the epoch."""
        return self.began_at + round(at / self._speed)
