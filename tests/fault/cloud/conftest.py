"""What the fault tests of the cloud's side have in common."""

from collections.abc import Iterator

import pytest

from tests.databases import fresh_database


@pytest.fixture
def dsn() -> Iterator[str]:
    """A migrated database without a row."""
    with fresh_database("embedded") as found:
        yield found
