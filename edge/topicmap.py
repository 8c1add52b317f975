"""What MQTT messages of the field mean, by the topic maps of profiles. Pure: topic and payload in, facts out."""

from collections.abc import Iterable, Mapping
from typing import Any, Final

import msgspec

from contract.profile.expand import field_point
from contract.profile.model import Availability, Confirm, Fact, Field, PublishingProfile, Topic, code
from contract.profile.points import Point
from contract.site import Device
from edge.decode import body as take
from edge.decode.fields import field_value
from edge.decode.tlv import read_tlv
from edge.decode.values import Value
from edge.ports import Happened

LONGEST_PAYLOAD: Final = take.LONGEST_PAYLOAD
_PLACE: Final = "{address}"
_ANY: Final = "{any}"
_UNUSABLE: Final = "unusable"


class Told(msgspec.Struct, frozen=True):
    """An event; `once` names its message (see `message_key`), None when the message has no number.

    With `confirm` it counts only when repeated, and of that only reads which are `near`.
    """

    event: Happened
    once: str | None
    confirm: Confirm | None = None
    near: bool = True


class Values(msgspec.Struct, frozen=True):
    """Values of a device, those that the message holds; and what happens with each such message, `presses`.

    `once` as in `Told`. `why`: what of it can't be used, or nothing.
    """

    device: str
    values: tuple[tuple[Point, Value], ...]
    presses: tuple[Happened, ...] = ()
    once: str | None = None
    why: str = ""


class Presence(msgspec.Struct, frozen=True):
    """A device is there, or is not."""

    device: str
    online: bool


class Nonsense(msgspec.Struct, frozen=True):
    """A message of a device that can't be what its profile says."""

    device: str
    why: str


Said = Told | Values | Presence | Nonsense


class Subscription(msgspec.Struct, frozen=True, order=True):
    """A topic filter to ask for; events are worth the broker's keeping (QoS 1), presence is retained anyway."""

    filter: str
    qos: int


class _Route(msgspec.Struct, frozen=True):
    device: Device
    topic: Topic
    points: Mapping[str, Point]


class TopicMap:
    """The topics of a line's devices."""

    def __init__(self, devices: Iterable[tuple[Device, PublishingProfile]]) -> None:
        self._routes: dict[str, list[_Route]] = {}
        self._patterns: list[tuple[tuple[str, ...], _Route]] = []
        self._filters: set[Subscription] = set()
        with_presence: set[str] = set()
        names: set[str] = set()
        for device, profile in devices:
            names.add(device.id)
            for topic in profile.topics:
                self._add(device, topic, profile)
                if topic.availability is not None:
                    with_presence.add(device.id)
        self.tells_presence = frozenset(with_presence)
        self.devices = tuple(sorted(names))
        self.told_of = {name: self._told_by(name) for name in names}
        """By device, itself and those that its fields are bound to."""

    def _told_by(self, name: str) -> tuple[str, ...]:
        routes = [route for found in self._routes.values() for route in found]
        routes += [route for _, route in self._patterns]
        own = [route for route in routes if route.device.id == name]
        return tuple(sorted({name, *(point.told.device for one in own for point in one.points.values())}))

    def _add(self, device: Device, topic: Topic, profile: PublishingProfile) -> None:
        address = device.address or device.id
        own = topic.topic.replace(_PLACE, address)
        points = {
            field.name: point
            for field in topic.fields
            if (point := field_point(profile, field, device)) is not None
        }
        route = _Route(device, topic, points)
        if _ANY in own:
            self._patterns.append((tuple(own.split("/")), route))
        else:
            self._routes.setdefault(own, []).append(route)
        levels = topic.topic.split("/")
        # One filter for all devices, where the address is a level by itself: brokers count subscriptions.
        shared = _PLACE in levels and topic.topic.count(_PLACE) == 1 and "/" not in address
        wanted = "/".join("+" if level == _PLACE else level for level in levels) if shared else own
        self._filters.add(Subscription(wanted.replace(_ANY, "+"), 0 if topic.availability else 1))

    @property
    def subscriptions(self) -> list[Subscription]:
        """What to subscribe to."""
        return sorted(self._filters)

    def read(self, topic: str, payload: bytes, observed_at: int) -> Said | None:
        """What a message says, taken in at `observed_at` (boot clock); None when it is none of ours."""
        for route in self._routes.get(topic) or self._matching(topic):
            try:
                said = _read(route, payload, observed_at)
            except ValueError as error:
                return Nonsense(route.device.id, str(error))
            if said is not None:
                return said
        return None

    def owner(self, topic: str) -> str | None:
        """The device that tells something there, if it is one of ours."""
        routes = self._routes.get(topic) or self._matching(topic)
        return routes[0].device.id if routes else None

    def _matching(self, topic: str) -> list[_Route]:
        levels = topic.split("/")
        return [
            route
            for pattern, route in self._patterns
            if len(pattern) == len(levels)
            and all(wanted in (level, _ANY) for wanted, level in zip(pattern, levels, strict=True))
        ]


