"""How what people do on a screen gets into the line, as far as the web part is concerned."""

from typing import Protocol

from cloud.operations.command import Command
from cloud.operations.screen import Pulse


class Post(Protocol):
    """Takes commands on. What was taken is durable, and is decided by the worker, once."""

    async def send(self, site: str, command: Command) -> None:
        """Hand a command over.

        Raises:
            BrokerUnavailableError: It was not taken, or nobody knows; send it again with the same id.
        """
        ...

    async def tell(self, site: str, pulse: Pulse) -> None:
        """Say which screens answered; nothing a client sends comes this way.

        Raises:
            BrokerUnavailableError: It was not taken, or nobody knows.
        """
        ...
