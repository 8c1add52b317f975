"""A feed over the in-memory store, in virtual time: waiting takes none."""

import asyncio
from typing import Any

import async_solipsism
import pytest

from cloud.store.memory import MemoryStore
from cloud.store.memory_reads import MemoryReader
from cloud.web.feed import Feed
from cloud.web.metrics import WebMetrics
from cloud.web.stream import Clocks
from tests.samples import NOON


def pytest_asyncio_loop_factories(config: pytest.Config, item: pytest.Item) -> dict[str, Any]:
    """Waiting takes no time here."""
    return {"virtual": async_solipsism.EventLoop}


class Time:
    """What both clocks say, in ms: the loop's virtual time since the start, and what a test adds."""

    def __init__(self) -> None:
        self.added = 0

    def monotonic(self) -> int:
        return round(asyncio.get_running_loop().time() * 1_000) + self.added

    def now(self) -> int:
        return NOON + self.monotonic()

    @property
    def clocks(self) -> Clocks:
        return Clocks(now=self.now, monotonic=self.monotonic)


@pytest.fixture
def time() -> Time:
    return Time()


@pytest.fixture
async def feed(store: MemoryStore) -> Feed:
    """A feed that knows where the store stands when it is asked, but does not follow it by itself."""
    return Feed(MemoryReader(store), WebMetrics())
