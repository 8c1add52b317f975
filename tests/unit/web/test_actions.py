"""What the door for actions takes and refuses before anything reaches the worker."""

from typing import Any

import msgspec
import pytest

from cloud.broker.memory import MemoryLine
from cloud.operations.command import Acknowledge, Answer, Command
from tests.samples import NOON, Scribe

ACTIONS = "/api/v1/sites/demo/actions"
ACK = {"do": "acknowledge", "incident": "one"}


def answer(**more: Any) -> Answer:
    command = Command(id="once", person="p-007", at=NOON, action=Acknowledge(incident="one"))
    fields = {
        "site": "demo",
        "id": "once",
        "person": "p-007",
        "at": NOON,
        "received_at": NOON,
        "verb": "acknowledge",
        "body": msgspec.json.encode(command, order="sorted"),
        "kind": "incident",
        "target": "one",
        "revision": 2,
    }
    return Answer(**(fields | more))


async def test_an_answered_action_is_not_sent_again(client: Any, scribe: Scribe, line: MemoryLine) -> None:
    scribe.write(answers=[answer()])
    async with client() as web:
        got = await web.post(ACTIONS, json={"person": "p-007", "action": ACK, "id": "once"})
        assert (got.status_code, got.headers["ETag"], got.json()["done"]) == (200, '"2"', True)
        assert await line.after(0, 10, 0) == []


async def test_an_action_that_is_not_decided_in_time_is_taken_all_the_same(
    client: Any, line: MemoryLine, time: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("cloud.web.action_routes.DECIDED_WITHIN_S", 0)
    async with client() as web:
        got = await web.post(ACTIONS, json={"person": "p-007", "action": ACK, "id": "later"})
        assert (got.status_code, got.headers["Location"]) == (202, f"{ACTIONS}/later")
        assert (await web.get(f"{ACTIONS}/later")).status_code == 404
        (message,) = await line.after(0, 10, 0)
        command = msgspec.json.decode(message.payload, type=Command)
        assert (command.person, command.at, command.action) == (
            "p-007",
            time.now(),
            Acknowledge(incident="one"),
        )


@pytest.mark.parametrize(
    ("problem", "status"),
    [("unknown", 404), ("conflict", 409), ("stale", 412), ("not_allowed", 403), ("unusable", 422)],
)
async def test_a_refusal_says_why_in_both_languages(
    client: Any, scribe: Scribe, problem: str, status: int
) -> None:
    scribe.write(answers=[answer(problem=problem, zh="不行", en="no", revision=None)])
    async with client() as web:
        got = await web.post(ACTIONS, json={"person": "p-007", "action": ACK, "id": "once"})
        assert (got.status_code, got.json()["detail"], got.json()["detail_zh"]) == (status, "no", "不行")


@pytest.mark.parametrize(
    ("body", "field", "message"),
    [
        ({"action": ACK}, "body", "missing required field `person`"),
        ({"person": "p-007", "action": {"do": "fly"}}, "body.action.do", "Invalid value 'fly'"),
        ({"person": "p-007", "action": {**ACK, "x": 1}}, "body.action", "unknown field `x`"),
        ({"person": 7, "action": ACK}, "body.person", "Expected `str`, got `int`"),
        ({"person": "p-007", "action": ACK, "at": -1}, "body.at", "ms since the epoch"),
        ({"person": "p\0", "action": ACK}, "body", "NUL"),
    ],
)
async def test_what_cant_be_understood_is_named_by_its_field(
    client: Any, body: dict[str, Any], field: str, message: str
) -> None:
    async with client() as web:
        got = await web.post(ACTIONS, json=body)
        assert got.status_code == 422
        (error,) = got.json()["errors"]
        assert error["field"] == field
        assert message in error["message"]


async def test_a_form_of_another_site_cant_act(client: Any, line: MemoryLine) -> None:
    async with client() as web:
        got = await web.post(ACTIONS, content=b"{}", headers={"content-type": "text/plain"})
        assert got.status_code == 415
        assert await line.after(0, 10, 0) == []


async def test_with_the_broker_away_the_person_is_told_to_try_again(client: Any, line: MemoryLine) -> None:
    line.down = True
    async with client() as web:
        got = await web.post(ACTIONS, json={"person": "p-007", "action": ACK})
        assert (got.status_code, "same id" in got.json()["detail"]) == (503, True)


@pytest.mark.parametrize(
    ("content", "status"),
    [(b"\x89PNG\r\n\x1a\n...", 201), (b"%PDF-1.7", 201), (b"<html>", 415), (b"", 415)],
)
async def test_a_file_is_what_its_content_shows(client: Any, content: bytes, status: int) -> None:
    async with client() as web:
        got = await web.post("/api/v1/sites/demo/files", content=content)
        assert got.status_code == status


async def test_the_description_names_every_action(client: Any) -> None:
    async with client() as web:
        described = (await web.get("/api/v1/openapi.json")).json()["paths"]["/api/v1/sites/{site}/actions"]
        body = described["post"]["requestBody"]["content"]["application/json"]["schema"]
        names = {
            tag for one in body["properties"]["action"]["anyOf"] for tag in one["properties"]["do"]["enum"]
        }
        assert {"acknowledge", "open_order", "plan_drill"} <= names
