"""One device followed through its answers: memory in, memory and observations out. Pure; time is an argument."""

from collections.abc import Mapping

import msgspec

from contract.causes import Cause, Why, because
from contract.profile.model import Condition
from contract.profile.points import DerivedPoint
from edge.decode.lapse import Begun, follow_lapses
from edge.decode.pace import Paces, follow_pace, slow_points
from edge.decode.pulse import Pulse, feel, is_frozen
from edge.decode.request import (
    Answer,
    Reading,
    RequestMemory,
    Trouble,
    factors_of,
    is_quiet,
    latest,
    read_points,
)
from edge.decode.sheet import Sheet, fires_of
from edge.decode.spans import Spans, anew, covered, extend, lack
from edge.decode.states import AGAIN, Key, Moment, follow
from edge.decode.trouble import Spell, on_sense
from edge.decode.values import Value
from edge.plan import Request
from edge.ports import Failed, Happened, Observation

_NO_SUCH_THING = frozenset({1, 2, 3, 12})
"""Illegal function, address or value (Modbus Application Protocol V1.1b3, chapter 7); GenComm's reserved register."""


class Refusal(msgspec.Struct, frozen=True, kw_only=True):
    """The device answered that it won't: Modbus exception `code`."""

    request: Request
    asked_at: int
    answered_at: int
    code: int


class DerivedMemory(msgspec.Struct, frozen=True, kw_only=True):
    """The states of a derived point, and from when on a change of them shows (`request.latest`)."""

    active: Mapping[Key, str]
    known_at: int


class Memory(msgspec.Struct, frozen=True, kw_only=True):
    """All that is remembered of one device. `kept`: what was so when the agent stopped (`after_restart`)."""

    kept: Mapping[Key, str] = {}
    requests: Mapping[str, RequestMemory] = {}
    refusals: Mapping[str, int] = {}
    inputs: Mapping[str, Value] = {}
    derived: Mapping[str, DerivedMemory] = {}
    spans: Spans = {}
    spell: Spell = Spell()
    begun: Begun = {}
    pulse: Pulse | None = None
    paces: Paces = {}


Result = tuple[Memory, tuple[Observation, ...]]


def on_answer(sheet: Sheet, memory: Memory, answer: Answer) -> Result:
    """A request was answered with registers. Coverage comes last, after what it covers."""
    pulse = feel(sheet.map.alive, memory.pulse, answer)
    if is_frozen(sheet.map.alive, pulse):
        return _frozen(sheet, memory, pulse, answer)
    memory = msgspec.structs.replace(memory, pulse=pulse) if pulse is not memory.pulse else memory
    request = answer.request
    old = memory.requests.get(request.key)
    factors = factors_of(sheet, answer, memory.inputs)
    if old is not None and is_quiet(old, answer, factors):
        again = msgspec.structs.replace(old, asked_at=answer.asked_at, known_at=answer.asked_at)
        read = Reading(memory=again, seen=(), inputs={})
    else:
        read = read_points(sheet, old, answer, factors, memory.kept)
    gap_ms = 0 if old is None else answer.asked_at - old.asked_at
    paces = follow_pace(memory.paces, sheet, request, gap_ms)
    troubles = read.memory.troubles
    inputs = {**memory.inputs, **read.inputs}
    derived, told = _derive(sheet, memory, inputs, answer)
    after = msgspec.structs.replace(
        memory,
        requests={**memory.requests, request.key: read.memory},
        refusals={key: code for key, code in memory.refusals.items() if key != request.key},
        inputs=inputs,
        derived=derived,
        paces=paces,
        spans=extend(memory.spans, sheet, request, answer.asked_at, frozenset(troubles)),
    )
    if sheet.resets and not _resets(sheet, after) <= _resets(sheet, memory):
        after = _reset(sheet, after)
    return _conclude(
        sheet,
        memory,
        after,
        [*read.seen, *told, *_blind(sheet, answer, troubles)],
        answer.answered_at,
    )


def _resets(sheet: Sheet, memory: Memory) -> frozenset[Key]:
    so = [one.active for one in memory.requests.values()] + [one.active for one in memory.derived.values()]
    return sheet.resets.intersection(key for active in so for key in active)


def _reset(sheet: Sheet, memory: Memory) -> Memory:
    """The panel was reset: what it ended is told anew where the next read finds it so, without a word per part."""
    fires = fires_of(sheet.map)

    def ended(active: Mapping[Key, str]) -> dict[Key, str]:
        return {key: AGAIN if key in fires else word for key, word in active.items()}

    return msgspec.structs.replace(
        memory,
        # Without its words, no answer passes for one that brings nothing new.
        requests={
            key: msgspec.structs.replace(one, words=(), active=ended(one.active))
            for key, one in memory.requests.items()
        },
        derived={
            name: msgspec.structs.replace(one, active=ended(one.active))
            for name, one in memory.derived.items()
        },
    )


def _frozen(sheet: Sheet, memory: Memory, pulse: Pulse | None, answer: Answer) -> Result:
    """A device that shows old values tells nothing; what is known of it begins anew when it moves again."""
    after = msgspec.structs.replace(memory, pulse=pulse, spans=anew(memory.spans))
    failed = Failed(devices=tuple(sheet.told), at=answer.answered_at, why=because(Cause.FROZEN))
    return _conclude(sheet, memory, after, [failed], answer.answered_at)


