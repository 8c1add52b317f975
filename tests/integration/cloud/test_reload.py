"""The cloud reads its rules anew while it runs; files with mistakes change nothing."""

import asyncio
import shutil
from pathlib import Path

import httpx

from cloud.app import load_setups, serve_anew
from cloud.clock import now_ms
from contract.site_files import shipped_config
from tests.cloud_rig import Ports, TestAgent, settings_for
from tests.waiting import PATIENCE_S, until


async def test_rules_are_read_anew_and_mistakes_leave_the_old_in_force(
    dsn: str, ports: Ports, agent: TestAgent, tmp_path: Path
) -> None:
    rules = tmp_path / "rules"
    shutil.copytree(shipped_config() / "rules", rules, ignore=shutil.ignore_patterns("tests"))
    settings = settings_for(dsn, ports, rules=rules)
    stop, reread, addresses = asyncio.Event(), asyncio.Event(), list[str]()
    running = asyncio.create_task(serve_anew(settings, load_setups(settings), stop, reread, addresses.append))

    async def limit() -> str:
        async with httpx.AsyncClient(base_url=addresses[-1]) as client:
            found = (await client.get("/api/v1/sites/demo/rules")).json()["items"]
        return next(str(rule["limit"]) for rule in found if rule["id"] == "ER-2")

    try:
        await until(lambda: len(addresses) == 1)
        assert await limit() == "2m"
        event = {"device": "fire-panel", "type": "fire.fault"}
        await agent.until_durable(agent.send({"at": now_ms(), **event}, sent_at=now_ms()))
        file = rules / "emergency.yaml"
        file.write_text(file.read_text("utf-8").replace("within: 2m", "within: 90s"), "utf-8")
        reread.set()
        await until(lambda: len(addresses) == 2)
        assert await limit() == "90s"
        await agent.until_durable(agent.send({"at": now_ms(), **event}, sent_at=now_ms()))
        good = file.read_text("utf-8")
        file.write_text(good.replace("within: 90s", "within: soon"), "utf-8")
        reread.set()
        await until(lambda: not reread.is_set())
        file.write_text(good.replace("within: 90s", "within: 80s"), "utf-8")
        reread.set()
        await until(lambda: len(addresses) == 3)
        assert await limit() == "80s"
    finally:
        stop.set()
        async with asyncio.timeout(PATIENCE_S):
            await running
