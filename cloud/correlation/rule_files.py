"""Rules read from YAML and checked against a site: every mistake at once, with file, line and field.

A rule that no device of a site can answer is refused, unless it says `applies: if_equipped`: so one pack of rules
serves many sites, and rests where the equipment is not there.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import msgspec

from cloud.correlation.overlays import overlaid, read_overlays
from cloud.correlation.rule_check import RuleCheck, WrittenRule
from cloud.correlation.rules import Response, Rule, RuleBook, RuleVersion
from cloud.correlation.windows import midnight
from cloud.correlation.working_days import most_ms
from contract.duration import parse_duration
from contract.problems import ConfigError, Problem
from contract.schema import part_schema
from contract.site import Site
from contract.yamlfile import Located, check, load_yaml, parse_yaml

_KINDS: Final = ("response", "recurrence", "tour", "duration", "quota", "staffing")


class RulesFile(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a rules file holds."""

    rules: tuple[Rule, ...]


def load_rules(path: Path, site: Site) -> RuleBook:
    """The rules of a file, or of all `*.yaml` of a directory, checked against a site.

    Raises:
        ConfigError: Files are missing or have mistakes; every one is named with its file and line.
    """
    located, problems = _files(path)
    return _book(located, site, problems)


def parse_rules(text: str, site: Site, name: str) -> RuleBook:
    """The same for text that is called `name` in messages.

    Raises:
        ConfigError: It has mistakes; every one is named with its line.
    """
    return _book([parse_yaml(text, name)], site, [])


def _book(files: list[Located], site: Site, problems: list[Problem]) -> RuleBook:
    written: list[WrittenRule] = []
    for located in files:
        found = list(_mistakes(located))
        problems += found
        if not found:
            rules = msgspec.convert(located.value, RulesFile).rules
            written += [
                _reaching(WrittenRule(rule, located, ("rules", index))) for index, rule in enumerate(rules)
            ]
    problems += _twice(written)
    checks = [RuleCheck(one, site) for one in written]
    for one in checks:
        problems += one.problems()
    if problems:
        raise ConfigError(problems)
    warnings = [warning for one in checks for warning in one.warnings()]
    dated = list(_dated(checks, site))
    versions = [version for version, rests in dated if not rests]
    resting = [version for version, rests in dated if rests]
    return RuleBook(tuple(_overlaid(versions, resting, site)), tuple(warnings))


def _overlaid(versions: list[RuleVersion], resting: list[RuleVersion], site: Site) -> list[RuleVersion]:
    """The versions with what the site changes of them, all of it checked."""
    placed, problems = read_overlays(site)
    found, changed, mistakes = overlaid(versions, resting, placed)
    problems += mistakes
    for one, version in changed:
        written = WrittenRule(version.rule, one.located, ("overlays", one.index, "change", version.rule.id))
        checked = RuleCheck(written, site)
        problems += checked.problems()
        if checked.rests():
            problems.append(written.problem("", f"{version.rule.id} would rest still: {checked.lack}"))
    if problems:
        raise ConfigError(problems)
    return sorted(found, key=lambda version: (version.rule.id, version.start))


def rules_schema() -> dict[str, Any]:
    """The JSON Schema (2020-12) of a rules file, for editors."""
    return part_schema(RulesFile, "Time rules of Sitewarden")


def _files(path: Path) -> tuple[list[Located], list[Problem]]:
    paths = sorted(path.glob("*.yaml")) if path.is_dir() else [path]
    if not paths:
        raise ConfigError(
            [Problem(str(path), 1, "", "expected a rules file, or a directory of *.yaml files")]
        )
    files: list[Located] = []
    problems: list[Problem] = []
    for file in paths:
        try:
            files.append(load_yaml(file))
        except ConfigError as error:
            problems += error.problems
    return files, problems


def _mistakes(located: Located) -> Iterator[Problem]:
    """The kind of a rule is looked at first: without one its other fields mean nothing."""
    whole = located.value
    rules = whole.get("rules") if isinstance(whole, dict) else None
    if not isinstance(rules, list):
        yield from check(located, RulesFile)
        return
    yield from check(msgspec.structs.replace(located, value=whole | {"rules": []}), RulesFile)
    for index, rule in enumerate(rules):
        kind = rule.get("kind") if isinstance(rule, dict) else None
        if isinstance(rule, dict) and kind not in _KINDS:
            expected = ", ".join(_KINDS)
            yield located.problem(("rules", index, "kind"), f"expected one of {expected}, found {kind!r}")
        else:
            yield from check(located, Rule, ("rules", index))


def _reaching(written: WrittenRule) -> WrittenRule:
    """With a horizon that reaches the limit, where none is written: 1 h is less than some limits."""
    rule = written.rule
    if not isinstance(rule, Response) or written.holds("horizon"):
        return written
    within = parse_duration(rule.within)
    if within.working_days:
        days = most_ms(within.working_days) // 86_400_000
        return msgspec.structs.replace(written, rule=msgspec.structs.replace(rule, horizon=f"{days}d"))
    if parse_duration(rule.horizon).ms >= within.ms:
        return written
    return msgspec.structs.replace(written, rule=msgspec.structs.replace(rule, horizon=rule.within))


def _twice(written: list[WrittenRule]) -> Iterator[Problem]:
    seen: set[tuple[str, int]] = set()
    begun: set[tuple[str, str]] = set()
    kinds: dict[str, type[Rule]] = {}
    for one in written:
        rule = one.rule
        if (rule.id, rule.version) in seen:
            yield one.problem("id", f"version {rule.version} of {rule.id} is written twice")
        elif (rule.id, str(rule.effective_from)) in begun:
            yield one.problem(
                "effective_from", f"another version of {rule.id} begins on {rule.effective_from}"
            )
        if kinds.setdefault(rule.id, type(rule)) is not type(rule):
            yield one.problem("kind", f"the versions of {rule.id} are of different kinds")
        seen.add((rule.id, rule.version))
        begun.add((rule.id, str(rule.effective_from)))


def _dated(checks: list[RuleCheck], site: Site) -> Iterator[tuple[RuleVersion, bool]]:
    """The versions with their spans, and whether each rests; one that does still ends the one before it."""
    by_id: dict[str, list[tuple[int, RuleCheck]]] = {}
    for one in checks:
        start = midnight(one.rule.effective_from, site.timezone)
        by_id.setdefault(one.rule.id, []).append((start, one))
    for _, versions in sorted(by_id.items()):
        versions.sort(key=lambda pair: pair[0])
        ends = [start for start, _ in versions[1:]] + [None]
        for (start, one), end in zip(versions, ends, strict=True):
            yield RuleVersion(one.rule, start, end), one.rests()
