"""The Modbus devices of a site, simulated, on the lines that its agents read."""

import functools
import urllib.parse
from collections.abc import Mapping
from typing import Final

from contract.profile.model import ModbusProfile, Profile
from contract.site import Device, Line, Site
from firmware_sim.adapters.faults import Fault, FaultKind
from firmware_sim.adapters.modbus import ModbusLine, Unit
from firmware_sim.device import Image, Inputs, SimDevice
from firmware_sim.device.catalogue import build, unit_of
from firmware_sim.errors import SimError

FROZEN: Final = "frozen"
RESTART: Final = "restart"
_NOTHING: Final[Inputs] = {}


class Plant:
    """Every Modbus device of a site. Nothing is served before `serve`."""

    def __init__(self, site: Site, profiles: Mapping[str, Profile]) -> None:
        self._lines = _modbus_lines(site)
        on_lines = [device for device in site.file.devices if device.line in self._lines]
        played = {device.id: _modbus(device, profiles) for device in on_lines}
        self._made = {
            device.id: functools.partial(_simulated, device, played[device.id]) for device in on_lines
        }
        self._devices = {name: made() for name, made in self._made.items()}
        self._inputs: dict[str, dict[str, float | int | bool | str]] = {name: {} for name in self._devices}
        self._frozen: set[str] = set()
        self._units = {device.id: Unit(Image()) for device in on_lines}
        self._served = {
            name: ModbusLine(
                {unit_of(d, played[d.id]): self._units[d.id] for d in on_lines if d.line == name}
            )
            for name in self._lines
        }

    async def serve(self, host: str, *, free_ports: bool) -> dict[str, str]:
        """Listen on every line, at the port that the site names or at any free one; the endpoints, by line.

        Raises:
            SimError: A port can't be had.
        """
        return {name: await self._serve(line, host, free_ports) for name, line in self._lines.items()}

    async def _serve(self, line: Line, host: str, free_ports: bool) -> str:
        parts = urllib.parse.urlsplit(line.endpoint)
        if parts.scheme == "modbus-rtu":
            return self._served[line.id].listen_pty()
        port = 0 if free_ports else parts.port or 0
        try:
            return await self._served[line.id].listen_tcp(
                port, framed=parts.scheme == "modbus-tcp", host=host
            )
        except OSError as error:
            raise SimError(f"line {line.id} can't be served on {host}:{port}: {error.strerror}") from error

    def update(self, now: int, device: str, inputs: Inputs) -> None:
        """Let a device live until `now` with those inputs; its registers show it at once, unless they are frozen."""
        self._inputs[device] |= inputs
        image = self._devices[device].update(now, inputs)
        if device not in self._frozen:
            self._units[device].image = image

    def live(self, now: int) -> None:
        """Let every device live until `now`."""
        for device in self._devices:
            self.update(now, device, _NOTHING)

    def misbehave(self, now: int, device: str, fault: str | None) -> None:
        """Let a device answer its line wrongly (see `FaultKind`), or, with None, rightly again.

        `frozen`: it shows what it showed. `restart`: it is silent, and has forgotten everything when it is back.
        """
        was_restarting = self._units[device].restarting
        self._units[device].restarting = fault == RESTART
        self._frozen.discard(device)
        self._units[device].fault = None
        if fault == FROZEN:
            self._frozen.add(device)
        elif fault == RESTART:
            self._units[device].fault = Fault(kind=FaultKind.SILENCE)
        elif fault is not None:
            self._units[device].fault = Fault(kind=FaultKind(fault))
        if was_restarting:
            self._devices[device] = self._made[device]()
            self.update(now, device, dict(self._inputs[device]))

    async def close(self) -> None:
        """Stop serving."""
        for line in self._served.values():
            await line.close()


def _modbus_lines(site: Site) -> dict[str, Line]:
    lines = [line for agent in site.file.agents for line in agent.lines]
    return {line.id: line for line in lines if line.endpoint.startswith("modbus")}


def _modbus(device: Device, profiles: Mapping[str, Profile]) -> ModbusProfile:
    profile = profiles[device.profile or ""]
    if not isinstance(profile, ModbusProfile):
        raise SimError(f"device {device.id}: {profile.profile} is no Modbus device")
    return profile


def _simulated(device: Device, profile: ModbusProfile) -> SimDevice:
    try:
        return build(device, profile)
    except KeyError as error:
        raise SimError(f"device {device.id}: there is no {error.args[0]!r}") from error
