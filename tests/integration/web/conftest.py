"""PostgreSQL with a writer and a reader, as the web part meets it."""

import contextlib
from collections.abc import Iterator

import pytest

from cloud.store.postgres.writer import PostgresStore
from tests.databases import MOST_REAL, fresh_database
from tests.samples import Scribe


@pytest.fixture(params=MOST_REAL)
def dsn(request: pytest.FixtureRequest) -> Iterator[str]:
    """An empty database."""
    with fresh_database(request.param) as dsn:
        yield dsn


@pytest.fixture
def scribe(dsn: str) -> Iterator[Scribe]:
    """Who writes partition 3."""
    with contextlib.closing(PostgresStore(dsn).open(3)) as writer:
        yield Scribe(writer)
