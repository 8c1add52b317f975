"""A message of a topic made into what it says: each of its parts and values read by itself. Pure."""

import datetime as dt
import urllib.parse
from collections.abc import Iterator, Mapping, Sequence
from typing import Final

import msgspec

from contract.causes import Cause, Why
from contract.profile.expand import FieldPlace, field_places, is_bare
from contract.profile.messages import Availability, Topic
from contract.profile.model import PublishingProfile
from contract.profile.words import Fact, code
from contract.site import Device
from edge.decode import body as take
from edge.decode.fields import field_value
from edge.decode.tlv import read_tlv
from edge.decode.values import Value
from edge.deviceclock import NO_TIME
from edge.errors import Unusable, why_unusable
from edge.ports import Happened
from edge.said import Nonsense, Presence, Said, Told, Values, message_key

MOST_ELEMENTS: Final = 1_000
MOST_LINES: Final = 10_000
_SEPARATORS: Final = {"tab": "\t", "comma": ",", "space": " "}
_WHOLE: Final = "$."


class Route(msgspec.Struct, frozen=True):
    """A topic of a device, with its values where they stand; those of a list with parts are found with each part."""

    device: Device
    profile: PublishingProfile
    topic: Topic
    places: tuple[FieldPlace, ...]
    bridge: bool = False
    zone: dt.tzinfo = dt.UTC


class Message(msgspec.Struct, frozen=True):
    """A message, or one element of it; `whole` is what it stands in."""

    body: object
    whole: object
    observed_at: int

    def at(self, path: str) -> object:
        """See `take.at`."""
        return take.at(self.whole, path[2:]) if path.startswith(_WHOLE) else take.at(self.body, path)

    def has(self, path: str) -> bool:
        """Whether anything stands there."""
        return take.has(self.whole, path[2:]) if path.startswith(_WHOLE) else take.has(self.body, path)


def read_presence(route: Route, payload: bytes) -> Presence:
    """Whether the device of an availability topic is there.

    Raises:
        Unusable: It is neither of the words.
    """
    return Presence(route.device.id, _is_online(route.topic.availability, payload), route.bridge)


def _is_online(availability: Availability | None, payload: bytes) -> bool:
    words = availability or Availability()
    word = take.bare(payload)
    if word.startswith("{"):
        path = words.path or "state"
        word = take.text(take.at(take.json_body(payload), path), path)
    return _says_online(words, word)


def _says_online(words: Availability, word: str) -> bool:
    said = word.lower()
    if said not in {words.online.lower(), words.offline.lower()}:
        wanted = f"{words.online} / {words.offline}"
        raise Unusable(Cause.EXPECTED_WORD, at=words.path or "state", wanted=wanted, found=word)
    return said == words.online.lower()


def elements(topic: Topic, payload: bytes, observed_at: int, query: Mapping[str, str]) -> Iterator[Message]:
    """The messages in a payload: itself, the elements of its list, or its lines.

    Raises:
        Unusable: It is no JSON, or has no such list.
    """
    if topic.body == "query" or topic.alive:
        yield Message(query, query, observed_at)
    elif topic.body == "form":
        form = dict(urllib.parse.parse_qsl(payload[: take.LONGEST_PAYLOAD].decode("utf-8", "replace")))
        yield Message(form, form, observed_at)
    elif topic.body == "lines":
        separator = _SEPARATORS[topic.separator]
        for line in _lines(payload):
            cells = [cell.strip() for cell in line.split(separator)]
            yield Message(dict(zip(topic.columns, cells, strict=False)), query, observed_at)
    elif is_bare(topic):
        yield Message(take.bare(payload), None, observed_at)
    elif "" in {topic.tlv_at, topic.bytes_at}:
        data = payload[: take.LONGEST_PAYLOAD]
        body = data if topic.bytes_as == "raw" else data.decode("latin-1").strip()
        yield Message(body, None, observed_at)
    else:
        yield from _of_json(topic, payload, observed_at)


