"""What a site asks of its profiles and lines, checked before anything is started."""

import functools
import re
from collections.abc import Iterator, Mapping
from pathlib import Path

from contract.problems import ConfigError, Problem
from contract.profile.expand import binding_mistakes
from contract.profile.hearing import Hearers
from contract.profile.load import site_profiles
from contract.profile.model import (
    CsvProfile,
    HttpProfile,
    MeterProfile,
    ModbusProfile,
    MqttProfile,
    Profile,
    PublishingProfile,
    TransmitterProfile,
    WandProfile,
)
from contract.profile.part_check import impossible_parts, unbound_parts
from contract.site import Device, Line, Site
from contract.yamlfile import FieldPath, Located, load_yaml

_SPEAKS = {
    ModbusProfile: "modbus",
    MqttProfile: "mqtt",
    HttpProfile: "http",
    TransmitterProfile: "gb26875",
    WandProfile: "jwm",
    MeterProfile: "dlt645",
    CsvProfile: "csv",
}
_TWELVE_DIGITS = '12 hexadecimal digits in quotes such as "010203040506"'
_LAST_UNIT = 247
"""Modbus over Serial Line V1.02, 2.2: 0 is for everybody, and above this is reserved."""
Mistake = tuple[FieldPath, str]


def site_problems(site: Site, directory: Path) -> list[Problem]:
    """Every mistake in the profiles that the site's devices use, and in how the devices use them."""
    problems: list[Problem] = []
    try:
        profiles = site_profiles(site, directory)
    except ConfigError as error:
        return error.problems
    lines = {line.id: line for agent in site.file.agents for line in agent.lines}
    taken: dict[tuple[str, int], str] = {}
    meters: dict[tuple[str, str], str] = {}
    known: dict[tuple[str, str, str], str] = {}
    hearers = Hearers((device, profiles.get(device.profile or "")) for device in site.file.devices)
    places = _places(directory)
    for device in site.file.devices:
        profile = profiles.get(device.profile or "")
        line = lines.get(device.line or "")
        if profile is None:
            continue
        mistakes = [
            *binding_mistakes(profile, device),
            *_line(profile, line),
            *_unit(device, profile, line, taken),
            *_meter(device, profile, meters),
            *_address(device, profile, known, hearers),
            *_unread(device, profile),
            *_badges(device, profile, site),
        ]
        problems += impossible_parts(site, device, profile)
        located, path = places[device.id]
        problems += [located.problem((*path, *field), message) for field, message in mistakes]
    return sorted(problems)


def site_warnings(site: Site, directory: Path) -> list[str]:
    """What is right and may be meant otherwise: parts that are bound to no zone. For a site without problems."""
    profiles = site_profiles(site, directory)
    places = _places(directory)
    found: list[str] = []
    for device in site.file.devices:
        profile = profiles.get(device.profile or "")
        if profile is not None:
            located, path = places[device.id]
            found += unbound_parts(site, device, profile, functools.partial(_warning, located, path))
    return found


def _warning(located: Located, path: FieldPath, text: str) -> str:
    return str(located.problem(path, text))


def _line(profile: Profile, line: Line | None) -> Iterator[Mistake]:
    """A device that nobody reads may be on no line; one on a line must speak its language."""
    if line is None:
        return
    speaks = _SPEAKS[type(profile)]
    if not line.endpoint.startswith(speaks):
        yield ("line",), f"{profile.profile} speaks {speaks}, line {line.id} is {line.endpoint}"


def _unit(
    device: Device, profile: Profile, line: Line | None, taken: dict[tuple[str, int], str]
) -> Iterator[Mistake]:
    if not isinstance(profile, ModbusProfile) or device.line is None:
        return
    unit = profile.unit if device.unit is None else device.unit
    is_bus = line is not None and line.endpoint.startswith("modbus-rtu")
    if is_bus and not 1 <= unit <= _LAST_UNIT:
        yield ("unit",), f"expected 1 to {_LAST_UNIT} on a serial bus, where {unit} answers nobody"
    other = taken.setdefault((device.line, unit), device.id)
    if other != device.id:
        yield ("unit",), f"unit {unit} of line {device.line} is {other} already"


