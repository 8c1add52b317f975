"""The one device of a site that a history is of: its profile, its simulator, and what can be done to it."""

import math
import zoneinfo
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Final

import msgspec

from contract.profile.expand import device_map, ms_of
from contract.profile.load import load_profile
from contract.profile.meter import meter_map
from contract.profile.model import (
    HttpProfile,
    MeterProfile,
    ModbusProfile,
    MqttProfile,
    Profile,
    TransmitterProfile,
)
from contract.site import Binding, Device
from edge.decode.sheet import Sheet, sheet
from sitewarden.rehearsal.lines import MeterBus, ModbusBus, VirtualLine
from sitewarden.rehearsal.spoken import Doorway, MqttBus, Switchboard

PROFILES: Final = Path(__file__).parents[2] / "config" / "profiles"
EPOCH: Final = 1_764_547_200_000
ZONE: Final = zoneinfo.ZoneInfo("Asia/Shanghai")
SLOWEST_POLL: Final = "10s"
"""What a profile asks for more rarely is asked for so often here: the days between two polls show nothing new."""
REFRESH_MS: Final = 200
"""How often a simulated device works its registers out anew where nothing is done to it."""
SWITCHES: Final = ("mains", "running", "on_load", "fails_to_start", "breaker_stuck", "reset", "silenced")
"""Inputs of sets and panels that are no points of theirs."""
Value = float | bool | str

BOUND: Final[Mapping[str, Mapping[str, Binding]]] = {
    "notifier-modbus-gw": {name: Binding(zone="z") for name in ("l1d001", "l1d002", "l1m001")},
    "waveshare-relay-d": {
        "di_1": Binding(device="gate", on="gate.released", off="gate.locked"),
        "di_2": Binding(device="door", on="door.opened", off="door.closed"),
    },
    "eletechsup-pta8d08": {name: Binding(zone="z") for name in ("temperature_1", "temperature_2")},
    "advantech-adam6050": {"di_0": Binding(device="gate", on="gate.released", off="gate.locked")},
}
"""What a site has to say of the points of a profile that mean nothing by themselves."""


def profiles() -> list[str]:
    """The shipped profiles whose devices speak for themselves."""
    speaking = ModbusProfile | MeterProfile | MqttProfile | HttpProfile | TransmitterProfile
    names = sorted(path.stem for path in PROFILES.glob("*.yaml"))
    return [name for name in names if isinstance(profile_of(name), speaking)]


@cache
def profile_of(name: str) -> Profile:
    """A shipped profile, with no poll slower than `SLOWEST_POLL`."""
    profile = load_profile(PROFILES / f"{name}.yaml")
    if not isinstance(profile, ModbusProfile | MeterProfile):
        return profile
    most = ms_of(SLOWEST_POLL)
    polls = {poll: span if ms_of(span) <= most else SLOWEST_POLL for poll, span in profile.polls.items()}
    return msgspec.structs.replace(profile, polls=polls)


@cache
def device_of(name: str) -> Device:
    """The device of a site."""
    address = {"gb26875-transmitter": "010203040506", "dlt645-2007": "161"}.get(name)
    points = dict(BOUND.get(name, {}))
    return Device(id="dev", profile=name, zone="z", line="line", address=address, points=points)


@cache
def _sheets(name: str) -> Mapping[str, Sheet]:
    profile = profile_of(name)
    return {"dev": sheet(device_map(profile, device_of(name)))} if isinstance(profile, ModbusProfile) else {}


@cache
def polls_ms(name: str) -> tuple[int, ...]:
    """How often the requests of a device are asked; none where it speaks by itself."""
    match profile_of(name):
        case ModbusProfile() as profile:
            made = sheet(device_map(profile, device_of(name)))
        case MeterProfile() as profile:
            made = sheet(meter_map(profile, device_of(name), 0))
        case _:
            return ()
    return tuple(made.map.polls[request.poll] for request in made.requests)


@cache
def unnoticed_ms(name: str) -> float:
    """How long a device may hold back what it has to say before anybody can know."""
    match profile_of(name):
        case MqttProfile() as profile if any(topic.availability for topic in profile.topics):
            return 0
        case MqttProfile(silent_after=None):
            return math.inf
        case MqttProfile(silent_after=str(span)) | HttpProfile(silent_after=span):
            return ms_of(span)
        case _:
            return 0


def line_of(profile: Profile, device: Device) -> VirtualLine:
    """A line with that one device."""
    match profile:
        case ModbusProfile():
            return ModbusBus([(device, profile)], _sheets(profile.profile), REFRESH_MS)
        case MeterProfile():
            return MeterBus([(device, profile)])
        case MqttProfile():
            return MqttBus([(device, profile)], frozenset({device.id} if profile.buffers else ()), EPOCH)
        case HttpProfile():
            return Doorway([(device, profile)], EPOCH, ZONE)
        case TransmitterProfile():
            return Switchboard([(device, profile)], ZONE, EPOCH)
        case _:
            raise TypeError(profile)


@cache
def inputs_of(name: str) -> Mapping[str, tuple[Value, ...]]:
    """The inputs of the simulated device that stand for states or numbers, with the values to try."""
    profile, device = profile_of(name), device_of(name)
    offered, line = dict(_offered(profile, device)), line_of(profile, device)
    return {name: kept for name, values in offered.items() if (kept := _taken(line, name, values))}


def _taken(line: VirtualLine, name: str, values: Sequence[Value]) -> tuple[Value, ...]:
    kept: list[Value] = []
    for value in values:
        try:
            line.takes(0, "dev", {name: value})
        except (KeyError, ValueError, TypeError, msgspec.ValidationError):
            continue
        kept.append(value)
    return tuple(kept) if len(kept) > 1 else ()


def _offered(profile: Profile, device: Device) -> Iterator[tuple[str, tuple[Value, ...]]]:
    match profile:
        case ModbusProfile():
            for point in device_map(profile, device).points:
                words = {word for rule in point.states for word in rule.words.values()}
                if words:
                    yield point.name, tuple(sorted(words))
                elif point.states:
                    yield point.name, (False, True)
                elif point.report:
                    yield point.name, _numbers(point.low, point.high, point.scale)
            yield from ((name, (False, True)) for name in SWITCHES)
            yield "mode", ("auto", "stop", "manual", "test_on_load")
        case MeterProfile():
            for item in meter_map(profile, device, 0).points:
                yield item.name, (*_numbers(item.low, item.high, item.scale), "missing")
        case TransmitterProfile():
            parts = ("", "132.", "133.", "3-12.")
            yield from (
                (f"{part}{state}", (False, True)) for part in parts for state in ("fire", "fault", "isolated")
            )
        case MqttProfile() | HttpProfile():
            for topic in profile.topics:
                for field in topic.fields:
                    words = tuple(field.codes) if field.codes else ()
                    yield field.name, words or (0, 30, 60, 100)
        case _:
            return


def _numbers(low: float | None, high: float | None, scale: float) -> tuple[Value, ...]:
    bottom, top = (0.0 if low is None else low), (100.0 if high is None else high)
    # Not the bottom itself: some simulators let their numbers drift, and out of range is bad.
    steps = (bottom + (top - bottom) / 50, bottom + (top - bottom) / 4, bottom + (top - bottom) / 2)
    return tuple(round(step / scale) * scale for step in steps)
