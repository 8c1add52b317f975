"""The only place of the edge that reads clocks; every decision takes `now` as an argument.

Times inside the edge are milliseconds of the boot clock: it never steps and counts while the machine sleeps.
"""

import functools
import time
from pathlib import Path

_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")
_CLOCK = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)


def boot_ms() -> int:
    """Milliseconds since this machine booted; see CLOCK_BOOTTIME in clock_gettime(2)."""
    return time.clock_gettime_ns(_CLOCK) // 1_000_000


def wall_ms() -> int:
    """What the machine believes the time to be, ms since the epoch, UTC. A hint, never rule time."""
    return time.time_ns() // 1_000_000


@functools.cache
def boot_id() -> str:
    """The name of the boot that `boot_ms` counts from; see random(4). Elsewhere: the minute it began in."""
    if _BOOT_ID.exists():
        return _BOOT_ID.read_text().strip()
    return f"booted-{(wall_ms() - boot_ms()) // 60_000}"
