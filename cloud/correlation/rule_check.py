"""One rule as it was written, held against a site: do its names exist, can its times be, can it be decided?"""

import datetime as dt
from collections.abc import Iterable, Iterator
from typing import Final

import msgspec

from cloud.correlation.each import OLD_EACH, is_old_each
from cloud.correlation.measured import measured_point, measures
from cloud.correlation.quota import tells
from cloud.correlation.recurrence import selects
from cloud.correlation.rules import (
    SCAN,
    By,
    Duration,
    EventFilter,
    Quota,
    Recurrence,
    Response,
    Rule,
    Staffing,
    Tour,
    While,
)
from cloud.correlation.sources import Sources
from cloud.correlation.staffing import posts_of, watchers
from cloud.correlation.state_check import mistakes_of_state
from cloud.correlation.tour import routes_of
from cloud.correlation.windows import is_start, never_close
from contract.days import day_mistake
from contract.duration import parse_duration
from contract.events import KNOWN_TYPES
from contract.problems import Problem
from contract.site import Site
from contract.yamlfile import FieldPath, Located, unknown_name

_DURATIONS: Final = {
    Response: ("within", "join", "horizon", "presence_ttl", "early"),
    Recurrence: ("every",),
    Duration: ("longer_than", "bridge"),
    Quota: ("warn_before",),
    Tour: ("start_tolerance", "complete_within"),
    Staffing: ("tolerance", "presence_ttl"),
}
_EVIDENCE: Final = {
    Response: "expect",
    Recurrence: "expect",
    Duration: "while",
    Quota: "",
    Tour: "route",
    Staffing: "post",
}
_MORE_THAN_0: Final = frozenset({"within", "every", "longer_than", "complete_within"})
_MOST_WORKING_DAYS: Final = 100
_NO_WORKING_DAYS: Final = "expected clock time: only `within` of a response counts working days"
_LONGEST_MS: Final = 10 * 366 * 86_400_000


