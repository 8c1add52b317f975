"""`sitewarden config check`: sites, the profiles they use, the rules, the scenarios; every mistake of all of them."""

import contextlib
import urllib.parse
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import msgspec

from cloud.correlation.overlays import Overlay
from cloud.correlation.rule_files import load_rules, rules_schema
from cloud.operations.check_book import PresencePlan
from cloud.operations.roster import Roster
from cloud.operations.screen import Watch
from cloud.operations.setup import load_operations
from cloud.operations.telling import Telling
from cloud.operations.upkeep import Upkeep
from contract.problems import ConfigError, Problem
from contract.profile.load import load_profile, site_profiles
from contract.profile.model import Profile
from contract.profile.site_check import site_problems, site_warnings
from contract.schema import part_schema, site_schema
from contract.site import Agent, Site
from contract.site_files import load_site, shipped_config
from contract.yamlfile import FieldPath, load_yaml, reading_once
from edge.errors import SettingsError
from edge.lines import lines_of
from edge.mqtt import Endpoint
from edge.settings import Settings
from firmware_sim.scenario import Scenario
from firmware_sim.scenario_file import load_scenario
from sitewarden.names import expected_names, hints
from sitewarden.near_names import role_warnings, spoken_by, type_problems, unheard_types


class Report(msgspec.Struct):
    """What was found; `summary` has a line for each thing that is right."""

    problems: list[Problem] = []
    warnings: list[str] = []
    summary: list[str] = []


def check_sites(directories: list[Path], rules: Path, scenarios: Path | None) -> Report:
    """Each site directory with its profiles, the rules against it, and the scenarios that are written for it."""
    report = Report()
    with reading_once():
        for directory in directories:
            _check_site(directory, rules, scenarios, report)
    return report


def _check_site(directory: Path, rules: Path, scenarios: Path | None, report: Report) -> None:
    try:
        site = load_site(directory)
    except ConfigError as error:
        report.problems += error.problems
        return
    mistakes = site_problems(site, directory)
    report.problems += mistakes or line_problems(site, directory)
    report.warnings += site_warnings(site, directory) if not mistakes else []
    _check_names(directory, rules, report)
    _check_rules(site, rules, report)
    _check_operations(site, rules.parent / "operations", report)
    if scenarios is not None and not mistakes:
        _check_scenarios(site, site_profiles(site, directory), scenarios, report)
    report.summary.append(_counts(site, directory))


def _check_names(directory: Path, rules: Path, report: Report) -> None:
    """Names that nobody will ever hear, since they are nearly others."""
    operations = rules.parent / "operations"
    folders = [rules, operations if operations.is_dir() else shipped_config() / "operations"]
    spoken = spoken_by(folders, directory)
    report.problems += type_problems(directory, spoken.types)
    report.warnings += unheard_types(directory, spoken.types)
    for file in sorted(directory.glob("*.yaml")):
        report.warnings += role_warnings(load_yaml(file), spoken.roles)
    expected = expected_names()
    for file in sorted((directory / "profiles").glob("*.yaml")):
        with contextlib.suppress(ConfigError):
            report.warnings += [f"{file}: {hint}" for hint in hints(load_profile(file), expected)]


def line_problems(site: Site, directory: Path) -> list[Problem]:
    """What an agent would refuse at its start: each of its lines is made by the agent's own means, and not begun."""
    found: list[Problem] = []
    for located in map(load_yaml, sorted(directory.glob("*.yaml"))):
        for index, name in enumerate(one["id"] for one in located.value.get("agents") or ()):
            agent = site.agents[name]
            settings = Settings(
                site_dir=directory, agent=name, broker=Endpoint(host="", port=0), spool=Path()
            )
            found += [located.problem(("agents", index, *path), said) for path, said in _twice(agent)]
            for place, line in enumerate(agent.lines):
                alone = msgspec.structs.replace(agent, lines=(line,))
                try:
                    lines_of(site, alone, settings)
                except SettingsError as error:
                    found.append(located.problem(("agents", index, "lines", place, "endpoint"), str(error)))
    return found


def _twice(agent: Agent) -> Iterator[tuple[FieldPath, str]]:
    """Serial ports, and ports to listen on, that two lines of an agent want."""
    taken: dict[str, str] = {}
    for place, line in enumerate(agent.lines):
        parts = urllib.parse.urlsplit(line.endpoint)
        if parts.scheme in {"modbus-rtu", "dlt645", "jwm"}:
            port = parts.path
        elif parts.scheme in {"http", "gb26875"}:
            port = f"port {parts.netloc.rpartition(':')[2]}"
        else:
            continue
        other = taken.setdefault(port, line.id)
        if other != line.id:
            yield ("lines", place, "endpoint"), f"{port} is line {other}'s already: only one can have it"


def _check_rules(site: Site, rules: Path, report: Report) -> None:
    try:
        book = load_rules(rules, site)
    except ConfigError as error:
        report.problems += error.problems
        return
    report.warnings += book.warnings
    ids = sorted({version.rule.id for version in book.versions})
    report.summary.append(f"{rules}: {len(ids)} rules judge {site.id}: {', '.join(ids)}")


def _check_operations(site: Site, beside: Path, report: Report) -> None:
    """What people do: the files beside the rules, or those that came with the program, with the site's own sections."""
    directory = beside if beside.is_dir() else shipped_config() / "operations"
    try:
        found = load_operations(directory, site, "")
    except ConfigError as error:
        report.problems += error.problems
        return
    report.warnings += found.kinds.warnings
    rosters = len(found.rosters.by_id) if found.rosters is not None else 0
    report.summary.append(
        f"{directory}: {len(found.kinds.by_id)} kinds of alarms, {len(found.plans)} plans,"
        f" {len(found.order_kinds)} kinds of orders, {len(found.checklists)} checklists; {site.id}:"
        f" {rosters} rosters, {len(found.telling.chains)} chains, {len(found.checks)} presence checks,"
        f" {len(found.upkeep)} plans of upkeep, {'a' if found.watch else 'no'} watch"
    )


def _check_scenarios(site: Site, profiles: Mapping[str, Profile], scenarios: Path, report: Report) -> None:
    for path in sorted(scenarios.glob("*.yaml")):
        try:
            load_scenario(path, site, profiles)
        except ConfigError as error:
            report.problems += error.problems


def _counts(site: Site, directory: Path) -> str:
    file = site.file
    return (
        f"{directory}: site {site.id} is right: {len(file.zones)} zones, {len(file.devices)} devices,"
        f" {len(file.people)} people, {len(file.agents)} agents"
    )


SECTIONS: Final = {
    "overlays": tuple[Overlay, ...],
    "rosters": tuple[Roster, ...],
    "upkeep": tuple[Upkeep, ...],
    "checks": tuple[PresencePlan, ...],
    "telling": Telling,
    "watch": Watch,
}
"""The sections of a site's files that the cloud reads."""


def schema(kind: str) -> dict[str, Any]:
    """The JSON Schema of a kind of file: `site`, `rules`, `profile` or `scenario`."""
    match kind:
        case "rules":
            return rules_schema()
        case "profile":
            return part_schema(Profile, "A device profile of Sitewarden")
        case "scenario":
            return part_schema(Scenario, "A scenario of Sitewarden's simulators")
        case _:
            return site_schema(SECTIONS)
