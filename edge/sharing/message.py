"""What is said to another system, and how a form of saying it looks. Pure."""

from typing import Protocol

import msgspec

from edge.sharing.board import Change


class Outgoing(msgspec.Struct, frozen=True):
    """Bytes for a topic; `retain`: the broker keeps it for who comes later."""

    topic: str
    payload: bytes
    qos: int = 0
    retain: bool = False


class Form(Protocol):
    """How changes are said. `at` is ms since the epoch."""

    @property
    def wanted(self) -> tuple[str, ...]:
        """The topics to listen to."""

    def connecting(self) -> Outgoing:
        """A connection is about to be made: what its broker is to say when it ends without a word."""

    def begin(self, at: int) -> list[Outgoing]:
        """What to say when a connection stands: who is there, and the last of everything."""

    def hears(self, topic: str, payload: bytes, at: int) -> list[Outgoing]:
        """What to answer to the other system."""

    def says(self, change: Change, at: int) -> list[Outgoing]:
        """What to say of a change."""

    def leave(self, at: int) -> list[Outgoing]:
        """What to say before going."""
