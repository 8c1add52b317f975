"""The web part as a real server, on PostgreSQL."""

import signal
import subprocess
import sys
import threading

import httpx
import psycopg
import pytest
from fastapi import FastAPI
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from cloud.errors import SettingsError
from cloud.store.postgres.reads import PostgresReader
from cloud.web.app import create_app
from cloud.web.options import WebOptions
from cloud.web.server import WebServer
from tests import samples
from tests.samples import Scribe
from tests.waiting import PATIENCE_S
from tests.webserver import no_post, serving, streaming, until

PROCESS = """
import asyncio, sys
from cloud.broker.memory import MemoryLine, MemoryPost
from cloud.store.memory import MemoryStore
from cloud.store.memory_reads import MemoryReader
from cloud.web.app import create_app
from cloud.web.options import WebOptions
from cloud.web.server import WebServer
server = WebServer(create_app(MemoryReader(MemoryStore()), [], WebOptions(), post=MemoryPost(MemoryLine(lambda: 0))), own_signals=True)
print(server.address, flush=True)
asyncio.run(server.run_until_stopped())
"""


def app_of(dsn: str) -> FastAPI:
    return create_app(PostgresReader(dsn), [samples.site()], WebOptions(), post=no_post())


@pytest.mark.parametrize("sent", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_the_process_while_a_stream_is_open(sent: signal.Signals) -> None:
    process = subprocess.Popen([sys.executable, "-c", PROCESS], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    address = process.stdout.readline().strip()
    with streaming(address) as messages:
        assert next(messages).event == "hello"
        process.send_signal(sent)
        assert next(messages).data["reason"] == "stopping"
        # The reader keeps its end open: the process does not wait for it.
        process.wait(PATIENCE_S)
    process.stdout.close()


def test_each_commit_reaches_the_client_before_the_next(dsn: str, scribe: Scribe) -> None:
    with serving(app_of(dsn)) as server, streaming(server.address, site="demo") as messages:
        assert next(messages).event == "hello"
        for number in range(5):
            scribe.write(verdicts=[samples.verdict(revision=number + 1)])
            assert until(messages, "verdict").data["row"]["revision"] == number + 1


def test_a_client_misses_nothing_over_a_restart_of_the_server(dsn: str, scribe: Scribe) -> None:
    seen = []
    with serving(app_of(dsn)) as server, streaming(server.address, site="demo") as messages:
        place = next(messages).id
        scribe.write(verdicts=[samples.verdict(revision=1), samples.verdict("gate", revision=1)])
        first = until(messages, "verdict")
        seen.append((first.data["row"]["key"], first.data["row"]["revision"]))
        place = first.id
    scribe.write(verdicts=[samples.verdict(revision=2)])
    with serving(app_of(dsn)) as server, streaming(server.address, site="demo", place=place) as messages:
        hello = next(messages)
        assert hello.data["resumed"]
        scribe.write(verdicts=[samples.verdict(revision=3)])
        for _ in range(3):
            row = until(messages, "verdict").data["row"]
            seen.append((row["key"], row["revision"]))
    assert seen == [("b1", 1), ("gate", 1), ("b1", 2), ("b1", 3)]


def test_the_stream_lives_through_an_outage_of_the_database(dsn: str, scribe: Scribe) -> None:
    with serving(app_of(dsn)) as server, streaming(server.address, site="demo") as messages:
        assert next(messages).data["live"]
        with outage(dsn):
            assert not until(messages, "heartbeat").data["live"]
            refused = httpx.get(f"{server.address}/api/v1/sites/demo/events")
            assert refused.status_code == 503
            assert refused.headers["content-type"] == "application/problem+json"
            assert refused.headers["retry-after"] == "2"
            assert httpx.get(f"{server.address}/readyz").status_code == 503
            assert httpx.get(f"{server.address}/healthz").status_code == 200
        from cloud.store.postgres.writer import PostgresStore

        again = Scribe(PostgresStore(dsn).open(3))
        again.write(verdicts=[samples.verdict()])
        assert until(messages, "verdict").data["row"]["key"] == "b1"
        assert until(messages, "heartbeat").data["live"]
        assert httpx.get(f"{server.address}/readyz").status_code == 200
        again.writer.close()


class outage:  # noqa: N801 - reads as a word
    """The database lets nobody in, and throws out who is there."""

    def __init__(self, dsn: str) -> None:
        self._name = conninfo_to_dict(dsn)["dbname"]
        self._admin = make_conninfo(dsn, dbname="postgres")

    def __enter__(self) -> None:
        self._say(f'alter database "{self._name}" with allow_connections false')
        self._say(f"select pg_terminate_backend(pid) from pg_stat_activity where datname = '{self._name}'")

    def __exit__(self, *_: object) -> None:
        self._say(f'alter database "{self._name}" with allow_connections true')

    def _say(self, statement: str) -> None:
        with psycopg.connect(self._admin, autocommit=True) as connection:
            connection.execute(statement.encode())


def test_many_clients_of_one_site_are_told_the_same(dsn: str, scribe: Scribe) -> None:
    told: list[list[int]] = [[] for _ in range(8)]

    def listen(address: str, mine: list[int], ready: threading.Barrier) -> None:
        with streaming(address, site="demo", kind="verdict") as messages:
            next(messages)
            ready.wait(PATIENCE_S)
            mine += [until(messages, "verdict").data["row"]["revision"] for _ in range(20)]

    with serving(app_of(dsn)) as server:
        ready = threading.Barrier(9)
        threads = [threading.Thread(target=listen, args=(server.address, mine, ready)) for mine in told]
        for thread in threads:
            thread.start()
        ready.wait(PATIENCE_S)
        scribe.write_all([{"verdicts": [samples.verdict(revision=number)]} for number in range(1, 21)])
        for thread in threads:
            thread.join(PATIENCE_S)
    assert told == [list(range(1, 21))] * 8


def test_a_port_that_is_taken_is_named() -> None:
    from cloud.store.memory import MemoryStore
    from cloud.store.memory_reads import MemoryReader

    with serving(create_app(MemoryReader(MemoryStore()), [], WebOptions(), post=no_post())) as server:
        port = int(server.address.rpartition(":")[2])
        with pytest.raises(SettingsError, match=f"port {port}: can't listen there"):
            WebServer(create_app(MemoryReader(MemoryStore()), [], WebOptions(port=port), post=no_post()))
