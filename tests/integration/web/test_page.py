"""The live page in a real browser: headless Chromium, where the machine has one."""

import shutil
from collections.abc import Iterator
from typing import Any

import msgspec
import pytest
from fastapi import FastAPI
from playwright.sync_api import Browser, Page, expect, sync_playwright

from cloud.clock import monotonic_ms
from cloud.operations.life import Life, Phase, Step
from cloud.store.base import IncidentState
from cloud.store.memory import MemoryStore
from cloud.store.memory_reads import MemoryReader
from cloud.web.app import create_app
from cloud.web.options import WebOptions
from cloud.web.stream import Clocks
from contract.site import Device, Text
from sitewarden.embedded.ports import free_port
from tests import samples
from tests.samples import Scribe
from tests.webserver import RULES, no_post, now_ms, scene, serving

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
QUIET = [
    "--no-sandbox",
    "--headless",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
HOSTILE = ('<img src=x onerror="window.hit=1">', '"><script>window.hit=1</script>', "javascript:window.hit=1")
DAY_MS = 86_400_000

expect.set_options(timeout=15_000)
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="left out: there is no chromium on this machine")


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=QUIET)
        yield browser
        browser.close()


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """A wall screen; whatever the browser complains of fails the test."""
    context = browser.new_context(viewport={"width": 1920, "height": 1080}, locale="en-GB")
    page = context.new_page()
    complaints: list[str] = []
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("console", lambda said: complaints.append(said.text) if "Security Policy" in said.text else None)
    yield page
    context.close()
    assert complaints == []


@pytest.fixture
def store() -> MemoryStore:
    return MemoryStore()


@pytest.fixture
def scribe(store: MemoryStore) -> Scribe:
    return Scribe(store.open(3))


def app_of(store: MemoryStore, clocks: Clocks | None = None, **options: Any) -> FastAPI:
    sites = [samples.site(), samples.site("second")]
    return create_app(
        MemoryReader(store),
        sites,
        WebOptions(**options),
        post=no_post(),
        rules={"demo": RULES},
        clocks=clocks,
    )


def test_it_shows_what_needs_somebody_what_was_decided_and_how_devices_are(
    page: Page, store: MemoryStore, scribe: Scribe
) -> None:
    scribe.write(**scene(now_ms()))
    with serving(app_of(store)) as server:
        page.goto(f"{server.address}/?lang=en")
        cards = page.locator(".card")
        expect(cards).to_have_count(3)
        expect(cards.nth(0)).to_contain_text("OVERDUE")
        expect(cards.nth(0)).to_contain_text("Main gate")
        expect(cards.nth(1)).to_contain_text("Fire alarm")
        expect(cards.nth(1)).to_contain_text("somebody must reach b1 within 2 minutes of the fire alarm")
        expect(cards.nth(2)).to_contain_text("LINK DOWN")
        expect(page.locator(".row .status")).to_have_text(
            ["✓ Met", "✖ Breached", "? Unknown", "✓ Met · amended"]
        )
        expect(page.locator("#tiles .tile").first).to_contain_text("Can't be read")
        expect(page.locator("#age")).to_contain_text("Data")
        expect(page.locator("#not-live")).to_be_hidden()


def test_countdowns_follow_the_servers_time_whatever_the_screens_clock_says(
    page: Page, store: MemoryStore, scribe: Scribe
) -> None:
    ahead = Clocks(now=lambda: now_ms() + DAY_MS, monotonic=monotonic_ms)
    scribe.write(incidents=[samples.incident(opened_at=now_ms() + DAY_MS)])
    with serving(app_of(store, ahead)) as server:
        page.goto(f"{server.address}/?lang=en")
        clock = page.locator(".card .clock")
        expect(clock).to_contain_text("01:5")
        expect(clock).to_contain_text("left")
        first = clock.inner_text()
        expect(clock).not_to_have_text(first)


