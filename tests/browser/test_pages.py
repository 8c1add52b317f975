"""Every page in both themes, at the size of a wall and of a tablet: nothing serious for axe, and pictures to look at."""

import os
import re
import uuid
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect

from sitewarden.stack import Stack
from tests.browser.conftest import TABLET, WALL

PICTURES = Path(os.environ.get("SITEWARDEN_PICTURES", Path(__file__).parents[2] / ".pictures"))
"""Where the pictures go: an artefact of CI, looked at by people."""
ROOM = (
    "board",
    "plan",
    "alarms",
    "incidents",
    "incidents/ID",
    "patrol",
    "power?curves=t-power:temperature",
    "devices/genset-1",
    "orders",
    "orders/ID",
    "screens",
    "search?q=club",
    "labels",
    "wall?kiosk=1",
)
FIELD = ("", "orders/ID", "report", "patrol", "outbox", "plans", "settings", "tag/genset-1")
SERIOUS = {"serious", "critical"}
LOOKS = [("wall", "day", "zh"), ("wall", "night", "en"), ("tablet", "day", "en"), ("tablet", "night", "zh")]
ENGINEER = "p-021"


@pytest.fixture(scope="module")
def order(stack: Stack, browser: Browser) -> str:
    """An order with a checklist, so that there is something to look at; a fire burns by then."""
    context = browser.new_context(base_url=stack.url)
    page = context.new_page()
    page.goto("/s/demo/board")
    expect(page.locator(".card").first).to_be_visible()
    action = {
        "do": "open_order",
        "kind": "home_repair",
        "title": "厨房水龙头漏水",
        "zone": "b1",
        "assigned": ENGINEER,
    }
    answer = context.request.post(
        "/api/v1/sites/demo/actions",
        data={"person": "p-001", "action": action},
        headers={"Idempotency-Key": str(uuid.uuid4())},
    )
    opened = str(answer.json()["target"])
    context.close()
    return opened


def addresses(stack: Stack, order: str, size: str) -> list[tuple[str, str]]:
    """The pages of a size: what the picture is called, and where it is."""
    found: Any = stack.get("/api/v1/sites/demo/incidents?limit=100")
    fire = next(one["id"] for one in found["items"] if one["life"]["emergency"] == "fire")
    ids = {"incidents/ID": f"incidents/{fire}", "orders/ID": f"orders/{order}"}
    pages = [(f"/s/demo/{ids.get(name, name)}", name) for name in ROOM]
    if size == "tablet":
        pages += [(f"/field/demo/{ids.get(name, name)}", f"field-{name or 'orders'}") for name in FIELD]
    return [
        (re.sub(r"\?.*", "", name).replace("/ID", "-one").replace("/", "-"), path) for path, name in pages
    ]


def faults(page: Page) -> list[str]:
    """What axe finds that keeps somebody from using the page."""
    found = Axe().run(page).response["violations"]
    return [f"{one['id']}: {one['nodes'][0]['html'][:150]}" for one in found if one["impact"] in SERIOUS]


@pytest.mark.parametrize(("size", "theme", "language"), LOOKS)
def test_every_page_can_be_used_by_everybody_and_is_shown(
    browser: Browser, stack: Stack, order: str, size: str, theme: str, language: str
) -> None:
    view = WALL if size == "wall" else TABLET
    context = browser.new_context(viewport=view, base_url=stack.url, has_touch=size == "tablet")
    page = context.new_page()
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    found: list[str] = []
    PICTURES.mkdir(parents=True, exist_ok=True)
    page.goto("/field/demo/who")
    page.get_by_role("button", name=re.compile("吴刚|Wu Gang")).click()
    for name, path in addresses(stack, order, size):
        page.goto(f"{path}{'&' if '?' in path else '?'}theme={theme}&lang={language}")
        expect(page.locator("main")).to_be_visible()
        expect(page.get_by_text(re.compile(r"^(正在载入…|Loading…)$"))).to_have_count(0)
        page.wait_for_timeout(200)
        found += [f"{name}: {fault}" for fault in faults(page)]
        page.screenshot(path=PICTURES / f"{name}-{size}-{theme}-{language}.png")
    context.close()
    assert found == []
    assert errors == []
