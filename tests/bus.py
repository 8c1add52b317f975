"""Devices for the tests of the bus: a device of a site with its profile, and a hand to feed it answers."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from contract.profile.expand import device_map
from contract.profile.load import load_profile, read_profile
from contract.profile.model import ModbusProfile
from contract.site import Binding, Device
from contract.yamlfile import parse_yaml
from edge.decode.device import Memory, Refusal, on_answer, on_refusal
from edge.decode.request import Answer
from edge.decode.sheet import Sheet, sheet
from edge.plan import Request
from edge.ports import Covered, Failed, Happened, Measured, Observation
from firmware_sim.device import Image, SimDevice, catalogue
from firmware_sim.device.catalogue import build

PROFILES = Path(__file__).parent.parent / "config" / "profiles"
SIMULATED = ("notifier-modbus-gw", "dse-7320-mkii", "xy-md02", "waveshare-relay-d")
"""The profiles whose devices are simulated in depth."""

MODBUS_PROFILES = tuple(
    path.stem for path in sorted(PROFILES.glob("*.yaml")) if isinstance(load_profile(path), ModbusProfile)
)


def shipped(name: str) -> ModbusProfile:
    profile = load_profile(PROFILES / f"{name}.yaml")
    assert isinstance(profile, ModbusProfile)
    return profile


def simulated(device: Device) -> SimDevice:
    """The simulated device of a shipped profile."""
    return build(device, shipped(device.profile or ""))


def unit_of(device: Device) -> int:
    """The unit id that it answers to."""
    return catalogue.unit_of(device, shipped(device.profile or ""))


def written(text: str) -> ModbusProfile:
    profile = read_profile(parse_yaml(text, "profile.yaml"))
    assert isinstance(profile, ModbusProfile)
    return profile


def on_site(profile: str, unit: int | None = None, **points: Mapping[str, Any]) -> Device:
    bindings = {name: Binding(**binding) for name, binding in points.items()}
    return Device(id="dev", profile=profile, unit=unit, points=bindings)


class Hand:
    """Feeds one device answers and keeps what it told. Each read takes 20 ms."""

    def __init__(self, profile: ModbusProfile, device: Device) -> None:
        self.sheet: Sheet = sheet(device_map(profile, device))
        self.memory = Memory()
        self.told: list[Observation] = []

    def request(self, point: str) -> Request:
        return next(r for r in self.sheet.requests if any(p.name == point for p in r.points))

    def answers(self, request: Request, words: Sequence[int], at: int) -> list[Observation]:
        """The request was asked at `at` and brought these words."""
        answer = Answer(request=request, asked_at=at, answered_at=at + 20, words=tuple(words))
        self.memory, seen = on_answer(self.sheet, self.memory, answer)
        self.told += seen
        return list(seen)

    def refuses(self, request: Request, code: int, at: int) -> list[Observation]:
        refusal = Refusal(request=request, asked_at=at, answered_at=at + 20, code=code)
        self.memory, seen = on_refusal(self.sheet, self.memory, refusal)
        self.told += seen
        return list(seen)

    def reads(self, image: Image, at: int) -> list[Observation]:
        """Every request that the image can answer was asked at `at`."""
        banks = {
            1: image.coils,
            2: image.discrete_inputs,
            3: image.holding_registers,
            4: image.input_registers,
        }
        seen: list[Observation] = []
        for request in self.sheet.requests:
            bank = banks[request.function]
            addresses = range(request.address, request.address + request.count)
            if image.hole is not None or all(address in bank for address in addresses):
                words = [int(bank.get(address, image.hole or 0)) for address in addresses]
                seen += self.answers(request, words, at)
            else:
                seen += self.refuses(request, 2, at)
        return seen


def events(seen: Sequence[Observation]) -> list[Happened]:
    return [one for one in seen if isinstance(one, Happened)]


def kinds(seen: Sequence[Observation]) -> list[str]:
    return [event.type for event in events(seen)]


def measured(seen: Sequence[Observation]) -> list[Measured]:
    return [one for one in seen if isinstance(one, Measured)]


def readings(seen: Sequence[Observation]) -> dict[str, Measured]:
    return {one.point: one for one in seen if isinstance(one, Measured)}


def coverage(seen: Sequence[Observation]) -> dict[str, tuple[int, int]]:
    """By device, the last span that was said to be covered."""
    return {device: (one.since, one.to) for one in seen if isinstance(one, Covered) for device in one.devices}


def blind(seen: Sequence[Observation]) -> set[str]:
    return {device for one in seen if isinstance(one, Failed) for device in one.devices}
