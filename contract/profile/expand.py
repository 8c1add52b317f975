"""A profile and a device of the site made into the device's points: repeats counted out, bindings applied."""

import itertools
import math
import re
import string
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Final

import msgspec

from contract.display import display_mistakes
from contract.duration import parse_duration
from contract.profile import points
from contract.profile.messages import Field, Topic
from contract.profile.model import (
    CsvProfile,
    Derived,
    Item,
    Kind,
    MeterProfile,
    ModbusProfile,
    Point,
    Profile,
    PublishingProfile,
    State,
    WandProfile,
)
from contract.profile.words import ByteOrder, Fact, WordOrder, code
from contract.site import Binding, Device
from contract.yamlfile import FieldPath, unknown_name

WIDTHS = {
    Kind.BOOL: 1,
    Kind.UINT16: 1,
    Kind.INT16: 1,
    Kind.UINT32: 2,
    Kind.INT32: 2,
    Kind.FLOAT32: 2,
    Kind.BASE10000: 2,
    Kind.UINT64: 4,
    Kind.INT64: 4,
    Kind.FLOAT64: 4,
    Kind.UINT24: 2,
    Kind.INT24: 2,
    Kind.UINT48: 3,
    Kind.INT48: 3,
    Kind.BCD16: 1,
    Kind.BCD32: 2,
    Kind.BCD48: 3,
    Kind.BCD64: 4,
}
"""Registers (bits for `bool`) that a value takes; of those that are not here the point says it."""

DEFAULT_POLL_MS = 1_000
_WHOLE = 0xFFFF_FFFF_FFFF_FFFF
_NO_BINDING = Binding()
_WORDS_OF_PARTS = frozenset({"alarm", "fault", "word"})
"""Labels of words that say what is at fault, not how badly."""


def device_map(profile: ModbusProfile, device: Device) -> points.DeviceMap:
    """The points of `device`. Bindings that name no point of the profile are left out: `binding_mistakes`."""
    polls = {"normal": DEFAULT_POLL_MS} | {name: ms_of(span) for name, span in profile.polls.items()}
    if device.poll is not None:
        polls["normal"] = ms_of(device.poll)
    return points.DeviceMap(
        device=device.id,
        unit=profile.unit if device.unit is None else device.unit,
        limits=profile.limits,
        polls=polls,
        points=tuple(found for point in profile.points for found in _points(profile, point, device)),
        derived=tuple(_derived(profile, derived, device) for derived in profile.derived),
        lapses=tuple(
            points.Lapse(name=lapse.name, begin=lapse.from_, end=lapse.to, at_most_ms=ms_of(lapse.at_most))
            for lapse in profile.lapses
        ),
        alive=profile.alive,
    )


def binding_mistakes(profile: Profile, device: Device) -> list[tuple[FieldPath, str]]:
    """What the device's `points` say that the profile can't do, by field of the device."""
    if isinstance(profile, CsvProfile):
        return []
    if isinstance(profile, WandProfile):
        return list(_badge_mistakes(device))
    states, told = _bindable(profile)
    found: list[tuple[FieldPath, str]] = [
        (("ratios", name), unknown_name(f"ratio of {profile.profile}", name, profile.ratios))
        for name in device.ratios
        if name not in profile.ratios
    ]
    for own, binding in device.points.items():
        name = own if own in states else _part_pattern(own, states)
        if name not in states:
            found.append((("points", own), unknown_name(f"point of {profile.profile}", own, states)))
        elif not states[name] and (binding.on or binding.off or binding.invert):
            found.append((("points", own), "has no state that could be told"))
        elif binding.reading and name not in told:
            found.append((("points", own, "reading"), "has no readings"))
        elif binding.display and name not in told:
            found.append((("points", own, "display"), "has no readings"))
        found += [
            (("points", own, "display", shown), wrong) for shown, wrong in display_mistakes(binding.display)
        ]
    return found


def _part_pattern(name: str, known: Iterable[str]) -> str:
    """The pattern with `{part}` that a name is one of, or the name."""
    for pattern in known:
        before, found, after = pattern.partition("{part}")
        if (
            found
            and len(name) > len(before) + len(after)
            and name.startswith(before)
            and name.endswith(after)
        ):
            return pattern
    return name


def _badge_mistakes(device: Device) -> Iterator[tuple[FieldPath, str]]:
    for name, binding in device.points.items():
        if not re.fullmatch("[0-9a-f]{6}", name):
            yield (
                ("points", name),
                "expected a badge as six hexadecimal digits in small letters, such as f40939",
            )
        elif binding != Binding(zone=binding.zone, device=binding.device, skip=binding.skip):
            yield ("points", name), "a badge has a zone and a device, nothing else"


