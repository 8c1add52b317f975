"""What the edge's fault tests need: a real broker, a real agent process, and an honest cloud of forty lines."""

import asyncio
import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any, Protocol

import nats
import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion

from contract.batch import Ack, Batch, Lane, TimeReply, batch_decoder, encode, time_request_decoder
from contract.clock import monotonic_ms, now_ms
from contract.events import Event, event_data
from contract.topics import Address
from edge.app import prepare, serve
from edge.settings import Settings
from sitewarden.embedded.ports import free_port, is_listening
from tests.waiting import PATIENCE_S

ROOT = Path(__file__).resolve().parents[1]


class Broker:
    """nats-server on ports of its own, which can be stopped and started again."""

    def __init__(self, folder: Path, mqtt_port: int) -> None:
        self.folder = folder
        self.mqtt_port = mqtt_port
        self.port = free_port()
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"nats://127.0.0.1:{self.port}"

    @property
    def mqtt_url(self) -> str:
        return f"mqtt://127.0.0.1:{self.mqtt_port}"

    def start(self) -> None:
        config = self.folder / "nats.conf"
        config.write_text(
            f'server_name: test\nlisten: "127.0.0.1:{self.port}"\n'
            f'jetstream: {{store_dir: "{self.folder}/store"}}\nmqtt: {{listen: "127.0.0.1:{self.mqtt_port}", ack_wait: 1s}}\n'
        )
        log = (self.folder / "broker.log").open("ab")
        self._process = subprocess.Popen(
            [str(Path(sys.executable).with_name("nats-server")), "-c", str(config)], stdout=log, stderr=log
        )
        log.close()
        self._until_up()

    def _until_up(self, timeout_s: float = PATIENCE_S) -> None:
        end = monotonic_ms() + timeout_s * 1_000
        while not (is_listening(self.mqtt_port) and is_listening(self.port)):
            if self._process is None or self._process.poll() is not None or monotonic_ms() > end:
                raise RuntimeError((self.folder / "broker.log").read_text()[-2000:])
            time.sleep(0.02)

    def stop(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None


class Cloud:
    """Acks what it has synced to a file: the oracle of what arrived. Answers time requests."""

    def __init__(self, url: str, file: Path, site: str, agent: str) -> None:
        self._url = url
        self._file = file
        self._address = Address(site, agent)
        self._stored: dict[tuple[int, Lane], set[int]] = {}
        self._durable: dict[tuple[int, Lane], int] = {}
        self.batches: list[Batch] = []
        self.events: list[Event] = []
        self.acking = True
        self._heard = asyncio.Event()

    @contextlib.asynccontextmanager
    async def listening(self) -> AsyncIterator["Cloud"]:
        self._nats = await nats.connect(self._url)
        await self._nats.subscribe(self._address.subject("events"), cb=self._on_batch)
        await self._nats.subscribe(self._address.subject("time"), cb=self._on_time)
        await self._nats.flush()
        try:
            yield self
        finally:
            await self._nats.close()

    async def _on_time(self, message: Any) -> None:
        request = time_request_decoder.decode(message.data)
        reply = TimeReply(boot=request.boot, sent=request.sent, cloud=now_ms())
        await self._nats.publish(self._address.subject("time-reply"), encode(reply))

    async def _on_batch(self, message: Any) -> None:
        batch = batch_decoder.decode(message.data)
        self.batches.append(batch)
        known = self._stored.setdefault((batch.epoch, batch.lane), set())
        fresh = [event for event in batch.events if event.seq not in known]
        with self._file.open("ab") as file:
            for event in fresh:
                line = {"seq": event.seq, "lane": batch.lane, "device": event.device, "type": event.type}
                file.write(
                    json.dumps(line | {"person": event.person, "data": event_data(event)}).encode() + b"\n"
                )
            file.flush()
            os.fsync(file.fileno())
        self.events += fresh
        known.update(range(batch.first, batch.last + 1))
        if self.acking:
            await self._nats.publish(self._address.subject("ack"), encode(self._ack(batch.epoch)))
        self._heard.set()

    def _ack(self, epoch: int) -> Ack:
        return Ack(
            epoch=epoch,
            durable={lane: self.durable(epoch, lane) for lane in Lane if (epoch, lane) in self._stored},
        )

    def durable(self, epoch: int, lane: Lane) -> int:
        known, high = self._stored.get((epoch, lane), set()), self._durable.get((epoch, lane), 0)
        while high + 1 in known:
            high += 1
        self._durable[epoch, lane] = high
        return high

    async def until(self, what: Callable[[], bool], timeout_s: float = PATIENCE_S) -> None:
        async with asyncio.timeout(timeout_s):
            while not what():
                self._heard.clear()
                await self._heard.wait()

    def scans(self) -> Counter[str]:
        """How often each card's scan is in the database."""
        return Counter(str(event.person) for event in self.events if event.type == "checkpoint.scan")

    async def more(self, timeout_s: float = PATIENCE_S) -> None:
        """Wait for another batch."""
        before = len(self.batches)
        await self.until(lambda: len(self.batches) > before, timeout_s)


class AgentProcess:
    """`python -m edge` as a process of its own."""

    def __init__(self, arguments: list[str], log: Path) -> None:
        self._arguments = arguments
        self._log = log
        self.process: subprocess.Popen[bytes] | None = None
        self._lines_before = 0

    def start(self) -> None:
        self._lines_before = len(self.log) if self._log.exists() else 0
        with self._log.open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "edge", *self._arguments], cwd=ROOT, stdout=log, stderr=log
            )

    def kill(self) -> None:
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            self.process = None

    def stop(self, timeout_s: float = PATIENCE_S) -> int:
        if self.process is None:
            raise AssertionError("the agent does not run")
        # An interpreter that is still loading the agent ends at once, and says so by its status.
        end = monotonic_ms() + timeout_s * 1_000
        while len(self.log) == self._lines_before and monotonic_ms() < end:
            time.sleep(0.02)
        self.process.send_signal(signal.SIGTERM)
        status = self.process.wait(timeout_s)
        self.process = None
        return status

    def until_logged(self, action: str, timeout_s: float = PATIENCE_S) -> None:
        """Wait for a line of the log."""
        end = monotonic_ms() + timeout_s * 1_000
        while all(line["action"] != action for line in self.log):
            if monotonic_ms() > end:
                raise TimeoutError(f"the agent never said {action}")
            time.sleep(0.02)

    @property
    def log(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self._log.read_text().splitlines() if line.startswith("{")]


