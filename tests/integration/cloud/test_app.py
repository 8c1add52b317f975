"""The cloud as one process: what an agent publishes over MQTT is judged, stored, acked and shown."""

from typing import Any

import httpx
import psycopg

from cloud.clock import now_ms
from cloud.settings import Role
from contract.batch import TimeRequest, encode, time_reply_decoder
from tests.cloud_rig import Ports, TestAgent, running_cloud, settings_for
from tests.waiting import until


def rows(dsn: str, query: bytes) -> list[tuple[Any, ...]]:
    with psycopg.connect(dsn) as connection:
        return connection.execute(query).fetchall()


REACHED = b"select outcome, reason, elapsed_ms, explain_zh, explain_en from verdicts where rule = 'ER-2'"


async def test_an_alarm_that_is_reached_becomes_a_met_verdict(
    dsn: str, ports: Ports, agent: TestAgent
) -> None:
    alarm = now_ms() - 60_000
    async with running_cloud(settings_for(dsn, ports)) as address:
        last = agent.send(
            {"at": alarm, "observed_at": alarm, "device": "fire-panel", "type": "fire.alarm", "zone": "b1"},
            {
                "at": alarm + 50_000,
                "observed_at": alarm + 50_100,
                "device": "cp-b1-03",
                "type": "checkpoint.scan",
                "person": "card:8812331",
            },
            sent_at=now_ms(),
        )
        await agent.until_durable(last)
        async with httpx.AsyncClient(base_url=address) as client:
            verdicts = (await client.get("/api/v1/sites/demo/verdicts?rule=ER-2")).json()
            incidents = (await client.get("/api/v1/sites/demo/incidents")).json()
            metrics = (await client.get("/metrics")).text
    ((outcome, reason, elapsed, zh, en),) = rows(dsn, REACHED)
    assert (outcome, reason, elapsed) == ("met", "in_time", 50_000)
    assert zh
    assert en
    assert verdicts["items"][0]["outcome"] == "met"
    assert incidents["items"][0]["kind"] == "alarm"
    assert "sitewarden_ingest_events_total 2.0" in metrics


async def test_an_alarm_nobody_reaches_raises_one_alert_and_no_verdict_without_coverage(
    dsn: str, ports: Ports, agent: TestAgent
) -> None:
    alarm = now_ms() - 116_000
    async with running_cloud(settings_for(dsn, ports, roles=frozenset({Role.WORKER}))):
        last = agent.send(
            {"at": alarm, "observed_at": alarm, "device": "fire-panel", "type": "fire.alarm", "zone": "b1"},
            sent_at=alarm,
            sources={"cp-b1-03": alarm},
        )
        await agent.until_durable(last)
        await until(lambda: bool(rows(dsn, b"select from alerts where rule = 'ER-2'")))
    ((late,),) = rows(dsn, b"select to_ms(raised_at) - to_ms(due_at) from alerts where rule = 'ER-2'")
    assert late >= 0
    ((outcome, *_),) = rows(dsn, REACHED)
    assert outcome == "pending"


async def test_an_agent_that_asks_is_told_the_time(dsn: str, ports: Ports, agent: TestAgent) -> None:
    async with running_cloud(settings_for(dsn, ports, roles=frozenset({Role.WORKER}))):
        before = now_ms()
        await until(lambda: bool(agent.replies) or _ask(agent))
    reply = time_reply_decoder.decode(agent.replies[0])
    assert (reply.boot, reply.sent) == ("b-1", 5)
    assert before <= reply.cloud <= now_ms()


def _ask(agent: TestAgent) -> bool:
    agent.publish("time", encode(TimeRequest(boot="b-1", sent=5)))
    return False


async def test_what_was_published_while_the_cloud_was_away_is_taken_when_it_is_back(
    dsn: str, ports: Ports, agent: TestAgent
) -> None:
    settings = settings_for(dsn, ports, roles=frozenset({Role.WORKER}))
    door = {"device": "fire-panel", "type": "fire.fault"}
    async with running_cloud(settings):
        await agent.until_durable(agent.send({"at": now_ms(), **door}, sent_at=now_ms()))
    last = agent.send({"at": now_ms(), **door}, sent_at=now_ms())
    async with running_cloud(settings):
        await agent.until_durable(last)
    assert rows(dsn, b"select count(*), count(distinct seq) from events") == [(2, 2)]
