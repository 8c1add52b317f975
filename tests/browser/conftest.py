"""The real stack with simulated devices, and a real browser before it."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright

from contract.site_files import shipped_config
from sitewarden.stack import Stack, StackOptions
from tests import chromium
from tests.databases import empty_database

HERE = Path(__file__).parent
WALL = {"width": 1920, "height": 1080}
TABLET = {"width": 820, "height": 1180}
expect.set_options(timeout=120_000)


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """The demo estate with a fire now and then; a control room that nobody watches is told within 15 s."""
    config = shipped_config()
    site = tmp_path_factory.mktemp("config") / "sites" / "demo"
    shutil.copytree(config / "sites" / "demo", site)
    shutil.copytree(config / "profiles", site.parent.parent / "profiles")
    shutil.copytree(config / "operations", site.parent.parent / "operations")
    duty = site / "duty.yaml"
    text = duty.read_text("utf-8")
    assert "within: 60s" in text
    duty.write_text(text.replace("within: 60s", "within: 15s"), "utf-8")
    with empty_database("plain") as dsn:
        stack = Stack(
            StackOptions(
                folder=tmp_path_factory.mktemp("stack"),
                site=site,
                rules=config / "rules",
                scenario=HERE / "scenario.yaml",
                port=0,
                dsn=dsn,
            )
        )
        try:
            stack.start(lambda _: None)
            yield stack
        finally:
            stack.stop()


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """A browser for a module: while it is there, its event loop keeps tests of other modules from having theirs."""
    try:
        path = chromium.find()
    except chromium.LeftOutError as why:
        pytest.skip(f"LEFT OUT: {why}")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=list(chromium.FLAGS))
        yield browser
        browser.close()


@pytest.fixture
def context(browser: Browser, stack: Stack) -> Iterator[BrowserContext]:
    """A browser of its own for each test; its address is the stack's."""
    context = browser.new_context(viewport=WALL, locale="en-GB", base_url=stack.url)
    yield context
    context.close()


@pytest.fixture
def page(context: BrowserContext) -> Iterator[Page]:
    """A page of the control room; whatever the browser complains of fails the test."""
    page = context.new_page()
    complaints: list[str] = []
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("console", lambda said: complaints.append(said.text) if "Security Policy" in said.text else None)
    yield page
    assert complaints == []
