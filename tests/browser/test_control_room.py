"""An hour in the control room, on the real line: from a detector's register to a closed incident."""

import json
import re
from typing import Any

from playwright.sync_api import Page, expect

from sitewarden.stack import Stack
from tests.waiting import PATIENCE_S


def items(stack: Stack, path: str) -> list[dict[str, Any]]:
    answer: Any = stack.get(f"/api/v1/sites/demo/{path}")
    return list(answer["items"])


def be(page: Page, name: str) -> None:
    """Say who is at the screen."""
    page.locator("#who").click()
    page.get_by_role("dialog").get_by_role("button", name=re.compile(name)).click()
    expect(page.locator("#who")).to_contain_text(name)


def test_an_alarm_goes_from_a_register_to_a_card_to_acknowledgement_to_closure(
    page: Page, stack: Stack
) -> None:
    page.goto("/s/demo/board?lang=en")
    be(page, "Chen Guoqiang")
    card = page.locator(".card", has_text="Fire alarm").first
    expect(card).to_be_visible()
    expect(card).to_contain_text("Block 1 lobby")
    expect(page.locator("#sound")).to_have_attribute("data-sound", "on")
    identity = card.get_attribute("data-id")
    acknowledge = page.locator(f'.card[data-id="{identity}"]').get_by_role("button", name="Acknowledge")
    if acknowledge.is_visible():
        acknowledge.click()
        expect(acknowledge).to_have_count(0)
    page.locator(f'.card[data-id="{identity}"]').get_by_role("link").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("Fire alarm · Block 1 lobby")
    expect(page.locator('[data-phase="acknowledged"]')).to_contain_text("Chen Guoqiang")
    expect(page.locator("#timeline tr[data-role=trigger]")).to_contain_text("Fire alarm panel")

    page.get_by_role("button", name="Send people").click()
    page.get_by_role("dialog").get_by_label("Zhang Wei").check()
    page.get_by_role("dialog").get_by_role("button", name="OK").click()
    expect(page.locator('[data-phase="dispatched"]')).to_have_class(re.compile("done"))
    page.get_by_role("button", name="Verify").click()
    page.get_by_label("false alarm").check()
    page.get_by_label("In words").fill("Steam of the kitchen")
    page.get_by_role("dialog").get_by_role("button", name="OK").click()
    expect(page.locator('[data-phase="verified"]')).to_have_class(re.compile("done"))
    page.locator('[data-step="linkage"]').get_by_role("button", name="Done").click()
    expect(page.locator('[data-step="linkage"]')).to_contain_text("✓")
    page.get_by_role("button", name="Danger is over").click()
    page.get_by_role("dialog").get_by_role("button", name="OK").click()
    expect(page.locator('[data-phase="handled"]')).to_have_class(re.compile("done"))
    page.locator("#content").get_by_role("button", name="Close", exact=True).click()
    page.get_by_label("Why it is closed").fill("the panel is reset in the morning")
    page.get_by_role("dialog").get_by_role("button", name="OK").click()
    expect(page.locator('[data-phase="closed"]')).to_have_class(re.compile("done"))

    page.get_by_role("navigation").get_by_role("link", name="Board").click()
    expect(page.locator(f'.card[data-id="{identity}"]')).to_have_count(0)
    kept: Any = stack.get(f"/api/v1/sites/demo/incidents/{identity}")
    assert (kept["state"], kept["life"]["result"], kept["life"]["people"]) == ("closed", "false", ["p-007"])


def test_everything_can_be_done_with_keys_alone(page: Page, stack: Stack) -> None:
    page.goto("/s/demo/alarms?lang=en")
    row = page.locator('tr[data-state="unacknowledged"]').first
    expect(row).to_be_visible()
    identity = row.get_attribute("data-alarm")
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to content")).to_be_focused()
    page.keyboard.press("Enter")
    page.keyboard.press("a")
    dialog = page.get_by_role("dialog", name="Who is here")
    expect(dialog).to_be_visible()
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(dialog).to_be_hidden()
    expect(page.locator(f'tr[data-alarm="{identity}"]')).not_to_have_attribute("data-state", "unacknowledged")
    alarm: Any = stack.get(f"/api/v1/sites/demo/alarms/{identity}")
    assert alarm["body"]["acked_by"]


