"""`sitewarden rules test`: each rule by its data test, events in, verdicts out.

A file of cases names its `rule`. A case gives `events` (and `readings`, `blind`, `complete`) with times counted from
Monday, 1 June 2026, 10:00 at the site, `until` when all is judged, and the `verdicts` of the rule that must come out:
all of them, in order, or those of `keys`. A verdict names the fields that matter; `by` is the device of the deciding
event. The site to try them at is the folder `site` beside the files.
"""

import datetime as dt
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import msgspec

from cloud.correlation.replay import replay
from cloud.correlation.rule_files import load_rules
from cloud.correlation.rules import RuleBook
from contract.duration import parse_duration
from contract.problems import ConfigError, Problem
from contract.site import Site
from contract.site_files import load_site
from contract.yamlfile import Located, convert, load_yaml

_BEGIN: Final = dt.datetime(2026, 6, 1, 10, tzinfo=dt.UTC)
_TIMES: Final = frozenset({"opened", "due", "elapsed"})

Line = dict[str, Any]


class Case(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, rename={"from_": "from"}):
    """What happens, and what must be said of it. Without `from` the data begin with the first event."""

    name: str
    until: str
    verdicts: tuple[Line, ...]
    events: tuple[Line, ...] = ()
    readings: tuple[Line, ...] = ()
    blind: tuple[dict[str, str], ...] = ()
    complete: tuple[dict[str, str], ...] = ()
    keys: tuple[str, ...] | None = None
    from_: str | None = None


class CaseFile(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The cases of one rule."""

    rule: str
    cases: tuple[Case, ...]


class Trial(msgspec.Struct, frozen=True):
    """One case, where it stands, and what it is tried with."""

    rule: str
    case: Case
    located: Located
    index: int
    site: Site
    book: RuleBook

    @property
    def name(self) -> str:
        """`ER-2: who came a minute earlier is there`."""
        return f"{self.rule}: {self.case.name}"

    def lines(self) -> list[Line]:
        """What `sitewarden replay` would read."""
        case, site = self.case, {"site": self.site.id}
        events = [
            site | {"seq": seq} | one | {"at": self._at(one["at"])} for seq, one in enumerate(case.events)
        ]
        readings = [site | one | {"at": self._at(one["at"])} for one in case.readings]
        blind = [
            site | {"device": one["device"], "blind": [self._at(one["from"]), self._at(one["to"])]}
            for one in case.blind
        ]
        complete = [
            site | {"device": one["device"], "complete_to": self._at(one["to"])} for one in case.complete
        ]
        return [*events, *readings, *blind, *complete]

    def judged(self, lines: list[Line]) -> list[Line]:
        """The verdicts of the rule alone."""
        case = self.case
        book = RuleBook(tuple(version for version in self.book.versions if version.rule.id == self.rule))
        since = self._at(case.from_) if case.from_ is not None else None
        raw = [json.dumps(line).encode() for line in lines]
        told = replay(self.site, book, raw, since=since, until=self._at(case.until)).verdicts
        found = [json.loads(one) for one in told]
        return [one for one in found if case.keys is None or one["key"] in case.keys]

    def differences(self) -> Iterator[Problem]:
        """Where the verdicts are other than written."""
        found, wanted = self.judged(self.lines()), self.case.verdicts
        for number, (one, other) in enumerate(zip(found, wanted, strict=False)):
            was = self._as_written(one)
            for name, value in other.items():
                expected = _ms(str(value)) if name in _TIMES and value is not None else value
                if name not in was:
                    yield self._problem(number, name, f"no verdict has a field {name!r}")
                elif was[name] != expected:
                    yield self._problem(number, name, f"expected {value}, found {_shown(name, was[name])}")
        if len(found) != len(wanted):
            said = ", ".join(f"{one['key']} {one['outcome']}" for one in found) or "none"
            yield self._problem(None, "", f"expected {len(wanted)} verdicts, found {len(found)}: {said}")

    def _at(self, text: str) -> int:
        begin = _BEGIN.replace(tzinfo=self.site.timezone)
        return round(begin.timestamp() * 1_000) + _ms(text)

    def _as_written(self, verdict: Line) -> Line:
        deciding = (
            verdict["evidence"][-1][0] if verdict["elapsed_ms"] is not None and verdict["evidence"] else None
        )
        return verdict | {
            "opened": verdict["opened_at"] - self._at("0s"),
            "due": verdict["due_at"] - verdict["opened_at"],
            "elapsed": verdict["elapsed_ms"],
            "by": deciding,
        }

    def _problem(self, number: int | None, field: str, message: str) -> Problem:
        steps = () if number is None else (number, field)
        path = ("cases", self.index, "verdicts", *steps)
        return Problem(
            self.located.file, self.located.line(path), self.name, f"{field}: {message}" if field else message
        )


def _ms(text: str) -> int:
    return parse_duration(text).ms


def _shown(name: str, value: object) -> str:
    return f"{value} ms" if name in _TIMES and value is not None else str(value)


def trials(rules: Path, folder: Path) -> list[Trial]:
    """Every case of a folder, ready to be tried.

    Raises:
        ConfigError: The site, the rules or the cases have mistakes; every one is named with its file and line.
    """
    site = load_site(folder / "site")
    book = load_rules(rules, site)
    files = sorted(folder.glob("*.yaml"))
    if not files:
        raise ConfigError([Problem(str(folder), 1, "", "expected files of cases, <rule>.yaml")])
    known = {version.rule.id for version in book.versions}
    problems: list[Problem] = []
    found: list[Trial] = []
    for file in files:
        try:
            located = load_yaml(file)
            cases = convert(located, CaseFile)
        except ConfigError as error:
            problems += error.problems
            continue
        if cases.rule not in known:
            problems.append(located.problem(("rule",), f"no rule {cases.rule!r} judges the site {site.id}"))
        found += [
            Trial(cases.rule, case, located, index, site, book) for index, case in enumerate(cases.cases)
        ]
    if problems:
        raise ConfigError(problems)
    return found


def untested(rules: Path, folder: Path) -> list[str]:
    """The rules that no case tries."""
    site = load_site(folder / "site")
    tried = {trial.rule for trial in trials(rules, folder)}
    return sorted({version.rule.id for version in load_rules(rules, site).versions} - tried)
