"""Whether an event counts: its type and data, who did it, and how strong it is as evidence."""

import datetime as dt
from typing import Final

import msgspec

from cloud.correlation.rules import By, EventFilter
from contract.events import LOCATION_TYPES, Event, event_data
from contract.site import Person, Site

_RANK: Final = {"declared": 0, "weak": 1, "strong": 2}
_EPOCH: Final = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)


def lets_through(wanted: EventFilter, event: Event) -> bool:
    """Whether an event of the right type has the data that a filter asks for."""
    if not wanted.data:
        return True
    try:
        data = event_data(event)
    except msgspec.DecodeError:
        return False
    return all(name in data and _same(data[name], value) for name, value in wanted.data.items())


def _same(one: object, other: object) -> bool:
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


def grade(event: Event, person: Person | None) -> int:
    """How strong evidence is: 2 a known person at a device, 1 a device alone, 0 a button on a screen."""
    if event.type.startswith("operator."):
        return _RANK["declared"]
    return _RANK["strong"] if person is not None and event.type in LOCATION_TYPES else _RANK["weak"]


def least_rank(name: str) -> int:
    """The number of a grade by its name."""
    return _RANK[name]
