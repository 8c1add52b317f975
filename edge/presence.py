"""What an MQTT line knows of its devices: who is there, up to when all is known, what was told already. Pure.

Times are boot clock ms.
"""

from collections import deque
from collections.abc import Iterable
from typing import Final

from edge.decode.fields import FieldMemory, doubt, follow_fields
from edge.ports import Covered, Data, Failed, Happened, Observation
from edge.topicmap import Nonsense, Presence, Told, Values

LAG_MS: Final = 5_000
"""A connection that is dead shows after twice its keepalive of 2 s: covered is only what lies before that."""
REDELIVERY_MS: Final = 30_000
"""How long a broker may wait before it gives again what was on its way when we left; nats-server's `ack_wait`."""
REMEMBERED: Final = 256


class _Device:
    """`present` None: nobody has said. `begun`: since when all of it comes in, with the connection that stands."""

    def __init__(self, present: bool | None, buffers: bool) -> None:
        self.present = present
        self.buffers = buffers
        self.begun: int | None = None
        self.covered_to: int | None = None
        self.nonsense = False
        self.fields = FieldMemory()
        self.messages: deque[str] = deque(maxlen=REMEMBERED)


class LinePresence:
    """The devices of a line.

    Those in `with_presence` say themselves whether they are there; the others are while the line is up.
    `buffering` ones keep their events while they are away. `remembered` are keys of messages read before.
    """

    def __init__(
        self,
        devices: Iterable[str],
        *,
        with_presence: frozenset[str],
        buffering: frozenset[str] = frozenset(),
        remembered: Iterable[tuple[str, str]] = (),
    ) -> None:
        self._up = False
        self._devices = {
            name: _Device(None if name in with_presence else True, name in buffering) for name in devices
        }
        for name, message in remembered:
            if name in self._devices:
                self._devices[name].messages.append(message)

    def connected(self, now: int, *, remembered: bool) -> None:
        """The line is up. `remembered`: the broker kept for us what happened meanwhile, and gives it now."""
        self._up = True
        for device in self._devices.values():
            device.begun = now + (REDELIVERY_MS if remembered else 0)
            if not remembered and not device.buffers:
                device.covered_to = None

    def disconnected(self) -> None:
        """The line is down."""
        self._up = False
        for device in self._devices.values():
            device.fields = doubt(device.fields)

    def told(self, said: Told) -> list[Observation]:
        """An event; nothing if its message was read before."""
        device = self._devices[said.event.device]
        observations = self._makes_sense(device, said.event.device, said.event.observed_at)
        if said.once is not None:
            if said.once in device.messages:
                return observations
            device.messages.append(said.once)
        return [*observations, said.event]

    def values(self, said: Values, now: int, *, retained: bool) -> list[Observation]:
        """Values of a device; nothing if their message was read before.

        `retained`: the broker kept the message. What is so may be so still; what happened with it is long past.
        """
        device = self._devices[said.device]
        if said.once is not None:
            if said.once in device.messages:
                return []
            device.messages.append(said.once)
        device.fields, seen, trouble = follow_fields(device.fields, said.values, now)
        why = said.why or trouble
        sense = (
            self.nonsense(Nonsense(said.device, why), now)
            if why
            else self._makes_sense(device, said.device, now)
        )
        return [*seen, *(() if retained else said.presses), *sense]

    def presence(self, said: Presence, now: int) -> list[Observation]:
        """A device came or went."""
        device = self._devices[said.device]
        if said.online and not device.present:
            device.begun = max(now, device.begun or 0)
        if not said.online:
            device.fields = doubt(device.fields)
        if not said.online and not device.buffers:
            device.covered_to = None
        device.present = said.online
        return self._makes_sense(device, said.device, now)

    def nonsense(self, said: Nonsense, now: int) -> list[Observation]:
        """A message that can't be read: told once, until the next one that can."""
        device = self._devices[said.device]
        if device.nonsense:
            return []
        device.nonsense = True
        return [_fault(said.device, now, {"state": "active", "why": said.why})]

    def _makes_sense(self, device: _Device, name: str, now: int) -> list[Observation]:
        if not device.nonsense:
            return []
        device.nonsense = False
        return [_fault(name, now, {"state": "cleared"})]

    def look_around(self, now: int) -> list[Observation]:
        """What can be said of every device: is it there, and up to when is all known. To be called each second."""
        covered: dict[tuple[int, int], list[str]] = {}
        failed: dict[str, list[str]] = {}
        for name, device in self._devices.items():
            if why := self._absent(device, now):
                failed.setdefault(why, []).append(name)
            elif span := _next_span(device, now):
                covered.setdefault(span, []).append(name)
        said: list[Observation] = [
            Failed(devices=tuple(names), at=now, why=why) for why, names in failed.items()
        ]
        return said + [Covered(devices=tuple(names), since=s, to=t) for (s, t), names in covered.items()]

    def _absent(self, device: _Device, now: int) -> str | None:
        """Why nothing is known of a device now; None when it is there or nobody can tell yet."""
        if not self._up:
            return "line down"
        if device.present is False:
            return "offline"
        silent = device.present is None and device.begun is not None and now - device.begun > 2 * LAG_MS
        return "no word of it yet" if silent else None


def _next_span(device: _Device, now: int) -> tuple[int, int] | None:
    to = now - LAG_MS
    if not device.present or device.begun is None or to < device.begun:
        return None
    since = device.begun if device.covered_to is None else device.covered_to
    device.covered_to = to
    return since, to


def _fault(device: str, now: int, data: Data) -> Happened:
    return Happened(device=device, type="device.fault", at=now, observed_at=now, data=data)
