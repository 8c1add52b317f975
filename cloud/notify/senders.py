"""Sending one notice through one channel, now. Everything here blocks for at most a few seconds at each step."""

import contextlib
import hashlib
import hmac
import http.client
import logging
import urllib.parse
from collections.abc import Callable, Iterator, Mapping
from contextvars import ContextVar
from typing import Final, Protocol

import apprise
import msgspec
from typing_extensions import override

from cloud.notify.channels import Channel, address
from cloud.operations.alarm import Priority
from cloud.operations.notice import Notice

MOST_ANSWER: Final = 300
SIGNATURE_HEADER: Final = "X-Sitewarden-Signature"
ID_HEADER: Final = "X-Sitewarden-Id"
_WORTH_ANOTHER_TRY: Final = frozenset({408, 429})


class Answer(msgspec.Struct, frozen=True):
    """What the channel said, for people. `again`: if not ok, another try may help."""

    ok: bool
    text: str
    again: bool = True


class Sender(Protocol):
    """A way to tell people."""

    def send(self, notice: Notice, contacts: Mapping[str, str]) -> Answer:
        """Send it to the person with these contacts. Blocks.

        Raises:
            NoContactError: A contact is needed that is not there.
        """
        ...


def make_sender(channel: Channel, timeout_s: float, clock: Callable[[], int]) -> Sender:
    """The sender of a channel; each step of a send may take `timeout_s`. `clock` stamps signatures, ms."""
    if channel.apprise is not None:
        return AppriseSender(channel.apprise, timeout_s)
    return WebhookSender(channel.webhook or "", channel.secret or "", timeout_s, clock)


class WebhookSender(Sender):
    """Posts the notice as JSON, signed, so that the receiver knows whom it is from and that it is no replay.

    `X-Sitewarden-Id` is the same whenever the same notice is sent again.
    """

    def __init__(self, url: str, secret: str, timeout_s: float, clock: Callable[[], int]) -> None:
        self._url, self._secret = url, secret
        self._timeout_s, self._clock = timeout_s, clock

    @override
    def send(self, notice: Notice, contacts: Mapping[str, str]) -> Answer:
        body = msgspec.json.encode(notice)
        headers = {
            "Content-Type": "application/json; charset=utf-8",
            "User-Agent": "sitewarden",
            ID_HEADER: f"{notice.site}:{notice.id}",
            SIGNATURE_HEADER: signature(self._secret, self._clock(), body),
        }
        try:
            status, text = _post(address(self._url, notice.person, contacts), body, headers, self._timeout_s)
        except (OSError, http.client.HTTPException) as error:
            return Answer(ok=False, text=f"{type(error).__name__}: {error}"[:MOST_ANSWER])
        given_up = 400 <= status < 500 and status not in _WORTH_ANOTHER_TRY
        return Answer(ok=200 <= status < 300, text=text, again=not given_up)


def signature(secret: str, at: int, body: bytes) -> str:
    """`t=<ms>,v1=<hex>`: the HMAC-SHA256 of `<ms>.<body>` with the channel's secret."""
    mac = hmac.new(secret.encode(), f"{at}.".encode() + body, hashlib.sha256)
    return f"t={at},v1={mac.hexdigest()}"


def _post(url: str, body: bytes, headers: dict[str, str], timeout_s: float) -> tuple[int, str]:
    """The status, and it with what was said in words. Redirects are not followed: they would drop the body."""
    parts = urllib.parse.urlsplit(url)
    kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
    connection = kind(parts.hostname or "", parts.port, timeout=timeout_s)
    with contextlib.closing(connection):
        target = urllib.parse.urlunsplit(("", "", parts.path or "/", parts.query, ""))
        connection.request("POST", target, body, headers)
        response = connection.getresponse()
        said = response.read(MOST_ANSWER).decode("utf-8", "replace")
        return response.status, f"{response.status} {response.reason} {said}".strip()


class AppriseSender(Sender):
    """Sends to whatever Apprise has a plugin for. It does not say whether another try would help."""

    def __init__(self, template: str, timeout_s: float) -> None:
        self._template, self._timeout_s = template, timeout_s
        logging.getLogger("apprise").addHandler(_LISTENER)

    @override
    def send(self, notice: Notice, contacts: Mapping[str, str]) -> Answer:
        plugin = apprise.Apprise.instantiate(address(self._template, notice.person, contacts))
        if plugin is None:
            return Answer(ok=False, text=f"no usable address for {notice.person}", again=False)
        plugin.socket_connect_timeout = plugin.socket_read_timeout = self._timeout_s
        with _listening() as said:
            ok = plugin.notify(
                body=notice.text or notice.title,
                title=notice.title if notice.text else "",
                notify_type=_look(notice),
                body_format=apprise.NotifyFormat.TEXT,
            )
        return Answer(ok=ok, text="; ".join(said)[:MOST_ANSWER] or ("accepted" if ok else "refused"))


def _look(notice: Notice) -> apprise.NotifyType:
    """The colour or sign that services give a message."""
    if notice.kind == "withdrawal":
        return apprise.NotifyType.SUCCESS
    if notice.kind == "digest":
        return apprise.NotifyType.INFO
    urgent = notice.kind == "alarm" and notice.priority <= Priority.HIGH
    return apprise.NotifyType.FAILURE if urgent else apprise.NotifyType.WARNING


_said: ContextVar[list[str] | None] = ContextVar("said", default=None)


class _Listener(logging.Handler):
    """Apprise tells the reason of a failure to its log only: each thread hears its own."""

    @override
    def emit(self, record: logging.LogRecord) -> None:
        lines = _said.get()
        if lines is not None and record.levelno >= logging.WARNING:
            lines.append(record.getMessage())


_LISTENER: Final = _Listener()


@contextlib.contextmanager
def _listening() -> Iterator[list[str]]:
    lines: list[str] = []
    token = _said.set(lines)
    try:
        yield lines
    finally:
        _said.reset(token)
