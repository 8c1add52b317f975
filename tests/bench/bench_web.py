"""How long a commit takes to reach a client of the live stream, and how much the stream carries."""

import contextlib
import threading
import time
from collections.abc import Iterator
from typing import Any

from cloud.store.postgres.reads import PostgresReader
from cloud.store.postgres.writer import PostgresStore
from cloud.web.app import create_app
from cloud.web.options import WebOptions
from tests import samples
from tests.databases import fresh_database
from tests.samples import NOON, Scribe
from tests.webserver import no_post, serving, streaming, until

LATENCY_COMMITS = 300
PAUSE_S = 0.02
FLOOD_COMMITS, FLOOD_EVENTS = 20, 1_000


def run(scale: float = 1.0) -> list[dict[str, Any]]:
    """Event in the store's commit to the client, with an idle line; then a backlog read at full speed."""
    with contextlib.ExitStack() as stack:
        dsn = stack.enter_context(fresh_database("embedded"))
        writer = stack.enter_context(contextlib.closing(PostgresStore(dsn).open(3)))
        server = stack.enter_context(
            serving(create_app(PostgresReader(dsn), [samples.site()], WebOptions(), post=no_post()))
        )
        scribe = Scribe(writer)
        delays = sorted(_delays(server.address, scribe, max(20, int(LATENCY_COMMITS * scale))))
        rate = _catching_up(server.address, scribe, max(2, int(FLOOD_COMMITS * scale)))
    return [
        {"name": "commit to SSE client, idle line, p50", "value": _percentile(delays, 0.50), "unit": "ms"},
        {"name": "commit to SSE client, idle line, p99", "value": _percentile(delays, 0.99), "unit": "ms"},
        {"name": "SSE catching up, one client", "value": rate, "unit": "events/s"},
    ]


def _percentile(ordered: list[float], share: float) -> float:
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


def _delays(address: str, scribe: Scribe, count: int) -> Iterator[float]:
    began: dict[str, float] = {}
    ready = threading.Event()

    def write() -> None:
        ready.wait(10)
        for number in range(count):
            began[str(number)] = time.perf_counter()
            scribe.write(events=[samples.events(samples.event(number, NOON + number))])
            time.sleep(PAUSE_S)

    thread = threading.Thread(target=write)
    thread.start()
    with streaming(address, site="demo") as messages:
        next(messages)
        ready.set()
        for _ in range(count):
            row = until(messages, "event").data["row"]
            yield (time.perf_counter() - began[row["seq"]]) * 1_000
    thread.join()


def _catching_up(address: str, scribe: Scribe, commits: int) -> float:
    place = f"3:{scribe.commit_no}"
    for number in range(commits):
        happened = [samples.event(100_000 + number * FLOOD_EVENTS + each) for each in range(FLOOD_EVENTS)]
        scribe.write(events=[samples.events(*happened)])
    began = time.perf_counter()
    with streaming(address, site="demo", place=place) as messages:
        for _ in range(commits * FLOOD_EVENTS):
            until(messages, "event")
    return commits * FLOOD_EVENTS / (time.perf_counter() - began)
