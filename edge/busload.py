"""How busy a line is with what it is asked. Pure.

Serial frames by Modbus over Serial Line V1.02: a request has 8 bytes, a reply 5 and its values; frames are apart by
3.5 characters of 11 bits (2.5.1.1). A character on the wire has a start bit, its data, parity and stop bits.
"""

from collections.abc import Iterable

import msgspec

from contract.profile.points import DeviceMap
from edge.plan import Request, plan

TURNAROUND_MS = 10.0
"""How long a device thinks before it answers, where nobody knows better; 5 to 50 ms are common."""

_REQUEST_BYTES = 8
_REPLY_BYTES = 5
_SILENCE_BITS = 3.5 * 11


class Wire(msgspec.Struct, frozen=True, kw_only=True):
    """A serial line's speed: `baudrate` in bits/s, `bits` on the wire for a character (8N1: 10, 8E1: 11)."""

    baudrate: int
    bits: int = 10


class Load(msgspec.Struct, frozen=True, kw_only=True):
    """A request with its interval and how long it takes the line, both in ms."""

    device: str
    request: Request
    every_ms: int
    takes_ms: float

    @property
    def share(self) -> float:
        """The part of the line's time that it takes: 1 is all of it."""
        return self.takes_ms / self.every_ms


def request_ms(request: Request, wire: Wire) -> float:
    """How long a request and its answer take the line, in ms, with the silences and the device's thinking."""
    values = (request.count + 7) // 8 if request.function in {1, 2} else 2 * request.count
    characters = _REQUEST_BYTES + _REPLY_BYTES + values
    return (characters * wire.bits + 2 * _SILENCE_BITS) * 1_000 / wire.baudrate + TURNAROUND_MS


def loads(devices: Iterable[DeviceMap], wire: Wire) -> list[Load]:
    """What each request of the devices on one line takes. More than 1 in all, and none comes at its pace."""
    return [
        Load(
            device=device.device,
            request=request,
            every_ms=device.polls[request.poll],
            takes_ms=request_ms(request, wire),
        )
        for device in devices
        for request in plan(device.points, device.limits)
    ]
