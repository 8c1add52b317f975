"""What the API answers."""

from typing import Any

import pytest
from prometheus_client import CollectorRegistry, Counter

from cloud.correlation.verdict import Outcome
from cloud.store.base import Flag, IncidentState
from cloud.store.memory import MemoryStore
from cloud.store.memory_reads import MemoryReader
from cloud.web.app import create_app
from cloud.web.health import SILENT_MS
from cloud.web.options import WebOptions
from sitewarden.api import description
from tests import samples
from tests.samples import BIG, NOON, Scribe
from tests.webserver import no_post

API = "/api/v1"
DEMO = f"{API}/sites/demo"


async def whole_list(web: Any, path: str, **query: Any) -> list[dict[str, Any]]:
    """Every page of a list, one after the other."""
    found, cursor = [], None
    while True:
        page = (await web.get(path, params=query | ({"cursor": cursor} if cursor else {}))).json()
        found += page["items"]
        cursor = page["next"]
        if cursor is None:
            return found


async def test_sites_and_their_names(client: Any) -> None:
    async with client() as web:
        sites = (await web.get(f"{API}/sites")).json()
        assert [site["id"] for site in sites["items"]] == ["demo", "empty"]
        assert sites["now"] == NOON
        demo = (await web.get(DEMO)).json()
        assert demo["timezone"] == "Asia/Shanghai"
        assert demo["zones"][0] == {"id": "b1", "name": {"zh": "一号楼大堂", "en": "Block 1 lobby"}}
        assert [person["id"] for person in demo["people"]] == ["p-007"]


async def test_rules_are_told_with_the_contracts_words(client: Any) -> None:
    async with client() as web:
        rule, other = (await web.get(f"{DEMO}/rules")).json()["items"]
        assert (rule["id"], rule["on"], rule["limit"]) == ("ER-2", ["fire.alarm"], "2m")
        assert (other["id"], other["on"]) == ("ER-3", ["emergency.call", "fire.alarm"])
        assert rule["source"]["zh"] == "火警为2分钟内赶到现场"
        assert (await web.get(f"{API}/sites/empty/rules")).json()["items"] == []


async def test_an_event_keeps_its_identity_through_javascript(client: Any, scribe: Scribe) -> None:
    odd = int(Flag.UNKNOWN_TYPE | Flag.UNKNOWN_DEVICE)
    scribe.write(events=[samples.events(samples.event(17, zone="b1"), base=7 << 41, flags=(odd,))])
    async with client() as web:
        (event,) = (await web.get(f"{DEMO}/events")).json()["items"]
        assert event["seq"] == str(BIG)
        assert (event["at"], event["received_at"], event["observed_at"]) == (NOON, NOON + 40, None)
        assert event["flags"] == ["unknown_device", "unknown_type"]
        assert event["data"] == {}


async def test_data_that_is_no_object_is_shown_all_the_same(client: Any, scribe: Scribe) -> None:
    import msgspec

    scribe.write(events=[samples.events(samples.event(1, data=msgspec.Raw(b"[1,2]")))])
    async with client() as web:
        (event,) = (await web.get(f"{DEMO}/events")).json()["items"]
        assert event["data"] == {"value": [1, 2]}


