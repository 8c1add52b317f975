"""A day in the basement: the tablet without a network, and back."""

import re
import uuid
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, Route, expect

from sitewarden.stack import Stack
from tests.browser.conftest import TABLET

KEPT = """text => new Promise((answer, fail) => {
  const asked = indexedDB.open("sitewarden-field")
  asked.onerror = () => fail(asked.error)
  asked.onsuccess = () => {
    const drafts = asked.result.transaction("drafts").objectStore("drafts").getAll()
    drafts.onsuccess = () => { asked.result.close(); answer(JSON.stringify(drafts.result).includes(text)) }
  }
})"""
"""Whether a draft with that text is in the browser's own database."""

HOUR_MS = 3_600_000


@pytest.fixture
def tablet(browser: Browser, stack: Stack) -> Iterator[BrowserContext]:
    """A tablet that Wu Gang has prepared: all he needs is on it, the pages too."""
    context = browser.new_context(viewport=TABLET, has_touch=True, locale="en-GB", base_url=stack.url)
    yield context
    context.close()


def opened(context: BrowserContext, name: str = "Wu Gang") -> Page:
    """The tablet's first page, once all is kept that it needs without a network."""
    page = context.new_page()
    page.goto("/field/demo?lang=en")
    page.get_by_role("button", name=re.compile(name)).click()
    page.evaluate("() => navigator.serviceWorker.ready.then(() => null)")
    page.goto("/field/demo/settings")
    expect(page.get_by_text("Prepared as of")).to_be_visible()
    expect(page.get_by_text(re.compile("^Checkpoints: [1-9]"))).to_be_visible()
    return page


def do(context: BrowserContext, person: str, **action: Any) -> dict[str, Any]:
    """Somebody does something elsewhere."""
    answer = context.request.post(
        "/api/v1/sites/demo/actions",
        data={"person": person, "action": action},
        headers={"Idempotency-Key": str(uuid.uuid4())},
    )
    assert answer.ok, answer.text()
    return dict(answer.json())


def order_of(stack: Stack, order: str) -> dict[str, Any]:
    answer: Any = stack.get(f"/api/v1/sites/demo/orders/{order}")
    return dict(answer)


def given(context: BrowserContext, title: str, kind: str = "home_repair", person: str = "p-021") -> str:
    """An order that Wu Gang is to do in the lobby of block 1."""
    opened = do(context, "p-001", do="open_order", kind=kind, title=title, zone="b1", assigned=person)
    return str(opened["target"])


