"""The subcommands for people: `demo`, `replay`, `config`, `profile`. What they do is in the modules they call.

Help must answer at once and on an edge-only installation: what a command runs is imported when it runs.
"""

import importlib.metadata
import json
from collections.abc import Callable
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cloud.errors import StoreUnavailableError
from cloud.review.by import By
from contract.problems import ConfigError
from sitewarden.desk_cli import app as desk_app
from sitewarden.errors import CommandError

if TYPE_CHECKING:
    from rich.console import Console

BAD_INPUT = 2
FAILED = 1

app = typer.Typer(
    name="sitewarden",
    help="Proves, minute by minute, that a property site is looked after.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    epilog="Processes: `sitewarden edge`, `sitewarden cloud`, `sitewarden sim`; each has its own --help.",
)
config_app = typer.Typer(
    help="Sites, profiles and rules: check them, or get their schema.", no_args_is_help=True
)
app.add_typer(config_app, name="config")
rules_app = typer.Typer(help="Rules: try them by their data tests.", no_args_is_help=True)
app.add_typer(rules_app, name="rules")
profile_app = typer.Typer(help="Device profiles: check them, begin a new one.", no_args_is_help=True)
app.add_typer(profile_app, name="profile")
app.add_typer(desk_app, name="desk")


def _version(asked: bool) -> None:
    if asked:
        typer.echo(f"sitewarden {importlib.metadata.version('sitewarden')}")
        raise typer.Exit


@app.callback()
def _root(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version and stop.")
    ] = False,
) -> None:
    """Proves, minute by minute, that a property site is looked after."""


@app.command("edge", help="The agent on site (see `sitewarden edge --help`).")
@app.command("cloud", help="The service: ingest, verdicts, API and page (see `sitewarden cloud --help`).")
@app.command("sim", help="Simulated devices and people (see `sitewarden sim --help`).")
def _process() -> None:
    """Listed for `--help` only: `sitewarden.__main__` starts these before this module is imported."""


@app.command()
def demo(
    *,
    scenario: Annotated[str, typer.Option(help="A scenario's name or file.")] = "demo",
    port: Annotated[int, typer.Option(help="The page's port; another free one if it is taken.")] = 8080,
    headless: Annotated[bool, typer.Option("--headless", help="Don't draw progress; print lines.")] = False,
    until_verdict: Annotated[
        bool,
        typer.Option(
            "--until-verdict", help="Stop once a real alarm has become a final verdict; print it as JSON."
        ),
    ] = False,
    timeout: Annotated[float, typer.Option(help="Seconds after which --until-verdict gives up.")] = 120,
    keep: Annotated[
        Path | None, typer.Option(help="Keep data and logs in this folder; default: a temporary one.")
    ] = None,
) -> None:
    """Run the whole line on embedded parts: broker, database, cloud, two edges, simulated devices."""
    from sitewarden.demo import DemoOptions, run_demo

    options = DemoOptions(
        scenario=scenario,
        port=port,
        headless=headless,
        until_verdict=until_verdict,
        timeout_s=timeout,
        keep=keep,
    )
    try:
        raise typer.Exit(run_demo(options))
    except ConfigError as error:
        raise typer.Exit(_say_problems(error)) from error
    except CommandError as error:
        _say(f"sitewarden demo: {error}")
        raise typer.Exit(FAILED) from error


@app.command()
def replay(
    *,
    site: Annotated[Path, typer.Option(help="The site directory.")],
    rules: Annotated[Path, typer.Option(help="A rules file, or a directory of them.")],
    events: Annotated[
        str, typer.Option(help="Events, readings and coverage, one JSON object a line; - for stdin.")
    ],
    out: Annotated[str, typer.Option(help="Where the verdicts go, one JSON object a line; - for stdout.")],
    since: Annotated[
        int | None, typer.Option("--from", help="Start of the data, ms since the epoch.")
    ] = None,
    until: Annotated[
        int | None, typer.Option(help="As of when, ms since the epoch; events at or after are not seen.")
    ] = None,
    history: Annotated[
        bool, typer.Option("--history", help="Every revision, in the order things were received.")
    ] = False,
    skip_bad: Annotated[
        bool, typer.Option("--skip-bad", help="Count bad lines instead of stopping.")
    ] = False,
) -> None:
    """Judge a file of events by a set of rules: the same code as live, byte-identical for any order of lines."""
    from sitewarden.replay import ReplayOptions, run_replay

    options = ReplayOptions(
        site=site,
        rules=rules,
        events=events,
        out=out,
        since=since,
        until=until,
        history=history,
        skip_bad=skip_bad,
    )
    try:
        run_replay(options, _console())
    except ConfigError as error:
        raise typer.Exit(_say_problems(error)) from error


