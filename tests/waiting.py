"""Waiting for something in tests that run real processes."""

import asyncio
from collections.abc import Callable


async def until(condition: Callable[[], bool], within_s: float = 30) -> None:
    """Returns once the condition holds.

    Raises:
        TimeoutError: It did not within that time.
    """
    async with asyncio.timeout(within_s):
        while True:
            if condition():
                return
            await asyncio.sleep(0.002)
