"""Readers that post, and a folder that takes files: real HTTP, real files."""

import asyncio
import base64
import contextlib
import datetime as dt
import json
import zoneinfo
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from contract.profile.load import load_profile
from contract.profile.model import CsvProfile, HttpProfile
from contract.site import Device
from edge.drivers import inbox
from edge.drivers.http import Doorway, HttpDriver, parse_doorway
from edge.drivers.inbox import InboxDriver, drop, parse_inbox
from edge.errors import SettingsError
from edge.logbook import file_reader
from edge.ports import Covered, Driver, Failed, Happened, Measured
from edge.posts import Posts
from edge.topicmap import TopicMap
from tests.bus import PROFILES
from tests.lines import Agent, Notebook
from tests.waiting import PATIENCE_S

CHINA = zoneinfo.ZoneInfo("Asia/Shanghai")
WALL = round(dt.datetime(2026, 11, 23, 12, tzinfo=CHINA).timestamp() * 1_000)
SECRET = b"Basic " + base64.b64encode(b"reader:secret")


@contextlib.asynccontextmanager
async def running(driver: Driver) -> AsyncIterator[Notebook]:
    notebook = Notebook()
    task = asyncio.create_task(driver.run(notebook))
    try:
        yield notebook
    finally:
        task.cancel()
        await asyncio.wait([task])


@contextlib.asynccontextmanager
async def posting(
    agent: Agent, profile: str = "json-post", secret: bytes | None = None
) -> AsyncIterator[tuple[httpx.AsyncClient, Notebook]]:
    loaded = load_profile(PROFILES / f"{profile}.yaml")
    assert isinstance(loaded, HttpProfile)
    posts = Posts(TopicMap([(Device(id="gate", address="g3"), loaded)]), {"gate": 60_000})
    driver = HttpDriver("posts", Doorway("127.0.0.1", 0, secret), posts, agent.services(WALL))
    async with running(driver) as notebook:
        await notebook.until(bool)
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{driver.port}") as client:
            yield client, notebook


def events(notebook: Notebook) -> list[Happened]:
    return [seen for seen in notebook.seen if isinstance(seen, Happened)]


def scan(number: int = 17) -> dict[str, Any]:
    return {"card": "card:8812331", "time": "2026-11-23T06:10:00+08:00", "n": number}


async def test_a_post_is_an_event_and_the_same_one_again_is_none() -> None:
    async with posting(Agent()) as (client, notebook):
        for number in (17, 17, 18):
            assert (await client.post("/scan/g3", json=scan(number))).status_code == 200
    assert [(e.type, e.person, e.data["message"]) for e in events(notebook)] == [
        ("checkpoint.scan", "card:8812331", "17"),
        ("checkpoint.scan", "card:8812331", "18"),
    ]


async def test_a_post_is_confirmed_only_when_it_is_on_disk() -> None:
    agent = Agent()
    agent.takes = False
    async with posting(agent) as (client, _):
        answer = await client.post("/scan/g3", json=scan())
    assert (answer.status_code, answer.text) == (503, "the disk takes nothing now: post it again\n")


@pytest.mark.parametrize(
    ("path", "content", "status", "says"),
    [
        ("/scan/g3", b"{", 400, "no JSON object"),
        ("/scan/g3", b'{"card": "card:1", "time": "noon", "n": 1}', 400, "time: expected a time such as"),
        ("/scan/g9", b"{}", 404, "no device of line posts posts to /scan/g9"),
    ],
)
async def test_a_mistake_is_answered_in_words(path: str, content: bytes, status: int, says: str) -> None:
    async with posting(Agent()) as (client, _):
        answer = await client.post(path, content=content)
    assert answer.status_code == status
    assert says in answer.text


async def test_what_the_disk_refused_is_told_when_it_comes_again() -> None:
    agent = Agent()
    agent.takes = False
    async with posting(agent) as (client, notebook):
        assert (await client.post("/scan/g3", json=scan())).status_code == 503
        agent.takes = True
        assert (await client.post("/scan/g3", json=scan())).status_code == 200
        assert (await client.post("/scan/g3", json=scan())).status_code == 200
    assert len(events(notebook)) == 2, "once refused, once kept; the third is known"