Events = Annotated[str | None, typer.Option(help="Recorded lines, one JSON object each; - for stdin.")]
Database = Annotated[str | None, typer.Option(help="A database in their place: postgresql://user@host/name.")]
Since = Annotated[int | None, typer.Option("--from", help="Start of the data, ms since the epoch.")]
Until = Annotated[int | None, typer.Option(help="As of when, ms since the epoch.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]
SkipBad = Annotated[bool, typer.Option("--skip-bad", help="Count bad lines instead of stopping.")]
Rules = Annotated[Path, typer.Option(help="A rules file, or a directory of them.")]
SiteDir = Annotated[Path, typer.Option(help="The site directory.")]


class Language(StrEnum):
    """What sentences are written in."""

    ZH = "zh"
    EN = "en"


@app.command()
def backtest(
    *,
    site: SiteDir,
    rules: Annotated[list[Path], typer.Option(help="Given twice: the rules to compare.")],
    events: Events = None,
    database: Database = None,
    since: Since = None,
    until: Until = None,
    drawn: Annotated[Path | None, typer.Option("--picture", help="Where to put a picture (SVG).")] = None,
    as_json: AsJson = False,
    language: Annotated[Language, typer.Option(help="Of the sentences.")] = Language.EN,
    skip_bad: SkipBad = False,
) -> None:
    """Compare what two sets of rules say of the same past, by rule and zone, with the events that decide."""
    from sitewarden.review import Source, run_backtest

    if len(rules) != 2:
        _say("sitewarden backtest: expected --rules twice")
        raise typer.Exit(BAD_INPUT)
    source = Source(site=site, events=events, database=database, since=since, until=until, skip_bad=skip_bad)
    _print_review(
        lambda: run_backtest(
            source, *rules, drawn=drawn, as_json=as_json, language=language.value, console=_console()
        )
    )


@app.command()
def kpi(
    *,
    site: SiteDir,
    rules: Rules,
    by: Annotated[By, typer.Option(help="What the figures are grouped by.")] = By.RULE,
    events: Events = None,
    database: Database = None,
    since: Since = None,
    until: Until = None,
    as_json: AsJson = False,
    skip_bad: SkipBad = False,
) -> None:
    """Met, breached, unknown, blind time and response times, by rule, zone, device, person, day or month."""
    from sitewarden.review import Source, run_kpi

    source = Source(site=site, events=events, database=database, since=since, until=until, skip_bad=skip_bad)
    _print_review(lambda: run_kpi(source, rules, by, as_json=as_json, console=_console()))


@app.command()
def ledger(
    *,
    site: SiteDir,
    rules: Rules,
    events: Events = None,
    database: Database = None,
    since: Since = None,
    until: Until = None,
    language: Annotated[Language, typer.Option(help="What to write in.")] = Language.EN,
    skip_bad: SkipBad = False,
) -> None:
    """List each generator's runs with what they were (test, load, outage, invalid and why), and how its quotas stand."""
    from sitewarden.review import Source, run_ledger

    source = Source(site=site, events=events, database=database, since=since, until=until, skip_bad=skip_bad)
    _print_review(lambda: run_ledger(source, rules, language=language.value, console=_console()))


@app.command()
def sensors(
    *,
    site: SiteDir,
    events: Events = None,
    database: Database = None,
    since: Since = None,
    until: Until = None,
    language: Annotated[Language, typer.Option(help="What to write in.")] = Language.EN,
    skip_bad: SkipBad = False,
) -> None:
    """Find sensors that are stuck, drift away or are noisy, among those that stand side by side."""
    from sitewarden.review import Source, run_sensors

    source = Source(site=site, events=events, database=database, since=since, until=until, skip_bad=skip_bad)
    _print_review(lambda: run_sensors(source, language=language.value, console=_console()))


@app.command()
def explain(
    *,
    verdict: Annotated[str, typer.Argument(help="RULE/KEY/OPENED_AT, such as ER-2/b1/1764547200000.")],
    site: SiteDir,
    rules: Rules,
    events: Events = None,
    database: Database = None,
    since: Since = None,
    until: Until = None,
    language: Annotated[Language, typer.Option(help="What to write in.")] = Language.ZH,
    skip_bad: SkipBad = False,
) -> None:
    """Say of one verdict what decided it, by which rule, and which single event would have made it another."""
    from sitewarden.review import Source, run_explain

    source = Source(site=site, events=events, database=database, since=since, until=until, skip_bad=skip_bad)
    _print_review(lambda: run_explain(source, rules, verdict, language=language.value, console=_console()))


def _print_review(run: Callable[[], str]) -> None:
    try:
        typer.echo(run())
    except ConfigError as error:
        raise typer.Exit(_say_problems(error)) from error
    except (CommandError, StoreUnavailableError) as error:
        _say(f"sitewarden: {error}")
        raise typer.Exit(BAD_INPUT) from error


@app.command()
def openapi() -> None:
    """Print the API's description (OpenAPI), to make a typed client of."""
    from sitewarden.api import description

    typer.echo(json.dumps(description(), ensure_ascii=False, sort_keys=True))


@config_app.command("check")
def config_check(
    sites: Annotated[
        list[Path] | None, typer.Argument(help="Site directories; default: all under config/sites.")
    ] = None,
    rules: Annotated[
        Path | None, typer.Option(help="Rules to check against each site; default: config/rules.")
    ] = None,
) -> None:
    """Check sites, the profiles they use, and the rules: one message per mistake, all of them at once."""
    from contract.site_files import shipped_config
    from sitewarden.check import check_sites

    base = Path("config") if Path("config").is_dir() else shipped_config()
    directories = sites or sorted(path for path in (base / "sites").iterdir() if path.is_dir())
    scenarios = None if sites else base / "scenarios"
    report = check_sites(directories, rules or base / "rules", scenarios)
    for warning in report.warnings:
        _say(f"warning: {warning}")
    if report.problems:
        raise typer.Exit(_say_problems(ConfigError(report.problems)))
    for line in report.summary:
        typer.echo(line)


@rules_app.command("test")
def rules_test(
    *,
    rules: Annotated[
        Path | None, typer.Option(help="A rules file, or a directory of them; default: config/rules.")
    ] = None,
    tests: Annotated[
        Path | None, typer.Option(help="The folder of cases; default: `tests` beside the rules.")
    ] = None,
) -> None:
    """Try each rule by its cases: events in, verdicts out. Exit status 1 when a verdict is other than written."""
    from contract.site_files import shipped_config
    from sitewarden import rule_tests

    base = rules or (Path("config") if Path("config").is_dir() else shipped_config()) / "rules"
    folder = tests or (base if base.is_dir() else base.parent) / "tests"
    try:
        found = rule_tests.trials(base, folder)
        missing = rule_tests.untested(base, folder)
    except ConfigError as error:
        raise typer.Exit(_say_problems(error)) from error
    failed = 0
    for trial in found:
        problems = list(trial.differences())
        failed += bool(problems)
        typer.echo(f"{'FAILED' if problems else 'ok'}  {trial.name}")
        for problem in problems:
            _say(f"        {problem}")
    for rule in missing:
        _say(f"warning: no case tries {rule}")
    typer.echo(f"{len(found)} cases of {len({trial.rule for trial in found})} rules, {failed} failed")
    raise typer.Exit(FAILED if failed else 0)


@profile_app.command("check")
def profile_check(
    files: Annotated[list[Path], typer.Argument(help="Profile files, or folders of them.")],
) -> None:
    """Check profiles: one message per mistake, all of them at once."""
    from sitewarden import profiles

    problems, summary = profiles.check_profiles(files)
    if problems:
        raise typer.Exit(_say_problems(ConfigError(problems)))
    for line in summary:
        typer.echo(line)


@profile_app.command("new")
def profile_new(
    *,
    name: Annotated[str, typer.Argument(help="The new profile's name, such as acme-meter-3.")],
    source: Annotated[
        str,
        typer.Option(
            "--from",
            help="A shipped profile, a profile file, a register list (CSV) or a captured message (JSON).",
        ),
    ],
    folder: Annotated[Path, typer.Option(help="Where to put it.")] = Path("config/profiles"),
) -> None:
    """Begin a profile: with a copy of one that is near, or from what you have."""
    from sitewarden import profiles

    try:
        typer.echo(f"{profiles.new_profile(name, source, folder)} is there to be changed")
    except CommandError as error:
        _say(f"sitewarden profile new: {error}")
        raise typer.Exit(BAD_INPUT) from error


@profile_app.command("table")
def profile_table() -> None:
    """Print the shipped profiles as a Markdown page."""
    from sitewarden import profiles

    typer.echo(profiles.profile_table(), nl=False)


class Schema(StrEnum):
    """The kinds of files that people write."""

    SITE = "site"
    RULES = "rules"
    PROFILE = "profile"
    SCENARIO = "scenario"


@config_app.command("schema")
def config_schema(
    kind: Annotated[Schema, typer.Argument(help="Which kind of file.")] = Schema.SITE,
) -> None:
    """Print a JSON Schema for editors (yaml-language-server: $schema=…)."""
    from sitewarden.check import schema

    typer.echo(json.dumps(schema(kind), indent=2, ensure_ascii=False))


def _console() -> "Console":
    from rich.console import Console

    return Console(stderr=True, highlight=False, markup=False, soft_wrap=True)


def _say(text: str) -> None:
    typer.echo(text, err=True)


def _say_problems(error: ConfigError) -> int:
    for problem in error.problems:
        _say(str(problem))
    count = len(error.problems)
    _say(f"{count} mistake{'s' if count > 1 else ''}; nothing was started")
    return BAD_INPUT
