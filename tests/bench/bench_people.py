"""From an alarm to the person: one alarm at a time, and ten thousand within ten seconds on 200 sites (T48)."""

import asyncio
import tempfile
from pathlib import Path
from typing import Any

import httpx
import nats

from cloud.broker.config import CLOUD_USER
from cloud.clock import now_ms
from contract.batch import Batch, encode
from contract.events import Event
from contract.topics import Address
from tests.cloud_rig import SECRETS, Ports, running_broker
from tests.databases import SERVERS, fresh_database
from tests.flood import (
    ALARMS,
    Flood,
    fires,
    flood,
    percentile,
    start_flooded,
    until_there,
    write_flood_sites,
)
from tests.receivers import Receiver, receiver
from tests.waiting import until


async def one_by_one(ports: Ports, web: Receiver, sites: int) -> list[int]:
    """Ms from the sending of a fire alarm to the message received, sorted; a quiet site each."""
    client = await nats.connect(f"nats://127.0.0.1:{ports.nats}", user=CLOUD_USER, password=SECRETS["cloud"])
    took: list[int] = []
    for number in range(sites):
        now = now_ms()
        event = Event(seq=1, at=now, observed_at=now, device="panel", type="fire.alarm")
        batch = Batch(agent="gw-1", epoch=9, first=1, last=1, sent_at=now, events=[event])
        await client.publish(Address(f"site-{number}", "gw-1").subject("events"), encode(batch))
        await until(lambda number=number: f"site-{number}" in fires(web))
        took.append(fires(web)[f"site-{number}"][0] - now)
    await client.close()
    return sorted(took)


async def measured(ports: Ports, dsn: str, sites: int, *, flooded: bool) -> Flood | list[int]:
    """One run with a cloud of its own."""
    with receiver() as web, tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_flood_sites(folder, sites, f"{web.url}/hook")
        child, page = start_flooded(dsn, ports, folder)
        try:
            if flooded:
                return await flood(ports, page, web, sites, 10)
            async with httpx.AsyncClient(base_url=page) as http:
                await until_there(http)
            await asyncio.sleep(2)
            return await one_by_one(ports, web, sites)
        finally:
            child.stop()


def run(scale: float) -> list[dict[str, Any]]:
    """The figures."""
    found: list[dict[str, Any]] = []
    for flooded, sites in ((False, max(10, int(100 * scale))), (True, max(10, int(200 * scale)))):
        with (
            tempfile.TemporaryDirectory() as name,
            running_broker(Path(name)) as ports,
            fresh_database(SERVERS[0]) as dsn,
        ):
            seen = asyncio.run(measured(ports, dsn, sites, flooded=flooded))
        if isinstance(seen, Flood):
            what = f"{sites * ALARMS:,} alarms in 10 s, {sites} sites"
            found += [
                {"name": f"{what}: fire told, p50", "value": percentile(seen.fire, 50), "unit": "ms"},
                {"name": f"{what}: fire told, p99", "value": percentile(seen.fire, 99), "unit": "ms"},
                {
                    "name": f"{what}: two API answers, p99",
                    "value": percentile(seen.answers, 99),
                    "unit": "ms",
                },
                {"name": f"{what}: fires told twice", "value": seen.twice, "unit": ""},
            ]
        else:
            found += [
                {
                    "name": "one alarm to the message received, p50",
                    "value": percentile(seen, 50),
                    "unit": "ms",
                },
                {
                    "name": "one alarm to the message received, p99",
                    "value": percentile(seen, 99),
                    "unit": "ms",
                },
            ]
    return found