async def test_events_page_by_page(client: Any, scribe: Scribe) -> None:
    scribe.write(
        events=[samples.events(*(samples.event(number, NOON + number // 3) for number in range(10)))]
    )
    async with client() as web:
        found = await whole_list(web, f"{DEMO}/events", limit=3)
        assert [event["seq"] for event in found] == [str(number) for number in reversed(range(10))]


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ({"type": ["fire.alarm", "door.opened"]}, ["2", "1"]),
        ({"device": "cp-b1"}, ["4", "3"]),
        ({"zone": "b1"}, ["4"]),
        ({"zone": "gate"}, ["3"]),
        ({"since": NOON + 1, "until": NOON + 3}, ["3", "2"]),
    ],
)
async def test_events_narrowed(client: Any, scribe: Scribe, query: dict[str, Any], found: list[str]) -> None:
    happened = [
        samples.event(1),
        samples.event(2, NOON + 1, "door.opened"),
        samples.event(3, NOON + 2, "checkpoint.scan", "cp-b1", zone="gate"),
        samples.event(4, NOON + 3, "checkpoint.scan", "cp-b1"),
    ]
    scribe.write(events=[samples.events(*happened)])
    async with client() as web:
        items = (await web.get(f"{DEMO}/events", params=query)).json()["items"]
        assert [event["seq"] for event in items] == found


async def test_verdicts_say_why_in_both_languages_and_name_their_evidence(
    client: Any, scribe: Scribe
) -> None:
    scribe.write(verdicts=[samples.verdict(), samples.verdict(revision=2, outcome=Outcome.MET)])
    async with client() as web:
        (verdict,) = (await web.get(f"{DEMO}/verdicts")).json()["items"]
        assert (verdict["outcome"], verdict["revision"], verdict["elapsed_ms"]) == ("met", 2, 61_000)
        assert verdict["evidence"] == [
            {"device": "panel-1", "seq": str(BIG)},
            {"device": "cp-b1", "seq": "4"},
        ]
        assert verdict["explain"]["en"].startswith("somebody must reach b1")
        path = f"{DEMO}/verdicts/ER-2/b1/{NOON}/revisions"
        revisions = (await web.get(path)).json()["items"]
        assert [revision["outcome"] for revision in revisions] == ["pending", "met"]


async def test_verdicts_page_by_page_and_narrowed(client: Any, scribe: Scribe) -> None:
    outcomes = [Outcome.MET, Outcome.BREACHED, Outcome.UNKNOWN, Outcome.PENDING, Outcome.VOID]
    scribe.write(
        verdicts=[
            samples.verdict(f"z{number}", opened_at=NOON + number // 2, outcome=outcomes[number % 5])
            for number in range(10)
        ]
    )
    async with client() as web:
        found = await whole_list(web, f"{DEMO}/verdicts", limit=3)
        assert [verdict["key"] for verdict in found] == ["z8", "z7", "z6", "z5", "z3", "z2", "z1", "z0"]
        unmet = await whole_list(web, f"{DEMO}/verdicts", outcome=["breached", "unknown"], limit=1)
        assert [verdict["key"] for verdict in unmet] == ["z7", "z6", "z2", "z1"]
        (one,) = await whole_list(web, f"{DEMO}/verdicts", rule="ER-2", key="z7", since=NOON, until=NOON + 4)
        assert one["blind"] == [{"device": "cp-b1", "start": NOON + 3, "end": NOON + 5_003}]


async def test_incidents_carry_what_a_countdown_needs(client: Any, scribe: Scribe) -> None:
    closed = samples.incident("done", revision=2, state=IncidentState.CLOSED, opened_at=NOON - 1)
    scribe.write(incidents=[samples.incident(), closed])
    async with client() as web:
        page = (await web.get(f"{DEMO}/incidents", params={"state": "open"})).json()
        (incident,) = page["items"]
        assert (incident["subject"], incident["trigger"]) == ("b1", {"device": "panel-1", "seq": str(BIG)})
        assert incident["episodes"][0]["due_at"] - page["now"] == 120_000
        assert [row["id"] for row in await whole_list(web, f"{DEMO}/incidents", limit=1)] == ["one", "done"]
        assert (await web.get(f"{DEMO}/incidents/done")).json()["closed_at"] == NOON + 60_999


async def test_devices_are_those_of_the_model_then_strangers(client: Any, scribe: Scribe, time: Any) -> None:
    scribe.write(devices=[samples.device(), samples.device("t-9", known=False)], agents=[samples.agent()])
    async with client() as web:
        devices = (await web.get(f"{DEMO}/devices")).json()["items"]
        assert [(device["id"], device["state"]) for device in devices] == [
            ("panel-1", "never"),
            ("cp-b1", "ok"),
            ("cp-gate", "never"),
            ("wand-1", "never"),
            ("t-9", "stranger"),
        ]
        assert (devices[1]["last_seen"], devices[1]["complete_to"]) == (NOON + 40, NOON)
        time.added += SILENT_MS + 1
        devices = (await web.get(f"{DEMO}/devices")).json()["items"]
        assert devices[1]["state"] == "unreachable"
        (agent,) = (await web.get(f"{DEMO}/agents")).json()["items"]
        assert (agent["id"], agent["silent"], agent["clock_offset_ms"]) == ("gw-1", True, 3)


async def test_alerts_that_stand(client: Any, scribe: Scribe) -> None:
    scribe.write(alerts=[samples.alert("b1"), samples.alert("gate")], cleared=[samples.cleared("gate")])
    async with client() as web:
        (alert,) = (await web.get(f"{DEMO}/alerts")).json()["items"]
        assert (alert["key"], alert["cleared_at"]) == ("b1", None)
        assert alert["links"] == [{"device": "cp-b1", "complete_to": NOON + 119_991}]


async def test_what_was_put_aside_is_shown_as_text(client: Any, scribe: Scribe) -> None:
    scribe.write(quarantine=[samples.aside("one"), samples.aside("two", "elsewhere")])
    async with client() as web:
        rows = await whole_list(web, f"{API}/quarantine", limit=1)
        assert [(row["reason"], row["size"], row["excerpt"]) for row in rows] == [
            ("two", 3, "\0\\xff{"),
            ("one", 3, "\0\\xff{"),
        ]
        assert len(await whole_list(web, f"{API}/quarantine", site="elsewhere")) == 1


@pytest.mark.parametrize(
    ("path", "status", "said"),
    [
        (f"{API}/sites/nowhere/events", 404, "no site 'nowhere'"),
        (f"{API}/stream?site=nowhere", 404, "no site 'nowhere'"),
        (f"{DEMO}/incidents/none", 404, "no incident 'none'"),
        (f"{DEMO}/verdicts/ER-2/b1/1/revisions", 404, "no episode"),
        (f"{API}/nothing", 404, "Not Found"),
        ("/../../etc/passwd", 404, "Not Found"),
    ],
)
async def test_what_is_not_there(client: Any, path: str, status: int, said: str) -> None:
    async with client() as web:
        answer = await web.get(path)
        problem = answer.json()
        assert answer.headers["content-type"] == "application/problem+json"
        assert (answer.status_code, problem["status"]) == (status, status)
        assert problem["type"] == "urn:sitewarden:problem:not-found"
        assert said in problem["detail"]


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("limit=0", "query.limit"),
        ("limit=1001", "query.limit"),
        ("limit=many", "query.limit"),
        ("since=-1", "query.since"),
        ("until=1000000000000000000000000", "query.until"),
        ("size=5", "query.size"),
        ("cursor=nonsense", "query.cursor"),
        ("type=%00", "query.type.0"),
        ("zone=" + "z" * 201, "query.zone"),
    ],
)
async def test_a_wrong_field_is_named(client: Any, query: str, field: str) -> None:
    async with client() as web:
        answer = await web.get(f"{DEMO}/events?{query}")
        assert answer.status_code == 422
        assert [error["field"] for error in answer.json()["errors"]] == [field]


async def test_a_place_that_is_none_is_refused_before_the_stream_begins(client: Any) -> None:
    async with client() as web:
        answer = await web.get(f"{API}/stream", headers={"Last-Event-ID": "yesterday"})
        assert answer.status_code == 422
        assert answer.headers["content-type"] == "application/problem+json"


async def test_an_error_nobody_foresaw_says_nothing_of_the_program(
    client: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with client() as web:
        monkeypatch.delattr(MemoryReader, "events")
        answer = await web.get(f"{DEMO}/events")
        assert answer.status_code == 500
        assert answer.json()["detail"] == "something went wrong here; it was written down"
        assert "MemoryReader" not in answer.text


async def test_health_readiness_and_figures(client: Any, scribe: Scribe) -> None:
    scribe.write()
    async with client() as web:
        await web.app.state.context.feed.refresh()
        assert (await web.get("/readyz")).json() == {"status": "ok", "store": "up"}
        assert (await web.get("/healthz")).json()["status"] == "ok"
        await web.get(f"{API}/sites/nowhere/events")
        figures = (await web.get("/metrics")).text
        assert "sitewarden_store_up 1.0" in figures
        assert 'sitewarden_store_commit_no{partition="3"} 1.0' in figures
        line = (
            'sitewarden_web_requests_total{method="GET",route="/api/v1/sites/{site}/events",status="404"} 1.0'
        )
        assert line in figures


def test_the_description_knows_what_matters_hold_and_what_the_stream_carries() -> None:
    schemas = description()["components"]["schemas"]
    assert "latched" in schemas["Alarm"]["properties"]
    assert {"Order", "Life", "Action", "ChangeMessage", "Heartbeat"} <= schemas.keys()


async def test_the_description_has_an_example_for_every_answer(client: Any) -> None:
    async with client() as web:
        described = web.app.openapi()
        served = (await web.get(f"{API}/openapi.json")).json()
    assert f"{API}/stream" in served["paths"]
    lacking = [
        f"{name}.{field}"
        for name, schema in described["components"]["schemas"].items()
        for field, part in schema.get("properties", {}).items()
        if part.get("type") in {"integer", "string", "number"}
        and "examples" not in part
        and "enum" not in part
    ]
    assert lacking == []


async def test_the_figures_of_the_whole_process_are_shown_by_each_app_that_is_made() -> None:
    process = CollectorRegistry()
    Counter("sitewarden_ingest_batches", "Batches", registry=process).inc(3)
    for _ in range(2):
        app = create_app(MemoryReader(MemoryStore()), [], WebOptions(), post=no_post(), registry=process)
        figures = app.state.context.metrics.text().decode()
        assert "sitewarden_ingest_batches_total 3.0" in figures
        assert "sitewarden_web_streams 0.0" in figures
