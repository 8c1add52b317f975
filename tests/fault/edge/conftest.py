"""A broker above, a broker on site, an agent between them, and the oracle that counts what arrives."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import structlog

from edge import logs
from sitewarden.embedded.ports import free_port
from tests.edge_harness import SITE, AgentProcess, Broker, Cloud, MakeAgent, MakeCloud


@pytest.fixture(autouse=True)
def plain_log() -> Iterator[None]:
    """The log of the real process: the default one draws every variable of a traceback, for seconds."""
    logs.configure()
    yield
    structlog.reset_defaults()


@pytest.fixture
def site_dir(tmp_path: Path) -> Path:
    folder = tmp_path / "config" / "sites" / "demo"
    folder.mkdir(parents=True)
    (folder / "site.yaml").write_text(SITE)
    return folder


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Broker]:
    folder = tmp_path / "broker"
    folder.mkdir()
    broker = Broker(folder, free_port())
    yield broker
    broker.stop()


@pytest.fixture
def field_broker(tmp_path: Path) -> Iterator[Broker]:
    """The broker of the site's own readers, apart from the one that leads to the cloud."""
    folder = tmp_path / "field"
    folder.mkdir()
    broker = Broker(folder, free_port())
    broker.start()
    yield broker
    broker.stop()


@pytest.fixture
def make_agent(tmp_path: Path, site_dir: Path) -> Iterator[MakeAgent]:
    made: list[AgentProcess] = []

    def make(*, uplink: str, line: str) -> AgentProcess:
        arguments = ["--site", str(site_dir), "--agent", "gw-1", "--broker", uplink]
        arguments += ["--spool", str(tmp_path / "spool.db"), "--line", f"patrol={line}"]
        agent = AgentProcess(arguments, tmp_path / "agent.log")
        made.append(agent)
        return agent

    yield make
    for agent in made:
        agent.kill()


@pytest.fixture
def make_cloud(tmp_path: Path) -> MakeCloud:
    return lambda broker: Cloud(broker.url, tmp_path / "oracle.jsonl", "demo", "gw-1")
