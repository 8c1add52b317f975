"""`sitewarden edge probe`: a device looked at live, asked or listened to. Nothing is written to it."""

import asyncio
import json
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import msgspec
import typer
from rich.live import Live
from rich.table import Table
from rich.text import Text

from contract.profile.expand import binding_mistakes, device_map
from contract.profile.meter import meter_map
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
from contract.profile.points import DeviceMap
from contract.site import Device, Site
from edge.commission import as_digits, identify, read_once
from edge.decode.sheet import Sheet, sheet
from edge.drivers.dlt645 import MeterLine, parse_meter_line
from edge.drivers.modbus import AskedLine
from edge.drivers.modbus_line import ModbusLine
from edge.errors import LineLost, SettingsError
from edge.shown import Shown, digits
from sitewarden.on_site import (
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
from sitewarden.probe_listen import Listening, listen

NO_METER_ANSWERS = (
    "no meter answers: is it powered, are A and B the right way round, is `address` the 12 digits on its plate, do "
    "baud rate and parity match (2400, even, as delivered), and does nobody else talk on this line?"
)


class Options(msgspec.Struct, frozen=True, kw_only=True):
    """How to look: at another `endpoint` of the line, `once`, as JSON; a device that speaks is waited for `wait_s`."""

    endpoint: str | None = None
    once: bool = False
    as_json: bool = False
    wait_s: int = 60


def probe(site: Path, name: str, options: Options) -> None:
    """Show a device live: what it says, what it means, and what is amiss."""
    model = read_site(site)
    device = device_of(model, name)
    profile = profile_of(site, device)
    if profile is None:
        raise refused(f"{device.id} has no profile: nothing is read of it")
    if mistakes := binding_mistakes(profile, device):
        raise refused("\n".join(f"{name}: {'.'.join(map(str, path))}: {said}" for path, said in mistakes))
    url = options.endpoint or line_of(model, device)
    match profile:
        case ModbusProfile():
            _probe_registers(model, device, profile, url, options)
        case MeterProfile():
            _probe_meter(device, profile, url, options)
        case MqttProfile() | HttpProfile():
            how = Listening(
                url=url,
                wait_s=options.wait_s,
                once=options.once or options.as_json,
                as_json=options.as_json,
            )
            listen(model, device, profile, how)
        case _:
            raise refused(_elsewhere(device, profile))


def _elsewhere(device: Device, profile: Profile) -> str:
    match profile:
        case CsvProfile():
            return f"{device.id} is a log: look at a file of it by sitewarden edge import --check"
        case WandProfile():
            return f"{device.id} is read and emptied in its dock by the agent, which must not miss its scans"
        case TransmitterProfile():
            return f"{device.id} calls the agent, and sends what it has but once: its events are on the page of the site"
        case _:
            return f"{device.id} can't be looked at by hand"


def _probe_registers(site: Site, device: Device, profile: ModbusProfile, url: str, options: Options) -> None:
    mapped = device_map(profile, device)
    is_alone = sum(other.line == device.line for other in site.file.devices) == 1
    line = ModbusLine(modbus_endpoint(url), frozenset({mapped.unit} if is_alone else ()))
    for why in _others(line, mapped, profile):
        errors.print(f"this may be another device than {device.profile} says: {why}")
    _show(device, lambda: _read(line, sheet(mapped)), options, NOBODY_ANSWERS)


def _probe_meter(device: Device, profile: MeterProfile, url: str, options: Options) -> None:
    try:
        line = MeterLine(parse_meter_line(url), [(device, profile)])
    except SettingsError as error:
        raise refused(str(error)) from error
    mapped = sheet(meter_map(profile, device, 0))
    _show(device, lambda: [as_digits(one) for one in _read(line, mapped)], options, NO_METER_ANSWERS)


def _show(device: Device, read: Callable[[], list[Shown]], options: Options, when_silent: str) -> None:
    """Show what is read, once or ever again."""
    if options.once or options.as_json:
        rows = read()
        if options.as_json:
            typer.echo(json.dumps(msgspec.to_builtins(rows), ensure_ascii=False))
        else:
            console.print(points_table(device.id, rows))
        if all(row.raw is None for row in rows):
            errors.print(when_silent)
            raise typer.Exit(NOBODY)
        return
    with Live(console=console, auto_refresh=False) as live:
        while True:
            live.update(points_table(device.id, read()), refresh=True)
            time.sleep(1)


def _others(line: ModbusLine, device: DeviceMap, profile: ModbusProfile) -> list[str]:
    """In what the device is another than its profile's."""

    async def look() -> list[str]:
        try:
            return await identify(line, device, profile.identity)
        finally:
            line.close()

    if not profile.identity:
        return []
    try:
        return asyncio.run(look())
    except LineLost:
        return []


def _read(line: AskedLine, mapped: Sheet) -> list[Shown]:
    async def read() -> list[Shown]:
        try:
            return await read_once(line, mapped)
        finally:
            line.close()

    try:
        return asyncio.run(read())
    except LineLost as error:
        raise refused(f"the line can't be opened: {error}") from error


def points_table(title: str, rows: Sequence[Shown]) -> Table:
    """The points of a device as a table."""
    table = Table("point", "raw", "value", "unit", "means", title=title)
    for row in rows:
        value = "-" if row.value is None else digits(row.value)
        mark = "" if row.verified else " ?"
        cells = (row.name + mark, _raw(row), value, row.unit, row.why or row.word)
        table.add_row(*map(Text, cells), style="red" if row.why else None)
    if any(not row.verified for row in rows):
        table.caption = "? not verified: compare with the device's own display"
    return table


def _raw(row: Shown) -> str:
    if row.raw is None:
        return "-"
    if row.bits is None:
        return (
            str(row.raw)
            if row.raw in {0, 1} or row.raw < 0 or row.is_decimal
            else f"{row.raw} (0x{row.raw:X})"
        )
    bits = f"bits {', '.join(map(str, row.bits))}" if row.bits else "no bit"
    unread = f"; nothing reads {', '.join(map(str, row.unread))}" if row.unread else ""
    return f"{row.raw} (0x{row.raw:X}: {bits}{unread})"
