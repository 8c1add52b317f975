"""A part that dies is begun again; nothing else is disturbed."""

import asyncio

import pytest
import structlog

from edge.agent import supervise
from edge.errors import SpoolError
from edge.together import together
from tests.waiting import PATIENCE_S


class Part:
    """Fails as often as it is told to, then runs on."""

    def __init__(self, *failures: Exception | None) -> None:
        self._failures = list(failures)
        self.begun = 0
        self.steady = asyncio.Event()

    async def run(self) -> None:
        self.begun += 1
        if self._failures:
            failure = self._failures.pop(0)
            if failure is not None:
                raise failure
            return
        self.steady.set()
        await asyncio.Event().wait()


async def supervised(part: Part) -> None:
    task = asyncio.create_task(supervise("part", part.run))
    async with asyncio.timeout(PATIENCE_S):
        await part.steady.wait()
    task.cancel()
    await asyncio.wait([task])
    assert task.cancelled()


@pytest.mark.parametrize("failure", [RuntimeError("a mistake"), None])
async def test_a_part_that_fails_or_ends_is_begun_again_and_that_is_said(failure: Exception | None) -> None:
    part = Part(failure)
    with structlog.testing.capture_logs() as logs:
        await supervised(part)
    assert part.begun == 2
    assert [line["action"] for line in logs] == ["part_failed" if failure else "part_ended"]


async def test_a_broken_spool_ends_all() -> None:
    with pytest.raises(SpoolError):
        await supervise("part", Part(SpoolError("the disk failed")).run)


async def test_together_ends_all_with_the_first_that_fails() -> None:
    on, off = Part(), Part(RuntimeError("a mistake"))
    with pytest.raises(RuntimeError, match="a mistake"):
        await together(on.run(), off.run())
    assert on.begun == 1


async def test_together_passes_a_cancellation_on_even_when_a_part_fails_at_that_moment() -> None:
    class Stubborn:
        async def run(self) -> None:
            try:
                await asyncio.Event().wait()
            except asyncio.CancelledError as error:
                raise RuntimeError("fails while it is cancelled") from error

    both = asyncio.create_task(together(Stubborn().run(), Part().run()))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    both.cancel()
    with pytest.raises(asyncio.CancelledError):
        await both
