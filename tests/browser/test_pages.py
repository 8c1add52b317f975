"""Every page in both themes, at the size of a wall and of a tablet: nothing serious for axe, and pictures to look at."""

import os
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, expect

from sitewarden.stack import Stack
from tests.browser.conftest import TABLET, WALL

pytestmark = pytest.mark.timeout(300)

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
SERIOUS = {"serious", "critical"}
LOOKS = [("wall", "day", "zh"), ("wall", "night", "en"), ("tablet", "day", "en"), ("tablet", "night", "zh")]


def first_id(stack: Stack, kind: str) -> str:
    answer: Any = stack.get(f"/api/v1/sites/demo/{kind}?limit=1")
    return str(answer["items"][0]["id"]) if answer["items"] else "none"


def faults(page: Any) -> list[str]:
    """What axe finds that keeps somebody from using the page."""
    found = Axe().run(page).response["violations"]
    return [f"{one['id']}: {one['nodes'][0]['html'][:150]}" for one in found if one["impact"] in SERIOUS]


@pytest.mark.parametrize(("size", "theme", "language"), LOOKS)
def test_every_page_can_be_used_by_everybody_and_is_shown(
    browser: Browser, stack: Stack, size: str, theme: str, language: str
) -> None:
    view = WALL if size == "wall" else TABLET
    context = browser.new_context(viewport=view, base_url=stack.url, has_touch=size == "tablet")
    page = context.new_page()
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    found: list[str] = []
    for name in ROOM:
        kind, _, identity = name.partition("/")
        address = f"{kind}/{first_id(stack, kind)}" if identity == "ID" else name
        glue = "&" if "?" in address else "?"
        page.goto(f"/s/demo/{address}{glue}theme={theme}&lang={language}")
        expect(page.locator("main")).to_be_visible()
        page.wait_for_timeout(700)
        found += [f"{name}: {fault}" for fault in faults(page)]
        PICTURES.mkdir(parents=True, exist_ok=True)
        page.screenshot(
            path=PICTURES / f"{name.split('?')[0].replace('/', '-')}-{size}-{theme}-{language}.png"
        )
    context.close()
    assert found == []
    assert errors == []
