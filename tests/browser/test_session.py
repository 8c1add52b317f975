"""A session that ends while somebody is in the middle of a form."""

import contextlib
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, expect

from cloud.store.memory import MemoryStore
from cloud.store.memory_reads import MemoryReader
from cloud.web.app import create_app
from cloud.web.options import WebOptions
from tests import samples
from tests.webserver import no_post, serving

TOKEN = "a-token-that-is-long-enough"


@pytest.fixture
def address() -> Iterator[str]:
    """A server that lets in only who has the token."""
    store = MemoryStore()
    app = create_app(MemoryReader(store), [samples.site()], WebOptions(token=TOKEN), post=no_post())
    with contextlib.closing(store.open(3)), serving(app) as server:
        yield server.address


def test_who_signs_in_again_finds_what_they_had_typed(browser: Browser, address: str) -> None:
    context = browser.new_context(base_url=address.replace("127.0.0.1", "localhost"), locale="en-GB")
    page = context.new_page()
    page.goto("/s/demo/orders?lang=en")
    page.get_by_label("Access token").fill("wrong")
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("alert")).to_be_visible()
    page.get_by_label("Access token").fill(TOKEN)
    page.get_by_role("button", name="Sign in").click()
    page.get_by_role("button", name="New order").click()
    form = page.get_by_role("dialog", name="New order")
    form.get_by_label("Title").fill("Lamp flickers")
    form.get_by_label("In words").fill("In front of the lift")
    form.get_by_label("Place").select_option("b1")
    context.clear_cookies()
    form.get_by_role("button", name="Open it").click()
    page.get_by_role("dialog", name="Who is here").get_by_role("button").first.click()
    again = page.get_by_role("dialog", name="The session has ended")
    again.get_by_label("Access token").fill(TOKEN)
    again.get_by_role("button", name="Sign in").click()
    expect(again).to_be_hidden()
    expect(form.get_by_label("Title")).to_have_value("Lamp flickers")
    expect(form.get_by_label("In words")).to_have_value("In front of the lift")
    context.close()
