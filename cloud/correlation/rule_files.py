"""Rules read from YAML and checked against a site: every mistake at once, with file, line and field."""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import msgspec

from cloud.correlation.recurrence import selects
from cloud.correlation.rules import (
    LATER_KINDS,
    EventFilter,
    Recurrence,
    Response,
    Rule,
    RuleBook,
    RuleVersion,
)
from cloud.correlation.sources import Sources
from cloud.correlation.windows import midnight
from contract.duration import parse_duration
from contract.events import KNOWN_TYPES
from contract.problems import ConfigError, Problem
from contract.schema import part_schema
from contract.site import Site
from contract.yamlfile import FieldPath, Located, check, load_yaml, unknown_name

_KINDS = ("response", "recurrence")


class RulesFile(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a rules file holds."""

    rules: tuple[Rule, ...]


class _Written(msgspec.Struct, frozen=True):
    """A rule and where it stands."""

    rule: Rule
    located: Located
    index: int

    def problem(self, field: str, message: str) -> Problem:
        path: FieldPath = ("rules", self.index, *field.split(".")) if field else ("rules", self.index)
        return self.located.problem(path, message)


def load_rules(path: Path, site: Site) -> RuleBook:
    """The rules of a file, or of all `*.yaml` of a directory, checked against a site.

    A rule that nothing at the site can trigger rests: it is left out, with a warning.

    Raises:
        ConfigError: Files are missing or have mistakes; every one is named with its file and line.
    """
    written, problems = _read(path)
    problems += _twice(written)
    resting: list[str] = []
    working: list[_Written] = []
    for one in written:
        checker = _Checker(one, site)
        problems += checker.problems()
        if why := checker.rests():
            resting.append(f"{one.rule.id} rests at {site.id}: {why}")
        else:
            working.append(one)
    if problems:
        raise ConfigError(problems)
    warnings = [warning for one in working for warning in _Checker(one, site).warnings()]
    return RuleBook(_dated(working, site), (*resting, *warnings))


def rules_schema() -> dict[str, Any]:
    """The JSON Schema (2020-12) of a rules file, for editors."""
    return part_schema(RulesFile, "Time rules of Sitewarden")


def _read(path: Path) -> tuple[list[_Written], list[Problem]]:
    files = sorted(path.glob("*.yaml")) if path.is_dir() else [path]
    if not files:
        raise ConfigError(
            [Problem(str(path), 1, "", "expected a rules file, or a directory of *.yaml files")]
        )
    written: list[_Written] = []
    problems: list[Problem] = []
    for file in files:
        try:
            located = load_yaml(file)
        except ConfigError as error:
            problems += error.problems
            continue
        found = [*_kinds(located)] or check(located, RulesFile)
        problems += found
        if not found:
            rules = msgspec.convert(located.value, RulesFile).rules
            written += [_Written(rule, located, index) for index, rule in enumerate(rules)]
    return written, problems


def _kinds(located: Located) -> Iterator[Problem]:
    """The kinds are looked at first: without one no other field of a rule can be understood."""
    rules = located.value.get("rules") if isinstance(located.value, dict) else None
    for index, rule in enumerate(rules if isinstance(rules, list) else ()):
        kind = rule.get("kind") if isinstance(rule, dict) else None
        if kind in LATER_KINDS:
            yield located.problem(("rules", index, "kind"), f"the kind {kind} is not supported yet")
        elif isinstance(rule, dict) and kind not in _KINDS:
            expected = ", ".join((*_KINDS, *LATER_KINDS))
            yield located.problem(("rules", index, "kind"), f"expected one of {expected}, found {kind!r}")


def _twice(written: list[_Written]) -> Iterator[Problem]:
    seen: set[tuple[str, int]] = set()
    begun: set[tuple[str, Any]] = set()
    for one in written:
        rule = one.rule
        if (rule.id, rule.version) in seen:
            yield one.problem("id", f"version {rule.version} of {rule.id} is written twice")
        elif (rule.id, rule.effective_from) in begun:
            yield one.problem(
                "effective_from", f"another version of {rule.id} begins on {rule.effective_from}"
            )
        seen.add((rule.id, rule.version))
        begun.add((rule.id, rule.effective_from))


def _dated(written: list[_Written], site: Site) -> tuple[RuleVersion, ...]:
    by_id: dict[str, list[tuple[int, Rule]]] = {}
    for one in written:
        start = midnight(one.rule.effective_from, site.timezone)
        by_id.setdefault(one.rule.id, []).append((start, one.rule))
    dated: list[RuleVersion] = []
    for _, versions in sorted(by_id.items()):
        versions.sort(key=lambda pair: pair[0])
        ends = [start for start, _ in versions[1:]] + [None]
        dated += [RuleVersion(rule, start, end) for (start, rule), end in zip(versions, ends, strict=True)]
    return tuple(dated)


class _Checker:
    """Holds one rule against a site."""

    def __init__(self, written: _Written, site: Site) -> None:
        self._written = written
        self._site = site
        self._emitted = {name for device in site.file.devices for name in site.emits(device)}

    def problems(self) -> list[Problem]:
        """Names that do not exist, times that can't be, evidence that nobody can give."""
        rule = self._written.rule
        found = [*self._types("expect", rule.expect), *self._durations()]
        if isinstance(rule, Response):
            found += [*self._types("on", rule.on), *self._people(rule)]
        else:
            found += self._selection(rule)
        if not found and not self.rests() and not self._can_answer(rule):
            wanted = ", ".join(sorted(rule.expect.types))
            found.append(
                self._written.problem("expect", f"can never be decided: no device here emits {wanted}")
            )
        return found

    def rests(self) -> str:
        """Why nothing at this site can ever open an episode of the rule; empty when something can."""
        rule = self._written.rule
        if isinstance(rule, Response):
            if any(name.startswith("operator.") for name in rule.on.types) or rule.on.types & self._emitted:
                return ""
            return "no device here emits " + ", ".join(sorted(rule.on.types))
        return "" if any(self._selected(rule)) else "no device here is selected that emits what it expects"

    def warnings(self) -> Iterator[str]:
        """Keys that will always be unknown, since no device can answer for them."""
        rule = self._written.rule
        if isinstance(rule, Response) and rule.match == "zone" and rule.per == "trigger":
            sources = Sources(rule, self._site)
            for zone in self._site.zones:
                if sources.triggering(zone) and not sources.answering(zone):
                    wanted = " or ".join(sorted(rule.expect.types))
                    yield f"{rule.id}: zone {zone} will be unknown (no_source): no device there emits {wanted}"

    def _can_answer(self, rule: Rule) -> bool:
        declared = any(name.startswith("operator.") for name in rule.expect.types)
        return declared or bool(rule.expect.types & self._emitted)

    def _selected(self, rule: Recurrence) -> Iterator[str]:
        for device in self._site.file.devices:
            if selects(rule.select, device) and self._site.emits(device) & rule.expect.types:
                yield device.id

    def _types(self, field: str, wanted: EventFilter) -> Iterator[Problem]:
        known = KNOWN_TYPES | self._emitted
        for name in sorted(wanted.types - known):
            yield self._written.problem(f"{field}.type", unknown_name("event type", name, known))

    def _durations(self) -> Iterator[Problem]:
        rule = self._written.rule
        names = ("within", "join", "horizon", "presence_ttl") if isinstance(rule, Response) else ("every",)
        for name in names:
            duration = parse_duration(getattr(rule, name))
            if duration.working_days:
                yield self._written.problem(name, "working days are not supported yet")
            elif not duration.ms and name in {"within", "every"}:
                yield self._written.problem(name, "expected more than 0")
        if isinstance(rule, Response) and parse_duration(rule.horizon).ms < parse_duration(rule.within).ms:
            yield self._written.problem("horizon", "expected at least as long as `within`")

    def _people(self, rule: Response) -> Iterator[Problem]:
        if rule.by is None:
            return
        roles = {role for person in self._site.file.people for role in person.roles}
        held = {one.name for person in self._site.file.people for one in person.qualifications}
        if rule.by.role is None and rule.by.qualification is None:
            yield self._written.problem("by", "expected a role, a qualification, or both")
        if rule.by.role is not None and rule.by.role not in roles:
            yield self._written.problem("by.role", unknown_name("role", rule.by.role, roles))
        if rule.by.qualification is not None and rule.by.qualification not in held:
            yield self._written.problem(
                "by.qualification", unknown_name("qualification", rule.by.qualification, held)
            )

    def _selection(self, rule: Recurrence) -> Iterator[Problem]:
        site = self._site
        yield from self._names("select.id", "device", rule.select.id, site.devices)
        yield from self._names("select.zone", "zone", rule.select.zone, site.zones)
        if isinstance(rule.during, str) and rule.during not in site.schedules:
            yield self._written.problem("during", unknown_name("schedule", rule.during, site.schedules))

    def _names(
        self, field: str, what: str, wanted: str | tuple[str, ...] | None, known: Iterable[str]
    ) -> Iterator[Problem]:
        for name in (wanted,) if isinstance(wanted, str) else wanted or ():
            if name not in known:
                yield self._written.problem(field, unknown_name(what, name, known))