def _bindable(profile: Profile) -> tuple[dict[str, str | None], set[str]]:
    """The set of states of each point that a site may bind, and the points that have readings."""
    if isinstance(profile, PublishingProfile):
        named = [
            (name, field) for topic in profile.topics for field in topic.fields for name in field_names(field)
        ]
        return {name: field.states for name, field in named}, {name for name, f in named if f.report}
    if isinstance(profile, MeterProfile):
        items = [item for block in profile.blocks for item in block.points]
        return {item.name: item.states for item in items}, {item.name for item in items if item.report}
    if not isinstance(profile, ModbusProfile):
        return {}, set()
    states = {name: point.states for point in profile.points for name in point_names(point)}
    states |= {derived.name: derived.states for derived in profile.derived}
    return states, {name for point in profile.points if point.report for name in point_names(point)}


def point_names(point: Point) -> Iterator[str]:
    """The names that a point's pattern stands for, in order."""
    return (point.name.format(**counters) for counters, _ in _counted(point))


def width_of(point: Point) -> int:
    """The registers (bits for `bool`) that a point takes."""
    return WIDTHS.get(point.type) or point.count or 1


def ratio_of(profile: Profile, device: Device, times: Iterable[str]) -> float:
    """By what the values of a point are multiplied on this site."""
    return math.prod(device.ratios.get(name, profile.ratios.get(name, 1.0)) for name in times)


def name_mistake(pattern: str, counters: Collection[str]) -> str:
    """What is wrong with the braces in the name of a point or field; nothing where nothing is."""
    try:
        used = [name for _, name, _, _ in string.Formatter().parse(pattern) if name is not None]
        pattern.format(**dict.fromkeys(counters, 0))
    except (KeyError, IndexError, ValueError):
        used = [""]
    wrong = [name for name in used if name not in counters]
    if not wrong:
        return ""
    known = ", ".join(f"{{{name}}}" for name in sorted(counters)) or "none: it has no repeat"
    return f"{pattern}: expected counters of its repeat in braces; there are {known}"


def ms_of(span: str) -> int:
    """The ms of a span of time such as 5m."""
    return parse_duration(span).ms


def _counted(point: Point) -> Iterator[tuple[dict[str, int], int]]:
    """Each repetition: its counters and its address."""
    width = width_of(point)
    # Every value of a counter with how far it moves the address: made once, for a panel counts to thousands.
    counted = [
        [(repeat.name, repeat.first + step, step * (repeat.stride or width)) for step in range(repeat.count)]
        for repeat in point.repeat
    ]
    for steps in itertools.product(*counted):
        address, counters = point.address, {}
        for name, number, offset in steps:
            counters[name] = number
            address += offset
        yield counters, address


def _points(profile: ModbusProfile, point: Point, device: Device) -> Iterator[points.Point]:
    states = profile.states[point.states] if point.states else ()
    rules = _shared_rules.of(states, point.nibbles)
    shared = _common(profile, point, rules, ratio_of(profile, device, point.times))
    for counters, address in _counted(point):
        name = point.name.format(**counters)
        binding = device.points.get(name)
        if (point.bound_only and binding is None) or (binding is not None and binding.skip):
            continue
        yield msgspec.structs.replace(
            shared,
            name=name,
            reading=(binding.reading if binding else None) or "",
            shortest_ms=_shortest(point, binding),
            address=address,
            decimals_from=point.decimals_from and point.decimals_from.format(**counters),
            exponent_from=point.exponent_from and point.exponent_from.format(**counters),
            scale_from=point.scale_from and point.scale_from.format(**counters),
            told=_told(device, binding, name, counters | point.data),
            expected=binding is not None or not point.optional,
            states=_bound(rules, binding),
        )


def _shortest(point: Point, binding: Binding | None) -> int | None:
    said = (binding.shortest if binding else None) or point.shortest
    return ms_of(said) if said else None


