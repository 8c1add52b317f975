"""The spool behind a thread of its own, so that a slow disk never stops the reading of devices."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from edge.spool.base import Spool

T = TypeVar("T")


class Desk:
    """Takes one call for the spool at a time, in order."""

    def __init__(self, spool: Spool) -> None:
        self._spool = spool
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="spool")

    @property
    def epoch(self) -> int:
        """See `Spool.epoch`."""
        return self._spool.epoch

    async def do(self, call: Callable[[Spool], T]) -> T:
        """The result of a call on the spool; raises what it raises.

        A caller that is cancelled does not undo the call.
        """
        return await asyncio.get_running_loop().run_in_executor(self._thread, call, self._spool)

    async def close(self) -> None:
        """Let go of the spool once every call is done."""
        await self.do(lambda spool: spool.close())
        self._thread.shutdown()
