"""How what people do on a screen gets into the line, as far as the web part is concerned."""

from typing import Protocol

from cloud.operations.command import Command


class Post(Protocol):
    """Takes commands on. What was taken is durable, and is decided by the worker, once."""

    async def send(self, site: str, command: Command) -> None:
        """Hand a command over.

        Raises:
            BrokerUnavailableError: It was not taken, or nobody knows; send it again with the same id.
        """
        ...
