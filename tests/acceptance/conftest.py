"""The whole line on embedded parts, once for each kind of database that this run has."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from contract.site_files import shipped_config
from sitewarden.stack import Stack, StackOptions
from tests.databases import MOST_REAL, empty_database


@pytest.fixture(name="stack", params=MOST_REAL, scope="module")
def running_stack(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Stack]:
    config = shipped_config()
    with empty_database(request.param) as dsn:
        stack = Stack(
            StackOptions(
                folder=tmp_path_factory.mktemp("stack"),
                site=config / "sites" / "demo",
                rules=config / "rules",
                scenario=config / "scenarios" / "demo.yaml",
                port=0,
                dsn=dsn,
            )
        )
        try:
            stack.start(lambda _: None)
            yield stack
        finally:
            stack.stop()


@pytest.fixture(name="shipped")
def shipped_configuration() -> Path:
    return shipped_config()