class LyingBroker:
    """Speaks just enough MQTT 3.1.1 to say yes to everything, and forgets it all at once."""

    def __init__(self, port: int) -> None:
        self._port = port
        self.swallowed: list[tuple[str, bytes]] = []
        self.connections = 0
        self._writers: list[asyncio.StreamWriter] = []
        self._heard = asyncio.Event()

    @contextlib.asynccontextmanager
    async def listening(self) -> AsyncIterator["LyingBroker"]:
        server = await asyncio.start_server(self._serve, "127.0.0.1", self._port)
        try:
            yield self
        finally:
            server.close()
            for writer in self._writers:
                writer.transport.abort()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        self._writers.append(writer)
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            while True:
                kind, body = await self._packet(reader)
                writer.write(self._answer(kind, body))

    async def until(self, what: Callable[[], bool], timeout_s: float = PATIENCE_S) -> None:
        async with asyncio.timeout(timeout_s):
            while not what():
                self._heard.clear()
                await self._heard.wait()

    async def _packet(self, reader: asyncio.StreamReader) -> tuple[int, bytes]:
        head = (await reader.readexactly(1))[0]
        length = shift = 0
        while True:
            byte = (await reader.readexactly(1))[0]
            length |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80:
                return head, await reader.readexactly(length)

    def _answer(self, head: int, body: bytes) -> bytes:
        kind, qos = head >> 4, head >> 1 & 3
        if kind == 1:  # CONNECT
            return b"\x20\x02\x00\x00"
        if kind == 8:  # SUBSCRIBE: one topic in each
            return b"\x90\x03" + body[:2] + b"\x00"
        if kind == 12:  # PINGREQ
            return b"\xd0\x00"
        if kind != 3:
            return b""
        end = 2 + int.from_bytes(body[:2])
        self.swallowed.append((body[2:end].decode(), body[end + 2 :]))
        self._heard.set()
        return b"\x40\x02" + body[end : end + 2] if qos else b""  # PUBACK


class Readers:
    """Patrol readers that publish numbered scans with QoS 1, and count as made what their broker took."""

    def __init__(self, port: int, kind: str = "card") -> None:
        self._kind = kind
        self._client = paho.Client(CallbackAPIVersion.VERSION2, client_id="readers")
        self._client.connect("127.0.0.1", port)
        self._client.loop_start()
        self._count = 0
        for reader in ("r1", "r2"):
            self._client.publish(f"patrol/{reader}/status", "online", 1, retain=True).wait_for_publish(
                PATIENCE_S
            )

    def scan(self) -> str:
        """Make one scan; the card it was made with."""
        self._count += 1
        card = f"{self._kind}:{self._count}"
        body = {"card": card, "t": now_ms(), "n": self._count}
        reader = "r1" if self._count % 2 else "r2"
        self._client.publish(f"patrol/{reader}/scan", json.dumps(body), 1).wait_for_publish(PATIENCE_S)
        return card

    @property
    def made(self) -> set[str]:
        return {f"{self._kind}:{number}" for number in range(1, self._count + 1)}

    @staticmethod
    def before(card: str) -> set[str]:
        """The cards scanned before that one."""
        return {f"card:{number}" for number in range(1, int(card.removeprefix("card:")))}

    def stop(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()


SITE = """
site: demo
language: en
zones: [{id: lobby}]
devices:
  - {id: cp-1, zone: lobby, profile: patrol-reader, line: patrol, address: r1}
  - {id: cp-2, zone: lobby, profile: patrol-reader, line: patrol, address: r2}
agents:
  - {id: gw-1, lines: [{id: patrol, endpoint: "mqtt://127.0.0.1:1"}]}
"""


SITE_WITH_PANEL = """
site: demo
language: en
zones: [{id: lobby}]
devices:
  - {id: cp-1, zone: lobby, profile: patrol-reader, line: patrol, address: r1}
  - {id: cp-2, zone: lobby, profile: patrol-reader, line: patrol, address: r2}
  - {id: panel, zone: lobby, profile: gb26875-transmitter, line: fire, address: "010203040506"}
agents:
  - id: gw-1
    lines: [{id: patrol, endpoint: "mqtt://127.0.0.1:1"}, {id: fire, endpoint: "gb26875://127.0.0.1:1"}]
"""
"""Two patrol readers on a broker, and a fire panel behind a transmitter."""


class MakeAgent(Protocol):
    """Makes an agent process; `uplink` and `line` are URLs of brokers."""

    def __call__(self, *, uplink: str, line: str) -> AgentProcess: ...


MakeCloud = Callable[[Broker], Cloud]


@contextlib.asynccontextmanager
async def running_agent(settings: Settings) -> AsyncIterator[None]:
    """The agent within this process, from start to orderly stop."""
    stop = asyncio.Event()
    task = asyncio.create_task(serve(settings, prepare(settings), stop))
    try:
        yield
    finally:
        stop.set()
        await task
