"""What the slow plain references share."""

import datetime as dt
from typing import Any

import msgspec

from cloud.correlation.rules import By, EventFilter, RuleVersion
from cloud.correlation.verdict import BlindSpan
from contract.duration import parse_duration
from contract.events import MOMENT_TYPES, Event, event_data
from contract.site import Site

NEVER = -(10**18)
FOREVER = 10**18


class Known(msgspec.Struct):
    """All that is known: events with full identities, how far each device is known, when it was blind."""

    events: list[Event]
    complete: dict[str, int]
    blind: dict[str, list[tuple[int, int]]]
    data_from: int
    readings: list[tuple[str, str, int, Any]] = []


def selected(rule: Any, device: Any) -> bool:
    """Whether a recurrence looks at a device."""

    def among(value: str | None, names: Any) -> bool:
        return names is None or value in ([names] if isinstance(names, str) else names)

    tags = rule.select.tag is None or any(among(tag, rule.select.tag) for tag in device.tags)
    return (
        tags
        and among(device.id, rule.select.id)
        and among(device.zone, rule.select.zone)
        and among(device.profile, rule.select.profile)
    )


def in_force(version: RuleVersion, at: int) -> bool:
    """Whether a version judges what opens at that moment."""
    return version.start <= at and (version.end is None or at < version.end)


def ms(duration: str) -> int:
    """A duration in ms."""
    return parse_duration(duration).ms


def site_day(site: Site, at: int) -> dt.date:
    """The day at the site."""
    return dt.datetime.fromtimestamp(at / 1000, site.timezone).date()


def passes(wanted: EventFilter, event: Event) -> bool:
    """Whether an event has a type and the data that are asked for; without a word for it, the end of a state has not."""
    said, asked = event_data(event), wanted.data
    if event.type not in MOMENT_TYPES:
        said, asked = {"state": "active", **said}, {"state": "active", **asked}
    return event.type in wanted.types and all(said.get(name) == value for name, value in asked.items())


def may(site: Site, by: By | None, person: Any, at: int) -> bool:
    """Whether a person has the role and the qualification at that moment."""
    if by is None:
        return True
    if person is None or (by.role and by.role not in person.roles):
        return False
    day = site_day(site, at)
    return by.qualification is None or any(
        one.name == by.qualification and (one.from_ or day) <= day <= (one.to or day)
        for one in person.qualifications
    )


def emitting(site: Site, types: frozenset[str]) -> set[str]:
    """The devices that emit one of the types."""
    return {device.id for device in site.file.devices if site.emits(device) & types}


def zone_of(site: Site, event: Event) -> str:
    """The zone of an event: its own, else its device's."""
    return event.zone or site.devices[event.device].zone or ""


def blind_spans(known: Known, devices: set[str], first: int, last: int) -> tuple[BlindSpan, ...]:
    """What is blind of the moments `first..last`, both included."""
    return tuple(
        BlindSpan(device, max(start, first), min(end, last + 1))
        for device in sorted(devices)
        for start, end in sorted(known.blind.get(device, []))
        if start <= last and end > first
    )
