"""The cloud's clocks; nothing else on this side reads one."""

import threading
import time
from collections.abc import Callable
from typing import Final

import structlog

SLEW_PPM: Final = 400
"""How fast the service's time follows a wall clock that was set: less than an agent allows (`edge.clockmap`)."""
_TELL_MS: Final = 2_000
_BOOT: Final = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)
_log: Final = structlog.get_logger(__name__)


class SteadyClock:
    """Wall-clock time that never steps: it runs with the boot clock and follows the wall clock slowly.

    A wall clock set by minutes must neither fire all timers nor hold them back. `wall` and `boot` give ms; the
    time at the start is taken from `wall`. `told` gets the difference in ms when it becomes more than 2 s.
    """

    def __init__(self, wall: Callable[[], int], boot: Callable[[], int], told: Callable[[int], None]) -> None:
        self._wall, self._boot, self._told = wall, boot, told
        self._at = float(wall())
        self._read = boot()
        self._apart = False
        self._lock = threading.Lock()

    def now(self) -> int:
        """Ms since the epoch, UTC; never less than before."""
        with self._lock:
            boot, wall = self._boot(), self._wall()
            passed = boot - self._read
            self._read = boot
            self._at += passed
            gap = wall - self._at
            most = passed * SLEW_PPM / 1_000_000
            self._at += max(-most, min(most, gap))
            self._notice(round(gap))
            return int(self._at)

    def _notice(self, gap: int) -> None:
        apart = abs(gap) > _TELL_MS
        if apart and not self._apart:
            self._told(gap)
        self._apart = apart


def _tell(gap_ms: int) -> None:
    _log.warning(
        "the machine's clock was set; the service follows it slowly, or at once when it is restarted",
        action="clock_stepped",
        gap_ms=gap_ms,
    )


def _wall_ms() -> int:
    return time.time_ns() // 1_000_000


def _boot_ms() -> int:
    return time.clock_gettime_ns(_BOOT) // 1_000_000


now_ms: Final = SteadyClock(_wall_ms, _boot_ms, _tell).now
"""The service's time, ms since the epoch, UTC."""


def monotonic_ms() -> int:
    """Milliseconds of a clock that never steps."""
    return time.monotonic_ns() // 1_000_000
