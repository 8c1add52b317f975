"""The devices of a site that speak by themselves, simulated: publishers, posters, transmitters, wands in their docks, meters."""

import asyncio
from collections.abc import Callable, Coroutine, Mapping
from typing import Any, Final

from contract.profile.model import (
    HttpProfile,
    MeterProfile,
    MqttProfile,
    Profile,
    TransmitterProfile,
    WandProfile,
)
from contract.site import Device, Site
from firmware_sim.adapters.callers import Poster, TransmitterCall
from firmware_sim.adapters.mqtt import Broker, Publishers
from firmware_sim.adapters.serial_port import SerialPort
from firmware_sim.device import Inputs
from firmware_sim.device.meter import Meter
from firmware_sim.device.publisher import Publisher
from firmware_sim.device.transmitter import FireTransmitter
from firmware_sim.device.wand import Wand, wall_clock

_NOTHING: Final[Inputs] = {}


class Talkers:
    """What talks by itself on a site; MQTT only with a broker.

    `first`: the number of each publisher's first message; it must be higher than any number given in an earlier run.
    """

    def __init__(
        self, site: Site, profiles: Mapping[str, Profile], broker: Broker | None, first: int = 1
    ) -> None:
        endpoints = {line.id: line.endpoint for agent in site.file.agents for line in agent.lines}
        self._zone = site.timezone
        self._posting: dict[str, tuple[Publisher, Poster]] = {}
        self._calling: dict[str, tuple[FireTransmitter, TransmitterCall]] = {}
        self._wands: dict[str, Wand] = {}
        self._docks: dict[str, str] = {}
        self._meters: dict[str, Meter] = {}
        self._metered: dict[str, list[str]] = {}
        self._badges: dict[str, tuple[str, str]] = {}
        self._ports: dict[str, SerialPort] = {}
        self._tasks: list[asyncio.Task[None]] = []
        publishing: dict[str, Publisher] = {}
        for device in site.file.devices:
            endpoint = endpoints.get(device.line or "")
            address = device.address or device.id
            match profiles.get(device.profile or ""):
                case _ if endpoint is None:
                    continue
                case MqttProfile() as profile:
                    publishing[device.id] = Publisher(profile, address, first, self._zone)
                case HttpProfile() as profile:
                    self._posting[device.id] = (
                        Publisher(profile, address, first, self._zone),
                        Poster(endpoint),
                    )
                case TransmitterProfile():
                    caller = FireTransmitter(bytes.fromhex(address), site.timezone)
                    self._calling[device.id] = caller, TransmitterCall(endpoint)
                case WandProfile():
                    self._wand(device)
                case MeterProfile() as profile:
                    self._meters[device.id] = Meter(profile, address)
                    self._metered.setdefault(device.line or "", []).append(device.id)
                case _:
                    continue
        self._publishers = Publishers(broker, publishing) if broker is not None else None
        self._without_broker = frozenset(publishing) if broker is None else frozenset()

    def _wand(self, device: Device) -> None:
        self._wands[device.id] = Wand()
        self._docks[device.line or ""] = device.id
        self._badges |= {b.device: (device.id, badge) for badge, b in device.points.items() if b.device}

    def __contains__(self, device: str) -> bool:
        known = (
            self._posting.keys()
            | self._meters.keys()
            | self._calling.keys()
            | self._badges.keys()
            | self._without_broker
        )
        return device in known or (self._publishers is not None and device in self._publishers)

    def start(self) -> dict[str, str]:
        """Begin to talk; the endpoints of the docks and of the meters, by line."""
        if self._publishers is not None:
            self._publishers.start()
        for publisher, poster in self._posting.values():
            poster.send(publisher.calls())
            self._run(poster.run())
        for _, call in self._calling.values():
            self._run(call.run())
        self._ports = {line: SerialPort(self._wands[wand].hears) for line, wand in self._docks.items()}
        docks = {line: f"jwm://{port.path}" for line, port in self._ports.items()}
        buses = {line: SerialPort(self._bus(names)) for line, names in self._metered.items()}
        self._ports |= buses
        return docks | {line: f"dlt645://{port.path}?parity=N" for line, port in buses.items()}

    def _bus(self, names: list[str]) -> Callable[[bytes], bytes]:
        """All meters of a line hear what is said on it."""
        return lambda data: b"".join(self._meters[name].hears(data) for name in names)

    def _run(self, talking: Coroutine[Any, Any, None]) -> None:
        self._tasks.append(asyncio.create_task(talking))

    def update(self, now: int, device: str, inputs: Inputs) -> None:
        """Something happens to a device at `now` (ms since the epoch, true time)."""
        if device in self._badges:
            wand, badge = self._badges[device]
            if "card" in inputs:
                self._wands[wand].touch(bytes.fromhex(badge), wall_clock(now, self._zone))
        elif device in self._meters:
            self._meters[device].update(now, inputs)
        elif device in self._posting:
            publisher, poster = self._posting[device]
            poster.send(publisher.update(now, inputs))
        elif device in self._calling:
            caller, call = self._calling[device]
            call.send(caller.update(now, inputs))
        elif self._publishers is not None:
            self._publishers.update(now, device, inputs)

    def live(self, now: int) -> None:
        """Let those that speak without news live until `now`."""
        for caller, call in self._calling.values():
            call.send(caller.update(now, _NOTHING))

    async def stop(self) -> None:
        """Fall silent."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for port in self._ports.values():
            port.close()
        if self._publishers is not None:
            await asyncio.to_thread(self._publishers.stop)
