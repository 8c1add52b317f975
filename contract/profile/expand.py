"""A profile and a device of the site made into the device's points: repeats counted out, bindings applied."""

import itertools
import re
from collections.abc import Iterator, Mapping

import msgspec

from contract.duration import parse_duration
from contract.profile import points
from contract.profile.model import (
    CsvProfile,
    Derived,
    Fact,
    Field,
    Kind,
    ModbusProfile,
    Point,
    Profile,
    PublishingProfile,
    State,
    WandProfile,
    WordOrder,
    code,
)
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
}
"""Registers (bits for `bool`) that a value takes."""

DEFAULT_POLL_MS = 1_000
_WHOLE = 0xFFFF_FFFF_FFFF_FFFF
_NO_BINDING = Binding()


def device_map(profile: ModbusProfile, device: Device) -> points.DeviceMap:
    """The points of `device`. Bindings that name no point of the profile are left out: `binding_mistakes`."""
    polls = {"normal": DEFAULT_POLL_MS} | {name: _ms(span) for name, span in profile.polls.items()}
    if device.poll is not None:
        polls["normal"] = _ms(device.poll)
    return points.DeviceMap(
        device=device.id,
        unit=profile.unit if device.unit is None else device.unit,
        limits=profile.limits,
        polls=polls,
        points=tuple(found for point in profile.points for found in _points(profile, point, device)),
        derived=tuple(_derived(profile, derived, device) for derived in profile.derived),
        lapses=tuple(
            points.Lapse(name=lapse.name, begin=lapse.from_, end=lapse.to, at_most_ms=_ms(lapse.at_most))
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
    found: list[tuple[FieldPath, str]] = []
    for name, binding in device.points.items():
        if name not in states:
            found.append((("points", name), unknown_name(f"point of {profile.profile}", name, states)))
        elif not states[name] and (binding.on or binding.off or binding.invert):
            found.append((("points", name), "has no state that could be told"))
        elif binding.reading and name not in told:
            found.append((("points", name, "reading"), "has no readings"))
    return found


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
        fields = [field for topic in profile.topics for field in topic.fields]
        return {field.name: field.states for field in fields}, {f.name for f in fields if f.report}
    if not isinstance(profile, ModbusProfile):
        return {}, set()
    states = {name: point.states for point in profile.points for name in point_names(point)}
    states |= {derived.name: derived.states for derived in profile.derived}
    return states, {name for point in profile.points if point.report for name in point_names(point)}


def point_names(point: Point) -> Iterator[str]:
    """The names that a point's pattern stands for, in order."""
    return (point.name.format(**counters) for counters, _ in _counted(point))


def _ms(span: str) -> int:
    return parse_duration(span).ms


def _counted(point: Point) -> Iterator[tuple[dict[str, int], int]]:
    """Each repetition: its counters and its address."""
    width = WIDTHS[point.type]
    for steps in itertools.product(*(range(repeat.count) for repeat in point.repeat)):
        counters = {
            repeat.name: repeat.first + step for repeat, step in zip(point.repeat, steps, strict=True)
        }
        offset = sum(
            step * (repeat.stride or width) for repeat, step in zip(point.repeat, steps, strict=True)
        )
        yield counters, point.address + offset


def _points(profile: ModbusProfile, point: Point, device: Device) -> Iterator[points.Point]:
    states = profile.states[point.states] if point.states else ()
    rules = _nibble_rules(point.nibbles, states) if point.nibbles else tuple(_rule(state) for state in states)
    shared = _common(profile, point, rules)
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
            told=_told(device, binding, name, counters | point.data),
            expected=binding is not None or not point.optional,
            states=_bound(rules, binding),
        )


def _shortest(point: Point, binding: Binding | None) -> int | None:
    said = (binding.shortest if binding else None) or point.shortest
    return _ms(said) if said else None


def _common(profile: ModbusProfile, point: Point, rules: tuple[points.StateRule, ...]) -> points.Point:
    """What every repetition of a point shares."""
    sentinels = profile.sentinels.get(point.type, {}) if point.na is None else point.na
    return points.Point(
        name=point.name,
        told=points.Told(device=""),
        function=point.function,
        address=point.address,
        width=WIDTHS[point.type],
        kind=point.type,
        low_first=(point.word_order or profile.word_order) is WordOrder.LOW_FIRST,
        unit=point.unit,
        verified=point.verified,
        scale=point.scale,
        offset=point.offset,
        low=point.min,
        high=point.max,
        na={code(key): cause for key, cause in sentinels.items()},
        absent_causes=frozenset(profile.absent),
        absent_mask=code(point.absent.mask) if point.absent else 0,
        absent_codes=frozenset(point.absent.when) if point.absent else frozenset(),
        optional=point.optional,
        report=point.report,
        deadband=point.deadband,
        heartbeat_ms=_ms(point.heartbeat),
        poll=point.poll,
        states=rules,
    )


def field_point(profile: PublishingProfile, field: Field, device: Device) -> points.Point | None:
    """A field of a message as the point that it is from then on; None where the site skips it."""
    binding = device.points.get(field.name)
    if binding is not None and binding.skip:
        return None
    states = profile.states[field.states] if field.states else ()
    return points.Point(
        name=field.name,
        told=_told(device, binding, field.name, {}),
        function=0,
        address=0,
        scale=field.scale,
        offset=field.offset,
        low=field.min,
        high=field.max,
        reading=(binding.reading if binding else None) or "",
        report=field.report,
        deadband=field.deadband,
        heartbeat_ms=_ms(field.heartbeat),
        states=_bound(tuple(_rule(state) for state in states), binding),
    )


def _derived(profile: ModbusProfile, derived: Derived, device: Device) -> points.DerivedPoint:
    binding = device.points.get(derived.name)
    return points.DerivedPoint(
        name=derived.name,
        told=_told(device, binding, derived.name, {}),
        of=derived.of,
        lowest=derived.take == "lowest",
        states=_bound(tuple(_rule(state) for state in profile.states[derived.states]), binding),
        condition=derived.while_,
        otherwise=derived.otherwise,
    )


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
