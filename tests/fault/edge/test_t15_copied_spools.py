"""T15: an older copy of a spool put back, and a cloned agent. Nothing lost, nothing doubled, the control room is told.

Real agents, a real broker, the real worker with its database. The oracle is what the readers' broker and the caller took.
"""

import asyncio
import contextlib
import shutil
import zoneinfo
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import psycopg
import pytest

from cloud.broker.client import Endpoint, connect
from cloud.broker.config import CLOUD_USER, AgentLogin, BrokerSettings, agent_user, render
from cloud.broker.line import BrokerLine
from cloud.clock import monotonic_ms, now_ms
from cloud.correlation.engine import Engine
from cloud.correlation.rules import RuleBook
from cloud.ingest.desk import SiteSetup
from cloud.ingest.session import Clocks, Surroundings
from cloud.ingest.timeservice import TIME_REQUESTS, TimeService
from cloud.ingest.worker import Worker
from cloud.store.postgres.writer import PostgresStore
from contract.site_files import load_site
from contract.topics import Address
from edge import clock
from firmware_sim.adapters.callers import TransmitterCall
from firmware_sim.device.transmitter import FireTransmitter
from sitewarden.embedded.broker import start_broker
from sitewarden.embedded.ports import free_port
from tests.databases import fresh_database
from tests.edge_harness import SITE_WITH_PANEL, AgentProcess, Broker, Readers
from tests.partitions import partition_of
from tests.waiting import PATIENCE_S

GW_1 = Address("demo", "gw-1")
SECRET = "a-long-secret-of-the-test"
SCANS = 12


@pytest.fixture(name="dsn")
def database() -> Iterator[str]:
    with fresh_database("embedded") as found:
        yield found


class Line:
    """The way up, and what the cloud made of it."""

    def __init__(self, dsn: str, mqtt_url: str) -> None:
        self._dsn = dsn
        self.mqtt_url = mqtt_url

    def _rows(self, query: str) -> list[tuple[str, ...]]:
        with psycopg.connect(self._dsn) as connection:
            return connection.execute(query.encode()).fetchall()

    def scans(self) -> Counter[str]:
        found = self._rows("select person from events where type = 'checkpoint.scan'")
        return Counter(person for (person,) in found)

    def fires(self) -> int:
        return len(
            self._rows("select 1 from events where type = 'fire.alarm' and data ->> 'state' = 'active'")
        )

    def troubles(self) -> set[str]:
        return {subject for (subject,) in self._rows("select subject from incidents where kind = 'link'")}


@pytest.fixture(name="line")
async def running_line(dsn: str, site_dir: Path, tmp_path: Path) -> AsyncIterator[Line]:
    """A broker that knows its agents, and a worker for what they send."""
    (site_dir / "site.yaml").write_text(SITE_WITH_PANEL)
    settings = BrokerSettings(
        store=str(tmp_path / "js"),
        cloud_password=SECRET,
        agents=[AgentLogin(GW_1, SECRET + "-gw-1")],
        nats_port=free_port(),
        mqtt_port=free_port(),
    )
    child = start_broker(render(settings), tmp_path, (settings.nats_port, settings.mqtt_port))
    broker = await connect(
        Endpoint(f"nats://127.0.0.1:{settings.nats_port}", CLOUD_USER, SECRET), lambda _: None
    )
    await broker.ensure_stream(1 << 30, 3_600)
    rules = RuleBook()
    site = load_site(site_dir)
    setup = SiteSetup(
        site,
        rules,
        lambda model, book, since: Engine(model, book, data_from=since),
        lambda verdict, language: f"{verdict.outcome} {language}",
    )
    broker_line = BrokerLine(broker, keep_bytes=1 << 30, keep_s=3_600)
    around = Surroundings(
        line=broker_line,
        sites={site.id: setup},
        clocks=Clocks(now_ms, monotonic_ms),
        counted=lambda _: None,
    )
    worker = Worker(await partition_of(broker, GW_1), PostgresStore(dsn), around)
    await broker.subscribe(TIME_REQUESTS, TimeService(broker_line, now_ms).handle)
    running = asyncio.create_task(worker.run())
    yield Line(dsn, f"mqtt://{agent_user(GW_1)}:{SECRET}-gw-1@127.0.0.1:{settings.mqtt_port}")
    worker.stop()
    await running
    await broker.close()
    child.stop()


