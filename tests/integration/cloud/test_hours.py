"""The worker's process rolls the hours of curves up, beside what it takes."""

import contextlib

import psycopg

from cloud.settings import Role
from cloud.store.base import ReadingGroup
from cloud.store.postgres.writer import PostgresStore
from contract.events import Quality, Readings
from tests.cloud_rig import Ports, running_cloud, settings_for
from tests.samples import NOON, SITE, Scribe
from tests.waiting import until


async def test_a_worker_brings_the_hours_up_to_date_from_its_start(dsn: str, ports: Ports) -> None:
    columns = Readings(
        seq=[1, 2],
        at=[NOON, NOON + 1],
        device=["t-power"] * 2,
        point=["temperature"] * 2,
        value=[20.0, 22.0],
        quality=[Quality.GOOD] * 2,
    )
    group = ReadingGroup(site=SITE, agent="gw-1", seq_base=0, received_at=NOON, readings=columns)
    with contextlib.closing(PostgresStore(dsn).open(3)) as writer:
        Scribe(writer).write(readings=[group])
    query = b"select low, high, sum, count from readings_hourly"
    with psycopg.connect(dsn, autocommit=True) as connection:
        async with running_cloud(settings_for(dsn, ports, roles=frozenset({Role.WORKER}))):
            await until(lambda: connection.execute(query).fetchall() == [(20.0, 22.0, 42.0, 2)])