def test_both_languages_and_the_choice_is_remembered(page: Page) -> None:
    page.goto("/s/demo/board")
    expect(page.get_by_role("heading", name="待处理")).to_be_visible()
    page.get_by_role("button", name="English").click()
    expect(page.get_by_role("heading", name="Needs somebody")).to_be_visible()
    page.reload()
    expect(page.get_by_role("heading", name="Needs somebody")).to_be_visible()
    expect(page.locator("html")).to_have_attribute("lang", "en")


def test_a_fire_shows_on_the_plan_and_leads_to_the_device(page: Page) -> None:
    page.goto("/s/demo/plan?lang=en&floor=ground")
    burning = page.locator('[data-zone="b1"].burning')
    expect(burning).to_have_count(1)
    expect(page.locator('[data-device="gate-n"]').first).to_have_attribute(
        "data-open", re.compile("true|false")
    )
    page.get_by_role("button", name=re.compile("Fire alarm panel")).click()
    page.get_by_role("link", name="All of this device").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("Fire alarm panel")
    expect(page.locator("main")).to_contain_text("Fire alarm")


def test_a_site_without_a_drawing_would_have_a_schematic_and_search_finds_the_way(page: Page) -> None:
    page.goto("/s/demo/search?lang=en")
    page.get_by_role("searchbox").fill("clubhouse")
    page.get_by_role("link", name=re.compile("Clubhouse checkpoint")).click()
    expect(page).to_have_url(re.compile("/devices/cp-club"))
    page.go_back()
    expect(page.get_by_role("searchbox")).to_have_value("clubhouse")


def test_a_curve_zooms_and_can_be_read_as_a_table(page: Page) -> None:
    page.goto("/s/demo/devices/t-power?lang=en&point=temperature")
    figure = page.locator('figure[data-point="t-power/temperature"]')
    expect(figure).to_contain_text("°C")
    with page.expect_response(lambda answer: "/readings" in answer.url) as asked:
        figure.get_by_role("button", name="1 h", exact=True).click()
    curve = json.loads(asked.value.body())
    assert curve["until"] - curve["since"] == 3_600_000
    figure.get_by_role("button", name="Table").click()
    expect(figure.get_by_role("table")).to_contain_text("22")


def test_a_mistyped_address_says_so_in_words(page: Page) -> None:
    page.goto("/s/demo/nowhere?lang=en")
    expect(page.get_by_text("There is no such page")).to_be_visible()
    page.goto("/s/demo/incidents/none?lang=en")
    expect(page.get_by_text("No incident none")).to_be_visible()
    page.goto("/s/demo/orders/none?lang=en")
    expect(page.get_by_text("No order none")).to_be_visible()


def test_an_order_is_opened_at_the_desk_and_what_is_missing_is_said(page: Page, stack: Stack) -> None:
    page.goto("/s/demo/orders?lang=en")
    be(page, "Zhou Min")
    page.get_by_role("button", name="New order").click()
    dialog = page.get_by_role("dialog", name="New order")
    dialog.get_by_label("In words").fill("The lamp in front of the lift flickers")
    dialog.get_by_role("button", name="Open it").click()
    expect(dialog.get_by_role("alert")).to_have_text("Give it a title")
    expect(dialog.get_by_label("In words")).to_have_value("The lamp in front of the lift flickers")
    dialog.get_by_label("Title").fill("Lamp flickers")
    dialog.get_by_label("Place").select_option("b1")
    dialog.get_by_role("button", name="Open it").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Lamp flickers")
    assert "Lamp flickers" in [one["body"]["title"] for one in items(stack, "orders")]


def test_s35_what_somebody_writes_is_shown_and_never_run(page: Page) -> None:
    hostile = '<img src=x onerror="document.title=1"><script>document.title=2</script>'
    page.goto("/s/demo/orders?lang=en")
    be(page, "Zhou Min")
    page.get_by_role("button", name="New order").click()
    dialog = page.get_by_role("dialog", name="New order")
    dialog.get_by_label("Title").fill(hostile)
    dialog.get_by_label("Place").select_option("b1")
    dialog.get_by_role("button", name="Open it").click()
    expect(page.get_by_role("heading", level=1)).to_have_text(hostile)
    expect(page).not_to_have_title(re.compile("^[12]$"))