class Site:
    """One machine: an agent over its spool, readers on a broker of their own, and a panel that calls."""

    def __init__(self, folder: Path, site_dir: Path, uplink: str, kind: str) -> None:
        folder.mkdir()
        self.spool = folder / "spool.db"
        self._field = Broker(folder, free_port())
        self._field.start()
        self.readers = Readers(self._field.mqtt_port, kind)
        self._fire_port = free_port()
        arguments = [
            "--site",
            str(site_dir),
            "--agent",
            "gw-1",
            "--broker",
            uplink,
            "--spool",
            str(self.spool),
        ]
        arguments += ["--line", f"patrol={self._field.mqtt_url}"]
        arguments += ["--line", f"fire=gb26875://127.0.0.1:{self._fire_port}"]
        self.agent = AgentProcess(arguments, folder / "agent.log")
        self._panel = FireTransmitter(bytes([1, 2, 3, 4, 5, 6]), zoneinfo.ZoneInfo("Asia/Shanghai"))
        self.fires = 0
        self._early: set[str] = set()

    @property
    def made(self) -> set[str]:
        """The scans that were made since the agent listens."""
        return self.readers.made - self._early

    async def begin(self, line: Line) -> None:
        """Start the agent for the first time, and scan until it is heard: before it has subscribed, nobody is."""
        self.agent.start()
        while self.readers.made.isdisjoint(line.scans()):
            await self.scan(1)
            await asyncio.sleep(0.5)
        self._early = set(self.readers.made)

    async def scan(self, count: int) -> None:
        for _ in range(count):
            await asyncio.to_thread(self.readers.scan)

    async def burn(self) -> None:
        """A fire that is over again; both are told until they are confirmed."""
        call = TransmitterCall(f"gb26875://127.0.0.1:{self._fire_port}")
        calling = asyncio.create_task(call.run())
        for burning in (True, False):
            call.send(self._panel.update(clock.wall_ms(), {"fire": burning}))
            await until(lambda: not call.waiting)
        self.fires += 1
        calling.cancel()
        await asyncio.wait([calling])

    def end(self) -> None:
        self.agent.kill()
        self.readers.stop()
        self._field.stop()


@contextlib.contextmanager
def machine(folder: Path, site_dir: Path, uplink: str, kind: str) -> Iterator[Site]:
    site = Site(folder, site_dir, uplink, kind)
    try:
        yield site
    finally:
        site.end()


async def until(condition: Callable[[], bool]) -> None:
    """As `tests.waiting.until`, for conditions that ask the database."""
    async with asyncio.timeout(PATIENCE_S):
        while not await asyncio.to_thread(condition):  # noqa: ASYNC110 - a database tells nobody
            await asyncio.sleep(0.2)


async def until_all_is_there(line: Line, *sites: Site) -> None:
    """Everything that was made is in the database."""
    made = set().union(*(site.made for site in sites))
    fires = sum(site.fires for site in sites)
    await until(lambda: made <= line.scans().keys() and line.fires() >= fires)


def assert_nothing_is_doubled(line: Line, *sites: Site) -> None:
    assert max(line.scans().values()) == 1
    assert line.fires() == sum(site.fires for site in sites)


async def test_t15_of_an_older_spool_put_back_nothing_is_lost_and_the_fire_is_shown(
    line: Line, site_dir: Path, tmp_path: Path
) -> None:
    with machine(tmp_path / "box", site_dir, line.mqtt_url, "card") as site:
        await site.begin(line)
        await site.scan(SCANS)
        await until_all_is_there(line, site)
        site.agent.stop()
        copy = shutil.copy(site.spool, tmp_path / "copy.db")

        site.agent.start()
        await site.scan(SCANS)
        await site.burn()
        await until_all_is_there(line, site)
        site.agent.stop()
        shutil.copy(copy, site.spool)

        # From here on the agent gives out the same numbers a second time.
        site.agent.start()
        await site.scan(2 * SCANS)
        await site.burn()
        await until_all_is_there(line, site)
        await until(lambda: "gw-1/spool" in line.troubles())
        assert_nothing_is_doubled(line, site)
        assert [one["action"] for one in site.agent.log].count("spool_forked") == 1


async def test_t15_of_a_cloned_agent_nothing_is_lost_and_the_control_room_is_told(
    line: Line, site_dir: Path, tmp_path: Path
) -> None:
    with (
        machine(tmp_path / "one", site_dir, line.mqtt_url, "card") as one,
        machine(tmp_path / "two", site_dir, line.mqtt_url, "badge") as two,
    ):
        await one.begin(line)
        await one.scan(SCANS)
        await until_all_is_there(line, one)
        one.agent.stop()
        shutil.copy(one.spool, two.spool)

        one.agent.start()
        await two.begin(line)
        for _ in range(3):
            await one.scan(SCANS)
            await two.scan(SCANS)
        await one.burn()
        await two.burn()
        await until(lambda: "gw-1/spool" in line.troubles())
        # Each throws the other off the broker, and all gets through all the same.
        await until_all_is_there(line, one, two)
        assert_nothing_is_doubled(line, one, two)