def _of_json(topic: Topic, payload: bytes, observed_at: int) -> Iterator[Message]:
    whole = take.json_body(payload)
    if topic.list_at is None:
        yield Message(whole, whole, observed_at)
        return
    found = take.at(whole, topic.list_at) if topic.list_at else whole
    if not isinstance(found, list):
        raise Unusable(Cause.EXPECTED_LIST, at=topic.list_at or "*")
    if len(found) > MOST_ELEMENTS:
        raise Unusable(Cause.TOO_MANY, count=len(found))
    for element in found:
        yield Message(element, whole, observed_at)


def _lines(payload: bytes) -> list[str]:
    lines = [line for line in payload.decode("utf-8", "replace").splitlines() if line.strip()]
    if len(lines) > MOST_LINES:
        raise Unusable(Cause.TOO_MANY, count=len(lines))
    return lines


def counts(topic: Topic, message: Message) -> bool:
    """Whether a message is one of those that a topic's entry is for."""
    return all(
        message.has(path) and (not wanted or take.is_one_of(message.at(path), wanted))
        for path, wanted in topic.where.items()
    )


def read_element(route: Route, message: Message) -> Said:
    """What a message says; `Nonsense` where it can't be read."""
    try:
        if route.topic.availability is not None:
            path = route.topic.availability.path or "state"
            online = _says_online(route.topic.availability, take.text(message.at(path), path))
            return Presence(route.device.id, online)
        if not route.topic.fields:
            return _event(route, message)
        return _values(route, message)
    except ValueError as error:
        return nonsense(why_unusable(error), [route])


def nonsense(why: Why, routes: Sequence[Route]) -> Nonsense:
    """What is not known any more after a message that can't be read; `routes`: all that it could have been of a device."""
    device = routes[0].device
    told = {device.id, *(place.point.told.device for route in routes for place in route.places)}
    if any(route.topic.part is not None for route in routes):
        told |= {binding.device for binding in device.points.values() if binding.device}
    lasts = any(field.states for route in routes for field in route.topic.fields)
    return Nonsense(device.id, why, routes[0].topic.topic, frozenset(told), lasts)


# --- values


def _values(route: Route, message: Message) -> Values:
    topic = route.topic
    raws = _Raws(route, message)
    values = []
    presses: list[Happened] = []
    for place in places_of(route, message):
        if not raws.has(place):
            continue
        try:
            raw = raws.number(place)
        except ValueError as error:
            why = why_unusable(error)
            values.append((place.point, Value(0, None, why.cause, about=why.about)))
            continue
        values.append((place.point, field_value(place.point, raw)))
        presses += _presses(place, raw, message.observed_at)
    bad: dict[str, Why | None] = {}
    once = None
    if topic.dedup:
        bad[topic.dedup] = None
        try:
            once = take.text(message.at(topic.dedup), topic.dedup)
        except ValueError as error:
            bad[topic.dedup] = why_unusable(error)
    device_at = _device_at(route, message, bad)
    timed = tuple(msgspec.structs.replace(press, device_at=device_at) for press in presses)
    if raws.unread is not None and not values:
        raise raws.unread
    return Values(route.device.id, tuple(values), timed, once, str(raws.unread or ""), bad, topic.topic)


def _device_at(route: Route, message: Message, bad: dict[str, Why | None]) -> int | None:
    """By the device's own clock; what can't be read is noted in `bad`, and is a time that can't be."""
    topic = route.topic
    if not topic.at:
        return None
    bad[topic.at] = None
    try:
        return take.stamp(message.at(topic.at), topic, route.zone)
    except ValueError as error:
        bad[topic.at] = why_unusable(error)
        return NO_TIME


