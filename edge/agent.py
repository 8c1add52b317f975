"""The supervisor: each part of the agent runs as a task of its own, and one that dies is begun again.

The one place of this process that catches whatever comes: a mistake in one part must not stop the others, and
must not go unsaid.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final

import structlog

from edge import clock
from edge.errors import SpoolError

RESTART_S: Final = 0.5
MOST_RESTART_S: Final = 3.0
_STEADY_MS: Final = 10_000

log = structlog.get_logger("edge.agent")


async def supervise(name: str, part: Callable[[], Awaitable[None]]) -> None:
    """Run a part until cancelled; when it ends or fails, begin it again within 5 s.

    Raises:
        SpoolError: The spool failed; without it no part may go on.
    """
    pause = RESTART_S
    while True:
        began = clock.boot_ms()
        try:
            await part()
            log.error("a part ended by itself", action="part_ended", part=name)
        except SpoolError:
            raise
        except Exception:
            log.exception("a part failed and is begun again", action="part_failed", part=name)
        if clock.boot_ms() - began >= _STEADY_MS:
            pause = RESTART_S
        await asyncio.sleep(pause)
        pause = min(2 * pause, MOST_RESTART_S)
