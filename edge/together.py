"""Several coroutines as one.

Not `asyncio.TaskGroup`: in Python 3.11 a group whose child fails leaves a cancellation behind in its parent, or
forgets one that came at the same moment (python/cpython#117407).
"""

import asyncio
from collections.abc import Coroutine
from typing import Any


async def together(*parts: Coroutine[Any, Any, None]) -> None:
    """Run all until the first one ends, and end the others then; raises what that first one raised."""
    tasks = [asyncio.create_task(part) for part in parts]
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)
    for task in done:
        task.result()
