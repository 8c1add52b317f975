"""`sitewarden edge import-parts`: an export of a panel's software made into the site's list of parts."""

from pathlib import Path

import typer
from rich.console import Console
from rich.table import Table

from contract.part_import import Imported, import_parts
from contract.problems import ConfigError
from contract.profile.load import site_profiles
from contract.profile.part_check import possible_parts
from contract.site import Device, Site
from contract.site_files import load_site

BAD_INPUT = 2
_MOST_SHOWN = 20

errors = Console(stderr=True, highlight=False, markup=False, soft_wrap=True)
notes = Console(stderr=True, highlight=False)


def run(file: Path, *, device: str, site: Path, out: Path | None, yes: bool) -> None:
    """Make a list of parts from an export of the panel's software, and show what was taken and what was not."""
    model = _site(site)
    known = model.devices.get(device)
    if known is None:
        raise _refused(f"site {model.id} has no device {device!r}")
    profile = site_profiles(model, site).get(known.profile or "")
    try:
        found = import_parts(
            file.read_bytes(), model.file.zones, possible_parts(profile, known) if profile else None
        )
    except ValueError as error:
        raise _refused(f"{file}: {error}") from error
    _show(file, found)
    if not found.bound:
        raise _refused(f"{file}: no row was taken")
    if out is None:
        typer.echo(found.text(), nl=False)
    elif out.exists() and not yes and not typer.confirm(f"{out} is there already; replace it?", err=True):
        raise _refused(f"{out} stays as it is")
    else:
        # With a mark of its encoding, or a spreadsheet takes its Chinese for GBK.
        try:
            out.write_text(found.text(), "utf-8-sig")
        except OSError as error:
            raise _refused(f"{out} can't be written: {error.strerror}") from error
        errors.print(_next(out, site, known))


def _show(file: Path, found: Imported) -> None:
    table = Table("line", "part", "zone", "name", title=f"{file.name}: {found.encoding}")
    for one in found.bound[:_MOST_SHOWN]:
        table.add_row(str(one.line), one.part, one.zone or "–", one.zh or one.en)
    if len(found.bound) > _MOST_SHOWN:
        table.add_row("…", "", "", "")
    columns = ", ".join(f"{what} from {name}" for what, name in found.columns.items())
    table.caption = f"{len(found.bound)} parts; {columns}"
    notes.print(table)
    for left in found.left[:_MOST_SHOWN]:
        errors.print(f"{file}:{left.line}: not taken: {left.why}")
    if len(found.left) > _MOST_SHOWN:
        errors.print(f"{len(found.left) - _MOST_SHOWN} more rows were not taken")
    without = sum(one.zone is None for one in found.bound)
    if without:
        errors.print(f"{without} parts have no zone yet: write the zone's id into the column `zone`")


def _next(out: Path, site: Path, device: Device) -> str:
    inside = out.resolve().is_relative_to(site.resolve())
    name = out.resolve().relative_to(site.resolve()).as_posix() if inside else out.name
    move = "" if inside else f"put it into {site}, "
    return f"written to {out}; {move}write `parts: {{file: {name}}}` at {device.id}, then: sitewarden config check {site}"


def _site(folder: Path) -> Site:
    """The site as it is but for the lists of parts: one that is being made anew may be wrong."""
    try:
        return load_site(folder, with_parts=False)
    except ConfigError as error:
        for problem in error.problems:
            errors.print(str(problem))
        raise typer.Exit(BAD_INPUT) from error


def _refused(why: str) -> typer.Exit:
    errors.print(why)
    return typer.Exit(BAD_INPUT)
