"""What messages of the field say, once they are read."""

from collections.abc import Mapping

import msgspec

from contract.causes import Why
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

    With `confirm` it counts only when repeated, and of that only reads which are `near`. `bad`: what of it can't be
    used, by name, and why; nothing where it can again. `topic`: the kind of message that it was.
    """

    event: Happened
    once: str | None
    confirm: Confirm | None = None
    near: bool = True
    bad: Mapping[str, Why | None] = {}
    topic: str = ""


class Values(msgspec.Struct, frozen=True):
    """Values of a device, those that the message holds; and what happens with each such message, `presses`.

    A value that can't be used has no number, and says why. `once` and `bad` as in `Told`. `unread`: what of the message
    nobody knows how to read, or nothing. `topic`: the kind of message that it was.
    """

    device: str
    values: tuple[tuple[Point, Value], ...]
    presses: tuple[Happened, ...] = ()
    once: str | None = None
    unread: str = ""
    bad: Mapping[str, Why | None] = {}
    topic: str = ""


class Presence(msgspec.Struct, frozen=True):
    """A device is there, or is not; by its own word, or by that of the bridge before it."""

    device: str
    online: bool
    bridge: bool = False


class Nonsense(msgspec.Struct, frozen=True):
    """A message of a device that can't be what its profile says.

    `topic`: the kind of message that it was. `told`: the devices of which such a message tells: what they do is not known
    until the next one of its kind that can be read, or, unless it tells of states (`lasts`), until any message.
    """

    device: str
    why: Why
    topic: str = ""
    told: frozenset[str] = frozenset()
    lasts: bool = False


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
