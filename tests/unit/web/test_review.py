"""Figures and backtests over the API."""

from typing import Any
from xml.etree import ElementTree as ET

from cloud.correlation.verdict import Outcome, Reason
from tests import samples
from tests.samples import NOON, Scribe

DEMO = "/api/v1/sites/demo"
MINUTE = 60_000
STRICTER = """
rules:
  - id: ER-2
    kind: response
    on: {type: fire.alarm}
    expect: {type: checkpoint.scan}
    within: 1m
"""
HOUR_BEFORE, HOUR_BEHIND = NOON - 60 * MINUTE, NOON + 60 * MINUTE


async def test_the_figures_of_a_period_come_from_the_verdicts_that_stand(client: Any, scribe: Scribe) -> None:
    scribe.write(verdicts=[samples.verdict(), samples.verdict("b2")])
    async with client() as web:
        asked = {"since": HOUR_BEFORE, "until": HOUR_BEHIND}
        (found,) = (await web.get(f"{DEMO}/kpi", params=asked)).json()["items"]
        assert found["group"] == "ER-2"
        assert found["met"] + found["breached"] + found["unknown"] + found["pending"] == 2
        zones = (await web.get(f"{DEMO}/kpi", params=asked | {"by": "zone"})).json()["items"]
        assert "b1" in [one["group"] for one in zones]


async def test_a_door_that_was_shut_in_time_is_kept_in_the_figures_and_no_verdict_in_the_list(
    client: Any, scribe: Scribe
) -> None:
    door = {"rule": "AC-1", "kind": "duration", "outcome": Outcome.VOID, "reason": Reason.ENDED_IN_TIME}
    late = {"rule": "AC-1", "kind": "duration", "outcome": Outcome.BREACHED, "reason": Reason.ENDED_LATE}
    rows = [samples.verdict("door", opened_at=NOON + at, elapsed_ms=30_000, **door) for at in range(20)]
    rows.append(samples.verdict("door", opened_at=NOON + 20, elapsed_ms=31_000, **late))
    rows.append(samples.verdict("door", opened_at=NOON + 21, **door))  # a state that turned out to be none
    scribe.write(verdicts=rows)
    async with client() as web:
        asked = {"since": HOUR_BEFORE, "until": HOUR_BEHIND}
        (found,) = (await web.get(f"{DEMO}/kpi", params=asked)).json()["items"]
        listed = (await web.get(f"{DEMO}/verdicts", params=asked)).json()["items"]
    assert (found["met"], found["breached"], round(found["rate"], 3)) == (20, 1, 0.952)
    assert [one["outcome"] for one in listed] == ["breached"]


async def test_a_period_that_ends_before_it_begins_is_refused(client: Any) -> None:
    async with client() as web:
        answer = await web.get(f"{DEMO}/kpi", params={"since": NOON, "until": NOON - 1})
        assert answer.status_code == 422
        assert "expected before until" in answer.text


async def test_a_backtest_tells_what_other_rules_would_have_said(client: Any, scribe: Scribe) -> None:
    fire = samples.event(1, kind="fire.alarm", device="panel-1", zone="b1")
    scan = samples.event(
        2, at=NOON + 90_000, kind="checkpoint.scan", device="cp-b1", zone="b1", person="p-007"
    )
    scribe.write(
        events=[samples.events(fire, scan)],
        devices=[samples.device(name, at=HOUR_BEHIND) for name in ("cp-b1", "panel-1")],
    )
    body = {"rules": STRICTER, "since": HOUR_BEFORE, "until": HOUR_BEHIND, "language": "en"}
    async with client() as web:
        found = (await web.post(f"{DEMO}/backtest", json=body)).json()
    (change,) = [one for one in found["changes"] if one["rule"] == "ER-2"]
    assert (change["was"], change["now"], change["zone"]) == ("met", "breached", "b1")
    assert ET.fromstring(found["picture"]).tag.endswith("svg")


async def test_rules_with_mistakes_are_refused_in_their_words(client: Any) -> None:
    body = {"rules": STRICTER.replace("fire.alarm", "fire.alrm"), "since": HOUR_BEFORE, "until": HOUR_BEHIND}
    async with client() as web:
        answer = await web.post(f"{DEMO}/backtest", json=body)
    assert answer.status_code == 422
    assert "rules:5: rules[0].on.type: no event type 'fire.alrm'; did you mean 'fire.alarm'?" in answer.text
