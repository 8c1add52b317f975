"""The patrol board, missed rounds and search over the API: the demo estate lives in virtual time behind it."""

import contextlib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest

from cloud.broker.memory import MemoryLine, MemoryPost
from cloud.correlation.verdict import Outcome
from cloud.operations import command as do
from cloud.store.files import FileStore
from cloud.store.memory_reads import MemoryReader
from cloud.web.app import create_app
from cloud.web.options import WebOptions
from cloud.web.stream import Clocks
from contract.site import Leg
from tests import samples
from tests.house import DAY, H, House, M, demo, variant
from tests.samples import NOON, Scribe

DEMO = "/api/v1/sites/demo"
CARD = "card:8812331"
MIDNIGHT = 10 * H
"""So long before the house begins its day began."""


@contextlib.asynccontextmanager
async def looking(house: House, folder: Path) -> AsyncIterator[httpx.AsyncClient]:
    """A client of the web part over what a house has stored."""
    app = create_app(
        MemoryReader(house.store),
        [house.site],
        WebOptions(),
        post=MemoryPost(MemoryLine(lambda: house.now)),
        files=FileStore(folder),
        operations={"demo": house.setup.operations},
        rules={"demo": house.setup.rules},
        clocks=Clocks(now=lambda: house.now, monotonic=lambda: 0),
    )
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=transport, base_url="http://localhost") as web,
    ):
        yield web


async def board_of(house: House, folder: Path, **query: Any) -> dict[str, Any]:
    async with looking(house, folder) as web:
        answer = await web.get(f"{DEMO}/patrol", params=query)
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