def is_lacking(memory: Memory, refusal: Refusal) -> bool:
    """Whether a refusal means that the device has no such thing, and never had."""
    request = refusal.request
    return request.optional and refusal.code in _NO_SUCH_THING and request.key not in memory.requests


def on_refusal(sheet: Sheet, memory: Memory, refusal: Refusal) -> Result:
    """A request was refused. What a device lacks holds up nothing: it is covered until it turns out otherwise."""
    request = refusal.request
    if is_lacking(memory, refusal):
        spans = lack(memory.spans, sheet, request, refusal.asked_at)
        after = msgspec.structs.replace(memory, spans=spans)
        return _conclude(sheet, memory, after, [], refusal.answered_at)
    refusals = {**memory.refusals, request.key: refusal.code}
    after = msgspec.structs.replace(memory, refusals=refusals)
    blind = Failed(devices=_borne(sheet, request), at=refusal.answered_at, why=Why(_exception(refusal.code)))
    return _conclude(sheet, memory, after, [blind], refusal.answered_at)


def on_failure(sheet: Sheet, reason: Why, now: int) -> Failed:
    """A request got no answer, or none that could be understood: nothing is remembered of it."""
    return Failed(devices=tuple(sheet.told), at=now, why=reason)


def _exception(code: int) -> str:
    return f"{Cause.EXCEPTION}_{code}"


def _borne(sheet: Sheet, request: Request) -> tuple[str, ...]:
    return tuple(device for device, requests in sheet.told.items() if request.key in requests)


def _conclude(sheet: Sheet, before: Memory, after: Memory, seen: list[Observation], now: int) -> Result:
    """Adds what holds of the device as a whole: its fault, if any, and its coverage."""
    causes = {
        name: trouble.cause
        for request in after.requests.values()
        for name, trouble in request.troubles.items()
        if trouble.cause != Cause.SCALE_UNKNOWN  # the fault is of the point in which the scale stands
    } | {key: _exception(code) for key, code in after.refusals.items()}
    if sheet.map.alive is not None and is_frozen(sheet.map.alive, after.pulse):
        causes[sheet.map.alive.point] = Cause.FROZEN
    if after.paces:
        causes = slow_points(after.paces, sheet) | causes
    spell, events = on_sense(before.spell, sheet.map.device, causes, now)
    begun, lapsed = follow_lapses(sheet.map.device, sheet.map.lapses, before.begun, seen)
    spoken = covered(after.spans, sheet, before.spans)
    return msgspec.structs.replace(after, spell=spell, begun=begun), (*seen, *lapsed, *events, *spoken)


def _blind(sheet: Sheet, answer: Answer, troubles: Mapping[str, Trouble]) -> tuple[Failed, ...]:
    """The devices that can't be known as long as those points have no value."""
    devices = tuple(
        device
        for device, requests in sheet.told.items()
        if not requests.get(answer.request.key, frozenset()).isdisjoint(troubles)
    )
    if not devices:
        return ()
    causes = ", ".join(sorted({trouble.cause for trouble in troubles.values()}))
    return (Failed(devices=devices, at=answer.answered_at, why=Why(causes)),)


def _derive(
    sheet: Sheet, memory: Memory, inputs: Mapping[str, Value], answer: Answer
) -> tuple[Mapping[str, DerivedMemory], tuple[Happened, ...]]:
    """The derived points that the answer feeds, so far as all their inputs are known.

    A condition alone feeds none: what it rules must have been read after it, or a generator that has just come
    up would be judged by its voltage from before.
    """
    changed: dict[str, DerivedMemory] = {}
    events: list[Happened] = []
    for derived in sheet.derived_of[answer.request.key]:
        value = _derived_value(derived, inputs, sheet.expected)
        if value is None:
            continue
        old = memory.derived.get(derived.name)
        moment = Moment(
            since=old.known_at if old else None,
            answered_at=answer.answered_at,
            bridge_ms=sheet.bridge_ms(answer.request),
        )
        before = old.active if old else memory.kept
        outcome = follow(derived.name, derived.told, derived.states, value, before, moment)
        known_at = latest(answer.asked_at, outcome.events)
        changed[derived.name] = DerivedMemory(active=outcome.active, known_at=known_at)
        events += outcome.events
    return {**memory.derived, **changed}, tuple(events)


def _derived_value(
    derived: DerivedPoint, inputs: Mapping[str, Value], expected: frozenset[str]
) -> Value | None:
    """None while it can't be known. What the device lacks, and may lack, has no part in it."""
    if derived.condition is not None:
        ruling = inputs.get(derived.condition.point)
        if ruling is None or ruling.number is None:
            return None
        if not _holds(derived.condition, ruling.number):
            return Value(0, derived.otherwise)
    numbers: list[float] = []
    for name in derived.of:
        value = inputs.get(name)
        if value is None or (value.number is None and (name in expected or not value.absent)):
            return None
        if value.number is not None:
            numbers.append(value.number)
    if not numbers:
        return None
    return Value(0, min(numbers) if derived.lowest else max(numbers))


def _holds(condition: Condition, number: float) -> bool:
    if condition.above is not None:
        return number > condition.above
    return number in condition.when
