"""What a way of telling people is, and the one HTTP call that ours make."""

import contextlib
import http.client
import urllib.parse
from collections.abc import Mapping
from typing import Final, Protocol

import msgspec

from cloud.operations.notice import Notice

MOST_ANSWER: Final = 300


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


def post(url: str, body: bytes, headers: dict[str, str], timeout_s: float) -> tuple[int, str]:
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
