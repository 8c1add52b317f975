"""Values that devices publish by themselves, followed from message to message. Pure; time is an argument."""

import math
from collections.abc import Iterable, Mapping

import msgspec

from contract.causes import Cause, Why
from contract.profile.points import Point
from edge.decode.readings import Said, reading
from edge.decode.states import Key, Moment, follow
from edge.decode.values import Value, ranged, scaled
from edge.ports import Observation


class FieldMemory(msgspec.Struct, frozen=True, kw_only=True):
    """What is remembered of a device: the states that are so, the readings told, when each field was heard last.

    `doubted`: fields that may have changed unheard, since the line or the device was away, or since they say nothing
    that can be used.
    """

    active: Mapping[Key, str] = {}
    said: Mapping[str, Said] = {}
    heard: Mapping[str, int] = {}
    doubted: frozenset[str] = frozenset()


def doubt(memory: FieldMemory, names: Iterable[str] | None = None) -> FieldMemory:
    """From now on anything may change unheard, or these fields may."""
    doubted = memory.heard.keys() if names is None else memory.doubted | (memory.heard.keys() & set(names))
    return msgspec.structs.replace(memory, doubted=frozenset(doubted))


def field_value(point: Point, raw: float) -> Value:
    """The value of a raw number; without one when it is none, or outside its range."""
    if not math.isfinite(raw):
        return Value(0, None, Cause.NOT_A_NUMBER)
    return ranged(point, int(raw), scaled(raw, point))


def follow_fields(
    memory: FieldMemory, values: Iterable[tuple[Point, Value]], now: int
) -> tuple[FieldMemory, tuple[Observation, ...], Mapping[str, Why]]:
    """What a message tells, taken in at `now`; last, by field, why its value can't be used.

    A device tells a change when it happens, so it is dated `now`; behind a gap it is dated when heard, and says so.
    """
    active, said, heard = dict(memory.active), dict(memory.said), dict(memory.heard)
    doubted = set(memory.doubted)
    seen: list[Observation] = []
    trouble: dict[str, Why] = {}
    for point, value in values:
        if point.report and (measured := reading(point, value, said.get(point.name), now)) is not None:
            seen.append(measured)
            said[point.name] = Said(measured.value, now)
        if value.number is None:
            trouble[point.name] = Why(value.cause, value.about)
            doubted.add(point.name)
            continue
        before = {key: word for key, word in active.items() if key[0] == point.name}
        outcome = follow(point.name, point.told, point.states, value, before, _moment(memory, point, now))
        for key in before:
            del active[key]
        active |= outcome.active
        seen += outcome.events
        if outcome.cause:
            trouble[point.name] = Why(outcome.cause)
            doubted.add(point.name)
            continue
        heard[point.name] = now
        doubted.discard(point.name)
    after = FieldMemory(active=active, said=said, heard=heard, doubted=frozenset(doubted))
    return after, tuple(seen), trouble


def _moment(memory: FieldMemory, point: Point, now: int) -> Moment:
    last = memory.heard.get(point.name)
    if last is None:
        return Moment(since=None, answered_at=now, bridge_ms=0)
    if point.name in memory.doubted:
        # One ms at least: a gap there was, however short.
        return Moment(since=min(last, now - 1), answered_at=now, bridge_ms=0)
    return Moment(since=now, answered_at=now, bridge_ms=0)