def test_a_wall_shows_what_its_layout_says_with_nothing_to_touch_and_says_when_there_is_more(
    page: Page,
) -> None:
    layout = {"panes": ["board", "plan", "patrol", "power"]}
    answer = page.request.post(
        "/api/v1/sites/demo/actions",
        data={"person": "p-001", "action": {"do": "set_screen", "screen": "four", "layout": layout}},
        headers={"Idempotency-Key": "four-panes"},
    )
    assert answer.json()["done"], answer.text()
    page.goto("/s/demo/wall?lang=en&screen=four&kiosk=1")
    expect(page.locator(".pane")).to_have_count(4)
    expect(page.locator("svg .device").first).to_be_visible()
    assert (
        page.locator(".pane")
        .get_by_role("button")
        .filter(visible=True)
        .evaluate_all("(found) => found.filter((one) => !one.closest('svg')).length")
        == 0
    )
    power = page.locator(".frame", has=page.locator('[data-pane="power"]'))
    expect(power).to_contain_text("There is more below")
    plan = page.locator('[data-pane="plan"]')
    assert plan.evaluate("(pane) => pane.scrollHeight <= pane.clientHeight + 2")
    assert page.evaluate("() => document.documentElement.scrollHeight <= innerHeight")


def test_t47_a_frozen_screen_is_missed_and_one_that_is_cut_off_says_so(page: Page, stack: Stack) -> None:
    page.goto("/s/demo/wall?lang=en&screen=left-wall&kiosk=1")
    expect(page.locator(".pane")).to_have_count(1)

    def screen() -> dict[str, Any]:
        answer: Any = stack.get("/api/v1/sites/demo/screens/left-wall")
        return dict(answer)

    expect(page.locator("time").first).to_be_visible()
    wait_for(page, lambda: screen()["state"] == "live")
    # The page is frozen as by a broken script: it paints nothing and answers nothing any more.
    frozen = page.context.new_cdp_session(page)
    frozen.send("Debugger.enable")
    frozen.send("Debugger.pause")
    other = page.context.new_page()

    def unwatched() -> bool:
        return any(one["kind"] == "unwatched" for one in items(stack, "incidents?state=open"))

    wait_for(other, unwatched)
    frozen.send("Debugger.resume")
    wait_for(other, lambda: not unwatched())

    other.goto("/s/demo/board?lang=en")
    expect(other.locator("#not-live")).to_be_hidden()
    cloud = next(child for child in stack.children if child.name == "cloud")
    cloud.stop()
    expect(other.locator("#not-live")).to_contain_text("NOT LIVE")
    cloud.start()
    expect(other.locator("#not-live")).to_be_hidden()


def wait_for(page: Page, look: Any) -> None:
    """Until `look` says yes; the browser goes on meanwhile."""
    for _ in range(PATIENCE_S * 5):
        try:
            if look():
                return
        except OSError:
            pass
        page.wait_for_timeout(200)
    raise AssertionError(f"nothing came of it within {PATIENCE_S} s")


def test_paper_is_white_whatever_the_hour_and_says_of_what_site_and_when(page: Page) -> None:
    page.goto("/s/demo/patrol?theme=night&lang=en")
    expect(page.locator("html")).to_have_attribute("data-theme", "night")
    expect(page.locator(".paper").first).to_be_hidden()
    page.evaluate("() => dispatchEvent(new Event('beforeprint'))")
    expect(page.locator("html")).to_have_attribute("data-theme", "day")
    page.emulate_media(media="print")
    expect(page.locator(".paper").first).to_contain_text("Brocade Gardens (demo estate) · printed")
    expect(page.get_by_role("heading", name=re.compile(r"Patrol \d{4}-\d\d-\d\d"))).to_be_visible()
    expect(page.get_by_role("navigation")).to_have_count(0)
    page.emulate_media(media="screen")
    page.evaluate("() => dispatchEvent(new Event('afterprint'))")
    expect(page.locator("html")).to_have_attribute("data-theme", "night")
