"""Simulated devices that call the agent by themselves: transmitters over TCP, readers that post by HTTP.

Each has a queue of what it has to say, and says it again until the agent has confirmed it.
"""

import asyncio
import contextlib
import http.client
import ipaddress
import urllib.parse
from base64 import b64encode
from collections import deque

import structlog

from firmware_sim.device.publisher import Message
from firmware_sim.device.transmitter import confirmed, sequence_of

AGAIN_S = 2.0
ANSWER_S = 5.0
_CHUNK = 4096

log = structlog.get_logger("firmware_sim.adapters.callers")


class TransmitterCall:
    """Keeps a connection to where transmitters call, and sends frames until they are confirmed."""

    def __init__(self, url: str) -> None:
        parts = urllib.parse.urlsplit(url)
        self._host, self._port = _reachable(parts.hostname), parts.port or 0
        self._frames: deque[bytes] = deque()
        self._more = asyncio.Event()

    def send(self, frames: list[bytes]) -> None:
        """Put frames to the end of the queue."""
        self._frames.extend(frames)
        self._more.set()

    @property
    def waiting(self) -> int:
        """How many frames are not confirmed yet."""
        return len(self._frames)

    async def run(self) -> None:
        """Call until cancelled."""
        while True:
            with contextlib.suppress(OSError, TimeoutError):
                await self._call()
            await asyncio.sleep(AGAIN_S)

    async def _call(self) -> None:
        reader, writer = await asyncio.open_connection(self._host, self._port)
        try:
            while True:
                while self._frames:
                    frame = self._frames[0]
                    writer.write(frame)
                    async with asyncio.timeout(ANSWER_S):
                        await _confirmation(reader, sequence_of(frame))
                    self._frames.popleft()
                self._more.clear()
                await self._more.wait()
        finally:
            writer.close()


async def _confirmation(reader: asyncio.StreamReader, sequence: int) -> None:
    heard = b""
    while sequence not in confirmed(heard):
        data = await reader.read(_CHUNK)
        if not data:
            raise ConnectionResetError
        heard += data


class Poster:
    """Posts messages, one after the other, until each is answered; what is refused as wrong is told and left."""

    def __init__(self, url: str) -> None:
        parts = urllib.parse.urlsplit(url)
        self._host, self._port = _reachable(parts.hostname), parts.port or 80
        self._headers = {"content-type": "application/json"}
        if parts.username is not None:
            who = f"{urllib.parse.unquote(parts.username)}:{urllib.parse.unquote(parts.password or '')}"
            self._headers["authorization"] = "Basic " + b64encode(who.encode()).decode()
        self._messages: deque[Message] = deque()
        self._more = asyncio.Event()

    def send(self, messages: list[Message]) -> None:
        """Put messages to the end of the queue."""
        self._messages.extend(messages)
        self._more.set()

    async def run(self) -> None:
        """Post until cancelled."""
        while True:
            await self._more.wait()
            self._more.clear()
            while self._messages:
                try:
                    status, text = await asyncio.to_thread(self._post, self._messages[0])
                except (OSError, http.client.HTTPException):
                    status, text = 503, ""
                if status >= 500:
                    await asyncio.sleep(AGAIN_S)
                    continue
                if status >= 400:
                    log.warning("a post was refused", action="post_refused", why=text)
                self._messages.popleft()

    def _post(self, message: Message) -> tuple[int, str]:
        connection = http.client.HTTPConnection(self._host, self._port, timeout=ANSWER_S)
        try:
            connection.request(message.method, f"/{message.topic}", message.payload or None, self._headers)
            answer = connection.getresponse()
            return answer.status, answer.read().decode("utf-8", "replace")
        finally:
            connection.close()


def _reachable(host: str | None) -> str:
    """An agent that listens everywhere is called here."""
    with contextlib.suppress(ValueError):
        if ipaddress.ip_address(host or "").is_unspecified:
            return "127.0.0.1"
    return host or "127.0.0.1"
