"""The web part as a real server on a free port, and a scene on a site to look at."""

import asyncio
import contextlib
import dataclasses
import json
import threading
import time
from collections.abc import Iterator
from typing import Any

import httpx
from fastapi import FastAPI

from cloud.broker.memory import MemoryLine, MemoryPost
from cloud.correlation.rules import EventFilter, Response, RuleBook, RuleVersion
from cloud.correlation.verdict import Outcome
from cloud.store.base import BlindRow, IncidentKind
from cloud.web.server import WebServer
from contract.site import Text
from tests import samples
from tests.samples import SITE
from tests.waiting import PATIENCE_S


def no_post() -> MemoryPost:
    """A way in that nobody reads: for tests that only look."""
    return MemoryPost(MemoryLine(lambda: 0))


EVIDENCE = EventFilter(("checkpoint.scan", "access.granted"))
RULES = RuleBook(
    (
        RuleVersion(
            Response(
                id="ER-2",
                on=EventFilter("fire.alarm"),
                expect=EVIDENCE,
                within="2m",
                name=Text(zh="火警到场", en="Someone at the fire"),
                source=Text(zh="火警为2分钟内赶到现场", en="within 2 minutes for fire"),
            ),
            0,
            None,
        ),
        RuleVersion(
            Response(
                id="ER-3",
                on=EventFilter(("fire.alarm", "emergency.call")),
                expect=EVIDENCE,
                within="5m",
                name=Text(zh="报警核实", en="Alarm verified"),
            ),
            0,
            None,
        ),
    )
)


@contextlib.contextmanager
def serving(app: FastAPI) -> Iterator[WebServer]:
    """The app, answering at `address`, in a thread of its own."""
    server = WebServer(app)
    thread = threading.Thread(target=lambda: asyncio.run(server.run_until_stopped()))
    thread.start()
    try:
        deadline = time.monotonic() + PATIENCE_S
        while not server.started and time.monotonic() < deadline:
            time.sleep(0.01)
        yield server
    finally:
        server.stop()
        thread.join(PATIENCE_S)


@dataclasses.dataclass
class Message:
    """One message of a live stream."""

    event: str
    id: str
    data: Any


@contextlib.contextmanager
def streaming(address: str, *, place: str | None = None, **query: Any) -> Iterator[Iterator[Message]]:
    """The messages of the live stream at an address, from a place on."""
    headers = {"Last-Event-ID": place} if place is not None else {}
    url = f"{address}/api/v1/stream"
    with (
        httpx.Client(timeout=PATIENCE_S) as client,
        client.stream("GET", url, params=query, headers=headers) as answer,
    ):
        assert answer.status_code == 200, answer.read()
        assert answer.headers["content-type"].startswith("text/event-stream")
        yield parse(answer.iter_lines())


def parse(lines: Iterator[str]) -> Iterator[Message]:
    """Server-sent events as the WHATWG HTML standard section 9.2.6 reads them."""
    fields: dict[str, str] = {}
    for line in lines:
        if line:
            name, _, value = line.partition(":")
            fields[name] = value.removeprefix(" ")
        elif "data" in fields:
            yield Message(fields.get("event", "message"), fields.get("id", ""), json.loads(fields["data"]))
            fields = {}


def until(messages: Iterator[Message], event: str) -> Message:
    """The next message of a kind."""
    return next(message for message in messages if message.event == event)


def now_ms() -> int:
    return time.time_ns() // 1_000_000


def scene(now: int) -> dict[str, Any]:
    """A fire answered by nobody yet, one that is overdue, a link that is down, and a few verdicts."""
    fire, overdue = now - 35_000, now - 200_000
    late = samples.incident("late", opened_at=overdue, subject="gate")
    late_episode = late.episodes[0].__class__(
        rule="ER-2", key="gate", opened_at=overdue, due_at=overdue + 120_000, outcome="pending",
        final=False, reason="waiting", overdue=True,
    )  # fmt: skip
    link = samples.incident(
        "link",
        opened_at=now - 75_000,
        kind=IncidentKind.LINK,
        subject="gw-2",
        cause="",
        episodes=(),
        trigger=None,
    )
    past = [
        samples.verdict("b1", opened_at=now - 3_600_000, outcome=Outcome.MET, revision=2),
        samples.verdict("gate", opened_at=now - 7_200_000, outcome=Outcome.BREACHED, revision=2),
        samples.verdict("b1", opened_at=now - 9_200_000, outcome=Outcome.UNKNOWN, revision=2),
        samples.verdict("gate", opened_at=now - 90_000_000, outcome=Outcome.MET, revision=3),
    ]
    return {
        "incidents": [
            samples.incident("fire", opened_at=fire),
            samples.incident("late", opened_at=overdue, subject="gate", episodes=(late_episode,)),
            link,
        ],
        "verdicts": [
            *past,
            samples.verdict("b1", opened_at=fire),
            samples.verdict("gate", opened_at=overdue),
        ],
        "devices": [
            samples.device("panel-1", now),
            samples.device("cp-b1", now - 9_000),
            samples.device("cp-gate", now - 40_000, complete_to=now - 1_000),
            samples.device("wand-1", now - 7_000_000),
            samples.device("t-9", now, known=False),
        ],
        "blind": [BlindRow(site=SITE, device="cp-gate", start=now - 300_000, end=now)],
        "agents": [samples.agent("gw-1", now), samples.agent("gw-2", now - 75_000)],
    }
