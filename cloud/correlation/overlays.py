"""What a site changes of the rules it is judged by, dated and with a reason on record.

Three kinds, all data of the site: an `adjustment` tightens or loosens a limit from a day on, a `plan` (exam days, a
festival) does so for a while and ends by itself, a `permit` suspends named rules for named devices for a while.
They stand in any file of the site's directory under `overlays:`.
"""

import datetime as dt
import zoneinfo
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final, Literal

import msgspec

from cloud.correlation.rules import Duration, Names, Quota, Recurrence, Response, Rule, RuleVersion
from contract.problems import Problem
from contract.site import Id, Site, Text
from contract.yamlfile import Located, check, unknown_name

_EPOCH: Final = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
_NOT_TO_CHANGE: Final = frozenset({"id", "kind", "version", "effective_from", "applies", "name", "source"})
_SECTION: Final = "overlays"


class Suspend(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which rules a permit suspends, for which devices. Both must be named: nothing else is excused."""

    rules: Names
    devices: Names


class Overlay(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, rename={"from_": "from"}
):
    """One change. Times are the site's; `to` is the first moment at which it no longer holds. `by`: who decided it."""

    id: Id
    kind: Literal["adjustment", "plan", "permit"]
    from_: dt.datetime
    reason: Text
    by: Id
    to: dt.datetime | None = None
    name: Text = Text()
    change: dict[str, dict[str, Any]] = {}
    suspend: Suspend | None = None


class Placed(msgspec.Struct, frozen=True):
    """An overlay, its span in ms (`end` None: for good), and where it stands."""

    overlay: Overlay
    start: int
    end: int | None
    located: Located
    index: int

    def problem(self, message: str, *fields: str) -> Problem:
        """A mistake at one of its fields."""
        return self.located.problem((_SECTION, self.index, *fields), message)


class OverlaysFile(msgspec.Struct, frozen=True):
    """The part of a site's file that is looked at here."""

    overlays: tuple[Overlay, ...] = ()


def read_overlays(site: Site) -> tuple[list[Placed], list[Problem]]:
    """The overlays of a site, by when they begin, and every mistake in them."""
    placed: list[Placed] = []
    problems: list[Problem] = []
    for located in site.own_sections:
        if _SECTION not in located.value:
            continue
        part = msgspec.structs.replace(located, value={_SECTION: located.value[_SECTION]})
        found = check(part, OverlaysFile)
        problems += found
        if not found:
            overlays = msgspec.convert(part.value, OverlaysFile).overlays
            placed += [_placed(one, site.timezone, located, index) for index, one in enumerate(overlays)]
    seen: set[str] = set()
    for one in placed:
        problems += _mistakes(one, site, seen)
        seen.add(one.overlay.id)
    return sorted(placed, key=lambda one: (one.start, one.overlay.id)), problems


def _placed(overlay: Overlay, zone: zoneinfo.ZoneInfo, located: Located, index: int) -> Placed:
    end = _moment(overlay.to, zone) if overlay.to is not None else None
    return Placed(overlay, _moment(overlay.from_, zone), end, located, index)


def _moment(local: dt.datetime, zone: zoneinfo.ZoneInfo) -> int:
    aware = local if local.tzinfo else local.replace(tzinfo=zone)
    return (aware - _EPOCH) // dt.timedelta(milliseconds=1)


def _mistakes(one: Placed, site: Site, seen: set[str]) -> Iterator[Problem]:
    overlay = one.overlay
    if overlay.id in seen:
        yield one.problem(f"{overlay.id!r} is already the id of another overlay", "id")
    if overlay.by not in site.people:
        yield one.problem(unknown_name("person", overlay.by, site.people), "by")
    if not overlay.reason.in_("zh"):
        yield one.problem("expected a reason, in Chinese or English", "reason")
    if one.end is None and overlay.kind != "adjustment":
        yield one.problem(f"is missing: a {overlay.kind} ends by itself", "to")
    if one.end is not None and one.end <= one.start:
        yield one.problem("expected it after `from`", "to")
    if (overlay.suspend is not None) is not (overlay.kind == "permit"):
        yield one.problem("expected with a permit, and only there", "suspend")
    if bool(overlay.change) is (overlay.kind == "permit"):
        yield one.problem("expected with an adjustment or a plan, and only there", "change")
    for name in _several(overlay.suspend.devices) if overlay.suspend else ():
        if name not in site.devices:
            yield one.problem(unknown_name("device", name, site.devices), "suspend", "devices")


def _several(names: Names) -> tuple[str, ...]:
    return (names,) if isinstance(names, str) else names


def overlaid(
    versions: Sequence[RuleVersion], resting: Sequence[RuleVersion], placed: Sequence[Placed]
) -> tuple[list[RuleVersion], list[tuple[Placed, RuleVersion]], list[Problem]]:
    """The versions as the overlays change them; the changed ones again, to be checked; and what can't be changed.

    A change of one that rests here, for lack of a schedule or of equipment, wakes it for as long.
    """
    found = list(versions)
    changed: list[tuple[Placed, RuleVersion]] = []
    problems: list[Problem] = []
    known = {version.rule.id: version.rule for version in (*resting, *versions)}
    for one in placed:
        for rule, fields in one.overlay.change.items():
            if rule not in known:
                problems.append(one.problem(unknown_name("rule", rule, known), "change", rule))
                continue
            mistakes = list(_unchangeable(one, known[rule], fields))
            problems += mistakes
            if not mistakes:
                woken = _woken(
                    [version for version in resting if version.rule.id == rule], found, one, fields
                )
                found, fresh = _changed(found, one, rule, fields)
                found += woken
                changed += [(one, version) for version in (*fresh, *woken)]
        if one.overlay.suspend is not None:
            problems += _unsuspendable(one, one.overlay.suspend, known)
            found = [_suspended(version, one, one.overlay.suspend) for version in found]
    return found, changed, problems


def _unchangeable(one: Placed, rule: Rule, fields: Mapping[str, Any]) -> Iterator[Problem]:
    names = {field.encode_name for field in msgspec.structs.fields(rule)} - _NOT_TO_CHANGE
    for name in fields:
        if name not in names:
            yield one.problem(unknown_name("limit", name, names), "change", rule.id, name)
    if all(name in names for name in fields):
        merged = Located(one.located.file, msgspec.to_builtins(rule) | dict(fields), {})
        for problem in check(merged, type(rule)):
            yield one.problem(problem.message, "change", rule.id, problem.field.partition(".")[0])


def _with(rule: Rule, fields: Mapping[str, Any]) -> Rule:
    changed: Rule = msgspec.convert(msgspec.to_builtins(rule) | dict(fields), Rule)
    return changed


def _changed(
    versions: Sequence[RuleVersion], one: Placed, rule: str, fields: Mapping[str, Any]
) -> tuple[list[RuleVersion], list[RuleVersion]]:
    """Each version of the rule cut at the overlay's ends, with what is changed between them."""
    found: list[RuleVersion] = []
    fresh: list[RuleVersion] = []
    for version in versions:
        start, end = max(one.start, version.start), _earlier(one.end, version.end)
        if version.rule.id != rule or (end is not None and start >= end):
            found.append(version)
            continue
        if version.start < start:
            found.append(msgspec.structs.replace(version, end=start))
        middle = msgspec.structs.replace(
            version,
            rule=_with(version.rule, fields),
            start=start,
            end=end,
            piece=start,
            overlay=(*version.overlay, one.overlay.id),
        )
        found.append(middle)
        fresh.append(middle)
        if end is not None and (version.end is None or end < version.end):
            found.append(msgspec.structs.replace(version, start=end, piece=end))
    return found, fresh


def _woken(
    resting: Sequence[RuleVersion], awake: Sequence[RuleVersion], one: Placed, fields: Mapping[str, Any]
) -> list[RuleVersion]:
    """What an overlay makes of a rule that rests, where nothing of it is awake already."""
    found: list[RuleVersion] = []
    for version in resting:
        start, end = max(one.start, version.start), _earlier(one.end, version.end)
        own = [other for other in awake if other.rule.id == version.rule.id]
        for piece, until in _uncovered(start, end, own):
            changed = _with(version.rule, fields)
            found.append(
                RuleVersion(changed, piece, until, overlay=(*version.overlay, one.overlay.id), piece=piece)
            )
    return found


def _uncovered(
    start: int, end: int | None, versions: Sequence[RuleVersion]
) -> Iterator[tuple[int, int | None]]:
    """The parts of a span in which none of the versions is in force."""
    for version in sorted(versions, key=lambda version: version.start):
        if start < version.start and (end is None or version.start < end):
            yield start, version.start
        if version.end is None:
            return
        start = max(start, version.end) if end is None or version.start < end else start
    if end is None or start < end:
        yield start, end


def _earlier(one: int | None, other: int | None) -> int | None:
    return min((end for end in (one, other) if end is not None), default=None)


def _unsuspendable(one: Placed, suspend: Suspend, known: Mapping[str, Rule]) -> Iterator[Problem]:
    for name in _several(suspend.rules):
        if name not in known:
            yield one.problem(unknown_name("rule", name, known), "suspend", "rules")
        elif not _of_devices(known[name]):
            said = f"{name} is about more than devices: a permit never excuses the rest of the site"
            yield one.problem(said, "suspend", "rules")


def _of_devices(rule: Rule) -> bool:
    """Whether each key of a rule is one device."""
    if isinstance(rule, Response):
        return rule.per == "answerer" or rule.match == "device"
    if isinstance(rule, Quota):
        return rule.match == "device"
    return isinstance(rule, Recurrence | Duration)


def _suspended(version: RuleVersion, one: Placed, suspend: Suspend) -> RuleVersion:
    if version.rule.id not in _several(suspend.rules) or one.end is None:
        return version
    spans = dict(version.suspended)
    for device in _several(suspend.devices):
        spans[device] = tuple(sorted({*spans.get(device, ()), (one.start, one.end)}))
    return msgspec.structs.replace(version, suspended=spans)