def _common(
    profile: ModbusProfile, point: Point, rules: tuple[points.StateRule, ...], ratio: float
) -> points.Point:
    """What every repetition of a point shares."""
    sentinels = profile.sentinels.get(point.type, {}) if point.na is None else point.na
    return points.Point(
        name=point.name,
        told=points.Told(device=""),
        function=point.function,
        address=point.address,
        width=width_of(point),
        kind=point.type,
        low_first=(point.word_order or profile.word_order) is WordOrder.LOW_FIRST,
        swapped=(point.byte_order or profile.byte_order) is ByteOrder.LITTLE,
        codes=point.codes,
        form=tuple(point.form.split()),
        bcd=point.bcd,
        mask=code(point.mask) if point.mask else 0,
        signed=point.signed,
        scales={code(key): factor for key, factor in point.scales.items()},
        unit=point.unit,
        verified=point.verified,
        scale=_exact(point.scale, ratio),
        offset=_exact(point.offset, ratio),
        low=None if point.min is None else _exact(point.min, ratio),
        high=None if point.max is None else _exact(point.max, ratio),
        na={code(key): cause for key, cause in sentinels.items()},
        absent_causes=frozenset(profile.absent),
        absent_mask=code(point.absent.mask) if point.absent else 0,
        absent_codes=frozenset(point.absent.when) if point.absent else frozenset(),
        optional=point.optional,
        report=point.report,
        deadband=_exact(point.deadband, ratio),
        heartbeat_ms=ms_of(point.heartbeat),
        poll=point.poll,
        states=rules,
    )


class FieldPlace(msgspec.Struct, frozen=True):
    """A value of a device's messages: its field, where it stands, and the point that it is from then on."""

    field: Field
    path: str
    point: points.Point


def field_places(
    profile: PublishingProfile, topic: Topic, device: Device, part: str | None = None
) -> tuple[FieldPlace, ...]:
    """The values that a topic of a device tells, without those that the site skips; with a `part`, those of that part."""
    found: list[FieldPlace] = []
    for field in topic.fields:
        for counters, path in _repeated(field):
            words: dict[str, int | str] = {**counters}
            if part is not None:
                words["part"] = plain(part)
            name = field.name.format(**words)
            binding = device.points.get(name)
            if binding is not None and binding.skip:
                continue
            facts: dict[str, Fact] = {**counters} if part is None else {**counters, "part": part}
            ratio = ratio_of(profile, device, field.times)
            states = profile.states[field.states] if field.states else ()
            told = _told(device, binding, name, facts)
            point = number_point(field, told, states, binding, ratio)
            found.append(FieldPlace(field, path, point))
    return tuple(found)


def is_bare(topic: Topic) -> bool:
    """Whether its messages are a word or a number, nothing around it."""
    return (
        bool(topic.fields)
        and not topic.where
        and topic.list_at is None
        and all(not field.path and field.tlv is None and field.cut is None for field in topic.fields)
    )


def plain(part: str) -> str:
    """The name of a part as it may stand in the name of a point."""
    return re.sub(r"[^a-z0-9]+", "_", part.lower()).strip("_") or "_"


def _repeated(field: Field) -> Iterator[tuple[dict[str, int], str]]:
    """Each repetition of a field: its counters and its path."""
    for steps in itertools.product(*(range(repeat.count) for repeat in field.repeat)):
        path = field.path
        counters: dict[str, int] = {}
        for repeat, step in zip(field.repeat, steps, strict=True):
            counters[repeat.name] = repeat.first + step
            path = path.replace(f"{{{repeat.name}.index}}", str(step))
            path = path.replace(f"{{{repeat.name}}}", str(repeat.first + step))
        yield counters, path


def field_names(field: Field) -> Iterator[str]:
    """The names that a field's pattern stands for, in order; `{part}` stays, since messages say which there are."""
    for counters, _ in _repeated(field):
        yield field.name.format(**counters, part="{part}")


def number_point(
    said: Field | Item,
    told: points.Told,
    states: tuple[State, ...],
    binding: Binding | None,
    ratio: float,
) -> points.Point:
    """A value that is a number as soon as it comes, as a point."""
    return points.Point(
        function=0,
        address=0,
        name=str(told.data["point"]),
        told=told,
        scale=_exact(said.scale, ratio),
        offset=_exact(said.offset, ratio) if isinstance(said, Field) else 0.0,
        low=None if said.min is None else _exact(said.min, ratio),
        high=None if said.max is None else _exact(said.max, ratio),
        unit=said.unit,
        verified=said.verified,
        reading=(binding.reading if binding else None) or "",
        report=said.report,
        deadband=_exact(said.deadband, ratio),
        heartbeat_ms=ms_of(said.heartbeat),
        states=_bound(_parted(tuple(_rule(state) for state in states)), binding),
    )


