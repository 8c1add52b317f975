"""What messages of the field say, once they are read."""

from collections.abc import Mapping

import msgspec

from contract.profile.messages import Confirm
from contract.profile.points import Point
from edge.decode.values import Value
from edge.ports import Happened


class Call(msgspec.Struct, frozen=True):
    """How a message came over HTTP: by what method, and the words of its query."""

    method: str = "POST"
    query: Mapping[str, str] = {}


class Told(msgspec.Struct, frozen=True):
    """An event; `once` names its message (see `message_key`), None when the message has no number.

    With `confirm` it counts only when repeated, and of that only reads which are `near`. `bad`: what of its data
    can't be used, and why.
    """

    event: Happened
    once: str | None
    confirm: Confirm | None = None
    near: bool = True
    bad: Mapping[str, str] = {}


class Values(msgspec.Struct, frozen=True):
    """Values of a device, those that the message holds; and what happens with each such message, `presses`.

    A value that can't be used has no number, and says why. `once` as in `Told`. `unread`: what of the message
    nobody knows how to read, or nothing.
    """

    device: str
    values: tuple[tuple[Point, Value], ...]
    presses: tuple[Happened, ...] = ()
    once: str | None = None
    unread: str = ""


class Presence(msgspec.Struct, frozen=True):
    """A device is there, or is not; by its own word, or by that of the bridge before it."""

    device: str
    online: bool
    bridge: bool = False


class Nonsense(msgspec.Struct, frozen=True):
    """A message of a device that can't be what its profile says."""

    device: str
    why: str


class Heard(msgspec.Struct, frozen=True):
    """A message of a device that tells nothing: a sign of life, or an event that its profile leaves out."""

    device: str


Said = Told | Values | Presence | Nonsense | Heard


def message_key(number: str, device_at: int | None, person: str | None) -> str:
    """What makes a message the same one again: its number alone may start anew with each start of the device."""
    return f"{number}/{device_at}/{person}"


def device_of(said: Said) -> str:
    """The device that a message is of."""
    return said.event.device if isinstance(said, Told) else said.device
