"""What the world does to the devices, and what it knows to have happened. Times are ms of the world's clock."""

from collections.abc import Mapping

import msgspec


class Inputs(msgspec.Struct, frozen=True):
    """Inputs of a simulated Modbus device change; the names are those its own page documents."""

    at: int
    device: str
    values: Mapping[str, float | int | bool | str]


class Swiped(msgspec.Struct, frozen=True):
    """A card is held to a patrol reader."""

    at: int
    reader: str
    card: str


class ReaderState(msgspec.Struct, frozen=True):
    """A patrol reader's own state changes; None leaves a part as it is.

    `keeps`: whether it keeps what it reads while offline. `off_by_ms`: its clock against true time.
    `copies`: how often it sends each scan.
    """

    at: int
    reader: str
    online: bool | None = None
    keeps: bool | None = None
    off_by_ms: int | None = None
    copies: int | None = None

    def changes(self) -> dict[str, str | int | bool]:
        """The inputs of the reader that change."""
        named = {
            "online": self.online,
            "keeps": self.keeps,
            "off_by_ms": self.off_by_ms,
            "copies": self.copies,
        }
        return {name: value for name, value in named.items() if value is not None}


class Misbehaves(msgspec.Struct, frozen=True):
    """A device answers its line wrongly from now on, or, with `fault` None, rightly again."""

    at: int
    device: str
    fault: str | None


class Happened(msgspec.Struct, frozen=True):
    """Something physical happened, in the words of the events that should come of it: the tests' oracle."""

    at: int
    device: str
    type: str
    zone: str | None = None
    person: str | None = None
    data: Mapping[str, str] = {}


Effect = Inputs | Swiped | ReaderState | Misbehaves | Happened