async def test_a_device_that_says_it_goes_is_gone() -> None:
    async with posting(Agent()) as (client, notebook):
        await client.post("/alive/g3", content=b"online")
        await client.post("/alive/g3", content=b"offline")
    assert isinstance(notebook.seen[-1], Failed)


async def test_a_question_without_a_body_is_answered_and_ends_nothing() -> None:
    async with posting(Agent()) as (client, notebook):
        assert (await client.head("/")).status_code == 405
        assert (await client.post("/scan/g3", json=scan())).status_code == 200
    assert len(events(notebook)) == 1


async def test_only_who_knows_the_secret_may_post() -> None:
    async with posting(Agent(), secret=SECRET) as (client, notebook):
        assert (await client.post("/scan/g3", json=scan())).status_code == 401
        assert (await client.get("/scan/g3", auth=("reader", "secret"))).status_code == 405
        assert (await client.post("/scan/g3", json=scan(), auth=("reader", "secret"))).status_code == 200
    assert len(events(notebook)) == 1


@pytest.mark.parametrize(
    "said", [b"", b"POST /scan/g3 HTTP/1.1\r\nHost: x\r\n"], ids=["silent", "half a head"]
)
async def test_those_who_only_hold_a_place_keep_no_reader_out(said: bytes) -> None:
    async with posting(Agent(), secret=SECRET) as (client, notebook):
        signed_in = {"auth": ("reader", "secret")}
        assert (await client.post("/scan/g3", json=scan(1), **signed_in)).status_code == 200
        held = []
        for _ in range(80):
            _, writer = await asyncio.open_connection("127.0.0.1", client.base_url.port or 0)
            writer.write(said)
            held.append(writer)
        assert (await client.post("/scan/g3", json=scan(2), **signed_in)).status_code == 200
        async with httpx.AsyncClient(base_url=client.base_url) as other:
            assert (await other.post("/scan/g3", json=scan(3), **signed_in)).status_code == 200
        for writer in held:
            writer.close()
    assert len(events(notebook)) == 3


async def test_what_is_no_http_or_too_long_ends_its_connection_and_nothing_else() -> None:
    async with posting(Agent()) as (client, notebook):
        reader, writer = await asyncio.open_connection("127.0.0.1", client.base_url.port or 0)
        writer.write(b"\x16\x03\x01 nonsense\r\n\r\n")
        assert (await reader.read()).startswith(b"HTTP/1.1 400")
        writer.close()
        assert (await client.post("/scan/g3", content=bytes(9_000_000))).status_code == 413
        assert (await client.post("/scan/g3", json=scan())).status_code == 200
    assert len(events(notebook)) == 1


def hikvision(**event: object) -> dict[str, Any]:
    """As terminals post it: shape and names as in live payloads."""
    return {
        "ipAddress": "192.0.2.64",
        "dateTime": "2026-11-23T06:10:00+08:00",
        "eventType": "AccessControllerEvent",
        "eventState": "active",
        "AccessControllerEvent": {"deviceName": "gate", "majorEventType": 5, **event},
    }


async def test_a_face_at_a_terminal_is_a_person_in_its_zone_picture_or_not() -> None:
    async with posting(Agent(), "hikvision-access") as (client, notebook):
        face = json.dumps(hikvision(subEventType=75, employeeNoString="p-007", name="张伟"))
        form = {"event_log": (None, face, "application/json"), "Picture": ("face.jpg", b"\xff\xd8" * 9_000)}
        answer = await client.post("/hikvision/g3", files=form)
        assert (answer.status_code, answer.text) == (200, "OK\n")
        await client.post("/hikvision/g3", json=hikvision(subEventType=27))
        await client.post("/hikvision/g3", json={"eventType": "heartBeat"})
        await client.post("/hikvision/g3", json=hikvision(subEventType=1_234))
    assert [(e.type, e.person) for e in events(notebook)] == [
        ("access.granted", "p-007"),
        ("door.forced", None),
    ]
    heard = [seen for seen in notebook.seen if isinstance(seen, Covered)]
    assert len(heard) == 4, "a heartbeat and an unknown number show that it is there"


def test_a_doorway_is_an_address() -> None:
    assert parse_doorway("http://reader:secret@0.0.0.0:8081") == Doorway("0.0.0.0", 8081, SECRET)
    with pytest.raises(SettingsError, match="8081"):
        parse_doorway("http://0.0.0.0")


