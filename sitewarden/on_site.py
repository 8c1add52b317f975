"""What the commands for an engineer on site share: the site's files read, and what is said when something is wrong."""

from pathlib import Path

import typer
from rich.console import Console

from contract.problems import ConfigError
from contract.profile.load import load_profile
from contract.profile.model import Profile
from contract.site import Device, Site
from contract.site_files import find_profile, load_site
from contract.yamlfile import unknown_name
from edge.drivers.modbus_transport import Endpoint, parse_endpoint
from edge.errors import SettingsError

BAD_INPUT = 2
NOBODY = 1
NOBODY_ANSWERS = (
    "nobody answers: is it powered, are A and B the right way round, do baud rate, parity and unit id match, "
    "and does nobody else talk on this line?"
)

console = Console(highlight=False)
errors = Console(stderr=True, highlight=False, markup=False, soft_wrap=True)


def read_site(folder: Path) -> Site:
    """The site of a directory, or the end of the command with its mistakes."""
    try:
        return load_site(folder)
    except ConfigError as error:
        raise mistaken(error) from error


def device_of(site: Site, name: str) -> Device:
    """The device of that name, or the end of the command."""
    known = site.devices.get(name)
    if known is None:
        raise refused(f"site {site.id} has {unknown_name('device', name, site.devices)}")
    return known


def profile_of(folder: Path, device: Device) -> Profile | None:
    """The profile of a device, or the end of the command with its mistakes."""
    path = find_profile(device.profile or "", folder)
    try:
        return load_profile(path) if path else None
    except ConfigError as error:
        raise mistaken(error) from error


def line_of(site: Site, device: Device) -> str:
    """The endpoint of the line that a device is on, or the end of the command."""
    for agent in site.file.agents:
        for line in agent.lines:
            if line.id == device.line:
                return line.endpoint
    raise refused(f"{device.id} is on no line")


def modbus_endpoint(url: str) -> Endpoint:
    """The Modbus line that a URL names, or the end of the command."""
    try:
        return parse_endpoint(url)
    except SettingsError as error:
        raise refused(str(error)) from error


def mistaken(error: ConfigError) -> typer.Exit:
    """Say every mistake of files, and end the command."""
    for problem in error.problems:
        errors.print(str(problem))
    return typer.Exit(BAD_INPUT)


def refused(why: str) -> typer.Exit:
    """Say what is wrong, and end the command."""
    errors.print(why)
    return typer.Exit(BAD_INPUT)