class WrittenRule(msgspec.Struct, frozen=True):
    """A rule and where it stands."""

    rule: Rule
    located: Located
    at: FieldPath

    def holds(self, field: str) -> bool:
        """Whether the field stands in the file."""
        value = self.located.value
        for step in self.at:
            value = value[step]
        return field in value

    def problem(self, field: str, message: str) -> Problem:
        """A mistake at one of its fields; the rule itself where `field` is empty."""
        steps = [int(step) if step.isdigit() else step for step in field.split(".")] if field else []
        return self.located.problem((*self.at, *steps), message)


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
        names = [*self._durations(), *self._of_kind()]
        yield from names
        if self.rests():
            return
        if isinstance(rule, Response | Recurrence):
            yield from self._people("by", rule.by)
        if isinstance(rule, Staffing):
            yield from self._people("", By(rule.role, rule.qualification))
        if not names and (lack := self._unanswerable()):
            yield self._written.problem(_EVIDENCE[type(rule)], f"can never be decided: {lack}")

    def _of_kind(self) -> Iterator[Problem]:
        match self.rule:
            case Response() as rule:
                yield from self._types("expect", rule.expect)
                yield from self._types("on", rule.on)
                yield from self._void_when(rule)
                if rule.pair is not None and (rule.per == "answerer" or self._written.holds("match")):
                    yield self._written.problem("pair", "expected without match and per: it names the key")
                yield from self._pauses(rule)
            case Recurrence() as rule:
                yield from self._types("expect", rule.expect)
                yield from self._selection(rule)
                yield from self._windows(rule)
            case Duration() as rule:
                yield from self._while(rule.while_)
                yield from self._selection(rule)
            case Quota() as rule:
                yield from self._quota(rule)
                yield from self._selection(rule)
            case Tour() as rule:
                yield from self._tour(rule)
            case Staffing() as rule:
                posts = (rule.post,) if isinstance(rule.post, str) else rule.post
                yield from self._names("post", "zone", posts, self._site.zones)
                if bool(posts) is (rule.posts is not None):
                    yield self._written.problem("post", "expected either post or posts")
                yield from self._windows(rule)

    def _void_when(self, rule: Response) -> Iterator[Problem]:
        wanted = rule.void_when
        if wanted is None:
            return
        yield from self._types("void_when", wanted)
        if rule.pair is not None and wanted.match is not None:
            said = f"expected without it: with `pair`, the same {rule.pair} relates it to the trigger"
            yield self._written.problem("void_when.match", said)
        for name in sorted(wanted.types & rule.expect.types):
            if wanted.data == rule.expect.data:
                said = (
                    f"{name} can't both answer (`expect`) and make void: leave one out, or ask for other data"
                )
                yield self._written.problem("void_when.type", said)

    def _pauses(self, rule: Response) -> Iterator[Problem]:
        if rule.pauses is None:
            return
        yield from self._types("pauses.from", rule.pauses.from_)
        yield from self._types("pauses.to", rule.pauses.to)
        if rule.pair is None:
            said = "expected with `pair`: only what names the same request can pause it"
            yield self._written.problem("pauses", said)

    def _can_end(self, wanted: EventFilter) -> bool:
        return _declared(wanted) or bool(wanted.types & self._emitted)

    def rests(self) -> bool:
        """Whether it is left out here, for lack of equipment."""
        return self.rule.applies == "if_equipped" and bool(self.lack)

    def warnings(self) -> Iterator[str]:
        """Why the rule judges nothing here, or else which of its keys will always be unknown."""
        rule = self.rule
        if lack := self.lack:
            yield f"{rule.id} judges nothing at {self._site.id}: {lack}"
            return
        if isinstance(rule, Response) and rule.void_when and not self._can_end(rule.void_when):
            yield f"{rule.id} is never void at {self._site.id}: no device here emits {_either(rule.void_when)}"
        if isinstance(rule, Response) and rule.pauses and not rule.pauses.types & self._emitted:
            said = " or ".join(sorted(rule.pauses.types))
            yield f"{rule.id} knows of no pause at {self._site.id}: no device here emits {said}"
        if isinstance(rule, Duration) and is_old_each(rule.while_.each):
            yield str(self._written.problem("while.each", OLD_EACH))
        if isinstance(rule, Response) and rule.pair is None and not _declared(rule.expect):
            yield from self._unanswered(rule)

    @property
    def lack(self) -> str:
        """What is missing here for the rule to judge anything; empty where nothing is."""
        return self._untriggered() or self._unscheduled() or self._unanswerable()

    def _unscheduled(self) -> str:
        """A rule for a time that the site does not name rests there, if it may."""
        during = getattr(self.rule, "during", None)
        named = isinstance(during, str) and during not in self._site.schedules
        return f"no schedule {during} here" if named and self.rule.applies == "if_equipped" else ""

    def _untriggered(self) -> str:
        rule = self.rule
        if not isinstance(rule, Response) or _declared(rule.on) or rule.on.types & self._emitted:
            return ""
        return f"no device here emits {_either(rule.on)}"

    def _unanswerable(self) -> str:
        rule = self.rule
        if isinstance(rule, Tour):
            return (
                "" if routes_of(rule, self._site) else f"no route for {rule.purpose} here has planned starts"
            )
        if isinstance(rule, Staffing):
            return self._unwatched(rule)
        if isinstance(rule, Response):
            # A screen is equipment like any other: where none is, a rule that may rest does.
            screens = _declared(rule.expect) and rule.applies == "always"
            answered = screens or bool(rule.expect.types & self._emitted)
            return "" if answered else f"no device here emits {_either(rule.expect)}"
        selected = [one for one in self._site.file.devices if selects(rule.select, one)]
        if isinstance(rule, Quota):
            able = any(tells(rule, one, self._site) for one in selected)
            kinds = [rule.count] if rule.session is None else [rule.session.start, rule.session.stop]
            asked = " and ".join(_either(wanted) for wanted in kinds if wanted)
            return "" if able else f"no device that it selects emits {asked}"
        if isinstance(rule, Duration) and rule.while_.points:
            able = any(self._site.measures(one, str(rule.while_.point)) for one in selected)
            return "" if able else f"no device that it selects measures {rule.while_.point}"
        wanted: EventFilter | While = rule.while_ if isinstance(rule, Duration) else rule.expect
        point = measured_point(rule.expect) if isinstance(rule, Recurrence) else None
        read = any(measures(self._site, one, point, rule.select) for one in selected)
        if read or any(self._site.emits(one) & wanted.types for one in selected):
            return ""
        return f"no device that it selects emits {_either(wanted)}"

    def _unwatched(self, rule: Staffing) -> str:
        posts = posts_of(rule, self._site)
        if not posts:
            return f"no zone here is a post of the kind {rule.posts}"
        return "" if any(watchers(self._site, zone) for zone in posts) else "no device there tells of people"

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
        either = isinstance(self.rule, Recurrence)
        for place, said in mistakes_of_state(wanted, may_take_both=either):
            yield self._written.problem(f"{field}.{place}", said)

    def _while(self, condition: While) -> Iterator[Problem]:
        if (condition.point is None) is not bool(condition.types):
            yield self._written.problem("while", "expected either type or point")
            return
        yield from self._types("while", condition)
        limits = {name: getattr(condition, name) for name in ("above", "below")}
        if condition.point is None:
            return
        if sum(limit is not None for limit in limits.values()) != 1:
            yield self._written.problem("while", "expected either above or below")
        for limit, clear, sign in (("above", "clear_below", 1), ("below", "clear_above", -1)):
            level, back = getattr(condition, limit), getattr(condition, clear)
            if back is not None and (level is None or (level - back) * sign < 0):
                yield self._written.problem(f"while.{clear}", f"expected it on the near side of `{limit}`")

    def _tour(self, rule: Tour) -> Iterator[Problem]:
        if isinstance(rule.route, str) and rule.route not in self._site.routes:
            yield self._written.problem("route", unknown_name("route", rule.route, self._site.routes))
        elif isinstance(rule.route, tuple):
            legs = [one if isinstance(one, str) else one.device for one in rule.route]
            yield from self._names("route", "device", tuple(legs), self._site.devices)
        for route in routes_of(rule, self._site):
            scanned = {leg.device for leg in route.checkpoints if leg.device in self._site.devices}
            silent = [one for one in scanned if SCAN not in self._site.emits(self._site.devices[one])]
            for device in sorted(silent):
                yield self._written.problem("route", f"{route.id}: {device} does not emit {SCAN}")
        if isinstance(rule.starts, str):
            yield from self._schedule("starts", rule.starts)
        for index, text in enumerate(rule.starts if isinstance(rule.starts, tuple) else ()):
            if not is_start(text):
                said = f"expected a time such as 08:00 or mon-fri 08:00, found {text!r}"
                yield self._written.problem(f"starts.{index}", said)
        if (
            rule.starts is None
            and rule.route is not None
            and not any(r.starts for r in routes_of(rule, self._site))
        ):
            yield self._written.problem("starts", "is missing: the route has no planned starts of its own")

    def _quota(self, rule: Quota) -> Iterator[Problem]:
        if (rule.count is None) == (rule.session is None):
            yield self._written.problem("", "expected either count or session")
        if rule.count is not None:
            yield from self._types("count", rule.count)
        session = rule.session
        if session is None:
            return
        if rule.match == "site":
            said = "expected without it: a session begins and ends at one device"
            yield self._written.problem("match", said)
        parts = {
            "start": session.start,
            "stop": session.stop,
            "with": session.with_,
            "without": session.without,
        }
        for name, wanted in parts.items():
            if wanted is not None:
                yield from self._types(f"session.{name}", wanted)
        least, most = [parse_duration(text or "0s") for text in session.length or ("0s", None)]
        if least.working_days or most.working_days:
            yield self._written.problem("session.length", _NO_WORKING_DAYS)
        elif session.length and session.length[1] and most.ms < least.ms:
            yield self._written.problem("session.length", "expected the shortest first, then the longest")
        bounds = session.max_below is not None or session.min_at_least is not None
        if (session.point is not None) is not bounds:
            yield self._written.problem(
                "session.point", "expected with max_below or min_at_least, and only so"
            )

    def _durations(self) -> Iterator[Problem]:
        rule = self.rule
        for name in _DURATIONS[type(rule)]:
            if name == "horizon" and not self._written.holds(name):
                continue
            duration = parse_duration(getattr(rule, name) or "0s")
            if duration.working_days and name != "within":
                yield self._written.problem(name, _NO_WORKING_DAYS)
            elif not duration.ms and not duration.working_days and name in _MORE_THAN_0:
                yield self._written.problem(name, "expected more than 0")
            elif duration.ms > _LONGEST_MS:
                yield self._written.problem(name, "expected ten years at the most")
        if not isinstance(rule, Response):
            return
        within = parse_duration(rule.within)
        if within.working_days > _MOST_WORKING_DAYS:
            yield self._written.problem("within", f"expected {_MOST_WORKING_DAYS} working days at the most")
        elif parse_duration(rule.horizon).ms < within.ms:
            yield self._written.problem("horizon", "expected at least as long as `within`")

    def _people(self, field: str, by: By | None) -> Iterator[Problem]:
        if by is None:
            return
        prefix = f"{field}." if field else ""
        roles = {role for person in self._site.file.people for role in person.roles}
        held = {one.name for person in self._site.file.people for one in person.qualifications}
        if field and by.role is None and by.qualification is None:
            yield self._written.problem(field, "expected a role, a qualification, or both")
        if by.role is not None and by.role not in roles:
            yield self._written.problem(f"{prefix}role", unknown_name("role", by.role, roles))
        if by.qualification is not None and by.qualification not in held:
            said = unknown_name("qualification", by.qualification, held)
            yield self._written.problem(f"{prefix}qualification", said)

    def _selection(self, rule: Recurrence | Duration | Quota) -> Iterator[Problem]:
        yield from self._names("select.id", "device", rule.select.id, self._site.devices)
        yield from self._names("select.zone", "zone", rule.select.zone, self._site.zones)

    def _schedule(self, field: str, name: str) -> Iterator[Problem]:
        if name not in self._site.schedules and self.rule.applies == "always":
            yield self._written.problem(field, unknown_name("schedule", name, self._site.schedules))

    def _windows(self, rule: Recurrence | Staffing) -> Iterator[Problem]:
        site = self._site
        if isinstance(rule.during, str) and rule.during not in site.schedules:
            yield from self._schedule("during", rule.during)
        elif rule.during is not None:
            windows = site.schedules[rule.during].windows if isinstance(rule.during, str) else rule.during
            if not isinstance(rule.during, str):
                for index, window in enumerate(windows):
                    if said := day_mistake(window.days):
                        yield self._written.problem(f"during.{index}.days", said)
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
