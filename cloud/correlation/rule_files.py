"""Rules read from YAML and checked against a site: every mistake at once, with file, line and field.

A mistake in what is written refuses the files; equipment that a site lacks does not, so that one pack of rules
serves many sites: a rule that nothing there can trigger rests, one that nothing there can answer is judged
`unknown`, and both are told as warnings.
"""

import datetime as dt
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, Final

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
from contract.site import Device, Site
from contract.yamlfile import FieldPath, Located, check, load_yaml, unknown_name

_KINDS: Final = ("response", "recurrence")
_LONGEST_MS: Final = 10 * 366 * 86_400_000


class RulesFile(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a rules file holds."""

    rules: tuple[Rule, ...]


class _Written(msgspec.Struct, frozen=True):
    """A rule and where it stands."""

    rule: Rule
    located: Located
    index: int

    def holds(self, field: str) -> bool:
        """Whether the field stands in the file."""
        return field in self.located.value["rules"][self.index]

    def problem(self, field: str, message: str) -> Problem:
        path: FieldPath = ("rules", self.index, *field.split(".")) if field else ("rules", self.index)
        return self.located.problem(path, message)


def load_rules(path: Path, site: Site) -> RuleBook:
    """The rules of a file, or of all `*.yaml` of a directory, checked against a site.

    Raises:
        ConfigError: Files are missing or have mistakes; every one is named with its file and line.
    """
    written, problems = _read(path)
    problems += _twice(written)
    checkers = [_Checker(one, site) for one in written]
    for checker in checkers:
        problems += checker.problems()
    if problems:
        raise ConfigError(problems)
    warnings = [warning for checker in checkers for warning in checker.warnings()]
    return RuleBook(_dated(written, site), tuple(warnings))


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
        found = list(_mistakes(located))
        problems += found
        if not found:
            rules = msgspec.convert(located.value, RulesFile).rules
            written += [_reaching(_Written(rule, located, index)) for index, rule in enumerate(rules)]
    return written, problems


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
        if kind in LATER_KINDS:
            yield located.problem(("rules", index, "kind"), f"kind {kind} is not supported yet")
        elif isinstance(rule, dict) and kind not in _KINDS:
            expected = ", ".join(_KINDS)
            yield located.problem(("rules", index, "kind"), f"expected one of {expected}, found {kind!r}")
        else:
            yield from check(located, Rule, ("rules", index))


def _reaching(written: _Written) -> _Written:
    """With a horizon that reaches the limit, where none is written: 1 h is less than some limits."""
    rule = written.rule
    if not isinstance(rule, Response) or written.holds("horizon"):
        return written
    if parse_duration(rule.horizon).ms >= parse_duration(rule.within).ms:
        return written
    return msgspec.structs.replace(written, rule=msgspec.structs.replace(rule, horizon=rule.within))


def _twice(written: list[_Written]) -> Iterator[Problem]:
    seen: set[tuple[str, int]] = set()
    begun: set[tuple[str, dt.date]] = set()
    kinds: dict[str, type[Rule]] = {}
    for one in written:
        rule = one.rule
        if (rule.id, rule.version) in seen:
            yield one.problem("id", f"version {rule.version} of {rule.id} is written twice")
        elif (rule.id, rule.effective_from) in begun:
            yield one.problem(
                "effective_from", f"another version of {rule.id} begins on {rule.effective_from}"
            )
        if kinds.setdefault(rule.id, type(rule)) is not type(rule):
            yield one.problem("kind", f"the versions of {rule.id} are of different kinds")
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

    def problems(self) -> Iterator[Problem]:
        """Names that do not exist and times that can't be."""
        rule = self._written.rule
        yield from self._types("expect", rule.expect)
        yield from self._durations()
        if isinstance(rule, Response):
            yield from self._types("on", rule.on)
            if not self._rests():
                yield from self._people(rule)
        else:
            yield from self._selection(rule)

    def warnings(self) -> Iterator[str]:
        """Why the rule rests here, or else which of its keys will always be unknown."""
        rule = self._written.rule
        if why := self._rests():
            yield f"{rule.id} rests at {self._site.id}: {why}"
        elif isinstance(rule, Response) and not _declared(rule.expect):
            yield from self._unanswered(rule)

    def _rests(self) -> str:
        """Why nothing at this site can ever open an episode of the rule; empty when something can."""
        rule = self._written.rule
        if isinstance(rule, Response):
            if _declared(rule.on) or rule.on.types & self._emitted:
                return ""
            return f"no device here emits {_either(rule.on)}"
        if any(selects(rule.select, one) and self._emits(one, rule) for one in self._site.file.devices):
            return ""
        return f"no device that it selects emits {_either(rule.expect)}"

    def _unanswered(self, rule: Response) -> Iterator[str]:
        sources, wanted = Sources(rule, self._site), _either(rule.expect)
        for what, keys in self._keys(rule):
            for key in keys:
                if sources.triggering(key) and not sources.answering(key):
                    yield f"{rule.id}: {what} {key} will be unknown (no_source): nothing there emits {wanted}"

    def _keys(self, rule: Response) -> Iterator[tuple[str, Iterable[str]]]:
        if rule.match == "site":
            yield "site", [self._site.id]
        elif rule.match == "device" or rule.per == "answerer":
            yield "device", self._site.devices
        elif rule.match == "group":
            yield "group", self._site.groups
        else:
            yield "zone", self._site.zones

    def _emits(self, device: Device, rule: Recurrence) -> bool:
        return bool(self._site.emits(device) & rule.expect.types)

    def _types(self, field: str, wanted: EventFilter) -> Iterator[Problem]:
        known = KNOWN_TYPES | self._emitted
        for name in sorted(wanted.types - known):
            yield self._written.problem(f"{field}.type", unknown_name("event type", name, known))
        for name, value in wanted.data.items():
            if isinstance(value, dt.date):
                yield self._written.problem(f"{field}.data.{name}", "expected text: write the date in quotes")

    def _durations(self) -> Iterator[Problem]:
        rule = self._written.rule
        names = ("within", "join", "horizon", "presence_ttl") if isinstance(rule, Response) else ("every",)
        for name in names:
            if name == "horizon" and not self._written.holds(name):
                continue
            duration = parse_duration(getattr(rule, name))
            if duration.working_days:
                yield self._written.problem(name, "working days are not supported yet")
            elif not duration.ms and name in {"within", "every"}:
                yield self._written.problem(name, "expected more than 0")
            elif duration.ms > _LONGEST_MS:
                yield self._written.problem(name, "expected ten years at the most")
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


def _declared(wanted: EventFilter) -> bool:
    """Whether people tell of it on a screen, which every site has."""
    return any(name.startswith("operator.") for name in wanted.types)


def _either(wanted: EventFilter) -> str:
    return " or ".join(sorted(wanted.types))
