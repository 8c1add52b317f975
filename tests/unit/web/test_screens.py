"""What proves that a screen lives, and what proves nothing."""

from typing import Any

import msgspec
import pytest

from cloud.broker.memory import MemoryLine
from cloud.operations.screen import SCREENS, Pulse, Sign
from cloud.web.context import context_in
from cloud.web.screens import FROZEN_MS, NONCE_MS, Nonces
from contract.topics import captured_address
from tests.samples import NOON

TOKEN = "a token of the control room"
BEARER = {"Authorization": f"Bearer {TOKEN}"}


def answers(screen: str = "wall-1", site: str = "demo") -> str:
    return f"/api/v1/sites/{site}/screens/{screen}/answers"


def answer(nonce: str, **more: Any) -> dict[str, Any]:
    return {"nonce": nonce, "audible": True, "visible": True, "drawn_ms": 16, "data_age_ms": 40} | more


async def pulses(web: Any, line: MemoryLine) -> list[Sign]:
    """What went to the worker."""
    await context_in(web.app).pulses.flush()
    found = await line.after(0, 10, 0)
    assert {captured_address(message.subject).agent for message in found} <= {SCREENS}
    return [sign for message in found for sign in msgspec.json.decode(message.payload, type=Pulse).signs]


@pytest.mark.parametrize(
    ("flags", "live", "audible"),
    [
        ({}, True, True),
        ({"audible": False}, True, False),
        ({"visible": False}, False, True),
        ({"drawn_ms": FROZEN_MS}, True, True),
        ({"drawn_ms": FROZEN_MS + 1}, False, True),
    ],
    ids=["well", "sound is blocked", "hidden", "painted just in time", "frozen"],
)
async def test_an_answer_goes_to_the_worker_with_what_it_proves(
    client: Any, line: MemoryLine, flags: dict[str, Any], live: bool, audible: bool
) -> None:
    async with client() as web:
        nonce = Nonces("").issue("demo", "wall-1", NOON)
        got = await web.post(answers(), json=answer(nonce, **flags))
        assert (got.status_code, got.content) == (204, b"")
        assert await pulses(web, line) == [Sign("wall-1", NOON, live, audible)]


async def test_one_message_a_site_names_its_screens_once_with_what_they_said_last(
    client: Any, line: MemoryLine, time: Any
) -> None:
    async with client() as web:
        for screen, flags in (
            ("wall-1", {"heard_by": "p-007"}),
            ("wall-2", {}),
            ("wall-1", {"audible": False}),
        ):
            time.added += 1_000
            nonce = Nonces("").issue("demo", screen, time.now())
            assert (await web.post(answers(screen), json=answer(nonce, **flags))).status_code == 204
        assert await pulses(web, line) == [
            Sign("wall-1", NOON + 3_000, True, False, "p-007"),
            Sign("wall-2", NOON + 2_000, True, True),
        ]
        assert len(await line.after(0, 10, 0)) == 1
        assert len(await pulses(web, line)) == 2, "nothing new, nothing said"


@pytest.mark.parametrize(
    ("nonce", "said"),
    [
        (Nonces(TOKEN).issue("demo", "wall-1", NOON - NONCE_MS - 1), "older than 15 s"),
        (Nonces(TOKEN).issue("demo", "wall-1", NOON + NONCE_MS + 1), "older than 15 s"),
        (Nonces(TOKEN).issue("demo", "wall-2", NOON), "another screen"),
        (Nonces(TOKEN).issue("empty", "wall-1", NOON), "another screen"),
        (Nonces("another token of 16").issue("demo", "wall-1", NOON), "not made here"),
        (f"{NOON + 1}.{Nonces(TOKEN).issue('demo', 'wall-1', NOON).partition('.')[2]}", "not made here"),
        ("", "no nonce"),
        ("９.x", "no nonce"),
        (f"{NOON}.é", "not made here"),
        ("9" * 40 + ".x", "no nonce"),
    ],
    ids=["old", "of the future", "other screen", "other site", "other server", "renewed", "empty", "digits", "letters", "long"],
)  # fmt: skip
async def test_a_nonce_that_proves_nothing_is_a_conflict(
    client: Any, line: MemoryLine, nonce: str, said: str
) -> None:
    async with client(host="0.0.0.0", token=TOKEN) as web:
        got = await web.post(answers(), json=answer(nonce), headers=BEARER)
        assert (got.status_code, got.headers["content-type"]) == (409, "application/problem+json")
        assert said in got.json()["detail"]
        assert await pulses(web, line) == []