def test_a_work_order_is_done_without_a_network_and_sent_once_in_order(
    tablet: BrowserContext, stack: Stack
) -> None:
    order = given(tablet, "Tap drips")
    page = opened(tablet)
    tablet.set_offline(True)
    page.goto("/field/demo")
    expect(page.get_by_text("Offline, go on working")).to_be_visible()
    page.locator(f'[data-order="{order}"]').click()
    page.get_by_role("button", name="Accept").click()
    page.get_by_role("button", name="Arrive").click()
    code = page.get_by_label("Or type the code")
    code.fill(f"/t/elsewhere/{order}")
    code.press("Enter")
    expect(page.get_by_role("alert")).to_contain_text("another site (elsewhere)")
    code.fill("SW1:demo:cp-b1-03")
    code.press("Enter")
    expect(page.locator("article")).to_have_attribute("data-state", "on_site")

    cause = page.locator('[data-item="cause"]')
    cause.get_by_role("textbox").fill("The seal is worn")
    page.wait_for_function(KEPT, arg="The seal is worn")
    page.reload()  # The battery dies in mid-form.
    expect(cause.get_by_role("textbox")).to_have_value("The seal is worn")
    cause.get_by_role("button", name="Save").click()
    page.locator('[data-item="done"]').get_by_role("textbox").fill("A new seal")
    page.locator('[data-item="done"]').get_by_role("button", name="Save").click()
    page.locator('[data-item="clean"]').get_by_role("button", name="Yes").click()
    shot = {"name": "seal.jpg", "mimeType": "image/jpeg", "buffer": page.screenshot(type="jpeg")}
    page.locator('[data-item="photo"] input[type=file]').set_input_files(shot)
    expect(page.locator('[data-item="photo"] img')).to_be_visible()
    page.get_by_label("Name or number of the part").fill("Seal 1/2")
    page.get_by_label("Quantity").fill("2")
    page.get_by_role("button", name="Add the part").click()
    expect(page.locator('[data-part="Seal 1/2"]')).to_contain_text("2")
    page.get_by_label("Or type your name instead").fill("Wu Gang")
    page.get_by_role("button", name="Keep the signature").click()
    expect(page.get_by_text("complete", exact=True)).to_be_visible()
    page.get_by_role("button", name="Finish").click()
    page.get_by_role("button", name="✓ Finish").click()
    expect(page.locator("article")).to_have_attribute("data-state", "done")
    expect(page.get_by_text(re.compile("not yet synced")).first).to_be_visible()
    assert order_of(stack, order)["state"] == "registered"

    # The answer to the first thing sent is lost on the way: it is sent again, and done once.
    lost: list[str] = []

    def lose(route: Route) -> None:
        if lost:
            route.continue_()
            return
        lost.append(route.request.headers["idempotency-key"])
        route.fetch()
        route.abort()

    page.route("**/actions", lose)
    tablet.set_offline(False)
    page.goto("/field/demo/outbox")
    expect(page.get_by_text("All is sent")).to_be_visible()
    stored = order_of(stack, order)["body"]
    assert [step["act"] for step in stored["steps"]] == ["registered", "accepted", "on_site", "done"]
    assert [step.get("how") for step in stored["steps"]][2] == "evidence"
    assert {one["item"] for one in stored["items"]} == {"cause", "done", "clean", "photo", "signature"}
    assert [(one["part"], one["quantity"]) for one in stored["parts"]] == [("Seal 1/2", 2)]
    times = [step["at"] for step in stored["steps"]]
    assert times == sorted(times)
    assert len(lost) == 1
    (kept,) = [one["value"] for one in stored["items"] if one["item"] == "photo"]
    assert tablet.request.get(f"/api/v1/sites/demo/files/{kept}").body()[:2] == b"\xff\xd8"


def test_two_people_on_one_order_are_told_and_nothing_is_dropped(
    tablet: BrowserContext, stack: Stack
) -> None:
    order = given(tablet, "Door closer leaks")
    page = opened(tablet)
    tablet.set_offline(True)
    page.goto(f"/field/demo/orders/{order}")
    page.get_by_role("button", name="Accept").click()
    page.get_by_placeholder("Write a note").fill("Oil on the floor")
    page.get_by_role("button", name="Save the note").click()
    do(tablet, "p-001", do="cancel_order", order=order, reason="wrong house")
    tablet.set_offline(False)
    refused = page.locator('[data-rejected="accept_order"]')
    expect(refused).to_contain_text("The server says")
    expect(refused).to_contain_text("accept", ignore_case=True)
    refused.get_by_role("button", name="Give up").click()
    expect(refused.get_by_role("textbox")).to_be_visible()
    refused.get_by_role("button", name="Give up").click()
    expect(refused.get_by_role("alert")).to_be_visible()
    refused.get_by_role("textbox").fill("cancelled meanwhile")
    refused.get_by_role("button", name="Give up").click()
    expect(refused).to_have_count(0)
    # What was noted meanwhile is refused in its turn, and stays with its words until somebody decides.
    expect(page.locator('[data-rejected="note"]')).to_contain_text("Oil on the floor")
    page.goto("/field/demo/outbox")
    expect(page.locator('[data-rejected="note"]')).to_contain_text("Oil on the floor")
    page.get_by_text("Given up (1)").click()
    expect(page.get_by_text("cancelled meanwhile")).to_be_visible()
    assert order_of(stack, order)["state"] == "cancelled"


