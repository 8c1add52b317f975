"""People act over the API, through the real broker and the real database, and the rules know of it."""

from typing import Any

import httpx

from cloud.clock import now_ms
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
