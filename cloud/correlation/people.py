"""Whether an event counts: its type and data, who did it, and how strong it is as evidence."""

import datetime as dt
from collections.abc import Callable, Mapping
from enum import Enum
from typing import Final

import msgspec

from cloud.correlation.rules import By, EventFilter, Response, While
from contract.events import (
    LOCATION_TYPES,
    MOMENT_TYPES,
    STATE,
    Event,
    Phase,
    event_data,
    phase_of,
)
from contract.site import Person, Site
from contract.state_words import CLEARED, state_word

_RANK: Final = {"declared": 0, "weak": 1, "strong": 2}
_EPOCH: Final = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)


def lets_through(wanted: EventFilter | While, event: Event) -> bool:
    """Whether an event of the right type is what a filter asks for: its phase and its data.

    A filter means what begins or happens, unless it asks for `state: cleared`. What does not say clearly whether it
    begins or ends passes no filter.
    """
    if wanted.unless and isinstance(wanted, EventFilter) and _has_any(event, wanted.unless):
        return False
    phase = phase_of(event)
    if not wanted.data:
        return phase is Phase.BEGINS or phase is Phase.MOMENT
    if phase is Phase.MOMENT:
        return _has(event, wanted.data)
    ends = state_word(wanted.data.get(STATE)) == CLEARED
    return phase is (Phase.ENDS if ends else Phase.BEGINS) and _has(event, wanted.data, but=STATE)


def says_of(wanted: EventFilter, event: Event) -> Phase | None:
    """What an event of the right type says of the matter that begins with what a filter asks for; None: it is another.

    The end of a matter need not repeat all that its beginning told: only what it tells must agree.
    """
    phase = phase_of(event)
    ends = state_word(wanted.data.get(STATE)) == CLEARED
    if phase in {Phase.BEGINS, Phase.ENDS} and ends:
        phase = Phase.BEGINS if phase is Phase.ENDS else Phase.ENDS
    if phase is Phase.ENDS:
        return phase if _agrees(event, wanted.data) else None
    but = "" if phase is Phase.MOMENT else STATE
    return phase if not wanted.data or _has(event, wanted.data, but=but) else None


def _agrees(event: Event, fields: Mapping[str, object]) -> bool:
    try:
        data = event_data(event)
    except msgspec.DecodeError:
        return True
    return all(name == STATE or name not in data or same(data[name], value) for name, value in fields.items())


def _has(event: Event, fields: Mapping[str, object], but: str = "") -> bool:
    """Whether the data of an event has each of the fields, but for one, with its value."""
    try:
        data = event_data(event)
    except msgspec.DecodeError:
        return False
    return all(name == but or (name in data and same(data[name], value)) for name, value in fields.items())


def _has_any(event: Event, fields: Mapping[str, object]) -> bool:
    return any(_has(event, {name: value}) for name, value in fields.items())


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
    limited = bool(rule.expect.data or rule.expect.unless)
    asks = {name for name in rule.expect.types if limited or name not in MOMENT_TYPES}
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
        return event.type not in asks or lets_through(rule.expect, event)

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
