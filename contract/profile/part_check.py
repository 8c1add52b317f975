"""What a site's files bind of a device's parts, held against the parts that the device can tell of."""

import itertools
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Final

from contract.part_book import BoundPart, PartBook, Span, gathered, holes, read_span
from contract.parts import COMPONENT, kin_of, part_name
from contract.problems import Problem
from contract.profile.expand import device_map, field_places
from contract.profile.model import HttpProfile, ModbusProfile, MqttProfile, Profile, TransmitterProfile
from contract.profile.points import DerivedPoint, Point
from contract.site import Device, Site
from contract.yamlfile import unknown_name

_OF_SYSTEMS: Final = frozenset(
    {
        "system",
        "main_power",
        "backup_power",
        "bus",
        "transmitter",
        "line_to_centre",
        "monitored_line",
        "manual_alarm",
    }
)
MOST_HOLE: Final = 100
"""More unused addresses on end than this are no gap in a list: the loop goes on elsewhere."""
_MOST_TOLD: Final = 8
_IMPORT: Final = "`sitewarden edge import-parts` makes the list from an export of the panel's software"


def impossible_parts(site: Site, device: Device, profile: Profile) -> Iterator[Problem]:
    """Bindings that no part of the device can ever meet."""
    book = site.parts.get(device.id)
    if book is None:
        return
    if isinstance(profile, TransmitterProfile):
        yield from _no_components(book.bound)
        return
    known = possible_parts(profile, device)
    if known is None:
        return
    spans = _numbers(known)
    for one in book.bound:
        span = read_span(one.part)
        if isinstance(span, str) or span.first == span.last:
            if str(span) not in known:
                yield one.problem(unknown_name(f"part of {profile.profile}", str(span), known))
        elif not any(span.first <= number <= span.last for number in spans.get(span.prefix, ())):
            yield one.problem(f"no part of {profile.profile} is within {span}")


def possible_parts(profile: Profile, device: Device) -> frozenset[str] | None:
    """The parts that a device can tell of, as its profile says; None where only its messages say."""
    match profile:
        case ModbusProfile():
            mapped = device_map(profile, device)
            return frozenset(_parts_of((*mapped.points, *mapped.derived)))
        case MqttProfile() | HttpProfile():
            if any(topic.type or topic.part for topic in profile.topics):
                return None
            places = [place for topic in profile.topics for place in field_places(profile, topic, device)]
            pressed = (part_name(place.point.told.data) for place in places if place.field.each)
            return frozenset(_parts_of(place.point for place in places)).union(pressed)
        case _:
            return None


def _parts_of(points: Iterable[Point | DerivedPoint]) -> Iterator[str]:
    for point in points:
        if any(rule.on or rule.off for rule in point.states):
            whole = part_name(point.told.data)
            yield whole
            yield from (f"{whole}.{rule.part}" for rule in point.states if rule.part)


def _no_components(bound: Sequence[BoundPart]) -> Iterator[Problem]:
    for one in bound:
        span = read_span(one.part)
        ends = (
            [span]
            if isinstance(span, str)
            else [f"{span.prefix}{number}" for number in (span.first, span.last)]
        )
        for end in ends:
            whole = end.partition(".")[0] if "/" not in end else end
            if not COMPONENT.fullmatch(whole) and whole.rpartition("/")[2] not in _OF_SYSTEMS:
                yield one.problem(
                    f"expected a component: its address such as 132, loop and address such as 3-12, with the"
                    f" system before them such as 2/3-12 where several are connected; found {one.part!r}"
                )
                break


def _numbers(parts: Iterable[str]) -> Mapping[str, Sequence[int]]:
    found: dict[str, list[int]] = {}
    for part in parts:
        span = read_span(part)
        if isinstance(span, Span):
            found.setdefault(span.prefix, []).append(span.first)
    return found


def unbound_parts(site: Site, device: Device, profile: Profile, line: Callable[[str], str]) -> Iterator[str]:
    """Warnings: parts that are bound to no zone. `line` puts file and line before a text about the device."""
    book = site.parts.get(device.id)
    if book is None:
        if isinstance(profile, TransmitterProfile) and device.line is not None:
            where = f"zone {device.zone}" if device.zone else "no zone at all"
            yield line(
                f"no part of {device.id} is bound to a zone: all of them count as in {where}; {_IMPORT}"
            )
        return
    yield from _holes(book)
    nameless = [str(read_span(one.part)) for one in book.bound if one.zone is None]
    if nameless:
        yield line(f"parts of {device.id} with a name and no zone: {_few(nameless)}")
    if isinstance(profile, ModbusProfile):
        mapped = device_map(profile, device)
        told = [
            p for p in mapped.points if not p.optional and p.told.zone is None and p.told.device == device.id
        ]
        left = [part for part in _parts_of(told) if not any(book.find(name) for name in kin_of(part))]
        if left:
            yield line(f"parts of {device.id} bound to nothing: {_few(gathered(left))}")


def _holes(book: PartBook) -> Iterator[str]:
    found = list(itertools.islice(holes(book.bound, MOST_HOLE), 10_000))
    for before, hole in found[:_MOST_TOLD]:
        verb = "is" if hole.first == hole.last else "are"
        yield str(before.problem(f"behind {read_span(before.part)}, {hole} {verb} bound to nothing"))
    if len(found) > _MOST_TOLD:
        yield f"{found[0][0].file}: {len(found) - _MOST_TOLD} more gaps"


def _few(texts: Sequence[str]) -> str:
    rest = len(texts) - _MOST_TOLD
    return ", ".join(texts[:_MOST_TOLD]) + (f" and {rest} more" if rest > 0 else "")
