"""What a tablet takes along to fill in an order: checklists and kinds of orders."""

from pathlib import Path
from typing import Any

import httpx
import pytest

from cloud.broker.memory import MemoryLine, MemoryPost
from cloud.operations.checklist import load_checklists
from cloud.operations.order_kinds import load_order_kinds
from cloud.operations.setup import OperationsSetup
from cloud.store.memory import MemoryStore
from cloud.store.memory_reads import MemoryReader
from cloud.web.app import create_app
from cloud.web.options import WebOptions
from tests import samples
from tests.samples import NOON

DEMO = "/api/v1/sites/demo"
CHECKLISTS = """\
checklists:
  - id: test
    name: {zh: 试机, en: Test run}
    signature: true
    items:
      - {id: fuel, name: {zh: 燃油, en: Fuel}, kind: reading, unit: "%", least: 50, most: 100, opens: defect}
      - {id: leaks, name: {zh: 渗漏, en: Leaks}, kind: yes_no, good: false}
      - id: smoke
        name: {zh: 排烟, en: Smoke}
        kind: choice
        choices: [{id: clear, name: {zh: 无色, en: Clear}}, {id: black, name: {zh: 黑烟, en: Black}, bad: true}]
      - {id: photo, name: {zh: 照片, en: Photo}, kind: photo, required: false}
"""
ORDERS = """\
orders:
  - id: defect
    name: {zh: 缺陷, en: Defect}
    role: engineer
    accept_within: {urgent: 15m}
    done_within: 24h
    answer_within: 2wd
    needs_verification: true
    checklist: test
"""


@pytest.fixture
def setup(tmp_path: Path) -> OperationsSetup:
    (tmp_path / "checklists.yaml").write_text(CHECKLISTS, encoding="utf-8")
    (tmp_path / "orders.yaml").write_text(ORDERS, encoding="utf-8")
    checklists = load_checklists(tmp_path / "checklists.yaml")
    kinds = load_order_kinds(tmp_path / "orders.yaml", checklists)
    return OperationsSetup(checklists=checklists, order_kinds=kinds)


@pytest.fixture
async def read(setup: OperationsSetup) -> Any:
    """Reads a list of the demo, or of a site that has nothing set up."""
    sites = [samples.site(), samples.site("empty")]
    app = create_app(
        MemoryReader(MemoryStore()),
        sites,
        WebOptions(),
        post=MemoryPost(MemoryLine(lambda: NOON)),
        operations={"demo": setup},
    )

    async def get(path: str) -> list[dict[str, Any]]:
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as web:
            answer = await web.get(path)
            assert answer.status_code == 200, answer.text
            items: list[dict[str, Any]] = answer.json()["items"]
            return items

    return get


async def test_a_checklist_says_what_each_item_takes(read: Any) -> None:
    (checklist,) = await read(f"{DEMO}/checklists")
    assert (checklist["id"], checklist["name"], checklist["signature"]) == (
        "test",
        {"zh": "试机", "en": "Test run"},
        True,
    )
    fuel, leaks, smoke, photo = checklist["items"]
    assert (fuel["kind"], fuel["unit"], fuel["least"], fuel["most"], fuel["opens"]) == (
        "reading",
        "%",
        50,
        100,
        "defect",
    )
    assert leaks["good"] is False
    assert [(one["id"], one["bad"]) for one in smoke["choices"]] == [("clear", False), ("black", True)]
    assert (photo["required"], fuel["required"]) == (False, True)


async def test_a_kind_of_orders_says_who_takes_them_and_how_soon(read: Any) -> None:
    (kind,) = await read(f"{DEMO}/order-kinds")
    assert (kind["id"], kind["role"], kind["urgencies"]) == ("defect", "engineer", ["normal", "urgent"])
    assert (kind["checklist"], kind["needs_verification"], kind["call_back"]) == ("test", True, False)
    assert [(one["name"], one["urgency"], one["text"], one["ms"]) for one in kind["limits"]] == [
        ("accept_within", "urgent", "15m", 900_000),
        ("done_within", "normal", "24h", 86_400_000),
        ("done_within", "urgent", "24h", 86_400_000),
        ("answer_within", "normal", "2wd", None),
        ("answer_within", "urgent", "2wd", None),
    ]


@pytest.mark.parametrize("path", ["checklists", "order-kinds"])
async def test_a_site_with_nothing_set_up_has_none(read: Any, path: str) -> None:
    assert await read(f"/api/v1/sites/empty/{path}") == []