def posts(board: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {post["device"]: post for post in board["checkpoints"]}


def walked_estate() -> House:
    """Half past one in the afternoon: one checkpoint in each state."""
    house = House()
    begun = house.now
    for name in ("cp-club", "cp-plaza", "cp-gate-s", "cp-power"):
        house.happen(name, "checkpoint.scan", person=CARD)
    house.pass_to(begun + 1 * H)
    house.lose_sight("cp-power", begun + 30 * M)
    house.pass_to(begun + 2 * H)
    house.happen("cp-club", "checkpoint.scan", person=CARD)
    house.pass_to(begun + 3 * H)
    house.happen("cp-plaza", "checkpoint.scan", person=CARD)
    house.pass_to(begun + 3 * H + 30 * M)
    return house


async def test_the_day_of_the_demo_estate_is_told_in_all_five_words(tmp_path: Path) -> None:
    house = walked_estate()
    begun = house.now - 3 * H - 30 * M
    board = await board_of(house, tmp_path)
    assert (board["day"], board["since"], board["until"], board["now"]) == (
        "2026-11-23",
        begun - MIDNIGHT,
        begun - MIDNIGHT + DAY,
        house.now,
    )
    found = posts(board)
    told = {name: [(s["state"], s["person"]) for s in post["spans"]] for name, post in found.items()}
    assert told["cp-club"] == [("on_time", "p-007"), ("due", None)]
    assert told["cp-plaza"] == [("late", "p-007"), ("due", None)]
    assert told["cp-gate-s"] == [("missed", None)]
    assert told["cp-power"] == [("unknown", None)]
    assert (found["cp-club"]["state"], found["cp-club"]["due_at"]) == ("due", begun + 4 * H)
    assert (found["cp-gate-s"]["state"], found["cp-gate-s"]["due_at"]) == ("missed", begun + 2 * H)
    assert set(found) == {leg.device for r in house.site.file.routes for leg in r.checkpoints}
    assert [walk["person"] for walk in board["walks"]] == ["p-007"]
    assert [visit["device"] for visit in board["walks"][0]["visits"]][-2:] == ["cp-club", "cp-plaza"]


async def test_a_scan_of_a_tablet_that_comes_late_turns_a_missed_one(tmp_path: Path) -> None:
    house = walked_estate()
    came = house.now - 105 * M
    house.do("p-008", do.Scan(tag="/t/demo/cp-gate-s", error_ms=700), at=came)
    house.wait(1 * M)
    post = posts(await board_of(house, tmp_path))["cp-gate-s"]
    assert [(span["state"], span["person"]) for span in post["spans"]] == [
        ("on_time", "p-008"),
        ("due", None),
    ]
    last = post["visits"][-1]
    assert (last["at"], last["offline"], last["clock_error_ms"]) == (came, True, 700)


async def test_what_was_due_over_midnight_is_on_both_days(tmp_path: Path) -> None:
    house = House(now=demo_evening())
    house.happen("cp-club", "checkpoint.scan", person=CARD)
    house.pass_to(house.now + 3 * H)
    spans = [
        [span["state"] for span in posts(await board_of(house, tmp_path, day=day))["cp-club"]["spans"]]
        for day in ("2026-11-23", "2026-11-24", "2026-11-25")
    ]
    assert spans == [["missed"], ["missed"], []]


def demo_evening() -> int:
    """Eleven at night."""
    return House().now + 13 * H


async def test_what_is_kept_by_no_scan_is_not_on_the_board(tmp_path: Path) -> None:
    site = demo().site
    devices = tuple(
        msgspec.structs.replace(one, emits=(*sorted(site.emits(one)), "supervision.ok"))
        if one.id == "fire-panel"
        else one
        for one in site.file.devices
    )
    house = House(variant(devices=devices))
    house.happen("fire-panel", "supervision.ok")
    house.wait(5 * M)
    judged = {revised.verdict.key for revised in house.verdicts("FS-10")}
    assert judged == {"fire-panel"}
    assert "fire-panel" not in posts(await board_of(house, tmp_path))


async def test_a_planned_round_is_shown_under_its_route(tmp_path: Path) -> None:
    route = next(one for one in demo().site.file.routes if one.id == "r-grounds")
    legs = tuple(Leg(device=leg.device) for leg in route.checkpoints)
    route = msgspec.structs.replace(route, starts=("11:00", "14:00"), checkpoints=legs)
    house = House(variant(routes=(route,)))
    planned = house.now + 1 * H
    house.pass_to(planned)
    for leg in legs:
        house.wait(2 * M)
        house.happen(leg.device, "checkpoint.scan", person="card:8812332")
    house.pass_to(planned + 3 * H + 1 * M)
    (shown,) = (await board_of(house, tmp_path))["routes"]
    assert shown["checkpoints"] == [leg.device for leg in legs]
    walked, coming = shown["rounds"]
    assert (walked["span"]["state"], walked["span"]["person"]) == ("on_time", "p-008")
    assert [(stop["state"], stop["person"]) for stop in walked["stops"]] == [("on_time", "p-008")] * 4
    assert [stop["state"] for stop in coming["stops"]] == ["due"] * 4


async def test_a_reason_stands_on_the_board_and_in_the_list(tmp_path: Path) -> None:
    house = walked_estate()
    opened_at = house.now - 3 * H - 30 * M
    why = do.ExplainMiss(rule="PT-1", key="cp-gate-s", opened_at=opened_at, reason="road closed")
    assert house.do("p-001", why).problem == ""
    post = posts(await board_of(house, tmp_path))["cp-gate-s"]
    assert [(span["state"], span["reason"]) for span in post["spans"]] == [("missed", "road closed")]
    async with looking(house, tmp_path) as web:
        (miss,) = (await web.get(f"{DEMO}/misses")).json()["items"]
    assert (miss["state"], miss["body"]["by"], miss["body"]["at"]) == ("explained", "p-001", house.now)


@pytest.mark.parametrize("day", ["9999-12-31", "0001-01-01", "2026-13-01", "today"])
async def test_a_day_that_no_board_has_is_named(client: Any, day: str) -> None:
    async with client() as web:
        answer = await web.get(f"{DEMO}/patrol", params={"day": day})
    assert answer.status_code == 422
    assert [error["field"] for error in answer.json()["errors"]] == ["query.day"]


async def test_a_device_without_a_reader_does_as_well_as_people_do(tmp_path: Path) -> None:
    devices = tuple(
        msgspec.structs.replace(one, line=None, address=None, profile=None, emits=("checkpoint.scan",))
        if one.id == "cp-club"
        else one
        for one in demo().site.file.devices
    )
    house = House(variant(devices=devices))
    house.do("p-007", do.Scan(tag="cp-club"))
    async with looking(house, tmp_path) as web:
        rows = (await web.get(f"{DEMO}/devices")).json()["items"]
    assert [row["state"] for row in rows if row["id"] == "cp-club"] == ["ok"]


# --- answering for what was missed

MISS = {"do": "explain_miss", "rule": "ER-2", "key": "gate", "opened_at": NOON, "reason": "x"}


@pytest.mark.parametrize(
    ("outcome", "status", "said"),
    [
        (Outcome.BREACHED, 202, ""),
        (Outcome.UNKNOWN, 202, ""),
        (Outcome.MET, 409, "not missed"),
        (Outcome.PENDING, 409, "not decided yet"),
        (Outcome.VOID, 409, "not missed"),
        (None, 404, "no episode of rule 'ER-2'"),
    ],
)
async def test_only_what_was_missed_is_answered_for(
    client: Any,
    scribe: Scribe,
    monkeypatch: pytest.MonkeyPatch,
    outcome: Outcome | None,
    status: int,
    said: str,
) -> None:
    monkeypatch.setattr("cloud.web.action_routes.DECIDED_WITHIN_S", 0)
    if outcome is not None:
        scribe.write(verdicts=[samples.verdict("gate", opened_at=NOON, outcome=outcome)])
    async with client() as web:
        answer = await web.post(f"{DEMO}/actions", json={"person": "p-007", "action": MISS})
    assert answer.status_code == status
    assert said in answer.json().get("detail", "")
    assert bool(answer.json().get("detail_zh")) == bool(said)


# --- search


async def test_search_finds_what_is_and_what_people_work_on(tmp_path: Path) -> None:
    house = House()
    order = house.do("p-001", do.OpenOrder(kind="repair", title="Lamp", zone="b1")).target
    house.happen("fire-panel", "fire.alarm", zone="b1")
    async with looking(house, tmp_path) as web:

        async def kinds(q: str, **more: Any) -> list[tuple[str, str]]:
            answer = await web.get(f"{DEMO}/search", params={"q": q, **more})
            return [(row["kind"], row["id"]) for row in answer.json()["items"]]

        assert (await kinds("PT-1"))[0] == ("rule", "PT-1")
        assert (await kinds("CP-CLUB")) == [("device", "cp-club")]
        assert (await kinds(order[:6]))[0] == ("order", order)
        assert {kind for kind, _ in await kinds("一号楼大堂")} >= {
            "zone",
            "device",
            "order",
            "incident",
            "alarm",
        }
        assert len(await kinds("checkpoint", limit=3)) == 3
        assert await kinds("nothing-is-called-so") == []


@pytest.mark.parametrize(("q", "field"), [("", "query.q"), ("  ", "query.q"), ("x" * 101, "query.q")])
async def test_a_search_for_nothing_is_refused(client: Any, q: str, field: str) -> None:
    async with client() as web:
        answer = await web.get(f"{DEMO}/search", params={"q": q})
    assert answer.status_code == 422
    assert [error["field"] for error in answer.json()["errors"]] == [field]