# --- the folder

RUN = ("generator.started", "generator.on_load", "generator.stopped")
LOG = "日期,启动时间,停机时间,带载,油位,记录人\n2026-11-03,09:00,09:25,是,82,p-021\n"


@contextlib.asynccontextmanager
async def taking(folder: Path, agent: Agent, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Notebook]:
    monkeypatch.setattr(inbox, "LOOK_S", 0.05)
    monkeypatch.setattr(inbox, "QUIET_S", 0.0)
    profile = load_profile(PROFILES / "generator-log.yaml")
    assert isinstance(profile, CsvProfile)
    read = file_reader(Device(id="dg-2"), profile, CHINA)
    async with running(
        InboxDriver("inbox", folder, {"dg-2": read}, {"dg-2": ("dg-2",)}, agent.services(WALL))
    ) as notebook:
        yield notebook


async def appears(path: Path) -> None:
    async with asyncio.timeout(PATIENCE_S):
        while not await asyncio.to_thread(path.exists):  # noqa: ASYNC110 - a file tells nobody
            await asyncio.sleep(0.02)


async def test_a_file_is_taken_once_whatever_its_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "dg-2"
    for life in range(2):
        async with taking(tmp_path, Agent(), monkeypatch) as notebook:
            drop(f"november-{life}.csv", LOG.encode(), folder)
            await appears(folder / "done" / f"november-{life}.csv")
        assert len(events(notebook)) == (3 if life == 0 else 0)
        assert len([seen for seen in notebook.seen if isinstance(seen, Measured)]) == (1 if life == 0 else 0)
        assert any(isinstance(seen, Covered) for seen in notebook.seen)


async def test_a_file_with_a_mistake_is_refused_in_words_and_nothing_of_it_is_taken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "dg-2"
    async with taking(tmp_path, Agent(), monkeypatch) as notebook:
        drop("bad.csv", LOG.replace("09:25", "9点").encode(), folder)
        said = folder / "refused" / "bad.errors.txt"
        await appears(said)
    assert "line 2, 日期 停机时间: expected a time such as" in said.read_text("utf-8")
    assert (folder / "refused" / "bad.csv").read_text("utf-8").startswith("日期")
    (fault,) = events(notebook)
    assert (fault.device, fault.type, fault.data["cause"]) == ("dg-2", "device.fault", "file_refused")
    assert str(fault.data["why"]).startswith("bad.csv: line 2, 日期 停机时间: expected a time such as")
    assert not any(isinstance(seen, Covered) for seen in notebook.seen)


async def test_a_line_that_is_left_out_is_a_fault_until_a_file_without_any(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    agent, folder = Agent(), tmp_path / "dg-2"
    text = LOG + "2000-01-01,09:00,09:25,是,82,p-021\n"
    async with taking(tmp_path, agent, monkeypatch) as notebook:
        drop("wand.csv", text.encode("gb18030"), folder)
        await appears(folder / "done" / "wand.errors.txt")
    told = [(event.type, event.data.get("state")) for event in events(notebook)]
    assert told == [*((kind, None) for kind in RUN), ("device.fault", "active")]
    assert [seen.partly for seen in notebook.seen if isinstance(seen, Covered)] == [True]
    async with taking(tmp_path, agent, monkeypatch) as notebook:
        drop("next.csv", LOG.replace("11-03", "11-04").encode(), folder)
        fault = await notebook.until_told("device.fault")
    assert fault.data == {"state": "cleared"}


async def test_a_file_waits_while_the_disk_refuses(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    agent, folder = Agent(), tmp_path / "dg-2"
    agent.takes = False
    async with taking(tmp_path, agent, monkeypatch) as notebook:
        drop("november.csv", LOG.encode(), folder)
        await notebook.until_told("generator.started")
        assert (folder / "november.csv").exists()
        agent.takes = True
        await appears(folder / "done" / "november.csv")


def test_a_folder_is_a_path(tmp_path: Path) -> None:
    assert parse_inbox("csv:///var/lib/in") == Path("/var/lib/in")
    with pytest.raises(SettingsError, match="csv:///"):
        parse_inbox("csv://host/in")
    drop("a.csv", b"", tmp_path)
    with pytest.raises(FileExistsError, match="waits to be taken"):
        drop("a.csv", b"", tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["a.csv"]