def test_a_guard_patrols_with_a_tablet_whose_clock_is_two_hours_ahead(
    tablet: BrowserContext, stack: Stack
) -> None:
    tablet.add_init_script(f"const now = Date.now; Date.now = () => now() + {2 * HOUR_MS}")
    page = opened(tablet, "Zhao Li")
    expect(page.get_by_role("alert")).to_contain_text(re.compile(r"(1:59:5\d|2:00:0\d) ahead"))
    tablet.set_offline(True)
    page.goto("/field/demo/patrol")
    code = page.get_by_label("Or type the code")
    for tag, said in (("SW1:demo:nowhere", "no such code"), ("/t/demo/cp-club", "Clubhouse checkpoint")):
        code.fill(tag)
        code.press("Enter")
        expect(page.locator("main").get_by_role("status")).to_contain_text(said)
    expect(page.locator('[data-scan="cp-club"]')).to_contain_text("not yet synced")
    before = page.evaluate("() => performance.timeOrigin + performance.now()")
    tablet.set_offline(False)
    expect(page.locator('[data-scan="cp-club"]')).to_contain_text("sent")
    answer: Any = stack.get("/api/v1/sites/demo/events?type=checkpoint.scan&device=cp-club&limit=50")
    (scan,) = [one for one in answer["items"] if one["data"].get("by") == "tablet"]
    assert abs(scan["at"] - before) < 60_000
    assert scan["person"] == "p-010"


def test_a_problem_is_reported_in_three_touches_and_a_file_that_is_no_photo_is_refused_at_once(
    tablet: BrowserContext, stack: Stack
) -> None:
    page = opened(tablet)
    page.goto("/field/demo/report")
    page.get_by_text("Words or photos").click()
    page.get_by_label("Describe it").fill("Water under the pump")
    notes = {"name": "notes.txt", "mimeType": "text/plain", "buffer": b"no picture"}
    page.locator("input[type=file]").set_input_files(notes)
    expect(page.get_by_role("alert")).to_contain_text("no photo that can be used")
    expect(page.get_by_label("Describe it")).to_have_value("Water under the pump")
    page.get_by_role("button", name="Clubhouse").click()
    page.get_by_role("button", name="Repair", exact=True).click()
    page.get_by_role("button", name="3. Send").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Water under the pump")
    expect(page.get_by_text("not yet synced")).to_have_count(0)
    page.goto("/field/demo?show=all")
    page.get_by_role("searchbox").fill("clubhouse pump")
    expect(page.locator("[data-order]")).to_have_count(1)
    page.get_by_role("searchbox").fill("nothing of the kind")
    expect(page.locator("[data-order]")).to_have_count(0)
    titles: Any = stack.get("/api/v1/sites/demo/orders?limit=50")
    assert [one["body"]["title"] for one in titles["items"]].count("Water under the pump") == 1


def test_any_phone_that_reads_a_label_is_led_to_what_can_be_done_there(
    tablet: BrowserContext, stack: Stack
) -> None:
    order = given(tablet, "Lamp is dark")
    page = tablet.new_page()
    page.goto("/t/demo/cp-b1-03?lang=en")
    page.get_by_role("button", name=re.compile("Wu Gang")).click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Block 1 lobby checkpoint")
    expect(page.get_by_role("link", name=re.compile("Lamp is dark"))).to_have_attribute(
        "href", f"/field/demo/orders/{order}"
    )
    page.get_by_role("button", name="Record my round here").click()
    expect(page.get_by_role("main").get_by_role("status")).to_contain_text("recorded")
    page.get_by_role("link", name="Report a problem here").click()
    expect(page.get_by_role("heading", name="1. Where")).to_contain_text("Block 1 lobby checkpoint")
    page.goto("/t/demo/no-such-thing")
    expect(page.get_by_role("alert")).to_contain_text("This site has no such code: no-such-thing")
    page.get_by_label("Or type the code").fill("SW1:demo:club")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_contain_text("clubhouse", ignore_case=True)
    page.goto("/t/elsewhere/door")
    expect(page.get_by_role("alert")).to_contain_text("There is no site elsewhere here")
    page.get_by_role("link", name="Open my site").click()
    expect(page).to_have_url(re.compile("/field/demo$"))
