"""Waiting for something in tests that run real processes."""

import asyncio
from collections.abc import Callable
from typing import Final

PATIENCE_S: Final = 120
"""How long tests wait for what must come: long enough for a busy machine. Speeds are measured by `make bench`."""


async def until(condition: Callable[[], bool], within_s: float = PATIENCE_S) -> None:
    """Returns once the condition holds.

    Raises:
        TimeoutError: It did not within that time.
    """
    async with asyncio.timeout(within_s):
        while True:
            if condition():
                return
            await asyncio.sleep(0.002)
