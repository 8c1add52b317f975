"""What MQTT messages of the field mean, by the topic maps of profiles. Pure: topic and payload in, facts out."""

from collections.abc import Iterable, Mapping
from typing import Any, Final

import msgspec

from contract.site import Device
from edge.ports import Happened
from edge.profile.model import Availability, MqttProfile, Topic

LONGEST_PAYLOAD: Final = 16 * 1024
_LONGEST_TEXT: Final = 128
_PLACE: Final = "{address}"
_UNIT_MS: Final = {"ms": 1, "s": 1_000}

Fact = str | int | float | bool


class Told(msgspec.Struct, frozen=True):
    """An event; `once` names its message (see `message_key`), None when the message has no number."""

    event: Happened
    once: str | None


class Presence(msgspec.Struct, frozen=True):
    """A device is there, or is not."""

    device: str
    online: bool


class Nonsense(msgspec.Struct, frozen=True):
    """A message of a device that can't be what its profile says."""

    device: str
    why: str


class Subscription(msgspec.Struct, frozen=True, order=True):
    """A topic filter to ask for; events are worth the broker's keeping (QoS 1), presence is retained anyway."""

    filter: str
    qos: int


class _Route(msgspec.Struct, frozen=True):
    device: Device
    topic: Topic


class TopicMap:
    """The topics of a line's devices."""

    def __init__(self, devices: Iterable[tuple[Device, MqttProfile]]) -> None:
        self._routes: dict[str, _Route] = {}
        self._filters: set[Subscription] = set()
        with_presence: set[str] = set()
        for device, profile in devices:
            for topic in profile.topics:
                self._add(device, topic)
                if topic.availability is not None:
                    with_presence.add(device.id)
        self.tells_presence = frozenset(with_presence)
        self.devices = tuple(sorted({route.device.id for route in self._routes.values()}))

    def _add(self, device: Device, topic: Topic) -> None:
        address = device.address or device.id
        own = topic.topic.replace(_PLACE, address)
        self._routes[own] = _Route(device, topic)
        levels = topic.topic.split("/")
        # One filter for all devices, where the address is a level by itself: brokers count subscriptions.
        shared = _PLACE in levels and topic.topic.count(_PLACE) == 1 and "/" not in address
        wanted = "/".join("+" if level == _PLACE else level for level in levels) if shared else own
        self._filters.add(Subscription(wanted, 0 if topic.availability else 1))

    @property
    def subscriptions(self) -> list[Subscription]:
        """What to subscribe to."""
        return sorted(self._filters)

    def read(self, topic: str, payload: bytes, observed_at: int) -> Told | Presence | Nonsense | None:
        """What a message says, taken in at `observed_at` (boot clock); None when it is none of ours."""
        route = self._routes.get(topic)
        if route is None:
            return None
        device = route.device.id
        try:
            if route.topic.availability is not None:
                return Presence(device, _is_online(route.topic.availability, payload))
            return _event(route.topic, device, _json(payload), observed_at)
        except ValueError as error:
            return Nonsense(device, str(error))


def _json(payload: bytes) -> Mapping[str, Any]:
    if len(payload) > LONGEST_PAYLOAD:
        raise ValueError(f"{len(payload)} bytes are too many")
    try:
        return msgspec.json.decode(payload, type=dict[str, Any])
    except (msgspec.MsgspecError, RecursionError) as error:
        raise ValueError(f"no JSON object: {error}") from error


def _is_online(availability: Availability, payload: bytes) -> bool:
    if availability.path is None:
        word = payload[:_LONGEST_TEXT].decode("utf-8", "replace").strip()
    else:
        word = _text(_at(_json(payload), availability.path), availability.path)
    if word not in {availability.online, availability.offline}:
        raise ValueError(f"expected {availability.online} or {availability.offline}, found {word!r}")
    return word == availability.online


def _event(topic: Topic, device: str, body: Mapping[str, Any], observed_at: int) -> Told:
    data: dict[str, Fact] = {name: _fact(_at(body, path), path) for name, path in topic.data.items()}
    once = _text(_at(body, topic.dedup), topic.dedup) if topic.dedup else None
    if once is not None:
        data["message"] = once
    event = Happened(
        device=device,
        type=topic.type or "",
        at=observed_at,
        observed_at=observed_at,
        person=_text(_at(body, topic.person), topic.person) if topic.person else None,
        data=data,
        device_at=_stamp(_at(body, topic.at), topic) if topic.at else None,
    )
    return Told(event, message_key(once, event.device_at, event.person) if once else None)


def message_key(number: str, device_at: int | None, person: str | None) -> str:
    """What makes a message the same one again: its number alone may start anew with each start of the device."""
    return f"{number}/{device_at}/{person}"


def _at(body: Mapping[str, Any], path: str) -> object:
    found: object = body
    for name in path.split("."):
        if not isinstance(found, dict) or name not in found:
            raise ValueError(f"{path} is missing")
        found = found[name]
    return found


def _text(value: object, path: str) -> str:
    if (
        isinstance(value, bool)
        or not isinstance(value, str | int)
        or not 0 < len(str(value)) <= _LONGEST_TEXT
    ):
        raise ValueError(f"{path}: expected a short text, found {str(value)[:_LONGEST_TEXT]!r}")
    return str(value)


def _fact(value: object, path: str) -> Fact:
    if isinstance(value, bool | int | float) or (isinstance(value, str) and len(value) <= _LONGEST_TEXT):
        return value
    raise ValueError(f"{path}: expected a number, a short text or true or false")


def _stamp(value: object, topic: Topic) -> int:
    if isinstance(value, bool) or not isinstance(value, int | float) or not abs(value) < 2**53:
        raise ValueError(f"{topic.at}: expected a time, found {str(value)[:_LONGEST_TEXT]!r}")
    return round(value * _UNIT_MS[topic.at_unit])