@pytest.mark.parametrize("age", [-NONCE_MS, 0, NONCE_MS])
async def test_web_processes_take_each_others_nonces(client: Any, time: Any, age: int) -> None:
    nonce = Nonces(TOKEN).issue("demo", "wall-1", NOON - age)
    async with client(host="0.0.0.0", token=TOKEN) as web:
        assert (await web.post(answers(), json=answer(nonce), headers=BEARER)).status_code == 204
        assert (await web.post(answers(), json=answer(nonce))).status_code == 401


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"audible": None}, "body.audible"),
        ({"drawn_ms": -1}, "body.drawn_ms"),
        ({"heard_by": "p-999"}, "body.heard_by"),
        ({"watching": True}, "body.watching"),
        ({"nonce": "x" * 201}, "body.nonce"),
    ],
)
async def test_an_answer_that_cant_be_used_is_named_by_its_field(
    client: Any, line: MemoryLine, change: dict[str, Any], field: str
) -> None:
    async with client() as web:
        nonce = Nonces("").issue("demo", "wall-1", NOON)
        got = await web.post(answers(), json=answer(nonce) | change)
        assert (got.status_code, got.json()["errors"][0]["field"]) == (422, field)
        assert await pulses(web, line) == []


@pytest.mark.parametrize(("path", "status"), [(answers("wall 1"), 422), (answers(site="nowhere"), 404)])
async def test_a_screen_has_a_name_and_a_site(client: Any, path: str, status: int) -> None:
    async with client() as web:
        nonce = Nonces("").issue("demo", "wall-1", NOON)
        assert (await web.post(path, json=answer(nonce))).status_code == status


async def test_nobody_answers_for_a_screen_by_an_action(client: Any, line: MemoryLine) -> None:
    async with client() as web:
        for verb in ("answer", "pulse", "signs"):
            action = {"do": verb, "screen": "wall-1", "live": True, "audible": True}
            got = await web.post("/api/v1/sites/demo/actions", json={"person": "p-007", "action": action})
            assert got.status_code == 422
        assert await pulses(web, line) == []


async def test_with_the_broker_away_a_screen_is_told_that_its_answer_reaches_nobody(
    client: Any, line: MemoryLine
) -> None:
    async with client() as web:
        nonce = Nonces("").issue("demo", "wall-1", NOON)
        line.down = True
        assert (await web.post(answers(), json=answer(nonce))).status_code == 204
        await context_in(web.app).pulses.flush()
        got = await web.post(answers(), json=answer(nonce))
        assert (got.status_code, got.headers["retry-after"]) == (503, "2")
        line.down = False
        assert len(await pulses(web, line)) == 1, "its latest answer, and none from before"
        assert (await web.post(answers(), json=answer(nonce))).status_code == 204


@pytest.mark.parametrize(
    ("query", "field"),
    [({"screen": "wall-1"}, "query.screen"), ({"site": "demo", "screen": "wall 1"}, "query.screen")],
    ids=["without its site", "no name"],
)
async def test_a_stream_is_of_a_screen_of_a_site(client: Any, query: dict[str, str], field: str) -> None:
    async with client() as web:
        got = await web.get("/api/v1/stream", params=query)
        assert (got.status_code, got.json()["errors"][0]["field"]) == (422, field)


async def test_a_layout_too_odd_is_refused_before_it_is_taken(client: Any, line: MemoryLine) -> None:
    async with client() as web:
        for action in (
            {"do": "set_screen", "screen": "wall 1"},
            {"do": "set_screen", "screen": "wall-1", "layout": [1]},
            {"do": "set_screen", "screen": "wall-1", "name": "x" * 101},
        ):
            got = await web.post("/api/v1/sites/demo/actions", json={"person": "p-007", "action": action})
            assert got.status_code == 422
        assert await line.after(0, 10, 0) == []
