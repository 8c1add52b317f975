"""A guard with a tablet that was offline, through the real broker and the real database."""

import asyncio
import datetime as dt
import zoneinfo
from typing import Any

import httpx

from cloud.clock import now_ms
from cloud.web.contacts import COOKIE, Contacts
from tests.cloud_rig import Ports, TestAgent, running_cloud, settings_for
from tests.waiting import PATIENCE_S

DEMO = "/api/v1/sites/demo"
H, M = 3_600_000, 60_000


def last_heard(at: int) -> str:
    """The note of a tablet that the page heard last at a moment: it was out of reach since then."""
    contacts = Contacts("")
    return contacts.note(contacts.hear("", at))


async def test_a_missed_checkpoint_is_met_once_the_tablets_scan_arrives(
    dsn: str, ports: Ports, agent: TestAgent
) -> None:
    begun = now_ms() - 3 * H
    came = begun + 1 * H
    # The site's day that the scan is of; what was due on it is on its board, also over midnight.
    day = dt.datetime.fromtimestamp(came / 1_000, zoneinfo.ZoneInfo("Asia/Shanghai")).date().isoformat()
    async with (
        running_cloud(settings_for(dsn, ports)) as address,
        httpx.AsyncClient(base_url=address, cookies={COOKIE: last_heard(begun)}) as client,
    ):

        async def do(person: str, name: str, at: int | None = None, **action: Any) -> httpx.Response:
            body = {"person": person, "action": action, "id": name} | ({} if at is None else {"at": at})
            return await client.post(f"{DEMO}/actions", json=body)

        async def states() -> dict[str, list[str]]:
            board = (await client.get(f"{DEMO}/patrol", params={"day": day})).json()
            return {
                post["device"]: [span["state"] for span in post["spans"] if span["opened_at"] == begun]
                for post in board["checkpoints"]
                if post["device"] in {"cp-club", "cp-plaza"}
            }

        async def until_they_are(club: str, plaza: str) -> None:
            wanted = {"cp-club": [club], "cp-plaza": [plaza]}
            for _ in range(int(PATIENCE_S / 0.05)):
                found = await states()
                if found == wanted:
                    return
                await asyncio.sleep(0.05)
            assert found == wanted

        scans = [
            {
                "at": begun,
                "observed_at": begun,
                "device": name,
                "type": "checkpoint.scan",
                "person": "card:8812331",
            }
            for name in ("cp-club", "cp-plaza")
        ]
        known = {"cp-club": now_ms(), "cp-plaza": now_ms()}
        await agent.until_durable(agent.send(*scans, sent_at=now_ms(), sources=known))
        await until_they_are("missed", "missed")

        scan = {"do": "scan", "device": "cp-club", "tag": f"{address}/t/demo/cp-club", "error_ms": 800}
        for _ in range(2):  # The tablet did not hear the first answer.
            assert (await do("p-008", "tablet-9-1", came, **scan)).status_code == 200
        await until_they_are("on_time", "missed")
        found = (await client.get(f"{DEMO}/events", params={"device": "cp-club"})).json()["items"]
        told = [(row["at"], row["person"], row["clock_error_ms"], row["data"].get("by")) for row in found]
        assert told == [(came, "p-008", 800, "tablet"), (begun, "card:8812331", 0, None)]
        revisions = (await client.get(f"{DEMO}/verdicts/PT-1/cp-club/{begun}/revisions")).json()["items"]
        assert [row["outcome"] for row in revisions][-2:] == ["breached", "met"]

        wrong = await do("p-008", "tablet-9-2", came, do="scan", device="cp-plaza", tag="/t/demo/cp-club")
        assert (wrong.status_code, "中心广场" in wrong.json()["detail_zh"]) == (422, True)

        miss = {"do": "explain_miss", "rule": "PT-1", "opened_at": begun, "reason": "积水封路"}
        assert (await do("p-001", "desk-1", **miss, key="cp-club")).status_code == 409
        assert (await do("p-001", "desk-2", **miss, key="cp-plaza")).status_code == 200
        second = await do("p-002", "desk-3", **miss, key="cp-plaza")
        assert (second.status_code, "积水封路" in second.json()["detail_zh"]) == (409, True)
        (record,) = (await client.get(f"{DEMO}/misses")).json()["items"]
        assert (record["body"]["key"], record["body"]["by"]) == ("cp-plaza", "p-001")
        board = (await client.get(f"{DEMO}/patrol", params={"day": day})).json()
        reasons = {span["reason"] for post in board["checkpoints"] for span in post["spans"]}
        assert reasons == {"", "积水封路"}

        hits = (await client.get(f"{DEMO}/search", params={"q": "会所 巡更点"})).json()["items"]
        assert ("device", "cp-club") in {(row["kind"], row["id"]) for row in hits}
