"""Whether an event counts: its type and data, who did it, and how strong it is as evidence."""

import datetime as dt
from collections.abc import Callable
from enum import Enum
from typing import Final

import msgspec

from cloud.correlation.rules import By, EventFilter, Response, While
from contract.events import LOCATION_TYPES, Event, event_data
from contract.site import Person, Site

_RANK: Final = {"declared": 0, "weak": 1, "strong": 2}
_EPOCH: Final = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)


def lets_through(wanted: EventFilter | While, event: Event) -> bool:
    """Whether an event of the right type has the data that a filter asks for."""
    if not wanted.data:
        return True
    try:
        data = event_data(event)
    except msgspec.DecodeError:
        return False
    return all(name in data and same(data[name], value) for name, value in wanted.data.items())


def same(one: object, other: object) -> bool:
    """Whether two values are the same in JSON, where true is not 1."""
    return one == other and isinstance(one, bool) is isinstance(other, bool)


def qualifies(person: Person, by: By | None, at: int, site: Site) -> bool:
    """Whether a person has the role and the qualification at that moment; days are the site's."""
    if by is None:
        return True
    if by.role is not None and by.role not in person.roles:
        return False
    if by.qualification is None:
        return True
    day = (_EPOCH + dt.timedelta(milliseconds=at)).astimezone(site.timezone).date()
    return any(
        held.name == by.qualification
        and (held.from_ is None or held.from_ <= day)
        and (held.to is None or day <= held.to)
        for held in person.qualifications
    )


def evidence_test(rule: Response, site: Site) -> Callable[[Event], bool]:
    """What tells whether an event of an expected type is good enough: by its data, its grade and its person."""
    needs = {name: _need(name, rule) for name in rule.expect.types}
    by = rule.by
    dated = by is not None and by.qualification is not None
    able = {
        name: person for name, person in site.people.items() if by is None or by.role in {None, *person.roles}
    }

    def is_enough(event: Event) -> bool:
        need = needs[event.type]
        if need is _Need.IN_VAIN:
            return False
        if need is _Need.PERSON:
            person = able.get(event.person) if event.person else None
            if person is None or (dated and not qualifies(person, by, event.at, site)):
                return False
        return not rule.expect.data or lets_through(rule.expect, event)

    return is_enough


class _Need(Enum):
    """What an event of a type must bring to be evidence."""

    NOTHING = "nothing"
    PERSON = "person"
    IN_VAIN = "in vain"


def _need(name: str, rule: Response) -> _Need:
    """A known person's badge or scan at a device is strong, a button on a screen declared, all else weak."""
    alone = _RANK["declared" if name.startswith("operator.") else "weak"]
    best = _RANK["strong"] if name in LOCATION_TYPES else alone
    least = _RANK[rule.least_grade]
    if best < least:
        return _Need.IN_VAIN
    return _Need.PERSON if rule.by is not None or alone < least else _Need.NOTHING
