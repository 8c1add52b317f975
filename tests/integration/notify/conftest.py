"""A running notifier over an outbox in memory, and receivers for what it sends."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Iterator

import pytest

from cloud.clock import now_ms
from cloud.notify.channels import Channel
from cloud.notify.notifier import LEASE_MS, Notifier
from cloud.store.memory import MemoryStore
from cloud.store.memory_outbox import MemoryOutbox
from tests.outboxes import SITE, Filler
from tests.receivers import Mailbox, Receiver, mail_server, receiver
from tests.waiting import PATIENCE_S

CONTACTS = {(SITE, "p-007"): {"mail": "wang@example.org"}, (SITE, "p-008"): {"phone": "13800000000"}}
Running = Callable[..., contextlib.AbstractAsyncContextManager[None]]


@pytest.fixture
def store() -> MemoryStore:
    return MemoryStore()


@pytest.fixture
def filler(store: MemoryStore) -> Filler:
    return Filler(store.open(3))


@pytest.fixture
def web() -> Iterator[Receiver]:
    with receiver() as found:
        yield found


@pytest.fixture
def mail() -> Iterator[tuple[Mailbox, int]]:
    with mail_server() as found:
        yield found


@pytest.fixture
def running(store: MemoryStore) -> Running:
    """Runs a notifier with channels while a block lasts."""

    @contextlib.asynccontextmanager
    async def run(*channels: Channel, lease_ms: int = LEASE_MS) -> AsyncIterator[None]:
        outbox, stop = MemoryOutbox(store), asyncio.Event()
        task = asyncio.create_task(Notifier(outbox, channels, CONTACTS, now_ms, lease_ms).run(stop))
        try:
            yield
        finally:
            stop.set()
            async with asyncio.timeout(PATIENCE_S):
                await task
            outbox.close()

    return run
