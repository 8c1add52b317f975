"""The demo estate on its plans: what stands where, how it is, who is where."""

import contextlib
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from cloud.operations.command import GoOffDuty
from cloud.store.memory_reads import MemoryReader
from cloud.web.app import create_app
from cloud.web.options import WebOptions
from cloud.web.stream import Clocks
from tests.house import DAY, MONDAY, H, House, M
from tests.webserver import no_post

API = "/api/v1/sites/demo"


@pytest.fixture
def house() -> House:
    return House()


@contextlib.asynccontextmanager
async def browser(house: House) -> AsyncIterator[httpx.AsyncClient]:
    """A client of the API over what the house has stored; its clock is the house's."""
    app = create_app(
        MemoryReader(house.store),
        [house.site],
        WebOptions(),
        post=no_post(),
        operations={"demo": house.setup.operations},
        clocks=Clocks(now=lambda: house.now, monotonic=lambda: house.now),
    )
    transport = httpx.ASGITransport(app)
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=transport, base_url="http://localhost") as web,
    ):
        yield web


async def asked(house: House, what: str) -> list[dict[str, Any]]:
    """All that a list of the API says."""
    async with browser(house) as web:
        answer = await web.get(f"{API}/{what}")
        assert answer.status_code == 200
        items: list[dict[str, Any]] = answer.json()["items"]
        return items


async def test_every_floor_comes_as_it_was_drawn(house: House) -> None:
    async with browser(house) as web:
        first, again = [(await web.get(f"{API}/floors")).json()["items"] for _ in range(2)]
    assert first == again
    ground, *upper = first
    assert (ground["id"], ground["drawn"], ground["width"], ground["height"]) == ("ground", True, 140, 90)
    assert [floor["id"] for floor in upper] == ["second", "third", "basement"]
    devices = {device["id"]: device for device in ground["devices"]}
    assert devices["gate-n"] == {
        "id": "gate-n",
        "name": {"zh": "北门车行道闸", "en": "North vehicle barrier"},
        "zone": "gate-north",
        "at": [66, 5],
        "kind": "gate",
        "tags": ["gate"],
        "parts": [],
    }
    kinds = {
        name: devices[name]["kind"]
        for name in ("fire-panel", "door-b1", "cp-plaza", "io-north", "desk-control")
    }
    assert list(kinds.values()) == ["panel", "door", "checkpoint", "io", "desk"]
    (detector,) = [part for part in devices["fire-panel"]["parts"] if part["id"] == "l1d001"]
    assert detector["zone"] == "b1"
    (b1,) = [zone for zone in ground["zones"] if zone["id"] == "b1"]
    assert (b1["outline"][0], b1["label"]) == ([6, 18], [21, 29])
    (way,) = [way for way in ground["ways"] if way["zone"] == "b1-f3"]
    assert (way["devices"], way["line"][-1]) == (["gate-n", "gate-n-walk", "door-b1"], [66, 5])


async def test_a_fire_is_seen_at_its_detector_and_at_the_gates(house: House) -> None:
    detector = {"loop": 1, "address": 3, "point": "l1d003"}
    house.happen("gate-n", "gate.locked", zone="gate-north", data={"point": "di_1"})
    house.wait(M)
    house.happen("fire-panel", "fire.alarm", zone="b1-f3", data=detector)
    house.happen("gate-n", "gate.released", zone="gate-north", data={"point": "di_1"})
    house.happen("door-b1", "door.opened")
    since = house.now
    assert await asked(house, "states") == [
        {
            "device": "door-b1",
            "zone": "b1",
            "type": "door.opened",
            "at": since,
            "part": None,
            "part_name": None,
        },
        {
            "device": "fire-panel",
            "zone": "b1-f3",
            "type": "fire.alarm",
            "at": since,
            "part": "1-3",
            "part_name": {
                "zh": "一号楼三层走廊烟感（1-3）",
                "en": "Smoke detector, corridor 3F of block 1 (1-3)",
            },
        },
        {
            "device": "gate-n",
            "zone": "gate-north",
            "type": "gate.released",
            "at": since,
            "part": None,
            "part_name": None,
        },
    ]


async def people(house: House) -> dict[str, dict[str, Any]]:
    return {person["id"]: person for person in await asked(house, "people")}


async def test_people_are_shown_with_their_shift_and_where_they_were_seen_last(house: House) -> None:
    house.happen("cp-b1-03", "checkpoint.scan", person="card:8812331")
    seen_at = house.now
    house.wait(M)
    house.happen("t-power", "device.tamper", person="card:8812331")
    found = await people(house)
    assert set(found) == {person.id for person in house.site.file.people}
    assert found["p-007"]["last"] == {
        "at": seen_at,
        "zone": "b1",
        "device": "cp-b1-03",
        "type": "checkpoint.scan",
    }
    assert (found["p-002"]["on_duty"], found["p-002"]["post"]) == (True, "control")
    assert {(found[name]["on_duty"], found[name]["post"]) for name in ("p-008", "p-001")} == {
        (True, None),
        (False, None),
    }
    assert all("contacts" not in person for person in found.values())


async def test_who_signed_off_is_not_on_duty_nor_is_anybody_before_their_shift_begins(house: House) -> None:
    house.do("p-002", GoOffDuty(post="control"))
    assert await on_duty(house) == {"p-003", "p-008", "p-009", "p-011"}
    house.pass_to(MONDAY + 9 * H + 40 * M, hearing=False)
    assert await on_duty(house) == {"p-003", "p-008", "p-009", "p-011"}
    house.pass_to(MONDAY + 10 * H + 5 * M, hearing=False)
    assert await on_duty(house) == {"p-002", "p-007", "p-010"}


async def on_duty(house: House) -> set[str]:
    return {name for name, person in (await people(house)).items() if person["on_duty"]}


async def test_where_somebody_was_a_day_ago_is_no_longer_shown(house: House) -> None:
    house.happen("cp-b1-03", "checkpoint.scan", person="p-007")
    house.wait(DAY, hearing=False)
    assert (await people(house))["p-007"]["last"] is not None
    house.wait(1, hearing=False)
    assert (await people(house))["p-007"]["last"] is None
