"""Where readers post: an HTTP server that says yes once what was posted is on disk.

Bodies are what their profile says; of a multipart form the first part that is a JSON object counts (access terminals
add a picture). A GET is taken where a profile expects one: a handshake, a heartbeat, values in the query.
"""

import asyncio
import base64
import contextlib
import hmac
import io
import urllib.parse
from collections import defaultdict
from typing import Final

import h11
import msgspec
import structlog
from python_multipart.exceptions import FormParserError
from python_multipart.multipart import Field, File, parse_form

from edge import clock
from edge.drivers.calls import Calls
from edge.endpoints import nothing_else
from edge.errors import SettingsError
from edge.ports import Services, Sink
from edge.posts import Posts
from edge.receipts import Message, Receipts
from edge.said import Call

MOST_BODY: Final = 8 * 1024 * 1024
"""A face terminal's picture is some hundred kB."""
PATIENCE_S: Final = 60.0
HEAD_S: Final = 10.0
"""So long may somebody need who has not said yet who they are."""
LOOK_S: Final = 5.0
_PIECE: Final = 65_536

log = structlog.get_logger("edge.drivers.http")


class Doorway(msgspec.Struct, frozen=True):
    """The address to listen on; `secret` is what a reader must say of itself, None where anybody may post."""

    host: str
    port: int
    secret: bytes | None = None


def parse_doorway(url: str) -> Doorway:
    """The address that `http://host:port` or `http://name:password@host:port` names.

    Raises:
        SettingsError: The URL has another form.
    """
    parts = urllib.parse.urlsplit(url)
    try:
        port = parts.port
    except ValueError:
        port = None
    if parts.scheme != "http" or not parts.hostname or port is None or parts.path.strip("/"):
        raise SettingsError(f"expected where readers post, such as http://0.0.0.0:8081, found {url!r}")
    nothing_else(url, parts, "login", "place", "path")
    secret = None
    if parts.username is not None:
        name, password = urllib.parse.unquote(parts.username), urllib.parse.unquote(parts.password or "")
        secret = b"Basic " + base64.b64encode(f"{name}:{password}".encode())
    return Doorway(parts.hostname, port, secret)


class _Answer(msgspec.Struct, frozen=True):
    status: int
    text: str = "OK"


class HttpDriver:
    """See `edge.ports.Driver`."""

    def __init__(self, line: str, where: Doorway, posts: Posts, services: Services) -> None:
        self._line = line
        self._where = where
        self._posts = posts
        self._services = services
        self._receipts = Receipts(services.kept)
        self._turns: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)
        self._note = f"posts/{line}"
        self._states: dict[str, bytes] = {}
        self.port = 0
        """Where it listens, once it does."""

    async def run(self, sink: Sink) -> None:
        """See `Driver.run`."""
        self._posts.recall(await self._services.recall(self._note))
        for device in self._posts.devices:
            self._posts.recall_states(device, await self._services.recall(f"states/{device}"))
        calls = Calls(self._line, lambda reader, writer: self._serve(reader, writer, sink, calls))
        server = await calls.listen(self._where.host, self._where.port)
        self.port = server.sockets[0].getsockname()[1]
        try:
            await self._look_around(sink)
        finally:
            server.close()
            await calls.close()

    async def _look_around(self, sink: Sink) -> None:
        while True:
            if seen := self._posts.look_around(clock.boot_ms()):
                sink.put(seen)
            await asyncio.sleep(LOOK_S)

    async def _serve(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, sink: Sink, calls: Calls
    ) -> None:
        call, is_known = _Call(reader, writer), False
        try:
            async with asyncio.timeout(None) as patience:
                while True:
                    now = asyncio.get_running_loop().time
                    patience.reschedule(now() + (PATIENCE_S if is_known else HEAD_S))
                    request = await call.request()
                    patience.reschedule(now() + PATIENCE_S)
                    refusal = self._refusal(request)
                    if refusal is not None:
                        await call.answer(refusal, last=True)
                        return
                    calls.known()
                    is_known = True
                    await call.answer(await self._take(request, await call.body(), sink))
                    if not call.goes_on():
                        return
        except h11.RemoteProtocolError as error:
            with contextlib.suppress(OSError, h11.ProtocolError):
                await call.refuse(_Answer(error.error_status_hint, str(error)))
        except (TimeoutError, h11.LocalProtocolError) as error:
            raise EOFError(str(error)) from error
        finally:
            writer.close()

    def _refusal(self, request: h11.Request) -> _Answer | None:
        """Why a request is not even read; None when it is."""
        headers = dict(request.headers)
        if self._where.secret is not None and not hmac.compare_digest(
            headers.get(b"authorization", b""), self._where.secret
        ):
            return _Answer(401, "sign in with the name and password of this line")
        if request.method not in {b"POST", b"PUT", b"GET"}:
            return _Answer(405, "post here")
        path, call = _called(request)
        if request.method == b"GET" and not self._posts.expects(path, call):
            return _Answer(405, "post here")
        return None

    async def _take(self, request: h11.Request, body: bytes, sink: Sink) -> _Answer:
        headers = dict(request.headers)
        path, call = _called(request)
        try:
            message = await asyncio.to_thread(_message, headers.get(b"content-type", b""), body)
        except ValueError as error:
            return _Answer(400, str(error))
        if not self._posts.expects(path, call):
            return _Answer(404, f"no device of line {self._line} posts to /{path}")
        async with self._turns[path]:
            return await self._keep(path, message, call, sink)

    async def _keep(self, path: str, message: bytes, call: Call, sink: Sink) -> _Answer:
        post = self._posts.hears(path, message, clock.boot_ms(), call)
        if post is None:
            return _Answer(404, f"no device of line {self._line} posts to /{path}")
        key = (path, tuple(call.query.items()), message)
        if not await self._receipts.keep(sink, Message(key, post.seen, post.forget)):
            return _Answer(503, "the disk takes nothing now: post it again")
        if post.notes is not None:
            await self._services.remember(self._note, post.notes)
        for device, note in post.states.items():
            if self._states.get(device) != note:
                self._states[device] = note
                await self._services.remember(f"states/{device}", note)
        return _Answer(400, post.why) if post.why else _Answer(200, post.answer or "OK")


