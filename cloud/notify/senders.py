"""Sending one notice through one channel, now. Everything here blocks for at most a few seconds at each step."""

import contextlib
import hashlib
import hmac
import http.client
import logging
from collections.abc import Callable, Iterator, Mapping
from contextvars import ContextVar
from typing import Final

import apprise
import msgspec
from typing_extensions import override

from cloud.notify.channels import Channel, address
from cloud.notify.robots import RobotSender
from cloud.notify.sender import MOST_ANSWER, Answer, Sender, post
from cloud.operations.alarm import Priority
from cloud.operations.notice import Notice

SIGNATURE_HEADER: Final = "X-Sitewarden-Signature"
ID_HEADER: Final = "X-Sitewarden-Id"
_WORTH_ANOTHER_TRY: Final = frozenset({408, 429})


def make_sender(channel: Channel, timeout_s: float, clock: Callable[[], int]) -> Sender:
    """The sender of a channel; each step of a send may take `timeout_s`. `clock` stamps signatures, ms."""
    if channel.apprise is not None:
        return AppriseSender(channel.apprise, timeout_s)
    if channel.robot is not None:
        return RobotSender(channel, timeout_s, clock)
    if channel.screen:
        return ScreenSender()
    return WebhookSender(channel.webhook or "", channel.secret or "", timeout_s, clock)


class ScreenSender(Sender):
    """The screens show it by themselves: that it was sent is all there is to say."""

    @override
    def send(self, notice: Notice, contacts: Mapping[str, str]) -> Answer:
        return Answer(ok=True, text="")


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
            status, text = post(address(self._url, notice.person, contacts), body, headers, self._timeout_s)
        except (OSError, http.client.HTTPException) as error:
            return Answer(ok=False, text=f"{type(error).__name__}: {error}"[:MOST_ANSWER])
        given_up = 400 <= status < 500 and status not in _WORTH_ANOTHER_TRY
        return Answer(ok=200 <= status < 300, text=text, again=not given_up)


def signature(secret: str, at: int, body: bytes) -> str:
    """`t=<ms>,v1=<hex>`: the HMAC-SHA256 of `<ms>.<body>` with the channel's secret."""
    mac = hmac.new(secret.encode(), f"{at}.".encode() + body, hashlib.sha256)
    return f"t={at},v1={mac.hexdigest()}"


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
