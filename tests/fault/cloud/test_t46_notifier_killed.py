"""T46: the notifier is killed between taking notices and sending them. Each arrives once or twice, and soon."""

import asyncio
import json
import random
import sys
from collections import Counter
from pathlib import Path

import msgspec
import psycopg
import pytest

from cloud.clock import now_ms
from cloud.store.postgres.writer import PostgresStore
from sitewarden.embedded.process import Child
from tests.fault.cloud import notify_process
from tests.outboxes import Filler, notice, stopped
from tests.receivers import Receiver, receiver
from tests.waiting import until

ROOT = Path(__file__).parents[3]
LEASE_MS = 1_000
PER_KILL = 12
"""More than are sent at a time, so that a kill finds some not taken, some taken, some sent and some settled."""


@pytest.mark.parametrize("kills", [6, pytest.param(200, marks=[pytest.mark.long, pytest.mark.timeout(3600)])])
async def test_t46_notifier_killed(dsn: str, tmp_path: Path, kills: int) -> None:
    writer = PostgresStore(dsn).open(3)
    filler = Filler(writer)
    chance = random.Random(46)
    before_sent = 0
    late: list[int] = []
    with receiver() as web, psycopg.connect(dsn, autocommit=True) as look:
        child = start(dsn, web, tmp_path)
        # It listens once this has come through.
        filler.put(notice("first"))
        await until(lambda: settled(look, 1))
        for number in range(kills):
            names = [f"n{number}-{one}" for one in range(PER_KILL)]
            filler.put(*(notice(name, about=f"incident:{number}") for name in names))
            filler.put(notice(f"stopped-{number}", about="incident:s", not_before=now_ms() + 300))
            await until(lambda: claimed(look) > 0)
            # Some kills find notices that were taken and not sent, others those that were sent and not settled.
            await asyncio.sleep(chance.choice((0, 0, 0.005, 0.01)))
            child.kill()
            unsettled = set(names) & set(web.notices()) - done(look)
            before_sent += claimed(look) - len(unsettled)
            filler.put(stopped=[stopped("incident:s")])
            child = start(dsn, web, tmp_path)
            restarted = now_ms()
            await until(lambda number=number: settled(look, 1 + (number + 1) * PER_KILL))
            late.append(max(call.at for call in web.calls) - restarted)
        child.kill()
    writer.close()
    arrived = Counter(web.notices())
    wanted = {"first", *(f"n{number}-{one}" for number in range(kills) for one in range(PER_KILL))}
    assert set(arrived) == wanted
    assert max(arrived.values()) <= 2
    assert before_sent > 0
    said = {"kills": kills, "twice": sum(n == 2 for n in arrived.values()), "unsent": before_sent}
    print(json.dumps(said | {"late_ms": max(late)}))


def count(look: psycopg.Connection[tuple[int]], query: bytes) -> int:
    rows = look.execute(query).fetchall()
    return rows[0][0]


def claimed(look: psycopg.Connection[tuple[int]]) -> int:
    """Notices that somebody holds."""
    return count(look, b"select count(*) from notices where claimed_until is not null and state = 'waiting'")


def settled(look: psycopg.Connection[tuple[int]], number: int) -> bool:
    """Whether so many were sent."""
    return count(look, b"select count(*) from notices where state = 'sent'") >= number


def done(look: psycopg.Connection[tuple[int]]) -> set[str]:
    """The notices that were sent, as the database knows."""
    return {str(name) for (name,) in look.execute(b"select id from notices where state = 'sent'").fetchall()}


def start(dsn: str, web: Receiver, folder: Path) -> Child:
    facts = folder / "facts.json"
    told = {"dsn": dsn, "url": f"{web.url}/hook", "secret": "hush", "lease_ms": str(LEASE_MS)}
    facts.write_bytes(msgspec.json.encode(told))
    command = [sys.executable, str(Path(notify_process.__file__)), str(facts)]
    # What is tested is the tree that this test is of, wherever the packages are installed from.
    child = Child("notify", command, folder / "notify.log", {"PYTHONPATH": str(ROOT)})
    child.start()
    return child
