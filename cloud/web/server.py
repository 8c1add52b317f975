"""The server around the application: it stops at once also while live streams are open.

uvicorn waits for open responses before it runs the lifespan's end, and a live stream never ends by itself. So
the streams are told here, at the moment the server is asked to exit.
"""

import asyncio
import contextlib
import socket
from collections.abc import Iterator
from types import FrameType
from typing import Final

import uvicorn
from fastapi import FastAPI
from typing_extensions import override

from cloud.errors import SettingsError
from cloud.web.connections import Lobby, guarded, raise_descriptor_limit, say_once
from cloud.web.context import context_in

BACKLOG: Final = 2_048
"""Connections that may wait to be taken."""
GRACE_S: Final = 3
"""How long open requests may take to finish once the server is to stop."""
DEAD_CLIENT_MS: Final = 60_000
"""A client that takes nothing for so long is gone: its connection is ended by the kernel."""


class WebServer(uvicorn.Server):
    """Serves one application made by `create_app`, at the place its options name.

    With `own_signals` false whoever runs `serve` sees to the process's signals, and calls `stop`.
    """

    def __init__(self, app: FastAPI, *, own_signals: bool = False) -> None:
        config = uvicorn.Config(
            app,
            http=guarded(Lobby(raise_descriptor_limit())),
            log_config=None,
            access_log=False,
            server_header=False,
            date_header=False,
            timeout_graceful_shutdown=GRACE_S,
            h11_max_incomplete_event_size=32 * 1024,
            proxy_headers=True,
            forwarded_allow_ips="127.0.0.1",
            backlog=BACKLOG,
        )
        super().__init__(config)
        self._context = context_in(app)
        self._own_signals = own_signals
        self._loop: asyncio.AbstractEventLoop | None = None
        self._socket = _listen(self._context.options.host, self._context.options.port)

    @property
    def address(self) -> str:
        """Where people point their browser."""
        host, port = self._socket.getsockname()[:2]
        return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"

    async def run_until_stopped(self) -> None:
        """Serve until `stop` is called, or a signal comes if signals are this server's own business."""
        self._loop = asyncio.get_running_loop()
        say_once(self._loop)
        with contextlib.closing(self._socket):
            await self.serve(sockets=[self._socket])

    def stop(self) -> None:
        """Stop serving. From any thread, and from a signal's handler."""
        self.should_exit = True
        if self._loop is not None and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._context.feed.stop)

    @override
    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        # First: a second Ctrl-C forces the end, and is known by `should_exit` being set before it.
        super().handle_exit(sig, frame)
        self.stop()

    @override
    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        if self._own_signals:
            with super().capture_signals():
                yield
        else:
            yield


def _listen(host: str, port: int) -> socket.socket:
    with contextlib.ExitStack() as closed_on_error:
        try:
            family, kind, proto, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
            listening = closed_on_error.enter_context(socket.socket(family, kind, proto))
            listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            # What is accepted inherits these.
            listening.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
            if hasattr(socket, "TCP_USER_TIMEOUT"):
                listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, DEAD_CLIENT_MS)
            listening.bind(address)
            # From here on clients wait in line until the server answers, instead of being refused.
            listening.listen(BACKLOG)
        except OSError as error:
            message = f"web host {host} port {port}: can't listen there: {error.strerror}"
            raise SettingsError(message) from error
        closed_on_error.pop_all()
        return listening