def _meter(device: Device, profile: Profile, taken: dict[tuple[str, str], str]) -> Iterator[Mistake]:
    if not isinstance(profile, MeterProfile) or device.line is None:
        return
    address = (device.address or "").zfill(12)
    if device.address is None or len(address) > 12 or not re.fullmatch("[0-9]+", address):
        yield (
            ("address",),
            f"expected the 12 digits on the meter's plate, in quotes, found {device.address!r}",
        )
        return
    other = taken.setdefault((device.line, address), device.id)
    if other != device.id:
        yield ("address",), f"meter {address} of line {device.line} is {other} already"


def _address(
    device: Device, profile: Profile, known: dict[tuple[str, str, str], str], hearers: Hearers
) -> Iterator[Mistake]:
    """Who calls or publishes is known by its address: one that can't be its, or is another's, is nobody's."""
    if device.line is None or not isinstance(profile, PublishingProfile | TransmitterProfile):
        return
    address = device.address or device.id
    if isinstance(profile, TransmitterProfile):
        address = (device.address or "").lower()
        if not re.fullmatch("[0-9a-f]{12}", address):
            found = "nothing" if device.address is None else repr(device.address)
            yield ("address",), f"expected the transmitter's own, {_TWELVE_DIGITS}, found {found}"
            return
    elif isinstance(profile, MqttProfile) and (odd := re.search(r"[#+{}]|^/|/$|//", address)):
        yield (
            ("address",),
            f"expected a part of a topic such as front-door, found {address!r} with {odd[0]!r}",
        )
    # A transmitter is known by its address alone, whatever its profile is called.
    kind = "" if isinstance(profile, TransmitterProfile) else profile.profile
    other = known.setdefault((device.line, kind, address), device.id)
    if other != device.id:
        yield (
            ("address",),
            f"{address!r} of line {device.line} is {other} already: {device.id} would not be heard",
        )
    elif isinstance(profile, PublishingProfile) and (shared := hearers.before(device)) is not None:
        other, topic = shared
        yield (
            ("address",),
            f"{topic} of line {device.line} is read for {other} already: {device.id} would not be heard",
        )


def _unread(device: Device, profile: Profile) -> Iterator[Mistake]:
    """What stands at a device that nobody would ever read."""
    speaks = _SPEAKS[type(profile)]
    if device.address is not None and isinstance(profile, ModbusProfile | WandProfile | CsvProfile):
        yield (
            ("address",),
            f"a device that speaks {speaks} has none"
            + (": write unit" if isinstance(profile, ModbusProfile) else ": leave it out"),
        )
    if device.unit is not None and not isinstance(profile, ModbusProfile):
        said = ": leave it out" if isinstance(profile, WandProfile | CsvProfile) else ": write address"
        yield ("unit",), f"a device that speaks {speaks} has none{said}"
    if device.poll is not None and not isinstance(profile, ModbusProfile | MeterProfile):
        yield ("poll",), f"a device that speaks {speaks} is not asked, it tells by itself: leave it out"


def _badges(device: Device, profile: Profile, site: Site) -> Iterator[Mistake]:
    """A checkpoint of wands is known up to their last reading: nobody else may tell of it, and one agent reads them."""
    if not isinstance(profile, WandProfile | CsvProfile):
        return
    agent_of = {line.id: agent.id for agent in site.file.agents for line in agent.lines}
    for name, binding in device.points.items():
        place = site.devices.get(binding.device or "")
        if place is None:
            continue
        if place.line is not None:
            yield ("points", name, "device"), f"{place.id} is read by itself, on line {place.line}"
        for other in site.file.devices:
            bound = {b.device for b in other.points.values()}
            if place.id in bound and other is not device and isinstance(profile, CsvProfile):
                yield (
                    ("points", name, "device"),
                    f"{place.id} is also told of by {other.id}; files have places of their own",
                )
            elif place.id in bound and agent_of.get(other.line or "") != agent_of.get(device.line or ""):
                yield (
                    ("points", name, "device"),
                    f"{place.id} is also told of by {other.id}, of another agent",
                )


def _places(directory: Path) -> Mapping[str, tuple[Located, FieldPath]]:
    """The file and the field in which each device stands."""
    found: dict[str, tuple[Located, FieldPath]] = {}
    for path in sorted(directory.glob("*.yaml")):
        located = load_yaml(path)
        for index, device in enumerate(located.value.get("devices", [])):
            found[device["id"]] = (located, ("devices", index))
    return found
