"""What the edge's fault tests need: a real broker, a real agent process, and an honest cloud of forty lines."""

import asyncio
import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any, Protocol

import nats

from contract.batch import Ack, Batch, Lane, TimeReply, batch_decoder, encode, time_request_decoder
from contract.clock import monotonic_ms, now_ms
from contract.events import Event, event_data
from contract.topics import Address

ROOT = Path(__file__).resolve().parents[1]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


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
        wait_for_port(self.mqtt_port)
        wait_for_port(self.port)

    def stop(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None


def wait_for_port(port: int, timeout_ms: int = 15_000) -> None:
    end = monotonic_ms() + timeout_ms
    while monotonic_ms() < end:
        with socket.socket() as probe:
            probe.settimeout(0.2)
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
    raise TimeoutError(f"nobody listens on port {port}")


class Cloud:
    """Acks what it has synced to a file: the oracle of what arrived. Answers time requests."""

    def __init__(self, url: str, file: Path, site: str, agent: str) -> None:
        self._url = url
        self._file = file
        self._address = Address(site, agent)
        self._stored: dict[tuple[int, Lane], set[int]] = {}
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
        known, high = self._stored.get((epoch, lane), set()), 0
        while high + 1 in known:
            high += 1
        return high

    async def until(self, what: Callable[[], bool], timeout_s: float = 20) -> None:
        async with asyncio.timeout(timeout_s):
            while not what():
                self._heard.clear()
                await self._heard.wait()

    async def more(self, timeout_s: float = 20) -> None:
        """Wait for another batch."""
        before = len(self.batches)
        await self.until(lambda: len(self.batches) > before, timeout_s)


class AgentProcess:
    """`python -m edge` as a process of its own."""

    def __init__(self, arguments: list[str], log: Path) -> None:
        self._arguments = arguments
        self._log = log
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        with self._log.open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "edge", *self._arguments], cwd=ROOT, stdout=log, stderr=log
            )

    def kill(self) -> None:
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            self.process = None

    def stop(self, timeout_s: float = 10) -> int:
        if self.process is None:
            raise AssertionError("the agent does not run")
        self.process.send_signal(signal.SIGTERM)
        status = self.process.wait(timeout_s)
        self.process = None
        return status

    @property
    def log(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self._log.read_text().splitlines() if line.startswith("{")]


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


class MakeAgent(Protocol):
    """Makes an agent process; `uplink` and `line` are URLs of brokers."""

    def __call__(self, *, uplink: str, line: str) -> AgentProcess: ...


MakeCloud = Callable[[Broker], Cloud]
