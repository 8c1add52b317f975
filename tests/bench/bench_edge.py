"""The agent alone: rows a second into and out of the spool, memory with 50 devices, time to the first reading."""

import asyncio
import json
import random
import socket
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import psutil

from contract.batch import Lane
from contract.clock import monotonic_ms
from contract.events import Quality
from edge.clockmap import ClockMap, Sample
from edge.rows import ReadingRow, new_row
from edge.spool.limits import Limits
from edge.spool.sqlite import open_spool
from edge.uplink.message import Envelope, pack

ROOT = Path(__file__).resolve().parents[2]
Result = dict[str, Any]
METER = """
profile: meter-25
protocol: modbus
polls: {normal: 1s}
limits: {max_registers: 25}
points: [{name: "value_{n}", function: 3, address: 0, repeat: [{as: n, count: 25}], deadband: 1}]
"""


class Load(NamedTuple):
    """Devices of one profile, on so many lines, under the name of their figures."""

    name: str
    profile: str
    devices: int
    lines: int


SENSORS = Load("50_devices", "xy-md02", 50, 5)
METERS = Load("200_devices_5000_points", "meter-25", 200, 10)
ROW = new_row(ReadingRow(device="t-ups", point="temperature", at=1, value=24.5, quality=Quality.GOOD))
SITE = """
site: bench
zones: [{{id: hall}}]
devices: [{devices}]
agents: [{{id: gw-1, lines: [{lines}]}}]
"""


def run(scale: float = 1.0) -> list[Result]:
    """The measurements; `scale` below 1 makes them quicker and rougher."""
    with tempfile.TemporaryDirectory() as name:
        folder, seconds = Path(name), max(5, 20 * scale)
        return [
            *_spool(folder, int(200_000 * scale)),
            *asyncio.run(_process(folder / "few", seconds, SENSORS)),
            *asyncio.run(_process(folder / "many", seconds, METERS)),
        ]


def _spool(folder: Path, rows: int) -> list[Result]:
    spool, _ = open_spool(folder / "bench.db", boot="b", limits=Limits(), random_source=random.Random(1))
    one_by_one = max(50, rows // 1_000)
    singly = _seconds(lambda: [spool.append([ROW]) for _ in range(one_by_one)])
    grouped = _seconds(lambda: [spool.append([ROW] * 200) for _ in range(rows // 200)])
    clock = ClockMap().booted("b", 0, 0).with_sample(Sample(0, 1_764_547_200_000, 5))
    envelope = Envelope(agent="gw-1", sent_at=1_764_547_200_000, clock_offset_ms=0, through={})

    def drain() -> None:
        after = 0
        while batch := spool.next_batch(Lane.MAIN, after, 4_000, 128 * 1024):
            parcel = pack(batch, envelope, clock)
            if parcel is None:
                raise AssertionError("a clock that is known places every row")
            after = parcel.name.last
            spool.accept(Lane.MAIN, after, after)

    drained = _seconds(drain)
    spool.close()
    return [
        {"name": "edge.spool.append_one_by_one", "value": round(one_by_one / singly), "unit": "rows/s"},
        {"name": "edge.spool.append_in_groups_of_200", "value": round(rows / grouped), "unit": "rows/s"},
        {"name": "edge.spool.drain_into_batches", "value": round(rows / drained), "unit": "rows/s"},
    ]


def _seconds(work: Callable[[], object]) -> float:
    began = monotonic_ms()
    work()
    return max(1, monotonic_ms() - began) / 1_000


async def _process(folder: Path, seconds: float, load: Load) -> list[Result]:
    """An agent with devices on lines that answer at once; in each answer some values have changed."""
    first = asyncio.Event()
    sensors = [_Sensor(first) for _ in range(load.lines)]
    servers = [await asyncio.start_server(sensor.serve, "127.0.0.1", 0) for sensor in sensors]
    ports = [server.sockets[0].getsockname()[1] for server in servers]
    site = folder / "config" / "sites" / "bench"
    site.mkdir(parents=True)
    (site / "site.yaml").write_text(_site(ports, load))
    profiles = folder / "config" / "profiles"
    profiles.mkdir()
    (profiles / "meter-25.yaml").write_text(METER)
    (profiles / "xy-md02.yaml").write_text((ROOT / "config" / "profiles" / "xy-md02.yaml").read_text("utf-8"))
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        broker = f"mqtt://127.0.0.1:{nobody.getsockname()[1]}"
        arguments = [
            "--site",
            str(site),
            "--agent",
            "gw-1",
            "--broker",
            broker,
            "--spool",
            str(folder / "s.db"),
        ]
        began = monotonic_ms()
        with (folder / "agent.log").open("wb") as log:
            process = await asyncio.create_subprocess_exec(
                sys.executable, "-m", "edge", *arguments, cwd=ROOT, stdout=log, stderr=log
            )
        try:
            async with asyncio.timeout(20):
                await first.wait()
            started = monotonic_ms() - began
            await asyncio.sleep(seconds)
            memory = psutil.Process(process.pid).memory_info().rss / 1024 / 1024
            used = psutil.Process(process.pid).cpu_times()
        finally:
            process.terminate()
            asked = monotonic_ms()
            await process.wait()
    for server in servers:
        server.close()
    stopped = monotonic_ms() - asked
    share = 100 * (used.user + used.system) / (seconds + started / 1_000)
    reads = sum(sensor.answers for sensor in sensors) / (seconds + started / 1_000)
    figures = [
        ("start_to_first_reading", started, "ms"),
        ("reads", round(reads), "requests/s"),
        ("rss", round(memory, 1), "MiB"),
        ("cpu", round(share, 1), "% of a core"),
        ("stop", stopped, "ms"),
    ]
    return [
        {"name": f"edge.{load.name}.{name}", "value": value, "unit": unit} for name, value, unit in figures
    ]


def _site(ports: list[int], load: Load) -> str:
    devices = ", ".join(
        f"{{id: t-{n}, zone: hall, profile: {load.profile}, line: l{n % len(ports)}, "
        f"unit: {n // len(ports) + 1}}}"
        for n in range(load.devices)
    )
    lines = ", ".join(
        f'{{id: l{n}, endpoint: "modbus-tcp://127.0.0.1:{port}"}}' for n, port in enumerate(ports)
    )
    return SITE.format(devices=devices, lines=lines)


class _Sensor:
    """Answers each read over Modbus TCP with registers about 236, the first of which changes; counts the answers."""

    def __init__(self, answered: asyncio.Event) -> None:
        self._answered = answered
        self.answers = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                head = await reader.readexactly(7)
                body = await reader.readexactly(int.from_bytes(head[4:6]) - 1)
                count = int.from_bytes(body[3:5])
                self.answers += 1
                first = (230 + self.answers % 10).to_bytes(2)
                answer = bytes([body[0], 2 * count]) + first + (236).to_bytes(2) * (count - 1)
                writer.write(head[:4] + (len(answer) + 1).to_bytes(2) + head[6:7] + answer)
                self._answered.set()
        except (asyncio.IncompleteReadError, ConnectionError):
            writer.close()


if __name__ == "__main__":
    for result in run():
        sys.stdout.write(json.dumps(result) + "\n")
