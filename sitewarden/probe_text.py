"""A message that was listened to, as lines of text for an engineer."""

from collections.abc import Iterator
from typing import Final

from contract.site import Site
from edge.listening import Heard
from edge.localtime import wall_clock
from edge.overheard import TAKEN_BEFORE, Rule
from edge.ports import Happened, Measured
from edge.shown import Shown, digits

LONGEST_SHOWN: Final = 4_000


def told(site: Site, heard: Heard, seen: list[Happened | Measured], at: int) -> Iterator[str]:
    """A message that came at `at` (ms since the epoch), line by line."""
    how = f"{heard.method} " if heard.method else ""
    kept = "  (retained: kept by the broker, nobody knows since when)" if heard.retained else ""
    yield f"{wall_clock(at, site.timezone):%H:%M:%S}  {how}{heard.message.topic}{kept}"
    payload = heard.message.payload
    if payload:
        yield f"  {payload[:LONGEST_SHOWN]}" + (" …" if len(payload) > LONGEST_SHOWN else "")
    if not heard.message.rules:
        yield "  no rule of the profile is for it"
    for rule in heard.message.rules:
        if rule.why != TAKEN_BEFORE:
            yield from _rule(rule)
    if heard.message.left:
        yield f"  nothing takes: {', '.join(heard.message.left)}"
    for one in seen:
        yield f"  comes out: {_happened(site, one) if isinstance(one, Happened) else _measured(one)}"
    if heard.message.rules and not seen:
        yield "  comes out: nothing that was not told before"


def _rule(rule: Rule) -> Iterator[str]:
    element = "" if rule.element is None else f", element {rule.element}"
    head = f"  {rule.rule}{element} ({rule.of})"
    if not rule.is_ours and rule.online is None:
        yield f"{head}: not for it: {rule.why}"
        return
    if rule.online is not None:
        yield f"{head}: {'online' if rule.online else 'offline'}"
        return
    yield f"{head}: not understood: {rule.why}" if rule.why else head
    for name, value in (rule.event or {}).items():
        yield f"    {name}: {value}"
    for one in rule.takes:
        yield f"    {_value(one)}"


def _value(one: Shown) -> str:
    mark = "" if one.verified else " ?"
    where = f"{one.path} = {one.found}" if one.found else one.path
    if one.value is None:
        return f"{one.name}{mark}: {one.why} ({where})"
    value = f"{digits(one.value)} {one.unit}".rstrip()
    means = f": {one.word}" if one.word else ""
    return f"{one.name}{mark}: {value}{means} ({where})" if where else f"{one.name}{mark}: {value}{means}"


def _happened(site: Site, one: Happened) -> str:
    zone = one.zone or (known.zone if (known := site.devices.get(one.device)) else None)
    data = "".join(f", {name} {value}" for name, value in one.data.items())
    return f"{one.type} of {one.device}{f' in {zone}' if zone else ''}{_person(site, one.person)}{data}"


def _person(site: Site, said: str | None) -> str:
    if said is None:
        return ""
    known = site.people.get(said)
    return (
        f" by {said} ({known.id})" if known is not None else f" by {said} (nobody of the site has that card)"
    )


def _measured(one: Measured) -> str:
    value = "no value, bad" if one.value is None else digits(one.value)
    return f"{one.point} of {one.device} is {value}"
