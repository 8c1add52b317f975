"""Receivers of notices on the loopback: a web server that answers as it is told, and a mail server."""

import contextlib
import email
import email.policy
import threading
from collections.abc import Iterator
from email.message import EmailMessage
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import msgspec
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import Envelope
from typing_extensions import override

from cloud.clock import now_ms
from sitewarden.embedded.ports import free_port
from tests.waiting import PATIENCE_S


class Call(msgspec.Struct, frozen=True):
    """One request as it came."""

    at: int
    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def notice(self) -> str:
        """The id of the notice in it."""
        return str(msgspec.json.decode(self.body)["id"])


class Receiver(ThreadingHTTPServer):
    """Answers 200, or first what `answers` says; on `/hang`, nothing until `release` is set; on `/trickle`, without end."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.calls: list[Call] = []
        self.answers: list[int] = []
        self.says: list[str] = []
        """What the next answers say, instead of a word of thanks."""
        self.release = threading.Event()

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self.server_port}"

    def notices(self, path: str = "/hook") -> list[str]:
        """The ids of the notices that came to a path, in their order."""
        return [call.notice for call in self.calls if call.path == path]


class _Handler(BaseHTTPRequestHandler):
    server: Receiver

    def do_POST(self) -> None:
        length = int(self.headers["Content-Length"])
        body = self.rfile.read(length)
        if len(body) < length:
            # Whoever sent it has died meanwhile: nothing that a receiver could use has come.
            return
        self.server.calls.append(Call(now_ms(), self.path, dict(self.headers.items()), body))
        if self.path == "/hang":
            self.server.release.wait(PATIENCE_S)
        if self.path == "/trickle":
            self._trickle()
        answers = self.server.answers
        with contextlib.suppress(OSError):
            self.send_response(answers.pop(0) if answers else 200)
            self.end_headers()
            says = self.server.says
            self.wfile.write((says.pop(0) if says else "已收到").encode())

    def _trickle(self) -> None:
        with contextlib.suppress(OSError):
            self.wfile.write(b"HTTP/1.0 200 OK\r\nX-Slow: ")
            while not self.server.release.wait(0.02):
                self.wfile.write(b".")

    @override
    def log_message(self, format: str, *args: Any) -> None:
        return


@contextlib.contextmanager
def receiver() -> Iterator[Receiver]:
    """A running one."""
    server = Receiver()
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    yield server
    server.release.set()
    server.shutdown()
    server.server_close()
    thread.join(PATIENCE_S)


class Mailbox:
    """What the mail server got."""

    def __init__(self) -> None:
        self.mails: list[EmailMessage] = []
        self.recipients: list[str] = []

    async def handle_DATA(  # noqa: N802 - aiosmtpd's name
        self, _server: object, _session: object, envelope: Envelope
    ) -> str:
        assert isinstance(envelope.content, bytes)
        mail = email.message_from_bytes(envelope.content, policy=email.policy.default)
        assert isinstance(mail, EmailMessage)
        self.recipients += envelope.rcpt_tos
        self.mails.append(mail)
        return "250 taken"


@contextlib.contextmanager
def mail_server() -> Iterator[tuple[Mailbox, int]]:
    """A running one, and its port."""
    box, port = Mailbox(), free_port()
    controller = Controller(box, hostname="127.0.0.1", port=port)
    controller.start()
    yield box, port
    controller.stop()
