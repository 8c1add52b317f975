"""One rule as it was written, held against a site: do its names exist, can its times be, can it be decided?"""

import datetime as dt
from collections.abc import Iterable, Iterator
from typing import Final

import msgspec

from cloud.correlation.recurrence import selects
from cloud.correlation.rules import Duration, EventFilter, Quota, Recurrence, Response, Rule, While
from cloud.correlation.sources import Sources
from cloud.correlation.windows import never_close
from contract.duration import parse_duration
from contract.events import KNOWN_TYPES
from contract.problems import Problem
from contract.site import Site
from contract.yamlfile import FieldPath, Located, unknown_name

_DURATIONS: Final = {
    Response: ("within", "join", "horizon", "presence_ttl"),
    Recurrence: ("every",),
    Duration: ("longer_than", "bridge"),
    Quota: ("warn_before",),
}
_EVIDENCE: Final = {Response: "expect", Recurrence: "expect", Duration: "while", Quota: ""}
_LONGEST_MS: Final = 10 * 366 * 86_400_000


class WrittenRule(msgspec.Struct, frozen=True):
    """A rule and where it stands."""

    rule: Rule
    located: Located
    index: int

    def holds(self, field: str) -> bool:
        """Whether the field stands in the file."""
        return field in self.located.value["rules"][self.index]

    def problem(self, field: str, message: str) -> Problem:
        """A mistake at one of its fields; the rule itself where `field` is empty."""
        path: FieldPath = ("rules", self.index, *field.split(".")) if field else ("rules", self.index)
        return self.located.problem(path, message)


class RuleCheck:
    """Holds one rule against a site."""

    def __init__(self, written: WrittenRule, site: Site) -> None:
        self.rule = written.rule
        self._written = written
        self._site = site
        self._emitted = {name for device in site.file.devices for name in site.emits(device)}

    def problems(self) -> Iterator[Problem]:
        """Names that do not exist, times that can't be, evidence that nobody can give."""
        rule = self.rule
        names = list(self._durations())
        match rule:
            case Response():
                names += [*self._types("expect", rule.expect), *self._types("on", rule.on)]
            case Recurrence():
                names += [*self._types("expect", rule.expect), *self._selection(rule)]
                names += self._windows(rule)
            case Duration():
                names += [*self._types("while", rule.while_), *self._selection(rule)]
            case Quota():
                names += [*self._quota(rule), *self._selection(rule)]
        yield from names
        if self.rests():
            return
        if isinstance(rule, Response):
            yield from self._people(rule)
        if not names and (lack := self._unanswerable()):
            yield self._written.problem(_EVIDENCE[type(rule)], f"can never be decided: {lack}")

    def rests(self) -> bool:
        """Whether it is left out here, for lack of equipment."""
        return self.rule.applies == "if_equipped" and bool(self._lack())

    def warnings(self) -> Iterator[str]:
        """Why the rule judges nothing here, or else which of its keys will always be unknown."""
        rule = self.rule
        if lack := self._lack():
            yield f"{rule.id} judges nothing at {self._site.id}: {lack}"
        elif isinstance(rule, Response) and not _declared(rule.expect):
            yield from self._unanswered(rule)

    def _lack(self) -> str:
        return self._untriggered() or self._unanswerable()

    def _untriggered(self) -> str:
        rule = self.rule
        if not isinstance(rule, Response) or _declared(rule.on) or rule.on.types & self._emitted:
            return ""
        return f"no device here emits {_either(rule.on)}"

    def _unanswerable(self) -> str:
        rule = self.rule
        if isinstance(rule, Response):
            # A screen is equipment like any other: where none is, a rule that may rest does.
            screens = _declared(rule.expect) and rule.applies == "always"
            answered = screens or bool(rule.expect.types & self._emitted)
            return "" if answered else f"no device here emits {_either(rule.expect)}"
        selected = [one for one in self._site.file.devices if selects(rule.select, one)]
        if isinstance(rule, Quota):
            able = any(rule.item_types <= self._site.emits(one) for one in selected)
            return "" if able else f"no device that it selects emits {' and '.join(sorted(rule.item_types))}"
        wanted: EventFilter | While = rule.while_ if isinstance(rule, Duration) else rule.expect
        if any(self._site.emits(one) & wanted.types for one in selected):
            return ""
        return f"no device that it selects emits {_either(wanted)}"

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

    def _types(self, field: str, wanted: EventFilter | While) -> Iterator[Problem]:
        known = KNOWN_TYPES | self._emitted
        for name in sorted(wanted.types - known):
            yield self._written.problem(f"{field}.type", unknown_name("event type", name, known))
        asked = {"data": wanted.data}
        if isinstance(wanted, While):
            asked["unless"] = wanted.unless
            for name in sorted(wanted.ends - known):
                yield self._written.problem(f"{field}.until", unknown_name("event type", name, known))
        for part, fields in asked.items():
            for name, value in fields.items():
                if isinstance(value, dt.date):
                    said = "expected text: write the date in quotes"
                    yield self._written.problem(f"{field}.{part}.{name}", said)

    def _quota(self, rule: Quota) -> Iterator[Problem]:
        if (rule.count is None) == (rule.session is None):
            yield self._written.problem("", "expected either count or session")
        if rule.count is not None:
            yield from self._types("count", rule.count)
        session = rule.session
        if session is None:
            return
        parts = {
            "start": session.start,
            "stop": session.stop,
            "with": session.with_,
            "without": session.without,
        }
        for name, wanted in parts.items():
            if wanted is not None:
                yield from self._types(f"session.{name}", wanted)
        for name in ("at_least", "at_most"):
            text = getattr(session, name)
            if text and parse_duration(text).working_days:
                yield self._written.problem(f"session.{name}", "working days are not supported yet")
        if session.at_most and parse_duration(session.at_most).ms < parse_duration(session.at_least).ms:
            yield self._written.problem("session.at_most", "expected at least as long as `at_least`")

    def _durations(self) -> Iterator[Problem]:
        rule = self.rule
        for name in _DURATIONS[type(rule)]:
            if name == "horizon" and not self._written.holds(name):
                continue
            duration = parse_duration(getattr(rule, name))
            if duration.working_days:
                yield self._written.problem(name, "working days are not supported yet")
            elif not duration.ms and name in {"within", "every", "longer_than"}:
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

    def _selection(self, rule: Recurrence | Duration | Quota) -> Iterator[Problem]:
        yield from self._names("select.id", "device", rule.select.id, self._site.devices)
        yield from self._names("select.zone", "zone", rule.select.zone, self._site.zones)

    def _windows(self, rule: Recurrence) -> Iterator[Problem]:
        site = self._site
        if isinstance(rule.during, str) and rule.during not in site.schedules:
            yield self._written.problem("during", unknown_name("schedule", rule.during, site.schedules))
        elif rule.during is not None:
            windows = site.schedules[rule.during].windows if isinstance(rule.during, str) else rule.during
            if never_close(windows):
                yield self._written.problem("during", "these windows overlap without end: leave `during` out")

    def _names(
        self, field: str, what: str, wanted: str | tuple[str, ...] | None, known: Iterable[str]
    ) -> Iterator[Problem]:
        for name in (wanted,) if isinstance(wanted, str) else wanted or ():
            if name not in known:
                yield self._written.problem(field, unknown_name(what, name, known))


def _declared(wanted: EventFilter | While) -> bool:
    """Whether people tell of it on a screen."""
    return any(name.startswith("operator.") for name in wanted.types)


def _either(wanted: EventFilter | While) -> str:
    return " or ".join(sorted(wanted.types))
