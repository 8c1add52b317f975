"""Screens prove that they live over the API, through the real broker and the real database (T47, at the server)."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Mapping
from typing import Any

import httpx
import msgspec
import pytest

from cloud.app import load_setups
from cloud.clock import now_ms
from cloud.ingest.desk import SiteSetup
from cloud.operations.screen import Watch
from sitewarden import desk
from sitewarden.desk import Server
from tests.cloud_rig import Ports, running_cloud, settings_for
from tests.waiting import PATIENCE_S, until

DEMO = "/api/v1/sites/demo"
WITHIN_S = 3


class Wall:
    """A screen as a browser has it: it hears the stream and answers its latest nonce, some three times a second.

    `flags` None: it is frozen and answers nothing.
    """

    def __init__(self, client: httpx.AsyncClient, name: str) -> None:
        self.client = client
        self.name = name
        self.nonce = ""
        self.changes: list[dict[str, Any]] = []
        self.unwatched: dict[str, dict[str, Any]] = {}
        self.flags: dict[str, Any] | None = {}
        self.answered: list[int] = []

    async def hear(self) -> None:
        query = {"site": "demo", "screen": self.name, "kind": ["screen", "incident"]}
        async with self.client.stream("GET", "/api/v1/stream", params=query, timeout=PATIENCE_S) as answer:
            async for line in answer.aiter_lines():
                if line.startswith("data:"):
                    said = json.loads(line.removeprefix("data:"))
                    self.nonce = said.get("nonce") or self.nonce
                    self._changed(said.get("kind"), said.get("row"))

    def _changed(self, kind: str | None, row: Any) -> None:
        if kind == "screen":
            self.changes.append(row)
        elif kind == "incident" and row["kind"] == "unwatched":
            self.unwatched[row["id"]] = row

    async def until_unwatched_is(self, *states: str) -> None:
        """Until the unwatched incidents of the site have these states, oldest first."""
        await until(lambda: [one["state"] for one in self.unwatched.values()] == list(states))

    async def answer(self) -> None:
        while True:
            if self.nonce and self.flags is not None:
                well = {"audible": True, "visible": True, "drawn_ms": 16, "data_age_ms": 40}
                body = {"nonce": self.nonce} | well | self.flags
                got = await self.client.post(f"{DEMO}/screens/{self.name}/answers", json=body)
                self.answered.append(got.status_code)
            await asyncio.sleep(0.3)


@contextlib.asynccontextmanager
async def wall(client: httpx.AsyncClient, name: str = "wall-1") -> AsyncIterator[Wall]:
    found = Wall(client, name)
    tasks = [asyncio.create_task(found.hear()), asyncio.create_task(found.answer())]
    try:
        yield found
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def quick(settings: Any) -> Mapping[str, SiteSetup]:
    """The demo site with a watch that tests can wait for."""
    (name, setup), *_ = load_setups(settings).items()
    watch = Watch(post="control", schedule="round-the-clock", within=f"{WITHIN_S}s")
    operations = msgspec.structs.replace(setup.operations, watch=watch)
    return {name: msgspec.structs.replace(setup, operations=operations)}


@pytest.fixture
def often(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cloud.web.screens.PULSE_S", 0.3)


@pytest.mark.usefixtures("often")
async def test_t47_a_frozen_and_a_muted_screen_are_an_incident_each(dsn: str, ports: Ports) -> None:
    settings = settings_for(dsn, ports)
    async with (
        running_cloud(settings, quick(settings)) as address,
        httpx.AsyncClient(base_url=address) as client,
        wall(client) as screen,
    ):
        await until(lambda: screen.changes)
        assert screen.changes[0]["state"] == "live"
        seen = len(screen.answered)
        await until(lambda: len(screen.answered) >= seen + 12)
        assert screen.unwatched == {}, "it answered for longer than it may be silent"
        closed: list[str] = []
        for ill in (None, {"audible": False}):
            screen.flags = ill
            since = now_ms()
            await screen.until_unwatched_is(*closed, "open")
            assert now_ms() - since >= (WITHIN_S - 1) * 1_000
            screen.flags = {}
            closed.append("closed")
            await screen.until_unwatched_is(*closed)
        assert {one["subject"] for one in screen.unwatched.values()} == {"control"}
        assert set(screen.answered) == {204}
        alarms = (await client.get(f"{DEMO}/alarms")).json()["items"]
        assert [alarm["body"]["kind"] for alarm in alarms] == ["unwatched"]
        assert (await client.get(f"{DEMO}/actions")).json()["items"] == []


@pytest.mark.usefixtures("often")
async def test_a_layout_reaches_the_screen_at_once(dsn: str, ports: Ports) -> None:
    async with (
        running_cloud(settings_for(dsn, ports)) as address,
        httpx.AsyncClient(base_url=address) as client,
        wall(client) as screen,
    ):
        await until(lambda: screen.changes)
        layout = {
            "page": "board",
            "panes": [{"show": "plan", "floor": "1"}],
            "theme": "night",
            "language": "zh",
        }
        action = {"do": "set_screen", "screen": "wall-1", "name": "Left wall", "layout": layout}
        done = await client.post(f"{DEMO}/actions", json={"person": "p-001", "action": action})
        assert (done.status_code, done.json()["kind"]) == (200, "screen")
        await until(lambda: len(screen.changes) > 1)
        assert (screen.changes[1]["id"], screen.changes[1]["body"]["layout"]) == ("wall-1", layout)
        one = await client.get(f"{DEMO}/screens/wall-1")
        assert (one.headers["ETag"], one.json()["state"], one.json()["body"]["name"]) == (
            '"2"',
            "live",
            "Left wall",
        )
        large = action | {"layout": {"x": "y" * 5_000}}
        refused = await client.post(f"{DEMO}/actions", json={"person": "p-001", "action": large})
        assert (refused.status_code, refused.json()["detail_zh"]) == (422, "画面布局不得超过4096字节")
        (listed,) = (await client.get(f"{DEMO}/screens", params={"state": "live"})).json()["items"]
        assert listed["id"] == "wall-1"
        assert "Left wall" in await asyncio.to_thread(desk.screens, Server(url=address, site="demo"))
