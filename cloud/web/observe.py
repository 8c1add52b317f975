"""Counts requests by their route, and how long the answer took to begin."""

from typing import Final

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from cloud.web.metrics import WebMetrics
from cloud.web.stream import Clock

_ELSEWHERE: Final = "other"


class Observer:
    """ASGI middleware; `monotonic` is a clock in ms."""

    def __init__(self, app: ASGIApp, metrics: WebMetrics, monotonic: Clock) -> None:
        self._app = app
        self._metrics = metrics
        self._monotonic = monotonic

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one connection."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        begun = self._monotonic()

        async def send_counted(message: Message) -> None:
            if message["type"] == "http.response.start":
                route = getattr(scope.get("route"), "path", _ELSEWHERE)
                self._metrics.requests.labels(scope["method"], route, str(message["status"])).inc()
                self._metrics.seconds.labels(route).observe((self._monotonic() - begun) / 1_000)
            await send(message)

        await self._app(scope, receive, send_counted)
