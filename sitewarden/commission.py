"""`sitewarden edge probe`, `scan`, `check`, `import` and `import-parts`: for an engineer on site. Devices are only read."""

import asyncio
import json
import time
from pathlib import Path

import msgspec
import typer
from rich.console import Console
from rich.live import Live
from rich.progress import Progress
from rich.table import Table

from contract.problems import ConfigError
from contract.profile.expand import device_map
from contract.profile.load import load_profile
from contract.profile.model import CsvProfile, ModbusProfile, Profile
from contract.profile.points import DeviceMap
from contract.site import Device, Site
from contract.site_files import find_profile, load_site
from edge import busload
from edge.clock import boot_ms, wall_ms
from edge.commission import Found, Shown, identify, read_once, scan
from edge.drivers.inbox import drop, parse_inbox
from edge.drivers.modbus_line import ModbusLine
from edge.drivers.modbus_transport import Endpoint, parse_endpoint
from edge.errors import LineLost, SettingsError
from edge.localtime import wall_clock
from edge.logbook import Log, Moment, file_reader
from edge.pulses import not_guaranteed

BAD_INPUT = 2
NOBODY = 1
NOBODY_ANSWERS = (
    "nobody answers: is it powered, are A and B the right way round, do baud rate, parity and unit id match, "
    "and does nobody else talk on this line?"
)

console = Console(highlight=False)
errors = Console(stderr=True, highlight=False, markup=False, soft_wrap=True)


def probe(
    site: Path,
    device: str,
    *,
    endpoint: str | None,
    once: bool,
    as_json: bool,
) -> None:
    """Read a device live: name, raw, value, unit, and what is amiss, in a table that refreshes."""
    model = _site(site)
    known = model.devices.get(device)
    if known is None:
        raise _refused(f"site {model.id} has no device {device!r}")
    mapped = _mapped(site, known)
    is_alone = sum(other.line == known.line for other in model.file.devices) == 1
    units = frozenset({mapped.unit} if is_alone else ())
    line = ModbusLine(_endpoint(endpoint or _line_of(model, known)), units)
    for why in _others(line, mapped, _profile(site, known)):
        errors.print(f"this may be another device than {known.profile} says: {why}")
    if once or as_json:
        rows = _read(line, mapped)
        if as_json:
            typer.echo(json.dumps(msgspec.to_builtins(rows), ensure_ascii=False))
        else:
            console.print(_points(device, rows))
        _say_if_silent(rows)
        return
    with Live(console=console, auto_refresh=False) as live:
        while True:
            live.update(_points(device, _read(line, mapped)), refresh=True)
            time.sleep(1)


def _say_if_silent(rows: list[Shown]) -> None:
    if all(row.raw is None for row in rows):
        errors.print(NOBODY_ANSWERS)
        raise typer.Exit(NOBODY)


def scan_bus(
    endpoint: str,
    *,
    first: int,
    last: int,
    timeout_ms: int,
) -> None:
    """Find out which unit ids answer on a bus, slowly, one question each."""
    line = ModbusLine(_endpoint(endpoint))
    try:
        found = asyncio.run(_scan(line, range(first, last + 1), timeout_ms))
    except LineLost as error:
        raise _refused(f"{endpoint}: {error}") from error
    for one in found:
        said = f"refuses function {one.function} (exception {one.code})" if one.code else "answers"
        typer.echo(f"unit {one.unit}: {said}")
    if not found:
        errors.print(NOBODY_ANSWERS)
        raise typer.Exit(NOBODY)