def places_of(route: Route, message: Message) -> tuple[FieldPlace, ...]:
    """The values that a message may hold; of a list with parts those of the part that it tells of.

    Raises:
        Unusable: It does not say of which part.
    """
    topic = route.topic
    if topic.part is None:
        return route.places
    part = take.text(message.at(topic.part), topic.part)
    return field_places(route.profile, topic, route.device, part=part)


class _Raws:
    """The numbers of a message as they stand there: in JSON, or in bytes."""

    def __init__(self, route: Route, message: Message) -> None:
        self._message = message
        self._found: Mapping[str, int] | None = None
        self._cut_off: frozenset[str] = frozenset()
        self.unread: Unusable | None = None
        topic = route.topic
        if topic.tlv_at is not None:
            data = _bytes(message, topic, topic.tlv_at)
            items = read_tlv(data, topic.fields, {code(key): size for key, size in topic.skip.items()})
            self._found, self._cut_off, self.unread = items.found, items.cut_off, items.unread
        elif topic.bytes_at is not None:
            data = _bytes(message, topic, topic.bytes_at)
            cuts = {field.name: field.cut for field in topic.fields if field.cut is not None}
            self._found = {
                name: int.from_bytes(data[cut.at : cut.at + cut.size], cut.order.value, signed=cut.signed)
                for name, cut in cuts.items()
                if cut.at + cut.size <= len(data)
            }

    def has(self, place: FieldPlace) -> bool:
        if self._found is not None:
            return place.field.name in self._found or place.field.name in self._cut_off
        return not place.path or self._message.has(place.path)

    def number(self, place: FieldPlace) -> float:
        name = place.field.name
        if self._found is None:
            value = self._message.at(place.path) if place.path else self._message.body
            return take.number(value, place.path or place.point.name, place.field)
        if name in self._cut_off:
            raise Unusable(Cause.CUT_OFF)
        return take.number(self._found[name], name, place.field)


def _bytes(message: Message, topic: Topic, path: str) -> bytes:
    value = message.at(path) if path else message.body
    return value if isinstance(value, bytes) else take.unpacked(value, path or "the message", topic.bytes_as)


def _presses(place: FieldPlace, raw: float, observed_at: int) -> list[Happened]:
    """The event that a message with that code is, each time anew."""
    told = place.point.told
    return [
        Happened(
            device=told.device,
            type=type_,
            at=observed_at,
            observed_at=observed_at,
            zone=told.zone,
            data={**told.data, "code": int(raw)},
        )
        for key, type_ in place.field.each.items()
        if code(key) == raw
    ]


# --- events


def _event(route: Route, message: Message) -> Told:
    topic = route.topic
    data, bad = _facts(topic, message)
    if topic.part is not None:
        data["part"] = take.text(message.at(topic.part), topic.part)
    once = take.text(message.at(topic.dedup), topic.dedup) if topic.dedup else None
    if once is not None:
        data["message"] = once
    event = Happened(
        device=route.device.id,
        type=topic.type or "",
        at=message.observed_at,
        observed_at=message.observed_at,
        person=take.text(message.at(topic.person), topic.person) if topic.person else None,
        data=data,
        device_at=take.stamp(message.at(topic.at), topic, route.zone) if topic.at else None,
    )
    confirm = topic.confirm
    near = True
    if confirm is not None and confirm.path is not None:
        near = take.number(message.at(confirm.path), confirm.path) < confirm.below
    key = message_key(once, event.device_at, event.person) if once else None
    return Told(event, key, confirm, near, bad, topic.topic)


def _facts(topic: Topic, message: Message) -> tuple[dict[str, Fact], dict[str, Why | None]]:
    """What an event tells further, and why some of it can't be used: what happened happened all the same."""
    found: dict[str, Fact] = {}
    bad: dict[str, Why | None] = {}
    for name, path in topic.data.items():
        try:
            found[name] = take.fact(message.at(path), path)
        except ValueError as error:
            bad[name] = why_unusable(error)
    return found, bad
