"""What is too deep, too large or no number is refused by name; what was taken before spoils no list and no stream."""

import json
from typing import Any

import msgspec
import pytest

from cloud.operations.record import RecordKind
from cloud.store.base import StoredEvent
from cloud.store.reads import Change, ChangeKind, SiteEvent
from cloud.web.views import change_message
from contract.limits import TOO_DEEP
from tests import samples
from tests.samples import Scribe

ACTIONS = "/api/v1/sites/demo/actions"


def nested(levels: int, leaf: Any = 1) -> Any:
    for _ in range(levels):
        leaf = {"in": leaf}
    return leaf


def raw(levels: int) -> msgspec.Raw:
    return msgspec.Raw(b'{"in":' * levels + b"1" + b"}" * levels)


@pytest.mark.parametrize(
    "body",
    [
        json.dumps({"person": "p-007", "action": {"do": "set_screen", "screen": "w", "layout": nested(500)}}),
        "[" * 30_000,
        '{"person": "p-007", "action": {"do": "shelve_alarm", "alarm": "a", "reason": "x", "until": 1e400}}',
        '{"person": "p-007", "action": {"do": "shelve_alarm", "alarm": "a", "reason": "x", "until": NaN}}',
        '{"person": "p-007", "action": {"do": "explain_miss", "rule": "r", "key": "k", "reason": "x", "opened_at": 9223372036854775808}}',
        '{"person": "p-007", "at": 9223372036854775808, "action": {"do": "acknowledge", "incident": "a"}}',
        '{"person": "p-007", "at": -1, "action": {"do": "acknowledge", "incident": "a"}}',
        '{"person": "p-007", "action": {"do": "use_part", "order": "o", "part": "p", "quantity": 1e308}}',
    ],
    ids=lambda body: body[:80],
)
async def test_a_body_that_can_not_be_kept_is_refused(client: Any, body: str) -> None:
    async with client() as web:
        got = await web.post(ACTIONS, content=body, headers={"Content-Type": "application/json"})
        assert got.status_code == 422
        assert got.json()["errors"]


@pytest.mark.parametrize("levels", [33, 300, 5_000])
async def test_an_event_that_is_too_deep_spoils_no_list(client: Any, scribe: Scribe, levels: int) -> None:
    scribe.write(events=[samples.events(samples.event(1, data=raw(levels)), samples.event(2))])
    async with client() as web:
        got = await web.get("/api/v1/sites/demo/events")
        assert got.status_code == 200
        rows = {row["seq"]: row["data"] for row in got.json()["items"]}
        assert set(rows) == {"1", "2"}
        assert TOO_DEEP in json.dumps(rows["1"], ensure_ascii=False) or "unreadable" in rows["1"]


@pytest.mark.parametrize("levels", [33, 300, 5_000])
def test_an_event_that_is_too_deep_closes_no_stream(levels: int) -> None:
    told = SiteEvent(site="demo", stored=StoredEvent(event=samples.event(1, data=raw(levels)), received_at=1))
    message = change_message(3, Change(commit_no=1, kind=ChangeKind.EVENT, row=told), {})
    assert json.loads(message.model_dump_json())["row"]["seq"] == "1"


@pytest.mark.parametrize("levels", [33, 300, 500])
async def test_a_layout_that_is_too_deep_spoils_neither_screens_nor_actions(
    client: Any, scribe: Scribe, levels: int
) -> None:
    layout = b'{"screen":"w","layout":' + bytes(raw(levels)) + b"}"
    screen = msgspec.structs.replace(samples.record("w", kind=RecordKind.SCREEN), body=layout)
    body = b'{"id":"once","action":' + layout + b"}"
    scribe.write(records=[screen], answers=[msgspec.structs.replace(samples.answer(), body=body)])
    async with client() as web:
        for path in ("screens", "actions"):
            got = await web.get(f"/api/v1/sites/demo/{path}")
            assert (got.status_code, len(got.json()["items"])) == (200, 1)
