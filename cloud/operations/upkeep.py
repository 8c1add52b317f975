"""Preventive maintenance as a site plans it: the `upkeep` section of its files, and when each is due.

By calendar: from a first day on, every so many days, weeks, months or years in the site's time zone. A plan that
begins on the 31st is due on the last day of a shorter month, and on the 31st of the next long one.
"""

import datetime as dt
import re
import zoneinfo
from collections.abc import Iterable, Iterator, Mapping
from typing import Annotated, Final

import msgspec
from dateutil.relativedelta import relativedelta
from msgspec import Meta

from cloud.correlation.windows import midnight
from cloud.operations.checklist import Checklists
from cloud.operations.order_kinds import OrderKinds
from cloud.operations.sections import Placed, read_list
from contract.problems import ConfigError, Problem
from contract.site import Id, Site, Text
from contract.yamlfile import unknown_name

_FORM: Final = re.compile(r"([1-9][0-9]{0,2}) ?(d|w|days?|weeks?|months?|years?)")
_DAYS: Final = {"d": 1, "w": 7, "m": 31, "y": 366}
"""No step of a unit is longer."""

Every = Annotated[
    str,
    Meta(
        pattern=r"^[1-9][0-9]{0,2} ?(d|w|days?|weeks?|months?|years?)$",
        description="how often, such as 90d, 2w, 1 month or 1 year",
    ),
]
Lead = Annotated[str, Meta(pattern=r"^[0-9]{1,3}(d|w)$", description="days or weeks before, such as 7d")]


class Meter(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A count that only grows, such as hours run: due once it has grown by `every` since the last time."""

    device: Id
    point: str
    every: Annotated[float, Meta(gt=0)]


class Upkeep(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Something that is done again and again, by calendar (`every`, from the day `start` on) or by a `meter`.

    By calendar it is due until the end of the day, and its order opens `lead` before that day. `inspection`: the
    rules are told of an inspection of that kind. `devices`: what the readings of the checklist's items are measured
    at, where that is not `device`.
    """

    id: Id
    name: Text
    kind: Id
    checklist: Id | None = None
    zone: Id | None = None
    device: Id | None = None
    role: Id | None = None
    every: Every | None = None
    start: dt.date | None = None
    lead: Lead = "7d"
    meter: Meter | None = None
    inspection: Id | None = None
    devices: dict[Id, Id] = {}


Upkeeps = Mapping[str, Upkeep]
"""By id."""


def load_upkeep(site: Site, kinds: OrderKinds, checklists: Checklists) -> Upkeeps:
    """The plans in a site's files.

    Raises:
        ConfigError: They have mistakes; every one is named with its file and line.
    """
    placed, problems = read_list(site, "upkeep", Upkeep)
    seen: set[str] = set()
    for one in placed:
        if one.item.id in seen:
            problems.append(one.problem(f"{one.item.id!r} is already the id of another plan", "id"))
        seen.add(one.item.id)
        problems += _mistakes(one, site, kinds, checklists)
    if problems:
        raise ConfigError(problems)
    return {one.item.id: one.item for one in placed}


def _mistakes(
    one: Placed[Upkeep], site: Site, kinds: OrderKinds, checklists: Checklists
) -> Iterator[Problem]:
    plan = one.item
    if (plan.every is None) is (plan.meter is None):
        yield one.problem("expected either `every` or `meter`")
    if (plan.every is None) is not (plan.start is None):
        yield one.problem("expected `start` with `every`, and only there")
    names: list[tuple[str, str | None, Iterable[str]]] = [
        ("kind", plan.kind, kinds),
        ("checklist", plan.checklist, checklists),
        ("zone", plan.zone, site.zones),
        ("device", plan.device, site.devices),
    ]
    for field, name, known in names:
        if name is not None and name not in known:
            yield one.problem(unknown_name(field, name, known), field)
    if plan.meter is not None and plan.meter.device not in site.devices:
        yield one.problem(unknown_name("device", plan.meter.device, site.devices), "meter", "device")
    yield from _device_mistakes(one, site, checklists)


def _device_mistakes(one: Placed[Upkeep], site: Site, checklists: Checklists) -> Iterator[Problem]:
    checklist = checklists.get(one.item.checklist or "")
    items = [item.id for item in checklist.items if item.point is not None] if checklist else []
    for item, device in one.item.devices.items():
        if item not in items:
            yield one.problem(unknown_name("item that is measured", item, items), "devices", item)
        if device not in site.devices:
            yield one.problem(unknown_name("device", device, site.devices), "devices", item)


class Due(msgspec.Struct, frozen=True):
    """One time that a plan is due: its day, when its order opens, and until when it is to be done, ms."""

    day: dt.date
    opens_at: int
    due_at: int


def dues(plan: Upkeep, zone: zoneinfo.ZoneInfo, after: int) -> Iterator[Due]:
    """The times that end after a moment, in their order; none for a plan by meter."""
    if plan.every is None or plan.start is None:
        return
    match = _FORM.fullmatch(plan.every)
    if match is None:
        return
    count, unit = int(match[1]), match[2][0]
    number = max(0, _whole_days(plan.start, after) // (count * _DAYS[unit]) - 1)
    while True:
        day = plan.start + _step(unit, count * number)
        due = _due(plan, zone, day)
        if due.due_at > after:
            yield due
        number += 1


def _whole_days(start: dt.date, at: int) -> int:
    return at // 86_400_000 - (start - dt.date(1970, 1, 1)).days


def _step(unit: str, count: int) -> relativedelta:
    """So many units from the first day on: steps of steps would drift towards the 28th."""
    match unit:
        case "d":
            return relativedelta(days=count)
        case "w":
            return relativedelta(weeks=count)
        case "m":
            return relativedelta(months=count)
        case _:
            return relativedelta(years=count)


def _due(plan: Upkeep, zone: zoneinfo.ZoneInfo, day: dt.date) -> Due:
    ahead = int(plan.lead[:-1]) * _DAYS[plan.lead[-1]]
    opens = midnight(day - dt.timedelta(days=ahead), zone)
    return Due(day, opens, midnight(day + dt.timedelta(days=1), zone))
