"""T48: a flood of alarms on many sites through the whole line, with people to be told and somebody who looks."""

import asyncio
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import httpx
import msgspec
import nats

from cloud.broker.config import CLOUD_USER
from cloud.clock import now_ms
from contract.batch import Batch, encode
from contract.events import Event
from contract.topics import Address
from sitewarden.embedded.ports import free_port
from sitewarden.embedded.process import Child
from tests.cloud_rig import ROOT, SECRETS, Ports
from tests.receivers import Receiver
from tests.waiting import PATIENCE_S, until

ALARMS = 50
"""Of each site: ten detectors of one fire, forty doors."""
FIRES = 10
RULES = """
rules:
  - id: ER-2
    kind: response
    on: {type: fire.alarm}
    expect: {type: checkpoint.scan}
    within: 2m
"""


class Flood(msgspec.Struct, kw_only=True):
    """What was seen. Times in ms: from a site's first fire alarm to the message received, and each answer of the API."""

    alarms: int
    fire: list[int]
    answers: list[int]
    twice: int
    """Groups of fire of which somebody was told more than once."""
    incidents: int


def write_flood_sites(folder: Path, sites: int, hook: str) -> None:
    """The sites, the rules and the channels of a flood."""
    (folder / "rules.yaml").write_text(RULES)
    (folder / "secret").write_text(SECRETS["cloud"])
    (folder / "channels.yaml").write_text(f'channels: [{{id: hook, webhook: "{hook}", secret: s}}]\n')
    doors = [
        f"  - {{id: door-{n}, zone: hall, emits: [door.held, door.closed]}}" for n in range(ALARMS - FIRES)
    ]
    chain = "{id: all, steps: [{after: 0s, to: {role: controller}, through: [hook]}], repeat: 1h}"
    for number in range(sites):
        site = folder / "sites" / f"site-{number}"
        site.mkdir(parents=True)
        lines = [
            f"site: site-{number}",
            "zones: [{id: hall}]",
            "agents: [{id: gw-1}]",
            "people: [{id: p-1, roles: [controller]}]",
            f"telling: {{chains: [{chain}]}}",
            "devices:",
            "  - {id: panel, zone: hall, emits: [fire.alarm]}",
            "  - {id: cp, zone: hall, emits: [checkpoint.scan]}",
            *doors,
        ]
        (site / "site.yaml").write_text("\n".join(lines) + "\n")


def start_flooded(dsn: str, ports: Ports, folder: Path) -> tuple[Child, str]:
    """A cloud of its own with all its roles, and where its page is."""
    port = free_port()
    command = [sys.executable, "-m", "cloud", "--roles", "worker web notify", "--database", dsn]
    command += ["--sites", str(folder / "sites"), "--rules", str(folder / "rules.yaml")]
    command += ["--operations", str(ROOT / "config/operations"), "--channels", str(folder / "channels.yaml")]
    command += [f"--broker=nats://127.0.0.1:{ports.nats}", "--broker-password-file", str(folder / "secret")]
    command += ["--web-port", str(port)]
    child = Child("cloud", command, folder / "cloud.log")
    child.start()
    return child, f"http://127.0.0.1:{port}"


async def flood(ports: Ports, page: str, web: Receiver, sites: int, seconds: float) -> Flood:
    """Send it, look meanwhile, and wait until everybody was told of their fire."""
    client = await nats.connect(f"nats://127.0.0.1:{ports.nats}", user=CLOUD_USER, password=SECRETS["cloud"])
    began: dict[str, int] = {}
    answers: list[int] = []
    async with httpx.AsyncClient(base_url=page, timeout=PATIENCE_S) as http:
        await until_there(http)
        looking = asyncio.create_task(_look(http, answers))
        slices = 10
        for part in range(slices):
            end = asyncio.get_running_loop().time() + seconds / slices
            for number in range(sites):
                now = now_ms()
                began.setdefault(f"site-{number}", now)
                subject = Address(f"site-{number}", "gw-1").subject("events")
                await client.publish(subject, encode(_batch(part, now)))
            await client.flush()
            await asyncio.sleep(max(0.0, end - asyncio.get_running_loop().time()))
        await until(lambda: len(fires(web)) == sites, 60)
        await asyncio.sleep(1)
        looking.cancel()
        incidents = 0
        for number in range(sites):
            found = (await http.get(f"/api/v1/sites/site-{number}/incidents?state=open")).json()["items"]
            incidents += sum(row["life"].get("emergency") == "fire" for row in found)
    await client.close()
    told = fires(web)
    return Flood(
        alarms=sites * ALARMS,
        fire=sorted(calls[0] - began[site] for site, calls in told.items()),
        answers=sorted(answers),
        twice=sum(len(calls) > 1 for calls in told.values()),
        incidents=incidents,
    )


def _batch(part: int, now: int) -> Batch:
    """Five alarms: one detector, four doors."""
    first = part * 5 + 1
    fire = msgspec.Raw(json.dumps({"loop": 1, "address": part}).encode())
    events = [Event(seq=first, at=now, observed_at=now, device="panel", type="fire.alarm", data=fire)]
    events += [
        Event(seq=first + n, at=now, observed_at=now, device=f"door-{part * 4 + n - 1}", type="door.held")
        for n in range(1, 5)
    ]
    return Batch(agent="gw-1", epoch=7, first=first, last=first + 4, sent_at=now, events=events)


async def until_there(http: httpx.AsyncClient) -> None:
    """Until the page and its database answer."""
    async with asyncio.timeout(PATIENCE_S):
        while True:
            try:
                if (await http.get("/readyz")).status_code == 200:
                    return
            except httpx.HTTPError:
                pass
            await asyncio.sleep(0.1)


async def _look(http: httpx.AsyncClient, answers: list[int]) -> None:
    """Somebody looks at what is open, four times a second."""
    while True:
        begun = now_ms()
        await http.get("/api/v1/sites/site-0/incidents?state=open")
        await http.get("/api/v1/sites/site-0/alarms?limit=100")
        answers.append(now_ms() - begun)
        await asyncio.sleep(0.25)


def fires(web: Receiver) -> dict[str, list[int]]:
    """By site, when somebody was told of the fire."""
    told: dict[str, list[int]] = {}
    for call in list(web.calls):
        body: dict[str, Any] = msgspec.json.decode(call.body)
        if body["priority"] == 1 and body["about"].startswith("incident:"):
            told.setdefault(str(body["site"]), []).append(call.at)
    return told


def percentile(values: Sequence[int], percent: int) -> int:
    """The smallest value that so many percent do not exceed."""
    return values[min(len(values) - 1, len(values) * percent // 100)]
