"""A database and a broker for each test."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cloud_rig import Ports, TestAgent, running_broker
from tests.databases import MOST_REAL, fresh_database


@pytest.fixture(params=MOST_REAL)
def dsn(request: pytest.FixtureRequest) -> Iterator[str]:
    """A migrated database without a row."""
    with fresh_database(request.param) as found:
        yield found


@pytest.fixture
def ports(tmp_path: Path) -> Iterator[Ports]:
    """A running broker."""
    with running_broker(tmp_path) as found:
        yield found


@pytest.fixture
def agent(ports: Ports) -> Iterator[TestAgent]:
    """`gw-1`, signed in."""
    found = TestAgent(ports)
    yield found
    found.close()
