"""The supervisor: each part of the process runs as a task of its own, and one that dies is begun again.

The one place of this process that catches whatever comes: a mistake in one part must not stop the others, and
must not go unsaid.
"""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from typing import Final

import structlog

from cloud.errors import MigrationError, SettingsError

_RESTART_S: Final = 1.0
_MOST_RESTART_S: Final = 4.0

log = structlog.get_logger("cloud")


async def supervise(name: str, part: Callable[[], Awaitable[None]], stop: asyncio.Event) -> None:
    """Run a part until `stop` is set; when it ends or fails before, begin it again within 5 s.

    Raises:
        SettingsError: It can never work with these settings.
        MigrationError: It can never work with this database.
    """
    pause = _RESTART_S
    while not stop.is_set():
        try:
            await part()
        except (SettingsError, MigrationError):
            raise
        except Exception:
            log.exception("a part failed and is begun again", action="part_failed", part=name)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(pause):
                await stop.wait()
        pause = min(2 * pause, _MOST_RESTART_S)