def check(site: Path) -> None:
    """Print each line's requests, how busy it is with them, and which events they may miss."""
    model = _site(site)
    for agent in model.file.agents:
        for line in agent.lines:
            if not line.endpoint.startswith("modbus"):
                continue
            devices = [_mapped(site, one) for one in model.file.devices if one.line == line.id]
            endpoint = _endpoint(line.endpoint)
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
    model = _site(site)
    known = model.devices.get(device)
    if known is None:
        raise _refused(f"site {model.id} has no device {device!r}")
    profile = _profile(site, known)
    if not isinstance(profile, CsvProfile):
        raise _refused(f"{device} keeps no log")
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
            place = drop(f"{file.stem}.csv", body, parse_inbox(_line_of(model, known)) / device)
        except (OSError, SettingsError) as error:
            raise _refused(str(error)) from error
        typer.echo(f"put into {place}; the agent takes it within seconds")


def _entries(device: str, found: Log, site: Site) -> Table:
    table = Table("at", "event", "of", "zone", "who", title=device)
    for event in found.events:
        at = wall_clock(event.device_at or 0, site.timezone).strftime("%Y-%m-%d %H:%M:%S")
        zone = event.zone or site.devices[event.device].zone or ""
        table.add_row(at, event.type, event.device, zone, event.person or "")
    table.caption = f"{len(found.events)} events, {len(found.readings)} readings"
    return table


def _site(folder: Path) -> Site:
    try:
        return load_site(folder)
    except ConfigError as error:
        raise _mistaken(error) from error


def _mistaken(error: ConfigError) -> typer.Exit:
    for problem in error.problems:
        errors.print(str(problem))
    return typer.Exit(BAD_INPUT)


def _profile(folder: Path, device: Device) -> Profile | None:
    path = find_profile(device.profile or "", folder)
    try:
        return load_profile(path) if path else None
    except ConfigError as error:
        raise _mistaken(error) from error


def _mapped(folder: Path, device: Device) -> DeviceMap:
    profile = _profile(folder, device)
    if not isinstance(profile, ModbusProfile):
        raise _refused(f"{device.id} is not read over Modbus")
    return device_map(profile, device)


def _line_of(site: Site, device: Device) -> str:
    for agent in site.file.agents:
        for line in agent.lines:
            if line.id == device.line:
                return line.endpoint
    raise _refused(f"{device.id} is on no line")


def _endpoint(url: str) -> Endpoint:
    try:
        return parse_endpoint(url)
    except SettingsError as error:
        raise _refused(str(error)) from error


def _refused(why: str) -> typer.Exit:
    errors.print(why)
    return typer.Exit(BAD_INPUT)


def _others(line: ModbusLine, device: DeviceMap, profile: Profile | None) -> list[str]:
    """In what the device is another than its profile's."""
    identities = profile.identity if isinstance(profile, ModbusProfile) else ()

    async def look() -> list[str]:
        try:
            return await identify(line, device, identities)
        finally:
            line.close()

    if not identities:
        return []
    try:
        return asyncio.run(look())
    except LineLost:
        return []


def _read(line: ModbusLine, device: DeviceMap) -> list[Shown]:
    async def read() -> list[Shown]:
        try:
            return await read_once(line, device)
        finally:
            line.close()

    try:
        return asyncio.run(read())
    except LineLost as error:
        raise _refused(f"the line can't be opened: {error}") from error


async def _scan(line: ModbusLine, units: range, timeout_ms: int) -> list[Found]:
    found: list[Found] = []
    with Progress(console=errors, transient=True) as progress:
        task = progress.add_task("asking", total=len(units))
        async for one in scan(line, units, timeout_ms):
            found += [one] if isinstance(one, Found) else []
            progress.advance(task)
    line.close()
    return found


def _points(device: str, rows: list[Shown]) -> Table:
    table = Table("point", "raw", "value", "unit", "means", title=device)
    for row in rows:
        raw = "-" if row.raw is None else f"{row.raw} (0x{row.raw:X})"
        value = "-" if row.value is None else f"{row.value:g}"
        mark = "" if row.verified else " ?"
        style = "red" if row.why else None
        table.add_row(row.name + mark, raw, value, row.unit, row.why or row.word, style=style)
    if any(not row.verified for row in rows):
        table.caption = "? from one weak source: compare with the device's own display"
    return table


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
