"""The web part over the in-memory store, with clocks that stand still until a test moves them."""

import contextlib
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from cloud.broker.memory import MemoryLine, MemoryPost
from cloud.operations.setup import OperationsSetup
from cloud.store.files import FileStore
from cloud.store.memory import MemoryStore
from cloud.store.memory_reads import MemoryReader
from cloud.web.app import create_app
from cloud.web.options import WebOptions
from cloud.web.stream import Clocks
from contract.site import Site
from tests import samples
from tests.samples import NOON, Scribe
from tests.webserver import RULES


class Time:
    """What both clocks say, in ms: they stand still until a test moves them."""

    def __init__(self) -> None:
        self.added = 0

    def monotonic(self) -> int:
        return self.added

    def now(self) -> int:
        return NOON + self.added

    @property
    def clocks(self) -> Clocks:
        return Clocks(now=self.now, monotonic=self.monotonic)


@pytest.fixture
def time() -> Time:
    return Time()


@pytest.fixture
def store() -> MemoryStore:
    return MemoryStore()


@pytest.fixture
def scribe(store: MemoryStore) -> Scribe:
    return Scribe(store.open(3))


Client = Callable[..., contextlib.AbstractAsyncContextManager[httpx.AsyncClient]]


@pytest.fixture
def line(time: Time) -> MemoryLine:
    return MemoryLine(time.now)


@pytest.fixture
def client(store: MemoryStore, time: Time, line: MemoryLine, tmp_path: Path) -> Client:
    """Opens the application and a client of it, for a site of a test's own or the sample; others are `WebOptions`."""

    @contextlib.asynccontextmanager
    async def opened(
        *, base_url: str = "http://localhost", site: Site | None = None, **options: Any
    ) -> AsyncIterator[httpx.AsyncClient]:
        app = create_app(
            MemoryReader(store),
            [site or samples.site(), samples.site("empty")],
            WebOptions(**options),
            post=MemoryPost(line),
            files=FileStore(tmp_path / "files"),
            operations={"demo": OperationsSetup()},
            rules={"demo": RULES},
            clocks=time.clocks,
        )
        transport = httpx.ASGITransport(app, raise_app_exceptions=False)
        async with (
            app.router.lifespan_context(app),
            httpx.AsyncClient(transport=transport, base_url=base_url) as web,
        ):
            web.app = app  # type: ignore[attr-defined] - for tests that reach behind the door
            yield web

    return opened
