"""What a site asks of its profiles and lines, checked before anything is started."""

import functools
from collections.abc import Iterator, Mapping
from pathlib import Path

from contract.problems import ConfigError, Problem
from contract.profile.expand import binding_mistakes
from contract.profile.load import site_profiles
from contract.profile.model import (
    CsvProfile,
    HttpProfile,
    MeterProfile,
    ModbusProfile,
    MqttProfile,
    Profile,
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
    places = _places(directory)
    for device in site.file.devices:
        profile = profiles.get(device.profile or "")
        line = lines.get(device.line or "")
        if profile is None:
            continue
        mistakes = [
            *binding_mistakes(profile, device),
            *_line(profile, line),
            *_unit(device, profile, taken),
            *_meter(device, profile, meters),
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


def _unit(device: Device, profile: Profile, taken: dict[tuple[str, int], str]) -> Iterator[Mistake]:
    if not isinstance(profile, ModbusProfile) or device.line is None:
        return
    unit = profile.unit if device.unit is None else device.unit
    other = taken.setdefault((device.line, unit), device.id)
    if other != device.id:
        yield ("unit",), f"unit {unit} of line {device.line} is {other} already"


def _meter(device: Device, profile: Profile, taken: dict[tuple[str, str], str]) -> Iterator[Mistake]:
    if not isinstance(profile, MeterProfile) or device.line is None:
        return
    address = (device.address or "").zfill(12)
    if device.address is None or len(address) > 12 or not address.isdecimal():
        yield (
            ("address",),
            f"expected the 12 digits on the meter's plate, in quotes, found {device.address!r}",
        )
        return
    other = taken.setdefault((device.line, address), device.id)
    if other != device.id:
        yield ("address",), f"meter {address} of line {device.line} is {other} already"


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