def _derived(profile: ModbusProfile, derived: Derived, device: Device) -> points.DerivedPoint:
    binding = device.points.get(derived.name)
    return points.DerivedPoint(
        name=derived.name,
        told=_told(device, binding, derived.name, {}),
        of=derived.of,
        lowest=derived.take == "lowest",
        states=_bound(_parted(tuple(_rule(state) for state in profile.states[derived.states])), binding),
        condition=derived.while_,
        otherwise=derived.otherwise,
    )


def told_by(device: Device, binding: Binding | None, name: str) -> points.Told:
    """Of which device and zone the events of a point are told."""
    return _told(device, binding, name, {})


def _told(device: Device, binding: Binding | None, name: str, data: Mapping[str, Fact]) -> points.Told:
    bound = binding or _NO_BINDING
    return points.Told(device=bound.device or device.id, zone=bound.zone, data={**data, "point": name})


def _bound(rules: tuple[points.StateRule, ...], binding: Binding | None) -> tuple[points.StateRule, ...]:
    """The rules in the site's words, which are for the first one: the point's principal state."""
    if binding is None or not rules:
        return rules
    first = msgspec.structs.replace(rules[0], inverted=binding.invert)
    if binding.on is not None or binding.off is not None:
        first = msgspec.structs.replace(first, on=binding.on, off=binding.off)
    return (first, *rules[1:])


def _parted(
    rules: tuple[points.StateRule, ...], nibbles: tuple[str, ...] = ()
) -> tuple[points.StateRule, ...]:
    """The rules with what tells the parts of a point apart: bits and words of one register are faults of their own."""
    alike = Counter(rule.on for rule in rules)
    by_nibble = Counter((rule.on, rule.name.partition(".")[0]) for rule in rules)
    found: list[points.StateRule] = []
    for rule in rules:
        nibble = rule.name.partition(".")[0]
        name = nibble if nibbles and by_nibble[rule.on, nibble] == 1 else rule.name
        found.append(
            msgspec.structs.replace(
                rule,
                part=name if rule.on is not None and alike[rule.on] > 1 else "",
                is_part_by_word=bool(rule.words)
                and (rule.on or "").endswith("fault")
                and rule.label in _WORDS_OF_PARTS,
            )
        )
    return tuple(found)


class _SharedRules:
    """The rules of sets of states: made once for all devices of a profile, and let go of when many others came.

    A set is known by its identity, for it has none that could be hashed; what is kept here keeps its identity.
    """

    MOST: Final = 2_048

    def __init__(self) -> None:
        self._known: dict[
            tuple[int, tuple[str, ...]], tuple[tuple[State, ...], tuple[points.StateRule, ...]]
        ] = {}

    def of(self, states: tuple[State, ...], nibbles: tuple[str, ...]) -> tuple[points.StateRule, ...]:
        """The rules of states, of each of the nibbles where there are any."""
        key = (id(states), nibbles)
        known = self._known.get(key)
        if known is None:
            made = _nibble_rules(nibbles, states) if nibbles else tuple(_rule(state) for state in states)
            known = self._known[key] = states, _parted(made, nibbles)
            while len(self._known) > self.MOST:
                del self._known[next(iter(self._known))]
        return known[1]


_shared_rules: Final = _SharedRules()


def _exact(number: float, ratio: float) -> float:
    """A number of the profile times a ratio of the site, as one would write it: 0.1 * 3 is 0.3."""
    return number if ratio == 1.0 else float(f"{number * ratio:.15g}")


def _rule(state: State) -> points.StateRule:
    mask = code(state.mask) if state.mask else _WHOLE
    return points.StateRule(
        name=state.name,
        mask=mask if state.when else 0,
        shift=(mask & -mask).bit_length() - 1,
        codes=frozenset(state.when),
        words={code(key): word for key, word in state.words.items()},
        label=state.label,
        once=state.once,
        absent=frozenset(state.absent),
        above=state.above,
        below=state.below,
        clear=state.clear,
        on=state.on,
        off=state.off,
        on_data=state.data,
        off_data=state.off_data or state.data,
    )


def _nibble_rules(names: tuple[str, ...], states: tuple[State, ...]) -> tuple[points.StateRule, ...]:
    """The rules of a register of four 4-bit codes, bits 15..12 first."""
    return tuple(
        msgspec.structs.replace(
            rule,
            name=f"{name}.{rule.name}",
            mask=0xF << shift,
            shift=shift,
            on_data={**rule.on_data, "name": name},
            off_data={**rule.off_data, "name": name},
        )
        for name, shift in zip(names, (12, 8, 4, 0), strict=True)
        for rule in map(_rule, states)
    )
