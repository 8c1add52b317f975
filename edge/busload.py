"""How busy a line is with what it is asked. Pure.

Serial frames by Modbus over Serial Line V1.02: a request has 8 bytes, a reply 5 and its values; frames are apart by
3.5 characters of 11 bits (2.5.1.1). A character on the wire has a start bit, its data, parity and stop bits.
"""

import math
from collections.abc import Iterable, Sequence

import msgspec

from contract.profile.points import DeviceMap
from edge.decode.sheet import bridge_ms
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
    """A request with its interval, how long it takes the line, and how long its device is left alone after it, in ms."""

    device: str
    request: Request
    every_ms: int
    takes_ms: float
    pause_ms: int = 0

    @property
    def share(self) -> float:
        """The part of the line's time that it takes: 1 is all of it."""
        return self.takes_ms / self.every_ms


def request_ms(request: Request, wire: Wire) -> float:
    """How long a request and its answer take the line, in ms, with the silences and the device's thinking."""
    values = (request.count + 7) // 8 if request.function in {1, 2} else 2 * request.count
    characters = _REQUEST_BYTES + _REPLY_BYTES + values
    return (characters * wire.bits + 2 * _SILENCE_BITS) * 1_000 / wire.baudrate + TURNAROUND_MS


def loads(devices: Iterable[DeviceMap], wire: Wire | None) -> list[Load]:
    """What each request of the devices on one line takes. More than 1 in all, and none comes at its pace.

    Without a `wire`, over TCP, what lies behind it is not known: a request takes its device's thinking.
    """
    return [
        Load(
            device=device.device,
            request=request,
            every_ms=device.polls[request.poll],
            takes_ms=request_ms(request, wire) if wire else TURNAROUND_MS,
            pause_ms=device.limits.pause_ms,
        )
        for device in devices
        for request in plan(device.points, device.limits)
    ]


class Overload(msgspec.Struct, frozen=True, kw_only=True):
    """A device whose requests come more rarely than they should, by `factor`; `seen` if changes are seen all the same.

    `quickest_ms`: the interval of its quickest request, and `enough_ms` what it would have to be.
    """

    device: str
    factor: float
    quickest_ms: int
    enough_ms: int

    @property
    def real_ms(self) -> int:
        """How often the quickest request really comes."""
        return round(self.quickest_ms * self.factor)

    @property
    def is_blind(self) -> bool:
        """Whether reads lie so far apart that what happens between them is not known."""
        return self.real_ms > bridge_ms(self.quickest_ms)


def overloads(found: Sequence[Load]) -> list[Overload]:
    """The devices that can't be read at their pace: for what the whole line carries, or for their own pauses."""
    line = sum(one.share for one in found)
    of_device: dict[str, list[Load]] = {}
    for one in found:
        of_device.setdefault(one.device, []).append(one)
    overloaded = []
    for device, own in of_device.items():
        factor = max(line, sum((one.takes_ms + one.pause_ms) / one.every_ms for one in own))
        if factor > 1:
            quickest = min(one.every_ms for one in own)
            overloaded.append(
                Overload(device=device, factor=factor, quickest_ms=quickest, enough_ms=_enough(own, line))
            )
    return overloaded


def _enough(own: Sequence[Load], line: float) -> int:
    """The interval for the quickest requests of a device at which all of them keep their pace, in whole seconds."""
    quickest = min(one.every_ms for one in own)
    rest = sum((one.takes_ms + one.pause_ms) / one.every_ms for one in own if one.every_ms > quickest)
    quick = sum(one.takes_ms + one.pause_ms for one in own if one.every_ms == quickest)
    alone = quick / (1 - rest) if rest < 1 else quickest * (rest + quick / quickest)
    return 1_000 * math.ceil(max(alone, quickest * line) / 1_000)