def test_a_change_shows_without_anybody_touching_the_page(
    page: Page, store: MemoryStore, scribe: Scribe
) -> None:
    with serving(app_of(store)) as server:
        page.goto(f"{server.address}/?lang=en")
        expect(page.locator("#no-incidents")).to_be_visible()
        now = now_ms()
        scribe.write(incidents=[samples.incident(opened_at=now)], verdicts=[samples.verdict(opened_at=now)])
        expect(page.locator(".card")).to_contain_text("ANSWER BY", timeout=4_000)
        expect(page.locator("#said")).to_have_text("Alarm · Block 1 lobby")
        height = page.locator(".card").bounding_box()
        closed = samples.incident(opened_at=now, revision=2, state=IncidentState.CLOSED)
        scribe.write(incidents=[samples.incident("other", opened_at=now), closed])
        expect(page.locator(".card")).to_have_count(1)
        assert page.locator(".card").bounding_box() == height


def test_t47_it_says_not_live_in_ten_seconds_and_misses_no_incident(
    page: Page, store: MemoryStore, scribe: Scribe
) -> None:
    port = free_port()
    with serving(app_of(store, port=port)) as server:
        page.goto(f"{server.address}/?lang=en")
        expect(page.locator("#no-incidents")).to_be_visible()
        expect(page.locator("#not-live")).to_be_hidden()
    expect(page.locator("#not-live")).to_contain_text("NOT LIVE", timeout=10_000)
    scribe.write(incidents=[samples.incident(opened_at=now_ms())])
    with serving(app_of(store, port=port)):
        expect(page.locator(".card")).to_have_count(1)
        expect(page.locator("#not-live")).to_be_hidden()


def test_what_set_an_alarm_off_is_never_guessed(page: Page, store: MemoryStore, scribe: Scribe) -> None:
    episode = samples.incident().episodes[0]
    either = msgspec.structs.replace(episode, rule="ER-3")
    now = now_ms()
    scribe.write(
        incidents=[
            samples.incident("told", opened_at=now, cause="emergency.call", episodes=(either,)),
            samples.incident("common", opened_at=now, cause="", episodes=(either, episode)),
            samples.incident("open", opened_at=now, cause="", episodes=(either,)),
        ]
    )
    with serving(app_of(store)) as server:
        page.goto(f"{server.address}/?lang=en")
        expect(page.locator('[data-id="told"] .what')).to_have_text("Emergency call")
        expect(page.locator('[data-id="common"] .what')).to_have_text("Fire alarm · 1 more not met")
        expect(page.locator('[data-id="open"] .what')).to_have_text("Alarm")


def test_both_languages_and_the_sites_own_is_the_first(
    page: Page, store: MemoryStore, scribe: Scribe
) -> None:
    scribe.write(**scene(now_ms()))
    with serving(app_of(store)) as server:
        page.goto(server.address)
        expect(page.locator(".card").first).to_contain_text("逾期")
        expect(page.locator("#site-name")).to_have_text("示例小区")
        page.get_by_role("button", name="English").click()
        expect(page.locator(".card").first).to_contain_text("OVERDUE")
        page.reload()
        expect(page.locator(".card").first).to_contain_text("OVERDUE")


def test_another_site_can_be_picked(page: Page, store: MemoryStore, scribe: Scribe) -> None:
    scribe.write(incidents=[samples.incident(opened_at=now_ms(), site="second")])
    with serving(app_of(store)) as server:
        page.goto(f"{server.address}/?lang=en")
        expect(page.locator("#no-incidents")).to_be_visible()
        page.locator("#site").select_option("second")
        expect(page.locator(".card")).to_have_count(1)
        page.reload()
        expect(page.locator(".card")).to_have_count(1)


