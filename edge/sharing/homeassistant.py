"""Home Assistant's MQTT discovery: a sensor for each reading, whether a device is there, and its events. Pure.

Source: github home-assistant/home-assistant.io source/_integrations/mqtt.markdown @00db44af.
"""

import re
from typing import Any, Final

import msgspec

from contract.events import MOMENT_TYPES, RESET_TYPES, STATE, Phase, phase_told
from contract.state_words import CLEARED
from edge.sharing.board import Board, Change, DeviceFace, Reach, Reading, Told
from edge.sharing.message import Outgoing

ONLINE: Final = b"online"
OFFLINE: Final = b"offline"
UNKNOWN: Final = b"None"
"""What makes a sensor unknown."""
_CLASSES: Final = {
    "°C": "temperature",
    "V": "voltage",
    "A": "current",
    "Hz": "frequency",
    "W": "power",
    "kW": "power",
    "kWh": "energy",
    "%RH": "humidity",
}
_UNITS: Final = {"%RH": "%"}
_NOT_ALLOWED: Final = re.compile("[^a-zA-Z0-9_-]")


class HomeAssistant:
    """What to publish; `prefix` is Home Assistant's own, by default `homeassistant`."""

    def __init__(self, site: str, agent: str, board: Board, prefix: str = "homeassistant") -> None:
        self._site = site
        self._base = f"sitewarden/{site}"
        self._status = f"{self._base}/{agent}/status"
        self._board = board
        self._prefix = prefix
        self._announced: set[tuple[str, str]] = set()

    @property
    def wanted(self) -> tuple[str, ...]:
        """See `Form.wanted`."""
        return (f"{self._prefix}/status",)

    def connecting(self) -> Outgoing:
        """See `Form.connecting`."""
        return Outgoing(self._status, OFFLINE, 1, retain=True)

    def begin(self, at: int) -> list[Outgoing]:  # noqa: ARG002 - its messages have no time
        """See `Form.begin`."""
        self._announced.clear()
        said = [Outgoing(self._status, ONLINE, 1, retain=True)]
        for device, face in sorted(self._board.faces.items()):
            said += self._device(device, face)
            if device in self._board.online:
                said.append(self._reach(device, online=self._board.online[device]))
        for (device, point), value in sorted(self._board.values.items()):
            said += self._reading(Reading(device, point, value))
        return said

    def hears(self, topic: str, payload: bytes, at: int) -> list[Outgoing]:
        """Home Assistant has started again, and has forgotten everything."""
        return self.begin(at) if topic in self.wanted and payload == ONLINE else []

    def says(self, change: Change, at: int) -> list[Outgoing]:  # noqa: ARG002 - its messages have no time
        """See `Form.says`."""
        match change:
            case Reading():
                return self._reading(change)
            case Reach():
                return [self._reach(change.device, online=change.online)]
            case Told():
                ended = phase_told(change.type, change.data.get(STATE)) is Phase.ENDS
                body = {"event_type": _over(change.type) if ended else change.type, **change.data}
                body |= {"zone": change.zone} if change.zone else {}
                body |= {"person": change.person} if change.person else {}
                return [Outgoing(f"{self._base}/{change.device}/event", msgspec.json.encode(body))]

    def leave(self, at: int) -> list[Outgoing]:  # noqa: ARG002 - its messages have no time
        """See `Form.leave`."""
        return [self.connecting()]

    def _reach(self, device: str, *, online: bool) -> Outgoing:
        return Outgoing(f"{self._base}/{device}/online", ONLINE if online else OFFLINE, 1, retain=True)

    def _reading(self, reading: Reading) -> list[Outgoing]:
        said = []
        if (reading.device, reading.point) not in self._announced:
            self._announced.add((reading.device, reading.point))
            said.append(self._sensor(reading.device, reading.point))
        payload = UNKNOWN if reading.value is None else f"{reading.value:.12g}".encode()
        return [*said, Outgoing(self._place(reading.device, reading.point), payload, retain=True)]

    def _sensor(self, device: str, point: str) -> Outgoing:
        unit = self._board.faces[device].units.get(point, "")
        described: dict[str, Any] = {
            "name": point.replace("_", " "),
            "stat_t": self._place(device, point),
            "stat_cla": "measurement",
        }
        described |= {"unit_of_meas": _UNITS.get(unit, unit)} if unit else {}
        described |= {"dev_cla": _CLASSES[unit]} if unit in _CLASSES else {}
        return self._config("sensor", device, point, described)

    def _device(self, device: str, face: DeviceFace) -> list[Outgoing]:
        online = f"{self._base}/{device}/online"
        connected = {"name": "online", "stat_t": online, "dev_cla": "connectivity"}
        connected |= {"pl_on": ONLINE.decode(), "pl_off": OFFLINE.decode()}
        said = [self._config("binary_sensor", device, "online", connected)]
        if face.emits:
            over = [_over(name) for name in face.emits if name not in MOMENT_TYPES - RESET_TYPES]
            types = [*face.emits, *over]
            events = {"name": "events", "stat_t": f"{self._base}/{device}/event", "event_types": types}
            said.append(self._config("event", device, "events", events))
        return said

    def _config(self, component: str, device: str, thing: str, described: dict[str, Any]) -> Outgoing:
        node = _NOT_ALLOWED.sub("_", f"{self._site}_{device}")
        name = _NOT_ALLOWED.sub("_", thing)
        face = self._board.faces[device]
        there = [self._status] if thing == "online" else [self._status, f"{self._base}/{device}/online"]
        body = {
            **described,
            "uniq_id": f"{node}_{name}",
            "avty": [{"t": topic} for topic in there],
            "avty_mode": "all",
            "dev": {"ids": [node], "name": face.name, "mdl": face.profile},
        }
        topic = f"{self._prefix}/{component}/{node}/{name}/config"
        return Outgoing(topic, msgspec.json.encode(body), 1, retain=True)

    def _place(self, device: str, point: str) -> str:
        return f"{self._base}/{device}/{point}"


def _over(type_: str) -> str:
    """The word for the end of what a type names: nobody's automation takes it for the beginning."""
    return f"{type_}.{CLEARED}"