def _read(route: _Route, payload: bytes, observed_at: int) -> Said | None:
    topic, device = route.topic, route.device.id
    if topic.availability is not None:
        return Presence(device, _is_online(topic.availability, payload))
    if (
        topic.fields
        and not topic.where
        and all(not field.path and field.tlv is None for field in topic.fields)
    ):
        word = payload[: take.LONGEST_TEXT].decode("utf-8", "replace").strip()
        return _values(route, {field.name: word for field in topic.fields}, {}, observed_at)
    body = take.json_object(payload)
    if not _counts(topic, body):
        return None
    if not topic.fields:
        return _event(topic, device, body, observed_at)
    if topic.tlv_at is not None:
        data = take.unpacked(take.at(body, topic.tlv_at), topic.tlv_at)
        return _values(route, read_tlv(data, topic.fields), body, observed_at)
    there = {f.name: take.at(body, f.path) for f in topic.fields if take.has(body, f.path)}
    return _values(route, there, body, observed_at)


def _counts(topic: Topic, body: Mapping[str, Any]) -> bool:
    return all(
        take.has(body, path) and (not wanted or str(take.at(body, path)) in wanted)
        for path, wanted in topic.where.items()
    )


def _is_online(availability: Availability, payload: bytes) -> bool:
    if availability.path is None:
        word = payload[: take.LONGEST_TEXT].decode("utf-8", "replace").strip()
    else:
        word = take.text(take.at(take.json_object(payload), availability.path), availability.path)
    if word not in {availability.online, availability.offline}:
        raise ValueError(f"expected {availability.online} or {availability.offline}, found {word!r}")
    return word == availability.online


def _values(route: _Route, there: Mapping[str, object], body: Mapping[str, Any], observed_at: int) -> Values:
    topic = route.topic
    values: list[tuple[Point, Value]] = []
    presses: list[Happened] = []
    why = ""
    for field in topic.fields:
        if field.name not in there or field.name not in route.points:
            continue
        point = route.points[field.name]
        try:
            raw = take.number(there[field.name], field.codes, field.path or field.name)
        except ValueError as error:
            why = str(error)
            values.append((point, Value(0, None, _UNUSABLE)))
            continue
        values.append((point, field_value(point, raw)))
        presses += _presses(field, point, raw, observed_at)
    once = take.text(take.at(body, topic.dedup), topic.dedup) if topic.dedup else None
    device_at = take.stamp(take.at(body, topic.at), topic) if topic.at else None
    timed = tuple(msgspec.structs.replace(press, device_at=device_at) for press in presses)
    return Values(route.device.id, tuple(values), timed, once, why)


def _presses(field: Field, point: Point, raw: float, observed_at: int) -> list[Happened]:
    """The event that a message with that code is, each time anew."""
    types = [type_ for key, type_ in field.each.items() if code(key) == raw]
    return [
        Happened(
            device=point.told.device,
            type=type_,
            at=observed_at,
            observed_at=observed_at,
            zone=point.told.zone,
            data={**point.told.data, "code": int(raw)},
        )
        for type_ in types
    ]


def _event(topic: Topic, device: str, body: Mapping[str, Any], observed_at: int) -> Told:
    data: dict[str, Fact] = {name: take.fact(take.at(body, path), path) for name, path in topic.data.items()}
    once = take.text(take.at(body, topic.dedup), topic.dedup) if topic.dedup else None
    if once is not None:
        data["message"] = once
    event = Happened(
        device=device,
        type=topic.type or "",
        at=observed_at,
        observed_at=observed_at,
        person=take.text(take.at(body, topic.person), topic.person) if topic.person else None,
        data=data,
        device_at=take.stamp(take.at(body, topic.at), topic) if topic.at else None,
    )
    confirm = topic.confirm
    near = True
    if confirm is not None and confirm.path is not None:
        near = take.number(take.at(body, confirm.path), {}, confirm.path) < confirm.below
    return Told(event, message_key(once, event.device_at, event.person) if once else None, confirm, near)


def message_key(number: str, device_at: int | None, person: str | None) -> str:
    """What makes a message the same one again: its number alone may start anew with each start of the device."""
    return f"{number}/{device_at}/{person}"
