"""What telemetry proposes for the checklist of an order, over the API."""

from typing import Any

import httpx
import msgspec
import pytest

from cloud.broker.memory import MemoryLine, MemoryPost
from cloud.operations.checklist import Checklist, Item, Source
from cloud.operations.order import Order
from cloud.operations.record import RecordKind
from cloud.operations.setup import OperationsSetup
from cloud.store.base import ReadingGroup
from cloud.store.memory import MemoryStore
from cloud.store.memory_reads import MemoryReader
from cloud.web.app import create_app
from cloud.web.options import WebOptions
from contract.events import Quality, Readings
from contract.site import Device, Given, ProfileHead, Site, Text
from tests import samples
from tests.samples import NOON, SITE, Scribe
from tests.unit.web.conftest import Time

MINUTE = 60_000
START = NOON - 30 * MINUTE


def item(name: str, unit: str, **source: Any) -> Item:
    return Item(id=name, name=Text(zh=name, en=name), kind="reading", unit=unit, source=Source(**source))


FORM = Checklist(
    id="test",
    name=Text(zh="试机", en="Test"),
    items=(
        item("minutes", "min", run="length"),
        item("pressure", "bar", reading="oil_pressure"),
        item("fuel", "%", reading="fuel_level", take="now"),
        Item(id="leaks", name=Text(zh="渗漏", en="Leaks"), kind="yes_no"),
    ),
)


def site() -> Site:
    """The sample with a generator."""
    sample = samples.site()
    told = ("generator.started", "generator.stopped")
    generator = Device(id="dg", zone="b1", profile="set", emits=told)
    head = ProfileHead(
        profile="set", gives=(Given(name="oil_pressure", unit="kPa"), Given(name="fuel_level", unit="%"))
    )
    return Site(
        msgspec.structs.replace(sample.file, devices=(*sample.file.devices, generator)),
        {**sample.profiles, "set": head},
    )


def readings(point: str, *rows: tuple[int, float]) -> ReadingGroup:
    columns = Readings(
        seq=list(range(len(rows))),
        device=["dg"] * len(rows),
        point=[point] * len(rows),
        at=[at for at, _ in rows],
        value=[value for _, value in rows],
        quality=[Quality.GOOD] * len(rows),
        clock_error_ms=[0] * len(rows),
    )
    return ReadingGroup(site=SITE, agent="gw-1", seq_base=0, received_at=NOON, readings=columns)


def written(scribe: Scribe, **more: Any) -> None:
    order = Order(id="o1", kind="upkeep", title="试机", opened_at=START - MINUTE, **more)
    body = msgspec.json.encode(order, order="sorted")
    record = msgspec.structs.replace(samples.record("o1", kind=RecordKind.ORDER), body=body)
    scribe.write(records=[record])


@pytest.fixture
def ask(store: MemoryStore, time: Time, line: MemoryLine) -> Any:
    async def asked(order: str = "o1") -> httpx.Response:
        app = create_app(
            MemoryReader(store),
            [site()],
            WebOptions(),
            post=MemoryPost(line),
            operations={SITE: OperationsSetup(checklists={"test": FORM})},
            clocks=time.clocks,
        )
        transport = httpx.ASGITransport(app, raise_app_exceptions=False)
        async with (
            app.router.lifespan_context(app),
            httpx.AsyncClient(transport=transport, base_url="http://localhost") as web,
        ):
            return await web.get(f"/api/v1/sites/{SITE}/orders/{order}/sheet")

    return asked


async def test_a_test_run_fills_its_sheet(ask: Any, scribe: Scribe) -> None:
    written(scribe, device="dg", checklist="test")
    scribe.write(
        events=[
            samples.events(
                samples.event(1, START, "generator.started", "dg"),
                samples.event(2, START + 12 * MINUTE, "generator.stopped", "dg"),
            )
        ],
        readings=[
            readings("oil_pressure", (START + 5 * MINUTE, 412.0), (START + 20 * MINUTE, 0.0)),
            readings("fuel_level", (NOON - MINUTE, 86.5)),
        ],
    )
    items = (await ask()).json()["items"]
    assert [(one["item"], one["value"], one["at"]) for one in items] == [
        ("minutes", 12.0, START + 12 * MINUTE),
        ("pressure", 4.12, START + 5 * MINUTE),
        ("fuel", 86.5, NOON - MINUTE),
    ]


async def test_without_a_run_each_reading_says_why_there_is_none(ask: Any, scribe: Scribe) -> None:
    written(scribe, device="dg", checklist="test")
    items = (await ask()).json()["items"]
    assert [one["value"] for one in items] == [None] * 3
    assert [one["why"]["zh"] for one in items] == ["工单开出后尚无运行记录"] * 2 + ["该设备没有此读数"]


@pytest.mark.parametrize("more", [{"checklist": "test"}, {"device": "dg"}, {"device": "panel-1"}])
async def test_an_order_without_a_device_or_a_sheet_is_proposed_nothing(
    ask: Any, scribe: Scribe, more: dict[str, Any]
) -> None:
    written(scribe, **more)
    assert (await ask()).json()["items"] == []


async def test_an_order_that_is_not_there_is_said_so(ask: Any) -> None:
    answer = await ask("none")
    assert (answer.status_code, "none" in answer.json()["detail"]) == (404, True)
