"""`sitewarden sim run`: what somebody types to play a scenario in their own CI.

What it runs is in `sitewarden.rehearsal.command`, and imported when it runs, so that help answers at once.
"""

from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(
    name="sitewarden sim", no_args_is_help=True, pretty_exceptions_enable=False, rich_markup_mode=None
)


@app.callback()
def _root() -> None:
    """Simulated devices and people."""


@app.command()
def run(
    scenario: Annotated[str, typer.Argument(help="A scenario's name or file.")],
    *,
    site: Annotated[Path | None, typer.Option(help="The site directory; default: the demo site.")] = None,
    rules: Annotated[
        Path | None, typer.Option(help="Rules; default: those that came with the program.")
    ] = None,
    lasts: Annotated[str | None, typer.Option("--for", help="How long it is played, such as 2h.")] = None,
    expect: Annotated[Path | None, typer.Option(help="A file of what must come of it.")] = None,
    report: Annotated[Path | None, typer.Option("--junit", help="Write a JUnit report to this file.")] = None,
    events: Annotated[Path | None, typer.Option(help="Write the recording to this file.")] = None,
    seed: Annotated[int | None, typer.Option(help="In place of the scenario's.")] = None,
    begins: Annotated[
        str, typer.Option("--at", help="The site's date and time when it begins.")
    ] = "2026-06-01T10:00",
) -> None:
    """Play a scenario in virtual time, judge it, and check what is expected of it; 1 when something is not so."""
    from sitewarden.rehearsal import command

    command.run(
        scenario,
        site=site,
        rules=rules,
        lasts=lasts,
        expect=expect,
        report=report,
        events=events,
        seed=seed,
        begins=begins,
    )