@pytest.mark.parametrize("text", HOSTILE)
def test_s35_what_devices_and_people_write_is_only_ever_text(
    page: Page, store: MemoryStore, scribe: Scribe, text: str
) -> None:
    now = now_ms()
    verdict = msgspec.structs.replace(samples.verdict(opened_at=now), explain_zh=text, explain_en=text)
    link = samples.incident("two", opened_at=now, subject=text, cause=text, episodes=())
    scribe.write(
        incidents=[samples.incident(opened_at=now), link],
        verdicts=[verdict],
        devices=[samples.device(text, known=False)],
        agents=[samples.agent(text)],
    )
    app = app_of(store)
    names = app.state.context.sites["demo"].file
    hostile = Device(id="d", name=Text(zh=text, en=text))
    app.state.context.sites["demo"] = msgspec.structs.replace(
        app.state.context.sites["demo"],
        file=msgspec.structs.replace(names, devices=(hostile,), name=hostile.name),
    )
    with serving(app) as server:
        page.goto(f"{server.address}/?lang=en")
        expect(page.locator(".card .missing").first).to_have_text(text)
        expect(page.locator("#tiles .tile .name").first).to_have_text(text)
        expect(page.locator("#site-name")).to_have_text(text)
        page.wait_for_timeout(300)
        assert page.evaluate("window.hit") is None
        assert page.locator("main img, main script").count() == 0


def test_with_a_token_somebody_signs_in_first(page: Page, store: MemoryStore, scribe: Scribe) -> None:
    token = "a-token-of-fair-length"
    scribe.write(incidents=[samples.incident(opened_at=now_ms())])
    with serving(app_of(store, token=token)) as server:
        page.goto(f"{server.address.replace('127.0.0.1', 'localhost')}/?lang=en")
        page.get_by_label("Access token").fill("not the token at all")
        page.get_by_role("button", name="Sign in").click()
        expect(page.locator("#refused")).to_have_text("This is not the access token")
        page.get_by_label("Access token").fill(token)
        page.get_by_role("button", name="Sign in").click()
        expect(page.locator(".card")).to_have_count(1)


def test_a_wall_screen_does_not_scroll_however_much_there_is(
    page: Page, store: MemoryStore, scribe: Scribe
) -> None:
    now = now_ms()
    scribe.write(
        incidents=[samples.incident(f"i{number}", opened_at=now) for number in range(40)],
        devices=[samples.device(f"x{number}", now) for number in range(80)],
        agents=[samples.agent(at=now)],
        verdicts=[samples.verdict(f"k{number}", opened_at=now, outcome="breached") for number in range(60)],
    )
    with serving(app_of(store)) as server:
        page.goto(f"{server.address}/?lang=en")
        expect(page.locator("#more-devices")).to_be_visible()
        assert page.evaluate("document.documentElement.scrollHeight <= innerHeight")
        for items, all_of_them, more in (
            (".card", 40, "#more-incidents"),
            ("#tiles .tile", 84, "#more-devices"),
        ):
            shown = page.locator(items).count()
            assert 4 < shown < all_of_them
            expect(page.locator(more)).to_have_text(f"+{all_of_them - shown} more")
        assert page.locator(".row").count() > 1


def test_an_emergency_says_how_far_people_came_and_waits_to_be_closed(
    page: Page, store: MemoryStore, scribe: Scribe
) -> None:
    now = now_ms()
    met = samples.incident(opened_at=now, state=IncidentState.CLOSED).episodes
    steps = (
        Step(phase=Phase.DETECTED, at=now, how="system"),
        Step(phase=Phase.ARRIVED, at=now, person="p-007"),
    )
    life = Life(emergency="fire", steps=steps)
    scribe.write(
        incidents=[
            samples.incident("met", opened_at=now, life=life, episodes=met),
            samples.incident("none", opened_at=now, life=Life(emergency="theft"), episodes=()),
        ]
    )
    with serving(app_of(store)) as server:
        page.goto(f"{server.address}/?lang=en")
        expect(page.locator(".card.toclose")).to_have_count(2)
        expect(page.locator(".card").filter(has_text="on site Wang Qiang")).to_have_count(1)
