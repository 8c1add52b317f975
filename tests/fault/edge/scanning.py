"""Readers that do not stop."""

import asyncio

from tests.edge_harness import Readers


async def keep_scanning(readers: Readers, per_second: int) -> None:
    """Publish scans until cancelled."""
    while True:
        await asyncio.to_thread(readers.scan)
        await asyncio.sleep(1 / per_second)
