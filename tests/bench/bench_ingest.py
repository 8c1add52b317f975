"""Broker to committed and correlated, one worker: what stands in the stream beforehand, in how much time.

The real broker and plain PostgreSQL, both embedded, on the same machine as the worker.
"""

import asyncio
import contextlib
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

from cloud.app import GIL_SWITCH_S, make_engine
from cloud.broker.client import Broker, Endpoint, connect
from cloud.broker.config import CLOUD_USER, AgentLogin, BrokerSettings, render
from cloud.broker.line import BrokerLine
from cloud.clock import monotonic_ms, now_ms
from cloud.correlation.explain import Explainer
from cloud.correlation.rules import EventFilter, Recurrence, Response, RuleBook, RuleVersion
from cloud.ingest.desk import SiteSetup
from cloud.ingest.partition import Group
from cloud.ingest.session import Clocks, Surroundings
from cloud.ingest.worker import Worker
from cloud.store.postgres.writer import PostgresStore
from contract.batch import Batch, Coverage, encode
from contract.events import Event
from contract.site import Device, Site, SiteFile, Zone
from contract.topics import CAPTURE_PREFIX, STREAM, Address
from sitewarden.embedded.broker import start_broker
from sitewarden.embedded.ports import free_port
from tests.databases import fresh_database

AGENT = Address("demo", "gw-1")
ZONES = 200
PER_MS = 2
FILLERS = ("door.opened", "door.closed", "device.online")
_AHEAD = 4_000
"""Messages sent before the stream must have them: a stream with 10,000 waiting to be written drops the next."""
DECIDING = ("fire.alarm", "checkpoint.scan")


def setup() -> SiteSetup:
    """200 zones, each with a panel, a checkpoint and a door; an alarm must be reached in 2 minutes, and every
    checkpoint be scanned twice an hour.
    """
    devices = [
        Device(id=f"{kind}-{zone}", zone=f"z-{zone}", emits=emits)
        for zone in range(ZONES)
        for kind, emits in (("panel", ("fire.alarm",)), ("cp", ("checkpoint.scan",)), ("door", FILLERS))
    ]
    zones = [Zone(id=f"z-{zone}") for zone in range(ZONES)]
    site = Site(SiteFile(site=AGENT.site, zones=tuple(zones), devices=tuple(devices)))
    reach = Response(
        id="ER-2", on=EventFilter("fire.alarm"), expect=EventFilter("checkpoint.scan"), within="2m"
    )
    patrol = Recurrence(id="PT-1", expect=EventFilter("checkpoint.scan"), every="30m")
    rules = RuleBook(tuple(RuleVersion(rule, 0, None) for rule in (reach, patrol)))
    return SiteSetup(site, rules, make_engine, Explainer(site, rules).sentence)


def events(first: int, count: int, start: int) -> list[Event]:
    """Events of 200 zones, one in 50 of them a trigger or evidence."""
    return [event(number, start + number // PER_MS) for number in range(first, first + count)]


def event(number: int, at: int) -> Event:
    """The event with that number."""
    zone = number * 7 % ZONES
    if number % 50:
        return Event(
            seq=number,
            at=at,
            observed_at=at + 40,
            device=f"door-{zone}",
            type=FILLERS[number % 3],
            clock_error_ms=20,
        )
    deciding = number // 50 % 2
    zone = number // 100 % ZONES
    return Event(
        seq=number,
        at=at,
        observed_at=at + 40,
        device=f"{'cp' if deciding else 'panel'}-{zone}",
        type=DECIDING[deciding],
        person="card:7" if deciding else None,
        clock_error_ms=20,
    )


def batches(total: int, size: int, start: int) -> Iterator[bytes]:
    """The batches an agent would send; a coverage statement every 5 s of its time."""
    per_statement = max(1, 5_000 * PER_MS // size)
    for index, first in enumerate(range(1, total + 1, size)):
        taken = events(first, size, start)
        sources = {}
        if index % per_statement == per_statement - 1:
            covered = Coverage(taken[-1].at)
            sources = {f"{kind}-{zone}": covered for zone in range(ZONES) for kind in ("cp", "panel")}
        yield encode(
            Batch(
                agent=AGENT.agent,
                epoch=1,
                first=first,
                last=first + size - 1,
                sent_at=taken[-1].at,
                sources=sources,
                events=taken,
            )
        )


@contextlib.asynccontextmanager
async def broker(folder: Path) -> AsyncIterator[Broker]:
    """The real broker and a connection to it."""
    settings = BrokerSettings(
        store=str(folder / "js"),
        cloud_password="a-long-secret-of-cloud",
        agents=[AgentLogin(AGENT, "a-long-secret-of-gw-1")],
        nats_port=free_port(),
        mqtt_port=free_port(),
    )
    child = start_broker(render(settings), folder, (settings.nats_port, settings.mqtt_port))
    try:
        endpoint = Endpoint(f"nats://127.0.0.1:{settings.nats_port}", CLOUD_USER, settings.cloud_password)
        found = await connect(endpoint, lambda _: None)
        yield found
        await found.close()
    finally:
        child.stop()


async def measure(total: int, size: int, sites: dict[str, SiteSetup], dsn: str) -> float:
    """Seconds from the worker's start to the commit of the last of `total` events."""
    with tempfile.TemporaryDirectory() as folder:
        async with broker(Path(folder)) as connection:
            line = BrokerLine(connection, keep_bytes=1 << 34, keep_s=3600)
            await line.incarnation()
            start = now_ms() - total // PER_MS - 60_000
            for number, payload in enumerate(batches(total, size, start), 1):
                await connection.publish(AGENT.subject("events"), payload)
                if number % _AHEAD == 0:
                    await where_captured(connection, number)
            partition = await where_captured(connection, total // size)
            done = asyncio.Event()
            stored = 0

            def counted(group: Group) -> None:
                nonlocal stored
                stored += group.counts.get("events", 0)
                if stored >= total:
                    done.set()

            around = Surroundings(
                line=line, sites=sites, clocks=Clocks(now_ms, monotonic_ms), counted=counted
            )
            worker = Worker(partition, PostgresStore(dsn), around)
            began = time.perf_counter()
            running = asyncio.create_task(worker.run())
            waiting = asyncio.create_task(done.wait())
            await asyncio.wait([running, waiting], return_when=asyncio.FIRST_COMPLETED)
            took = time.perf_counter() - began
            worker.stop()
            await running
            return took


async def where_captured(connection: Broker, count: int) -> int:
    """The partition in which the site's messages stand, once all of them do."""
    while True:
        info = await connection._client.jetstream().stream_info(STREAM, subjects_filter=">")
        for subject, messages in (info.state.subjects or {}).items():
            if subject.startswith(CAPTURE_PREFIX) and messages >= count:
                return int(subject.split(".")[1])
        await asyncio.sleep(0.1)


def run(scale: float = 1.0) -> list[dict[str, Any]]:
    """The figures."""
    sys.setswitchinterval(GIL_SWITCH_S)
    results = []
    for name, most, size in (("batches_of_100", 2_000_000, 100), ("one_each", 100_000, 1)):
        total = max(size * 100, int(most * scale) // size * size)
        with fresh_database("embedded") as dsn:
            took = asyncio.run(measure(total, size, {AGENT.site: setup()}, dsn))
        results.append({"name": f"ingest.{name}", "value": total / took, "unit": "events/s"})
        results.append(
            {"name": f"ingest.{name}.messages", "value": total / size / took, "unit": "messages/s"}
        )
    return results


if __name__ == "__main__":
    for row in run():
        print(f"{row['name']:36} {row['value']:14,.0f} {row['unit']}")
