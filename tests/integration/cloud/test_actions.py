"""People act over the API, through the real broker and the real database, and the rules know of it."""

import asyncio
import datetime as dt
import zoneinfo
from typing import Any

import httpx
import pytest

from cloud.clock import now_ms
from sitewarden import desk
from sitewarden.desk import Server
from sitewarden.errors import CommandError
from tests.cloud_rig import Ports, TestAgent, running_cloud, settings_for

DEMO = "/api/v1/sites/demo"


async def only_incident(client: httpx.AsyncClient, agent: TestAgent) -> dict[str, Any]:
    now = now_ms()
    fire = {"at": now, "observed_at": now, "device": "fire-panel", "type": "fire.alarm", "zone": "b1"}
    await agent.until_durable(agent.send(fire, sent_at=now_ms()))
    (found,) = (await client.get(f"{DEMO}/incidents")).json()["items"]
    return dict(found)


async def test_a_fire_is_acknowledged_verified_and_closed_over_the_api(
    dsn: str, ports: Ports, agent: TestAgent, tmp_path: Any
) -> None:
    async with (
        running_cloud(settings_for(dsn, ports, files=tmp_path / "files")) as address,
        httpx.AsyncClient(base_url=address) as client,
    ):
        incident = await only_incident(client, agent)
        name = incident["id"]

        async def do(person: str, **action: Any) -> httpx.Response:
            return await client.post(f"{DEMO}/actions", json={"person": person, "action": action})

        seen = await client.post(
            f"{DEMO}/actions",
            json={"person": "p-002", "action": {"do": "acknowledge", "incident": name}},
            headers={"Idempotency-Key": "tablet-1-17", "If-Match": f'"{incident["revision"]}"'},
        )
        assert (seen.status_code, seen.json()["verb"]) == (200, "acknowledge")
        again = await client.post(
            f"{DEMO}/actions",
            json={"person": "p-002", "action": {"do": "acknowledge", "incident": name}},
            headers={"Idempotency-Key": "tablet-1-17"},
        )
        assert again.json() == seen.json()
        late = await do("p-003", do="acknowledge", incident=name)
        assert (late.status_code, late.json()["detail_zh"]) == (409, "p-002 已完成此步骤")
        photo = await client.post(f"{DEMO}/files", content=b"\xff\xd8\xff\xe0 a photo")
        kept = photo.json()
        attached = await do("p-002", do="attach", matter="incident", id=name, name="hall.jpg", **kept)
        assert attached.status_code == 200
        assert (await client.get(f"{DEMO}/files/{kept['sha256']}")).content == b"\xff\xd8\xff\xe0 a photo"
        assert (await do("p-002", do="verify", incident=name, result="false", note="dust")).status_code == 200
        closed = await do("p-002", do="close", incident=name, override="panel is cleaned")
        assert closed.status_code == 200
        now = (await client.get(f"{DEMO}/incidents/{name}")).json()
        assert (now["state"], now["phase"], now["life"]["result"]) == ("closed", "closed", "false")
        assert now["life"]["files"][0]["sha256"] == kept["sha256"]

        async def judged() -> list[str]:
            items = (await client.get(f"{DEMO}/verdicts", params={"rule": ["ER-3", "ER-4"]})).json()["items"]
            return sorted(f"{item['rule']} {item['outcome']}" for item in items)

        assert await judged() == ["ER-3 met", "ER-4 met"]
        actions = (await client.get(f"{DEMO}/actions", params={"target": name})).json()["items"]
        assert [item["verb"] for item in reversed(actions)] == [
            "acknowledge",
            "acknowledge",
            "attach",
            "verify",
            "close",
        ]
        (alarm,) = (await client.get(f"{DEMO}/alarms", params={"state": "acknowledged"})).json()["items"]
        assert alarm["body"]["kind"] == "fire"
        load = (await client.get(f"{DEMO}/alarm-load")).json()["load"]
        assert (load["annunciated"], load["by_priority"]) == (1, {"critical": 1})


async def test_a_supervisor_without_a_browser_sees_and_acts(dsn: str, ports: Ports, agent: TestAgent) -> None:
    async with (
        running_cloud(settings_for(dsn, ports)) as address,
        httpx.AsyncClient(base_url=address) as client,
    ):
        name = (await only_incident(client, agent))["id"]
        server = Server(url=address, site="demo")
        listed = await asyncio.to_thread(desk.incidents, server)
        assert (name in listed, "Block 1 lobby" in listed, "detected" in listed) == (True, True, True)
        assert "critical" in await asyncio.to_thread(desk.alarms, server)
        assert await asyncio.to_thread(desk.orders, server) == "nothing\n"
        done = await asyncio.to_thread(desk.act, server, "p-001", "acknowledge", [f"incident={name}"])
        assert done == f"acknowledge: incident {name}"
        with pytest.raises(CommandError, match="already acknowledged by p-001"):
            await asyncio.to_thread(desk.act, server, "p-001", "acknowledge", [f"incident={name}"])
        sent = await asyncio.to_thread(
            desk.act, server, "p-001", "dispatch", [f"incident={name}", "people=p-007,p-008"]
        )
        assert sent == f"dispatch: incident {name}"
        await asyncio.to_thread(desk.act, server, "p-007", "verify", [f"incident={name}", "result=false"])
        chinese = Server(url=address, site="demo", language="zh")
        with pytest.raises(CommandError, match="已完成此步骤"):
            await asyncio.to_thread(desk.act, chinese, "p-001", "acknowledge", [f"incident={name}"])
        day = dt.datetime.now(zoneinfo.ZoneInfo("Asia/Shanghai")).date() - dt.timedelta(days=2)
        assert "met 0" in await asyncio.to_thread(desk.night, server, day.isoformat())


@pytest.mark.parametrize(
    ("verb", "field", "message"),
    [
        ("close", "incident", "expected name=value"),
        ("close", "=x", "expected name=value"),
        ("close", "note=x", "missing required field `incident`; its fields are incident, note, override"),
        ("verify", "result=perhaps", "Invalid enum value 'perhaps'"),
        ("fly", "to=moon", "no action 'fly'; there are accept_order, acknowledge,"),
    ],
)
def test_what_cant_be_done_is_named_before_anything_is_asked(verb: str, field: str, message: str) -> None:
    with pytest.raises(CommandError, match=message):
        desk.act(Server(url="http://127.0.0.1:9", site="demo"), "p-001", verb, [field])


def test_a_server_that_is_not_there_is_told_in_words() -> None:
    with pytest.raises(CommandError, match="does not answer"):
        desk.incidents(Server(url="http://127.0.0.1:9", site="demo"))
