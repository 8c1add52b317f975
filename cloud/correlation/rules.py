"""Rules as data: what `config/rules/*.yaml` holds, and the dated versions of it that are in force.

The model only; reading files is `cloud.correlation.rule_files`.
"""

import datetime as dt
from typing import Annotated, Any, Final, Literal

import msgspec
from msgspec import Meta

from contract.duration import PATTERN
from contract.events import ENDED_BY, LOCATION_TYPES
from contract.site import Id, Leg, Text, Window

DurationText = Annotated[str, Meta(pattern=PATTERN, description="a duration such as 90s, 2m, 24h, 3d or 2wd")]
EffectiveFrom = Annotated[
    dt.date, Meta(description="a date such as 2026-01-01; it begins at midnight in the site's time zone")
]
RuleId = Annotated[str, Meta(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,31}$", description="an id such as ER-2")]

Names = str | tuple[str, ...]
"""One name or several. Not `Id`: msgspec 0.22 walks a union of an array and a text with a pattern wrongly when
the garbage collector runs, and crashes; a test keeps that shape out of every model."""

Applies = Literal["always", "if_equipped"]
"""`if_equipped`: at a site with no device that could give the evidence the rule rests, with a warning; otherwise
such a rule is refused, since it can never be decided."""

REVIEWED: Final = "verdict.reviewed"
"""A supervisor accepts what was only said, and late: `rule`, `key` and `opened_at` of the episode, `accepts`."""
SCAN: Final = "checkpoint.scan"
OFF_DUTY: Final = "staff.off_duty"
ON_DUTY: Final = "staff.on_duty"
PRESENT_BY: Final = LOCATION_TYPES | {ON_DUTY}
"""Event types that say that somebody is at a post: seen there, or signed on."""
DEFAULT_JOIN_MS: Final = 600_000
DEFAULT_HORIZON_MS: Final = 3_600_000


class EventFilter(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Events of one of the types whose data has each of these fields with this value, and none of `unless`.

    Of an event that tells of a state its beginning is meant, unless `state: cleared` asks for its end.
    """

    type: str | tuple[str, ...]
    data: dict[str, Any] = {}
    unless: dict[str, Any] = {}

    @property
    def types(self) -> frozenset[str]:
        """The types it lets through."""
        return frozenset([self.type] if isinstance(self.type, str) else self.type)


class By(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Who must have done it: a role, a qualification valid at that moment, or both."""

    role: Id | None = None
    qualification: Id | None = None


class Select(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which devices: those that meet every line given; each line is one name or several."""

    id: Names | None = None
    tag: Names | None = None
    zone: Names | None = None
    profile: Names | None = None


Match = Literal["zone", "device", "group", "escape_route", "site"]
"""How an event relates to the trigger."""


class VoidWhen(EventFilter, frozen=True, forbid_unknown_fields=True):
    """Events after which nothing is owed any more, such as the mains that are back.

    `match`: how they relate to the trigger; without it, as evidence does. `ends_join`: a trigger after such an
    event opens an obligation of its own, also within `join`: what ended and begins again is not the same.
    """

    match: Match | None = None
    ends_join: bool = False


class Pauses(msgspec.Struct, frozen=True, forbid_unknown_fields=True, rename={"from_": "from"}):
    """What stops the clock of an obligation (`from`), such as an order that waits for a part, and lets it run again (`to`)."""

    from_: EventFilter
    to: EventFilter

    @property
    def types(self) -> frozenset[str]:
        """The types of both."""
        return self.from_.types | self.to.types


class Response(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="kind", tag="response"
):
    """After a trigger, evidence must follow in time.

    `pair`: a field of the data, such as the number of a request: each value is a key of its own, and only evidence
    with the same value answers it. `void_when`: an event that makes the obligation void when it comes in time and
    before any evidence. `pauses`, with `pair` only: the time between its two events does not count, and puts off the
    limit and the horizon. `early`: how long before the trigger evidence counts already, such as a handover written
    before the shift is over.
    """

    id: RuleId
    on: EventFilter
    expect: EventFilter
    within: DurationText
    version: Annotated[int, Meta(ge=1)] = 1
    effective_from: EffectiveFrom = dt.date(1970, 1, 1)
    applies: Applies = "always"
    match: Match = "zone"
    pair: str | None = None
    per: Literal["trigger", "answerer"] = "trigger"
    by: By | None = None
    grade: Literal["strong", "weak", "declared"] | None = None
    join: DurationText = "10m"
    horizon: DurationText = "1h"
    presence_ttl: DurationText = "0s"
    void_when: VoidWhen | None = None
    early: DurationText = "0s"
    pauses: Pauses | None = None
    name: Text = Text()
    source: Text = Text()

    @property
    def void_types(self) -> frozenset[str]:
        """The types that can make an obligation void."""
        return self.void_when.types if self.void_when else frozenset()

    @property
    def pause_types(self) -> frozenset[str]:
        """The types that stop its clock or let it run again."""
        return self.pauses.types if self.pauses else frozenset()

    @property
    def least_grade(self) -> Literal["strong", "weak", "declared"]:
        """The least grade of evidence that counts: `strong` with `by`, else `weak`, unless it is given."""
        return self.grade or ("strong" if self.by else "weak")


class Recurrence(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="kind", tag="recurrence"
):
    """Something must happen at least every so often at each selected device. `by`: who must have done it."""

    id: RuleId
    expect: EventFilter
    every: DurationText
    version: Annotated[int, Meta(ge=1)] = 1
    effective_from: EffectiveFrom = dt.date(1970, 1, 1)
    applies: Applies = "always"
    select: Select = Select()
    by: By | None = None
    during: tuple[Window, ...] | str | None = None
    name: Text = Text()
    source: Text = Text()


class While(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A state of a device, told by events or by readings.

    By events: from one of the type with that data, and with none of `unless`, until the device's next event of
    the type that is none such, its end included (`state: cleared`), or one of the types `until` and of those that
    always end such a state (`contract.events.ENDED_BY`). `each: part`: each part of a device (the detectors of a
    panel, `contract.parts`) is in the state or not by itself. By readings: from the first good reading of `point`
    beyond `above` or `below` until the first one beyond `clear_below` or `clear_above`, or the limit itself;
    `magnitude`: whatever the sign of a reading, such as that of a power factor, which tells leading from lagging.
    """

    type: str | tuple[str, ...] = ()
    data: dict[str, Any] = {}
    unless: dict[str, Any] = {}
    until: str | tuple[str, ...] = ()
    each: Names = ()
    point: str | None = None
    above: float | None = None
    clear_below: float | None = None
    below: float | None = None
    clear_above: float | None = None
    magnitude: bool = False

    @property
    def types(self) -> frozenset[str]:
        """The types that say whether it is so."""
        return frozenset([self.type] if isinstance(self.type, str) else self.type)

    @property
    def points(self) -> frozenset[str]:
        """The points whose readings say whether it is so."""
        return frozenset([self.point] if self.point is not None else [])

    @property
    def ends(self) -> frozenset[str]:
        """The types that end it."""
        until = frozenset([self.until] if isinstance(self.until, str) else self.until)
        return until.union(*(ENDED_BY.get(name, ()) for name in self.types)) - self.types


class Duration(
    msgspec.Struct,
    frozen=True,
    kw_only=True,
    forbid_unknown_fields=True,
    tag_field="kind",
    tag="duration",
    rename={"while_": "while"},
):
    """A state must not last longer.

    Blind spans shorter than `bridge` do not break it where it is the same on both sides; by default that is twice
    the interval at which the device is read.
    """

    id: RuleId
    while_: While
    longer_than: DurationText
    version: Annotated[int, Meta(ge=1)] = 1
    effective_from: EffectiveFrom = dt.date(1970, 1, 1)
    applies: Applies = "always"
    select: Select = Select()
    bridge: DurationText | None = None
    name: Text = Text()
    source: Text = Text()


class Session(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, rename={"with_": "with"}
):
    """A run of a device, from `start` to the next `stop`, of a `length` between two, both included.

    One in which nothing of `with` happened, or anything of `without`, does not count; nor one in which a good
    reading of `point` was not below `max_below`, or was below `min_at_least`, or in which there was none.
    """

    start: EventFilter
    stop: EventFilter
    length: tuple[DurationText, DurationText | None] | None = None
    point: str | None = None
    max_below: float | None = None
    min_at_least: float | None = None
    with_: EventFilter | None = None
    without: EventFilter | None = None


class Quota(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="kind", tag="quota"
):
    """Enough of something in each calendar period: of events (`count`) or of sessions, at each selected device.

    `match: site`: what any of the selected devices tells counts for the site, as of an inspection that is recorded at
    one of several desks; the verdict's key is the site. Sessions are of one device each.
    `warn_before`: so long before the period's end an alert tells of what is still missing.
    """

    id: RuleId
    at_least: Annotated[int, Meta(ge=1, le=1000)]
    per: Literal["week", "month", "quarter", "half_year", "year"]
    match: Literal["device", "site"] = "device"
    count: EventFilter | None = None
    session: Session | None = None
    warn_before: DurationText = "0s"
    version: Annotated[int, Meta(ge=1)] = 1
    effective_from: EffectiveFrom = dt.date(1970, 1, 1)
    applies: Applies = "always"
    select: Select = Select()
    name: Text = Text()
    source: Text = Text()

    @property
    def item_types(self) -> frozenset[str]:
        """The types of which what counts is made."""
        if self.session is None:
            return self.count.types if self.count else frozenset()
        return self.session.start.types | self.session.stop.types

    def is_told_by(self, emitted: frozenset[str]) -> bool:
        """Whether a device that emits these types can tell of what counts: one type of each filter is enough."""
        if self.session is None:
            return bool(self.item_types & emitted)
        return bool(self.session.start.types & emitted) and bool(self.session.stop.types & emitted)


class Tour(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="kind", tag="tour"
):
    """A round: every checkpoint of a route, from each planned start on, scanned by `persons` people at least.

    `route`: a route of the site, or checkpoints in order; without it every route of the site for that
    `purpose` that has planned starts. `starts`: times such as 08:00 or `mon-fri 08:00`, or the name of a schedule whose windows begin then;
    without it those of the route.
    """

    id: RuleId
    complete_within: DurationText
    route: str | tuple[str | Leg, ...] | None = None
    starts: str | tuple[str, ...] | None = None
    start_tolerance: DurationText = "10m"
    order: Literal["strict", "any"] = "strict"
    purpose: Id = "patrol"
    persons: Annotated[int, Meta(ge=1, le=9)] = 1
    version: Annotated[int, Meta(ge=1)] = 1
    effective_from: EffectiveFrom = dt.date(1970, 1, 1)
    applies: Applies = "always"
    name: Text = Text()
    source: Text = Text()


class Staffing(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="kind", tag="staffing"
):
    """Enough people at each post: fewer than `at_least` present for longer than `tolerance` is a breach.

    Somebody is present in the zone of their latest scan, entry or signing on until seen elsewhere, leaving, going off
    duty, which the end of a rostered shift tells too, or until `presence_ttl` has passed (0: never). `post`: a zone, or several, each judged for itself; `posts`: in
    their place, the zones that the site calls posts of that kind.
    """

    id: RuleId
    at_least: Annotated[int, Meta(ge=1, le=1000)]
    tolerance: DurationText
    post: Names = ()
    posts: Id | None = None
    role: Id | None = None
    qualification: Id | None = None
    during: tuple[Window, ...] | str | None = None
    presence_ttl: DurationText = "0s"
    version: Annotated[int, Meta(ge=1)] = 1
    effective_from: EffectiveFrom = dt.date(1970, 1, 1)
    applies: Applies = "always"
    name: Text = Text()
    source: Text = Text()


Rule = Response | Recurrence | Duration | Quota | Tour | Staffing


def asked_types(rule: Rule) -> frozenset[str]:
    """The event types that a rule asks about."""
    match rule:
        case Response():
            return rule.on.types | rule.expect.types | rule.void_types | rule.pause_types | {REVIEWED}
        case Recurrence():
            return rule.expect.types
        case Duration():
            return rule.while_.types | rule.while_.ends
        case Quota():
            session = rule.session
            also = (session.with_, session.without) if session else ()
            return rule.item_types | frozenset(name for wanted in also if wanted for name in wanted.types)
        case Tour():
            return frozenset({SCAN})
        case Staffing():
            return PRESENT_BY | {OFF_DUTY}


class RuleVersion(msgspec.Struct, frozen=True):
    """A rule with the span of `opened_at` that it judges: `[start, end)` in ms; `end` is None for the latest.

    `suspended`: by device, the spans in which a permit suspends it. `overlay`: the ids of what changed it here, and
    `piece` when that part of the version begins; 0 for its first.
    """

    rule: Rule
    start: int
    end: int | None
    suspended: dict[str, tuple[tuple[int, int], ...]] = {}
    overlay: tuple[str, ...] = ()
    piece: int = 0

    @property
    def label(self) -> int:
        """What tells it from every other version and part of the rule."""
        return self.piece or self.rule.version


class RuleBook(msgspec.Struct, frozen=True):
    """The rules of a site, checked against it: every version, sorted by id and start. `warnings` are for people."""

    versions: tuple[RuleVersion, ...] = ()
    warnings: tuple[str, ...] = ()

    def version(self, rule: str, opened_at: int) -> RuleVersion | None:
        """The version of a rule that was in force at a moment."""
        for version in self.versions:
            begun = version.rule.id == rule and version.start <= opened_at
            if begun and (version.end is None or opened_at < version.end):
                return version
        return None