def _called(request: h11.Request) -> tuple[str, Call]:
    """The path of a request, and how it was called."""
    path, _, words = request.target.decode("latin-1").partition("?")
    query = dict(urllib.parse.parse_qsl(words, keep_blank_values=True))
    return urllib.parse.unquote(path).strip("/"), Call(request.method.decode("ascii"), query)


def _message(content_type: bytes, body: bytes) -> bytes:
    """The JSON object in a body.

    Raises:
        ValueError: A form that can't be read, or has none.
    """
    if not content_type.lower().startswith(b"multipart/form-data"):
        return body
    found: list[bytes] = []

    def on_field(field: Field) -> None:
        if field.value is not None and field.value.lstrip()[:1] == b"{":
            found.append(field.value)

    def on_file(file: File) -> None:
        file.file_object.seek(0)
        start = file.file_object.read(1)
        if start == b"{":
            found.append(start + file.file_object.read())
        file.close()

    try:
        parse_form({"Content-Type": content_type}, io.BytesIO(body), on_field, on_file)
    except (FormParserError, OSError) as error:
        raise ValueError(f"a form that can't be read: {error}") from error
    if not found:
        raise ValueError("no part of the form is a JSON object")
    return found[0]


class _Call:
    """One connection of a reader."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        self._http = h11.Connection(h11.SERVER)
        self._has_body = True

    async def request(self) -> h11.Request:
        """The head of the next request.

        Raises:
            EOFError: There is none.
            h11.RemoteProtocolError: It is no HTTP, or too long.
        """
        event = await self._next()
        if isinstance(event, h11.Request):
            self._has_body = event.method != b"HEAD"
            return event
        raise EOFError

    async def body(self) -> bytes:
        """The body of the request. Raises as `request` does."""
        body = bytearray()
        while isinstance(event := await self._next(), h11.Data):
            body += event.data
            if len(body) > MOST_BODY:
                raise h11.RemoteProtocolError(f"more than {MOST_BODY} bytes", error_status_hint=413)
        if isinstance(event, h11.EndOfMessage):
            return bytes(body)
        raise EOFError

    async def _next(self) -> object:
        while (event := self._http.next_event()) is h11.NEED_DATA:
            if self._http.they_are_waiting_for_100_continue:
                self._send(h11.InformationalResponse(status_code=100, headers=[]))
            self._http.receive_data(await self._reader.read(_PIECE))
        return event

    async def answer(self, answer: _Answer, *, last: bool = False) -> None:
        text = (answer.text + "\n").encode()
        headers = [("content-type", "text/plain; charset=utf-8"), ("content-length", str(len(text)))]
        if last:
            headers.append(("connection", "close"))
        if answer.status == 401:
            headers.append(("www-authenticate", 'Basic realm="sitewarden"'))
        self._send(h11.Response(status_code=answer.status, headers=headers))
        if self._has_body:
            self._send(h11.Data(data=text))
        self._send(h11.EndOfMessage())
        await self._writer.drain()

    async def refuse(self, answer: _Answer) -> None:
        """Answer what was no request, if that may still be."""
        if self._http.our_state in {h11.IDLE, h11.SEND_RESPONSE}:
            await self.answer(answer)

    def goes_on(self) -> bool:
        """Whether the connection takes another request."""
        if self._http.our_state is not h11.DONE or self._http.their_state is not h11.DONE:
            return False
        self._http.start_next_cycle()
        return True

    def _send(self, event: h11.Event) -> None:
        self._writer.write(self._http.send(event) or b"")
