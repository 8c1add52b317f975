"""What the worker asks of the broker: a partition's messages in order, and a way back to the agents."""

from collections.abc import Sequence
from typing import Protocol


class Captured(Protocol):
    """A message of the stream: see `cloud.broker.reader.Message`."""

    @property
    def subject(self) -> str:
        """The captured subject, which names site and agent."""
        ...

    @property
    def payload(self) -> bytes:
        """The bytes as sent."""
        ...

    @property
    def seq(self) -> int:
        """The position in the stream."""
        ...

    @property
    def captured_at(self) -> int:
        """When the stream got it, in ms."""
        ...


class Source(Protocol):
    """The messages of one partition from a position on."""

    async def take(self, most: int, wait_s: float) -> Sequence[Captured]:
        """What is there, up to `most`; waits up to `wait_s` for the first.

        Raises:
            BrokerUnavailableError: Open again from the last position.
        """
        ...

    async def close(self) -> None:
        """Stop reading."""
        ...


class Line(Protocol):
    """The broker, as far as the worker is concerned. Every call may raise `BrokerUnavailableError`."""

    async def incarnation(self) -> str:
        """What names the stream as it is now, made if need be: another one has positions of its own."""
        ...

    async def read(self, partition: int, after: int) -> Source:
        """The messages of a partition after a position."""
        ...

    async def publish(self, subject: str, payload: bytes) -> None:
        """Hand over a message; it is not known whether anybody gets it."""
        ...
