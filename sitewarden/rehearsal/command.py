"""`sitewarden sim run`: scenarios for people's own CI."""

import datetime as dt
import time
from pathlib import Path

import msgspec
import typer
from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from cloud.correlation.replay import replay
from cloud.correlation.rule_files import load_rules
from contract.duration import parse_duration
from contract.problems import ConfigError
from contract.profile.load import site_profiles
from contract.site_files import load_site, shipped_config
from firmware_sim.scenario_file import find_scenario, load_scenario
from sitewarden.rehearsal.expect import Result, judge, junit, load_expectations
from sitewarden.rehearsal.play import Rehearsal

BAD_INPUT = 2
FAILED = 1
DEFAULT_FOR = "1h"

console = Console(highlight=False)
errors = Console(stderr=True, highlight=False, markup=False, soft_wrap=True)


def run(
    scenario: str,
    *,
    site: Path | None,
    rules: Path | None,
    lasts: str | None,
    expect: Path | None,
    report: Path | None,
    events: Path | None,
    seed: int | None,
    begins: str,
) -> None:
    """Play a scenario in virtual time, judge it, and check what is expected of it; 1 when something is not so."""
    began = time.perf_counter()
    directory = site or shipped_config() / "sites" / "demo"
    try:
        model = load_site(directory)
        profiles = site_profiles(model, directory)
        played = load_scenario(find_scenario(scenario, directory), model, profiles)
        book = load_rules(rules or shipped_config() / "rules", model)
        wanted = load_expectations(expect) if expect else None
        length = parse_duration(lasts or (wanted.for_ if wanted else DEFAULT_FOR)).ms
        epoch = round(dt.datetime.fromisoformat(begins).replace(tzinfo=model.timezone).timestamp() * 1_000)
    except ConfigError as error:
        for problem in error.problems:
            errors.print(str(problem))
        raise typer.Exit(BAD_INPUT) from error
    except ValueError as error:
        errors.print(str(error))
        raise typer.Exit(BAD_INPUT) from error
    rehearsal = Rehearsal(model, profiles, played, seed=played.seed if seed is None else seed, epoch=epoch)
    with Progress(console=errors, transient=True, disable=not errors.is_terminal) as progress:
        task = progress.add_task(f"playing {played.scenario}", total=length)
        recorded = rehearsal.record(length, lambda ms: progress.advance(task, ms))
    result = replay(model, book, recorded, since=epoch, until=epoch + length)
    if events:
        events.write_bytes(b"".join(line + b"\n" for line in recorded))
    verdicts = [msgspec.json.decode(line) for line in result.verdicts]
    console.print(_verdicts(played.scenario, verdicts))
    if wanted is None:
        return
    lines = [line for line in map(msgspec.json.decode, recorded) if "type" in line]
    results = judge(wanted.expect, lines, verdicts, epoch)
    if report:
        report.write_bytes(junit(played.scenario, results, time.perf_counter() - began))
    _tell(results)
    if any(result.why for result in results):
        raise typer.Exit(FAILED)


def _verdicts(scenario: str, verdicts: list[dict[str, object]]) -> Table:
    """How often each rule came to each outcome."""
    counted: dict[str, dict[str, int]] = {}
    for verdict in verdicts:
        of_rule = counted.setdefault(str(verdict["rule"]), {})
        of_rule[str(verdict["outcome"])] = of_rule.get(str(verdict["outcome"]), 0) + 1
    columns = ("met", "breached", "unknown", "pending")
    table = Table("rule", *columns, title=scenario)
    for rule, outcomes in sorted(counted.items()):
        table.add_row(rule, *(str(outcomes.get(name, "")) for name in columns))
    return table


def _tell(results: list[Result]) -> None:
    for result in results:
        said = f"not so: {result.name}: {result.why}" if result.why else f"so: {result.name} ({result.found})"
        typer.echo(said)
