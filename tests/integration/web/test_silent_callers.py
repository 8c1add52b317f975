"""Callers that ask nothing, or never finish, take nobody's place."""

import contextlib
import socket

import httpx

from cloud.store.memory import MemoryStore
from cloud.store.memory_reads import MemoryReader
from cloud.web.app import create_app
from cloud.web.connections import MOST_SILENT_OF_ADDRESS
from cloud.web.options import WebOptions
from tests import samples
from tests.waiting import PATIENCE_S
from tests.webserver import no_post, serving

MANY = 1_100


def test_a_thousand_silent_callers_keep_nobody_out() -> None:
    app = create_app(MemoryReader(MemoryStore()), [samples.site()], WebOptions(), post=no_post())
    with serving(app) as server, contextlib.ExitStack() as stack:
        address = server.address
        place = httpx.URL(address)
        silent = []
        for number in range(MANY):
            caller = socket.create_connection((place.host, place.port or 0), PATIENCE_S)
            stack.callback(caller.close)
            silent.append(caller)
            if number % 3 == 0:
                caller.sendall(b"GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\n")
            if number % 100 == 99:
                assert httpx.get(f"{address}/healthz", timeout=PATIENCE_S).status_code == 200
        ended = 0
        for caller in silent[: MANY - 2 * MOST_SILENT_OF_ADDRESS]:
            caller.settimeout(PATIENCE_S)
            with contextlib.suppress(ConnectionResetError):
                assert caller.recv(1) == b""
            ended += 1
        assert ended == MANY - 2 * MOST_SILENT_OF_ADDRESS
