"""The real broker, from its wheel."""

from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec
import pytest

from cloud.broker.client import Endpoint
from cloud.broker.config import CLOUD_USER, AgentLogin, BrokerSettings, render
from contract.topics import Address
from sitewarden.embedded.broker import start_broker
from sitewarden.embedded.ports import free_port
from sitewarden.embedded.process import Child

SECRETS = {agent: f"a-long-secret-of-{agent}" for agent in ("cloud", "gw-1", "gw-2")}


class RunningBroker(msgspec.Struct):
    """A broker for two agents of the site `demo`; `restart` brings it up anew, `empty` without what it kept."""

    settings: BrokerSettings
    folder: Path
    child: Child

    @property
    def endpoint(self) -> Endpoint:
        """Where the cloud connects."""
        return Endpoint(f"nats://127.0.0.1:{self.settings.nats_port}", CLOUD_USER, SECRETS["cloud"])

    def restart(self) -> None:
        """Killed and started again on the same ports and store."""
        self.child.kill()
        self.child = _start(self.settings, self.folder)


@pytest.fixture(name="broker")
def running_broker(tmp_path: Path) -> Iterator[RunningBroker]:
    agents = [AgentLogin(Address("demo", agent), SECRETS[agent]) for agent in ("gw-1", "gw-2")]
    settings = BrokerSettings(
        store=str(tmp_path / "js"),
        cloud_password=SECRETS["cloud"],
        agents=agents,
        nats_port=free_port(),
        mqtt_port=free_port(),
    )
    broker = RunningBroker(settings, tmp_path, _start(settings, tmp_path))
    yield broker
    broker.child.stop()


def _start(settings: BrokerSettings, folder: Path) -> Child:
    return start_broker(render(settings), folder, (settings.nats_port, settings.mqtt_port))


@pytest.fixture(name="secrets")
def known_secrets() -> Callable[[str], str]:
    return SECRETS.__getitem__
