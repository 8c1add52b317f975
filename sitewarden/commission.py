"""`sitewarden edge scan`, `check` and `import`: for an engineer on site. Devices are only read."""

import asyncio
from pathlib import Path

import typer
from rich.progress import Progress
from rich.table import Table

from contract.profile.expand import device_map
from contract.profile.model import CsvProfile, ModbusProfile
from contract.profile.points import DeviceMap
from contract.site import Device, Site
from edge import busload
from edge.clock import boot_ms, wall_ms
from edge.commission import Found, scan
from edge.drivers.inbox import drop, parse_inbox
from edge.drivers.modbus_line import ModbusLine
from edge.drivers.modbus_transport import Endpoint
from edge.errors import LineLost, SettingsError
from edge.localtime import wall_clock
from edge.logbook import Log, Moment, file_reader
from edge.pulses import not_guaranteed
from sitewarden.on_site import (
    BAD_INPUT,
    NOBODY,
    NOBODY_ANSWERS,
    console,
    device_of,
    errors,
    line_of,
    modbus_endpoint,
    profile_of,
    read_site,
    refused,
)


def scan_bus(
    endpoint: str,
    *,
    first: int,
    last: int,
    timeout_ms: int,
) -> None:
    """Find out which unit ids answer on a bus, slowly, one question each."""
    line = ModbusLine(modbus_endpoint(endpoint))
    try:
        found = asyncio.run(_scan(line, range(first, last + 1), timeout_ms))
    except LineLost as error:
        raise refused(f"{endpoint}: {error}") from error
    for one in found:
        said = f"refuses function {one.function} (exception {one.code})" if one.code else "answers"
        typer.echo(f"unit {one.unit}: {said}")
    if not found:
        errors.print(NOBODY_ANSWERS)
        raise typer.Exit(NOBODY)


def check(site: Path) -> None:
    """Print each line's requests, how busy it is with them, and which events they may miss."""
    model = read_site(site)
    for agent in model.file.agents:
        for line in agent.lines:
            if not line.endpoint.startswith("modbus"):
                continue
            devices = [_mapped(site, one) for one in model.file.devices if one.line == line.id]
            endpoint = modbus_endpoint(line.endpoint)
            bits = 2 + endpoint.bytesize + endpoint.stopbits - 1 + (endpoint.parity != "N")
            wire = busload.Wire(baudrate=endpoint.baudrate, bits=bits)
            loads = busload.loads(devices, wire if endpoint.device else None)
            console.print(_loads(f"{agent.id} · {line.id}", loads, endpoint))
            overloads = busload.overloads(loads)
            for overload in overloads:
                typer.echo(_overload(overload))
            factors = {one.device: one.factor for one in overloads}
            for unsure in not_guaranteed(devices, factors):
                typer.echo(
                    f"not guaranteed: {unsure.device} {unsure.point} may last {unsure.shortest_ms} ms only, "
                    f"and is read every {unsure.every_ms} ms"
                )


def import_log(
    site: Path,
    device: str,
    file: Path,
    *,
    dry: bool,
) -> None:
    """Show what a log says, and put it into the folder from which the agent takes it."""
    model = read_site(site)
    known = device_of(model, device)
    profile = profile_of(site, known)
    if not isinstance(profile, CsvProfile):
        raise refused(f"{device} keeps no log")
    body = file.read_bytes()
    found = file_reader(known, profile, model.timezone)(body, Moment(boot_ms(), wall_ms()))
    if found.mistakes:
        for mistake in found.mistakes:
            errors.print(f"{file}: {mistake}")
    if found.unread:
        raise typer.Exit(BAD_INPUT)
    if found.mistakes:
        errors.print("these lines are left out; the others are taken")
    console.print(_entries(device, found, model))
    if not dry:
        try:
            place = drop(f"{file.stem}.csv", body, parse_inbox(line_of(model, known)) / device)
        except (OSError, SettingsError) as error:
            raise refused(str(error)) from error
        typer.echo(f"put into {place}; the agent takes it within seconds")


def _entries(device: str, found: Log, site: Site) -> Table:
    table = Table("at", "event", "of", "zone", "who", title=device)
    for event in found.events:
        at = wall_clock(event.device_at or 0, site.timezone).strftime("%Y-%m-%d %H:%M:%S")
        zone = event.zone or site.devices[event.device].zone or ""
        table.add_row(at, event.type, event.device, zone, event.person or "")
    table.caption = f"{len(found.events)} events, {len(found.readings)} readings"
    return table


def _mapped(folder: Path, device: Device) -> DeviceMap:
    profile = profile_of(folder, device)
    if not isinstance(profile, ModbusProfile):
        raise refused(f"{device.id} is not read over Modbus")
    return device_map(profile, device)


async def _scan(line: ModbusLine, units: range, timeout_ms: int) -> list[Found]:
    found: list[Found] = []
    with Progress(console=errors, transient=True) as progress:
        task = progress.add_task("asking", total=len(units))
        async for one in scan(line, units, timeout_ms):
            found += [one] if isinstance(one, Found) else []
            progress.advance(task)
    line.close()
    return found


def _overload(found: busload.Overload) -> str:
    said = (
        f"{found.device} can't be read at its pace: its requests and the pauses between them take "
        f"{found.factor:.1f} times as long as there is; what should come every {found.quickest_ms} ms comes every "
        f"{found.real_ms} ms"
    )
    if found.is_blind:
        said += ", and what happens between is not known"
    return f"{said}; write poll: {found.enough_ms // 1_000}s at the device, or skip points that nobody needs"


def _loads(title: str, loads: list[busload.Load], endpoint: Endpoint) -> Table:
    table = Table("device", "request", "every", title=title)
    if endpoint.framed:
        # What wire lies behind a gateway, nobody here knows.
        for load in loads:
            table.add_row(load.device, load.request.key, f"{load.every_ms} ms")
        rate = sum(1_000 / load.every_ms for load in loads)
        table.caption = f"{len(loads)} requests, {rate:.1f} a second"
        return table
    table.add_column("takes")
    table.add_column("share")
    for load in loads:
        row = (load.device, load.request.key, f"{load.every_ms} ms", f"{load.takes_ms:.0f} ms")
        table.add_row(*row, f"{load.share:.1%}")
    share = sum(load.share for load in loads)
    late = ": more than the line can carry, so that nothing comes at its pace" if share > 1 else ""
    table.caption = f"{share:.0%} of the line's time at {endpoint.baudrate} baud{late}"
    return table
