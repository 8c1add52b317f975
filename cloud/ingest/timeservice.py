"""Answers agents that ask what time it is. Nothing is stored."""

from collections.abc import Callable

import msgspec

from cloud.errors import BrokerUnavailableError
from cloud.ingest.line import Line
from contract.batch import TimeReply, encode, time_request_decoder
from contract.topics import Address

TIME_REQUESTS = "sitewarden.v1.*.*.time"
"""The subject that agents ask on."""


def answer(subject: str, payload: bytes, now: int) -> tuple[str, bytes] | None:
    """The reply to a request and the subject it goes to; None when it is no request."""
    try:
        request = time_request_decoder.decode(payload)
        _, _, site, agent, _ = subject.split(".")
    except (msgspec.MsgspecError, ValueError):
        return None
    reply = TimeReply(boot=request.boot, sent=request.sent, cloud=now)
    return Address(site, agent).subject("time-reply"), encode(reply)


class TimeService:
    """To be subscribed to `TIME_REQUESTS`."""

    def __init__(self, line: Line, now: Callable[[], int]) -> None:
        self._line = line
        self._now = now

    async def handle(self, subject: str, payload: bytes) -> None:
        """Answer one request. With the broker gone there is nobody to answer: the agent asks again."""
        told = answer(subject, payload, self._now())
        if told is not None:
            try:
                await self._line.publish(*told)
            except BrokerUnavailableError:
                return
