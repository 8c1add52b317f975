"""T37: the cloud is killed while 1,000 deadlines are pending. Each alert is raised once, and none early."""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

from cloud.clock import now_ms
from sitewarden.embedded.process import Child
from tests.cloud_rig import SECRETS, Ports, TestAgent, running_broker
from tests.waiting import until

PENDING = 1_000
ZONES = 100
LIMIT_MS = 120_000
LEFT_MS = 15_000
"""What is left until the first deadline when the alarms are sent."""
RULES = """
rules:
  - id: ER-2
    kind: response
    on: {type: fire.alarm}
    expect: {type: checkpoint.scan}
    within: 2m
    join: 0s
"""

TELLING = """
people: [{id: p-1, roles: [controller]}]
telling:
  chains:
    - id: fire
      emergencies: [fire]
      repeat: 1h
      steps: [{after: 12s, to: {role: controller}, through: [hook]}]
"""


@pytest.fixture
def ports(tmp_path: Path) -> Iterator[Ports]:
    with running_broker(tmp_path) as found:
        yield found


async def test_t37_restart_with_pending_deadlines(dsn: str, ports: Ports, tmp_path: Path) -> None:
    write_site(tmp_path / "demo")
    (tmp_path / "rules.yaml").write_text(RULES)
    (tmp_path / "secret").write_text(SECRETS["cloud"])
    agent = TestAgent(ports)
    first = start_cloud(dsn, ports, tmp_path)
    opened = now_ms() - LIMIT_MS + LEFT_MS
    last = 0
    for number in range(0, PENDING, ZONES):
        alarms = [alarm(zone, opened + number * 10) for zone in range(ZONES)]
        last = agent.send(*alarms, sent_at=now_ms(), sources={f"cp-{zone}": opened for zone in range(3)})
    await agent.until_durable(last)
    first.kill()
    assert rows(dsn, b"select count(*) from verdicts where outcome = 'pending'") == [(PENDING,)]
    assert rows(dsn, b"select count(*) from alerts") == [(0,)]
    second = start_cloud(dsn, ports, tmp_path)
    await until(lambda: rows(dsn, b"select count(*) from alerts") == [(PENDING,)], 60)
    late = b"select min(to_ms(raised_at) - to_ms(due_at)), max(to_ms(raised_at) - to_ms(due_at)) from alerts"
    ((least, most),) = rows(dsn, late)
    second.stop()
    agent.close()
    assert least >= 0
    print(f"raised at most {most} ms after they were due")
    assert rows(dsn, b"select distinct outcome from verdicts") == [("pending",)]
    assert rows(dsn, b"select count(*) from incidents where kind = 'link' and state = 'open'") == [(0,)]


async def test_t37_restart_with_pending_escalations(dsn: str, ports: Ports, tmp_path: Path) -> None:
    """A thousand fires wait for their first message, which is due 12 s after each was noticed."""
    write_site(tmp_path / "demo", PENDING)
    (tmp_path / "demo" / "telling.yaml").write_text(TELLING)
    (tmp_path / "rules.yaml").write_text("rules: []\n")
    (tmp_path / "secret").write_text(SECRETS["cloud"])
    agent = TestAgent(ports)
    first = start_cloud(dsn, ports, tmp_path)
    last = 0
    for number in range(0, PENDING, ZONES):
        now = now_ms()
        alarms = [alarm(zone, now) for zone in range(number, number + ZONES)]
        last = agent.send(*alarms, sent_at=now)
    await agent.until_durable(last)
    first.kill()
    assert rows(dsn, b"select count(*) from records where kind = 'escalation'") == [(PENDING,)]
    assert rows(dsn, b"select count(*) from notices") == [(0,)]
    second = start_cloud(dsn, ports, tmp_path)
    told = b"select count(*) from notices where kind = 'alarm' and priority = 1"
    await until(lambda: rows(dsn, told) == [(PENDING,)], 60)
    late = (
        b"select min(to_ms(n.made_at) - to_ms(r.opened_at)), max(to_ms(n.made_at) - to_ms(r.opened_at))"
        b" from notices n join records r on r.kind = 'escalation' and r.body->>'about' = n.about"
    )
    ((least, most),) = rows(dsn, late)
    second.stop()
    agent.close()
    assert least >= 12_000
    print(f"told at most {most - 12_000} ms after they were due")


def write_site(folder: Path, count: int = ZONES) -> None:
    folder.mkdir()
    zones = [f"  - {{id: z-{zone}}}" for zone in range(count)]
    devices = [
        f"  - {{id: {kind}-{zone}, zone: z-{zone}, emits: [{emitted}]}}"
        for zone in range(count)
        for kind, emitted in (("panel", "fire.alarm"), ("cp", "checkpoint.scan"))
    ]
    agents = ["  - {id: gw-1}", "  - {id: gw-2}"]
    text = ["site: demo", "zones:", *zones, "devices:", *devices, "agents:", *agents]
    (folder / "site.yaml").write_text("\n".join(text) + "\n")


def alarm(zone: int, at: int) -> dict[str, Any]:
    return {"at": at, "observed_at": at, "device": f"panel-{zone}", "type": "fire.alarm"}


def start_cloud(dsn: str, ports: Ports, folder: Path) -> Child:
    command = [sys.executable, "-m", "cloud", "--roles", "worker", "--sites", str(folder / "demo")]
    command += ["--rules", str(folder / "rules.yaml"), "--database", dsn]
    command += [f"--broker=nats://127.0.0.1:{ports.nats}", "--broker-password-file", str(folder / "secret")]
    child = Child("cloud", command, folder / "cloud.log")
    child.start()
    return child


def rows(dsn: str, query: bytes) -> list[tuple[Any, ...]]:
    with psycopg.connect(dsn) as connection:
        return connection.execute(query).fetchall()
