"""Every backend that ships, each empty."""

import contextlib
from collections.abc import AsyncIterator, Callable, Iterator

import pytest

from cloud.store.base import PartitionWriter, Store
from cloud.store.memory import MemoryStore, MemoryWriter
from cloud.store.memory_reads import MemoryReader
from cloud.store.postgres.reads import PostgresReader
from cloud.store.postgres.writer import PostgresStore, PostgresWriter
from cloud.store.reads import Reader
from tests.databases import SERVERS, as_program, fresh_database
from tests.samples import Scribe


@pytest.fixture(params=["memory", *SERVERS])
def store(request: pytest.FixtureRequest) -> Iterator[Store]:
    """An empty store of each kind."""
    with contextlib.ExitStack() as stack:
        if request.param == "memory":
            yield MemoryStore()
        else:
            database = stack.enter_context(fresh_database(request.param))
            yield PostgresStore(as_program(request.param, database))


@pytest.fixture
def take(store: Store) -> Iterator[Callable[[int], PartitionWriter]]:
    """Opens a partition of the store; all that were opened are closed at the end."""
    with contextlib.ExitStack() as stack:

        def opened(partition: int) -> PartitionWriter:
            writer = store.open(partition)
            stack.callback(writer.close)
            return writer

        yield opened


@pytest.fixture
def steal() -> Callable[[PartitionWriter], None]:
    """Frees a partition under its owner's nose, as when the server drops a session the owner still believes in."""

    def take_away(writer: PartitionWriter) -> None:
        if isinstance(writer, MemoryWriter):
            writer._store.abandon(writer.partition)
        elif isinstance(writer, PostgresWriter):
            writer._connection.execute("select pg_advisory_unlock_all()")

    return take_away


@pytest.fixture
async def reader(store: Store) -> AsyncIterator[Reader]:
    """A reader of the store at hand."""
    reader: Reader
    if isinstance(store, MemoryStore):
        reader = MemoryReader(store)
    elif isinstance(store, PostgresStore):
        reader = PostgresReader(store._dsn)
    else:
        raise TypeError(store)
    await reader.open()
    yield reader
    await reader.close()


@pytest.fixture
def scribe(take: Callable[[int], PartitionWriter]) -> Scribe:
    return Scribe(take(3))
