"""`sitewarden edge probe`, `scan`, `check`, `import` and `import-parts`: what an engineer types.

What a command runs is in `sitewarden.commission`, and imported when it runs, so that help answers at once.
"""

from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(
    name="sitewarden edge",
    help="Look at devices and lines; nothing is written.",
    no_args_is_help=True,
    rich_markup_mode=None,
)

SiteDir = Annotated[Path, typer.Argument(help="The site directory.")]


@app.command()
def probe(
    site: SiteDir,
    device: Annotated[str, typer.Argument(help="The device's id.")],
    *,
    endpoint: Annotated[str | None, typer.Option(help="Another address of its line.")] = None,
    once: Annotated[bool, typer.Option("--once", help="Look once and stop.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Look once; print JSON.")] = False,
    wait: Annotated[
        int, typer.Option(min=1, max=86_400, help="How long to listen for one that speaks by itself, in s.")
    ] = 60,
) -> None:
    """Look at a device live: what it says, what that means, and what is amiss.

    One that is read is shown as a table that refreshes; of one that publishes or posts, each message is shown as it comes:
    which rule of its profile takes what, what comes out, and what is not understood.
    """
    from sitewarden import probe as probing

    options = probing.Options(endpoint=endpoint, once=once, as_json=as_json, wait_s=wait)
    probing.probe(site, device, options)


@app.command("scan")
def scan_bus(
    endpoint: Annotated[str, typer.Argument(help="Such as modbus-rtu:///dev/ttyUSB0?baudrate=9600.")],
    *,
    first: Annotated[int, typer.Option(min=1, max=247, help="The lowest unit id.")] = 1,
    last: Annotated[int, typer.Option(min=1, max=247, help="The highest unit id.")] = 247,
    timeout_ms: Annotated[int, typer.Option(min=20, max=5_000, help="How long to wait for each.")] = 300,
) -> None:
    """Find out which unit ids answer on a bus, slowly, one question each."""
    from sitewarden import commission

    commission.scan_bus(endpoint, first=first, last=last, timeout_ms=timeout_ms)


@app.command()
def check(site: SiteDir) -> None:
    """Print each line's requests, how busy it is with them, and which events they may miss."""
    from sitewarden import commission

    commission.check(site)


@app.command("import")
def import_log(
    site: SiteDir,
    device: Annotated[str, typer.Argument(help="The device whose log it is.")],
    file: Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="The CSV file.")],
    *,
    dry: Annotated[bool, typer.Option("--check", help="Only show what it says.")] = False,
) -> None:
    """Show what a log says, and put it into the folder from which the agent takes it."""
    from sitewarden import commission

    commission.import_log(site, device, file, dry=dry)


@app.command("import-parts")
def import_parts(
    file: Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="The export: CSV or tabs.")],
    *,
    device: Annotated[str, typer.Option(help="The panel or transmitter whose parts they are.")],
    site: Annotated[Path, typer.Option(envvar="SITEWARDEN_SITE", help="The site directory.")],
    out: Annotated[
        Path | None, typer.Option(help="Where the list goes; without it, to standard output.")
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", help="Replace a list that is there without asking.")] = False,
) -> None:
    """Make a list of parts from an export of the panel's software, and show what was taken and what was not."""
    from sitewarden import import_parts as importing

    importing.run(file, device=device, site=site, out=out, yes=yes)
