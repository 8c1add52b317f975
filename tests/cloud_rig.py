"""The whole cloud in this process, over the real broker and database, for tests; and an agent to feed it."""

import asyncio
import contextlib
import threading
from collections.abc import AsyncIterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec
import paho.mqtt.client as mqtt

from cloud.app import load_setups, serve
from cloud.broker.client import Endpoint
from cloud.broker.config import CLOUD_USER, AgentLogin, BrokerSettings, agent_user, render
from cloud.ingest.desk import SiteSetup
from cloud.settings import Role, Settings
from cloud.web.options import WebOptions
from contract.batch import Ack, Batch, Coverage, Lane, ack_decoder, encode
from contract.events import Event
from contract.topics import Address
from sitewarden.embedded.broker import start_broker
from sitewarden.embedded.ports import free_port
from tests.waiting import PATIENCE_S, until

ROOT = Path(__file__).parents[1]
SECRETS = {name: f"a-long-secret-of-{name}" for name in ("cloud", "gw-1", "gw-2")}
EPOCH = 77


class Ports(msgspec.Struct, frozen=True):
    """Where the broker listens."""

    nats: int
    mqtt: int


@contextlib.contextmanager
def running_broker(folder: Path, site: str = "demo") -> Any:
    """The real broker with two agents of a site."""
    settings = BrokerSettings(
        store=str(folder / "js"),
        cloud_password=SECRETS["cloud"],
        agents=[AgentLogin(Address(site, name), SECRETS[name]) for name in ("gw-1", "gw-2")],
        nats_port=free_port(),
        mqtt_port=free_port(),
    )
    child = start_broker(render(settings), folder, (settings.nats_port, settings.mqtt_port))
    try:
        yield Ports(settings.nats_port, settings.mqtt_port)
    finally:
        child.stop()


def settings_for(dsn: str, ports: Ports, **more: Any) -> Settings:
    """Settings of a cloud for the demo site."""
    given: dict[str, Any] = {
        "sites": (ROOT / "config/sites/demo",),
        "rules": ROOT / "config/rules",
        "operations": ROOT / "config/operations",
        "database": dsn,
        "broker": Endpoint(f"nats://127.0.0.1:{ports.nats}", CLOUD_USER, SECRETS["cloud"]),
        "web": WebOptions(port=0),
    }
    return Settings(**(given | more))


@contextlib.asynccontextmanager
async def running_cloud(
    settings: Settings, setups: Mapping[str, SiteSetup] | None = None
) -> AsyncIterator[str]:
    """The cloud, until the block ends; the address of its page, empty without one. `setups`: other than its files."""
    stop, served = asyncio.Event(), asyncio.Event()
    address = ""

    def on_web(found: str) -> None:
        nonlocal address
        address = found
        served.set()

    running = asyncio.create_task(serve(settings, setups or load_setups(settings), stop, on_web))
    if Role.WEB in settings.roles:
        async with asyncio.timeout(PATIENCE_S):
            await served.wait()
    try:
        yield address
    finally:
        stop.set()
        async with asyncio.timeout(PATIENCE_S):
            await running


class TestAgent:
    """An agent as the broker sees it: signed in over MQTT, sending batches, listening to acks and the time."""

    __test__ = False

    def __init__(self, ports: Ports, name: str = "gw-1") -> None:
        self.address = address = Address("demo", name)
        self.acks: list[Ack] = []
        self.replies: list[bytes] = []
        self._next = 1
        self._sent: list[bytes] = []
        self._client = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2, client_id=f"test-{name}")
        self._client.username_pw_set(agent_user(address), SECRETS[address.agent])
        self._client.on_message = self._heard
        self._client.connect("127.0.0.1", ports.mqtt)
        self._connected = threading.Event()
        self._client.on_connect = lambda *_: self._connected.set()
        self._client.loop_start()
        self._connected.wait(PATIENCE_S)
        for channel in ("ack", "time-reply"):
            self._client.subscribe(address.topic(channel))

    def _heard(self, _client: object, _data: object, message: mqtt.MQTTMessage) -> None:
        if message.topic.endswith("/ack"):
            self.acks.append(ack_decoder.decode(message.payload))
        else:
            self.replies.append(message.payload)

    def publish(self, channel: str, payload: bytes) -> None:
        """Publish on a channel, acknowledged by the broker."""
        self._client.publish(self.address.topic(channel), payload, qos=1).wait_for_publish(PATIENCE_S)

    def send(self, *events: dict[str, Any], sent_at: int, sources: dict[str, int] | None = None) -> int:
        """Send events given without numbers, and statements; the number of the last event."""
        first = self._next
        rows = [Event(seq=first + index, **event) for index, event in enumerate(events)]
        self._next += len(rows)
        statements = {device: Coverage(complete_to) for device, complete_to in (sources or {}).items()}
        self._sent.append(encode(self._batch(first, rows, sent_at, statements)))
        self.publish("events", self._sent[-1])
        return self._next - 1

    def _batch(self, first: int, rows: Sequence[Event], sent_at: int, sources: dict[str, Coverage]) -> Batch:
        return Batch(
            agent=self.address.agent,
            epoch=EPOCH,
            first=first,
            last=first + len(rows) - 1,
            sent_at=sent_at,
            sources=sources,
            events=list(rows),
        )

    async def until_durable(self, number: int) -> None:
        """Waits for the cloud's word; sends all of it again every second until then, as agents do."""
        for _ in range(PATIENCE_S):
            with contextlib.suppress(TimeoutError):
                await until(lambda: any(ack.durable.get(Lane.MAIN, 0) >= number for ack in self.acks), 1)
                return
            for payload in self._sent:
                self.publish("events", payload)
        raise TimeoutError(f"number {number} was never durable")

    def close(self) -> None:
        """Sign off."""
        self._client.disconnect()
        self._client.loop_stop()
