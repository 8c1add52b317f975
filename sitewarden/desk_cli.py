"""`sitewarden desk …`: open incidents, alarms, orders, screens, acting, and the verdicts of a night, as tables.

What a command runs is imported when it runs, so that help answers at once.
"""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from sitewarden.errors import CommandError

if TYPE_CHECKING:
    from sitewarden.desk import Server

BAD_INPUT = 2

app = typer.Typer(help="A supervisor's desk without a browser.", no_args_is_help=True, rich_markup_mode=None)

Url = Annotated[str, typer.Option(help="Where the page is served.", envvar="SITEWARDEN_URL")]
Site = Annotated[str, typer.Option(help="The site's id.", envvar="SITEWARDEN_SITE")]
Token = Annotated[
    Path | None, typer.Option(help="A file with the access token.", envvar="SITEWARDEN_TOKEN_FILE")
]
Language = Annotated[str, typer.Option(help="zh or en.", envvar="SITEWARDEN_LANGUAGE")]
_HERE = "http://127.0.0.1:8080"


@app.command()
def incidents(
    *, url: Url = _HERE, site: Site = "demo", token_file: Token = None, language: Language = "en"
) -> None:
    """List what is open, since when, who comes, and what is missing."""
    from sitewarden import desk

    _print(desk.incidents, _server(url, site, token_file, language))


@app.command()
def alarms(
    *, url: Url = _HERE, site: Site = "demo", token_file: Token = None, language: Language = "en"
) -> None:
    """List the alarms that stand or wait for somebody, with their states (IEC 62682)."""
    from sitewarden import desk

    _print(desk.alarms, _server(url, site, token_file, language))


@app.command()
def orders(
    *, url: Url = _HERE, site: Site = "demo", token_file: Token = None, language: Language = "en"
) -> None:
    """List the work orders that are not over."""
    from sitewarden import desk

    _print(desk.orders, _server(url, site, token_file, language))


@app.command()
def screens(
    *, url: Url = _HERE, site: Site = "demo", token_file: Token = None, language: Language = "en"
) -> None:
    """List the screens: which are live and can be heard, since when, and who heard the test sound."""
    from sitewarden import desk

    _print(desk.screens, _server(url, site, token_file, language))


@app.command()
def night(
    day: Annotated[str, typer.Argument(help="The day on which it began, such as 2026-11-22.")],
    *,
    url: Url = _HERE,
    site: Site = "demo",
    token_file: Token = None,
    language: Language = "en",
) -> None:
    """Show the verdicts of a night, 18:00 to 08:00, and why each is what it is."""
    from sitewarden import desk

    _print(lambda server: desk.night(server, day), _server(url, site, token_file, language))


@app.command()
def do(
    verb: Annotated[str, typer.Argument(help="Such as acknowledge, dispatch, verify, close, shelve_alarm.")],
    fields: Annotated[list[str], typer.Argument(help="name=value, such as incident=9f1c2b7a90d4e6f3.")],
    *,
    person: Annotated[str, typer.Option(help="Who does it: a person's id.")],
    url: Url = _HERE,
    site: Site = "demo",
    token_file: Token = None,
    language: Language = "en",
) -> None:
    """Do something: `sitewarden desk do acknowledge incident=… --person p-002`."""
    from sitewarden import desk

    _print(lambda server: desk.act(server, person, verb, fields), _server(url, site, token_file, language))


def _server(url: str, site: str, token_file: Path | None, language: str) -> "Server":
    from sitewarden.desk import Server

    return Server(url=url, site=site, token_file=token_file, language=language)


def _print(run: Callable[["Server"], str], server: "Server") -> None:
    try:
        typer.echo(run(server).rstrip("\n"))
    except CommandError as error:
        typer.echo(f"sitewarden: {error}", err=True)
        raise typer.Exit(BAD_INPUT) from error
