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

RESTART_S: Final = 1.0
MOST_RESTART_S: Final = 5.0
_STEADY_MS: Final = 60_000

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
        except Exception as error:
            if (broken := _spool_error(error)) is not None:
                raise broken from error
            log.exception("a part failed and is begun again", action="part_failed", part=name)
        _end_if_cancelled()
        pause = RESTART_S if clock.boot_ms() - began > _STEADY_MS else min(2 * pause, MOST_RESTART_S)
        await asyncio.sleep(pause)


def _end_if_cancelled() -> None:
    # A task group whose child fails while it is being cancelled forgets the cancellation (Python 3.11).
    task = asyncio.current_task()
    if task is not None and task.cancelling():
        raise asyncio.CancelledError


def _spool_error(error: BaseException) -> SpoolError | None:
    """The spool's error in a group of errors, if there is one."""
    if isinstance(error, SpoolError):
        return error
    if isinstance(error, BaseExceptionGroup):
        return next((found for one in error.exceptions if (found := _spool_error(one))), None)
    return None
