"""The patrol board, generators, limits and search over the API."""

from typing import Any

import pytest

from cloud.correlation.verdict import Outcome
from tests import samples
from tests.samples import NOON, Scribe

DEMO = "/api/v1/sites/demo"


async def test_the_day_is_the_sites_own(client: Any, scribe: Scribe) -> None:
    scribe.write(
        events=[samples.events(samples.event(1, NOON, "checkpoint.scan", "cp-b1-03", person="p-007"))]
    )
    async with client() as web:
        board = (await web.get(f"{DEMO}/patrol")).json()
        other = (await web.get(f"{DEMO}/patrol", params={"day": "2020-02-29"})).json()
    assert board["since"] <= NOON < board["until"] == board["since"] + 86_400_000
    assert [walk["person"] for walk in board["walks"]] == ["p-007"]
    assert (other["day"], other["walks"]) == ("2020-02-29", [])


async def test_a_day_that_is_none_is_refused(client: Any) -> None:
    async with client() as web:
        answer = await web.get(f"{DEMO}/patrol", params={"day": "yesterday"})
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["field"] == "query.day"


@pytest.mark.parametrize(("outcome", "status"), [(Outcome.MET, 409), (Outcome.PENDING, 409), (None, 404)])
async def test_only_what_was_missed_can_be_answered_for(
    client: Any, scribe: Scribe, outcome: Outcome | None, status: int
) -> None:
    if outcome is not None:
        scribe.write(verdicts=[samples.verdict(outcome=outcome)])
    action = {"do": "explain_miss", "rule": "ER-2", "key": "b1", "opened_at": NOON, "reason": "the lift"}
    async with client() as web:
        answer = await web.post(f"{DEMO}/actions", json={"person": "p-007", "action": action})
    assert answer.status_code == status


async def test_search_finds_places_and_says_what_they_are(client: Any) -> None:
    async with client() as web:
        found = (await web.get(f"{DEMO}/search", params={"q": "lobby"})).json()["items"]
        nothing = (await web.get(f"{DEMO}/search", params={"q": "lobby nowhere"})).json()["items"]
        assert (await web.get(f"{DEMO}/search", params={"q": ""})).status_code == 422
    assert ("zone", "b1") in {(one["kind"], one["id"]) for one in found}
    assert nothing == []


async def test_a_site_without_generators_and_limits_has_empty_lists(client: Any) -> None:
    async with client() as web:
        assert (await web.get(f"{DEMO}/generators")).json()["items"] == []
        assert (await web.get(f"{DEMO}/limits")).json()["items"] == []
