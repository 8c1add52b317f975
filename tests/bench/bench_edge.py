"""The agent alone: rows a second into and out of the spool, memory with 50 devices, time to the first reading."""

import asyncio
import json
import random
import socket
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

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
ROW = new_row(ReadingRow(device="t-ups", point="temperature", at=1, value=24.5, quality=Quality.GOOD))
SITE = """
site: bench
zones: [{{id: hall}}]
devices: [{devices}]
agents: [{{id: gw-1, lines: [{lines}]}}]
"""


def run(scale: float = 1.0) -> list[Result]:
    """The measurements; `scale` below 1 makes them quicker and rougher."""
    with tempfile.TemporaryDirectory() as folder:
        return [
            *_spool(Path(folder), int(200_000 * scale)),
            *asyncio.run(_process(Path(folder), max(5, 20 * scale))),
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


async def _process(folder: Path, seconds: float) -> list[Result]:
    """An agent with 50 XY-MD02 on five lines that answer at once."""
    first = asyncio.Event()
    servers = [await asyncio.start_server(_Sensor(first).serve, "127.0.0.1", 0) for _ in range(5)]
    ports = [server.sockets[0].getsockname()[1] for server in servers]
    site = folder / "config" / "sites" / "bench"
    site.mkdir(parents=True)
    (site / "site.yaml").write_text(_site(ports))
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
    share = 100 * (used.user + used.system) / (seconds + started / 1_000)
    return [
        {"name": "edge.start_to_first_reading", "value": started, "unit": "ms"},
        {"name": "edge.rss_50_devices", "value": round(memory, 1), "unit": "MiB"},
        {"name": "edge.cpu_50_devices", "value": round(share, 1), "unit": "% of a core"},
        {"name": "edge.stop", "value": monotonic_ms() - asked, "unit": "ms"},
    ]


def _site(ports: list[int]) -> str:
    devices = ", ".join(
        f"{{id: t-{n}, zone: hall, profile: xy-md02, line: l{n % len(ports)}, unit: {n // len(ports) + 1}}}"
        for n in range(50)
    )
    lines = ", ".join(
        f'{{id: l{n}, endpoint: "modbus-tcp://127.0.0.1:{port}"}}' for n, port in enumerate(ports)
    )
    return SITE.format(devices=devices, lines=lines)


class _Sensor:
    """Answers each read over Modbus TCP with registers that say 23.6; notes the first one it answered."""

    def __init__(self, answered: asyncio.Event) -> None:
        self._answered = answered

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                head = await reader.readexactly(7)
                body = await reader.readexactly(int.from_bytes(head[4:6]) - 1)
                count = int.from_bytes(body[3:5])
                answer = bytes([body[0], 2 * count]) + (236).to_bytes(2) * count
                writer.write(head[:4] + (len(answer) + 1).to_bytes(2) + head[6:7] + answer)
                self._answered.set()
        except (asyncio.IncompleteReadError, ConnectionError):
            writer.close()


if __name__ == "__main__":
    for result in run():
        sys.stdout.write(json.dumps(result) + "\n")
