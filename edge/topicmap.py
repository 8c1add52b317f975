"""What messages of the field mean, by the topic maps of profiles. Pure: topic and payload in, facts out."""

import datetime as dt
import urllib.parse
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

import msgspec

from contract.duration import parse_duration
from contract.profile.expand import field_places
from contract.profile.messages import Topic
from contract.profile.model import HEARD_DAILY, PublishingProfile
from contract.site import Device
from edge.decode import body as take
from edge.decode.message import Message, Route, counts, elements, nonsense, read_element, read_presence
from edge.errors import why_unusable
from edge.presence import Signs
from edge.said import Call, Heard, Nonsense, Said, Values

LONGEST_PAYLOAD: Final = take.LONGEST_PAYLOAD
_PLACE: Final = "{address}"
_ANY: Final = "{any}"


class Subscription(msgspec.Struct, frozen=True, order=True):
    """A topic filter to ask for; events are worth the broker's keeping (QoS 1), presence is retained anyway."""

    filter: str
    qos: int


class Entry(msgspec.Struct, frozen=True):
    """A topic of a profile on one topic of the line; by address, its devices. "" where the topic says which."""

    topic: Topic
    routes: dict[str, Route]
    query: Mapping[str, str] = {}

    def applies(self, call: Call | None) -> bool:
        """Whether it is for messages that came so; over MQTT there is but one way."""
        if call is None:
            return True
        method = "POST" if call.method == "PUT" else call.method
        return method == self.topic.method and all(call.query.get(k) == v for k, v in self.query.items())

    def route(self, message: Message) -> Route | None:
        """Whose message it is.

        Raises:
            ValueError: It does not say.
        """
        if self.topic.address_at is None:
            return self.routes.get("")
        address = take.text(message.at(self.topic.address_at), self.topic.address_at)
        return self.routes.get(address)


def _may_be_silent(profile: PublishingProfile, *, says_presence: bool) -> str | None:
    return profile.silent_after or (None if says_presence else HEARD_DAILY)


class _Reading:
    """One payload read by the entries of its topic in turn; of each of its elements the first that counts tells."""

    def __init__(self, payload: bytes, observed_at: int, query: Mapping[str, str]) -> None:
        self._payload = payload
        self._observed_at = observed_at
        self._query = query
        self._done: set[tuple[str | None, int]] = set()
        self.said: list[Said] = []
        self.heard: dict[str, None] = {}
        self.amiss: ValueError | None = None

    def take(self, entry: Entry) -> None:
        topic = entry.topic
        if topic.availability is not None and topic.address_at is None:
            self.said += _presences(entry, self._payload)
            return
        try:
            messages = list(elements(topic, self._payload, self._observed_at, self._query))
        except ValueError as error:
            self.amiss = self.amiss or error
            return
        for place, message in enumerate(messages):
            if (topic.list_at, place) not in self._done:
                self._take_element(entry, message, (topic.list_at, place))

    def _take_element(self, entry: Entry, message: Message, key: tuple[str | None, int]) -> None:
        try:
            route = entry.route(message)
        except ValueError as error:
            self.amiss = self.amiss or error
            return
        if route is None:
            return
        self.heard[route.device.id] = None
        if not entry.topic.alive and counts(entry.topic, message):
            self._done.add(key)
            self.said.append(read_element(route, message))


class TopicMap:
    """The topics of a line's devices. `zone`: the site's, in which devices without one tell the time."""

    def __init__(self, devices: Sequence[tuple[Device, PublishingProfile]], zone: dt.tzinfo = dt.UTC) -> None:
        self._zone = zone
        self._entries: dict[str, list[Entry]] = {}
        self._patterns: list[tuple[tuple[str, ...], str]] = []
        self._filters: set[Subscription] = set()
        self._told: dict[str, set[str]] = {}
        with_presence: set[str] = set()
        behind: set[str] = set()
        for device, profile in devices:
            self._told[device.id] = {device.id}
            for topic in profile.topics:
                self._add(device, topic, profile)
                if topic.availability is not None:
                    (behind if _is_bridge(topic) else with_presence).add(device.id)
        self.devices = tuple(sorted(self._told))
        self.signs = Signs(
            own=frozenset(with_presence),
            bridge=frozenset(behind),
            silent_after={
                device.id: parse_duration(span).ms
                for device, profile in devices
                if (span := _may_be_silent(profile, says_presence=device.id in with_presence))
            },
        )
        self.told_of = {name: tuple(sorted(told)) for name, told in self._told.items()}
        """By device, itself and those that its fields are bound to."""

    def _add(self, device: Device, topic: Topic, profile: PublishingProfile) -> None:
        address = device.address or device.id
        own, _, words = topic.topic.partition("?")
        own = own.replace(_PLACE, address)
        query = dict(urllib.parse.parse_qsl(words.replace(_PLACE, urllib.parse.quote(address))))
        places = field_places(profile, topic, device) if topic.part is None else ()
        bridge = _is_bridge(topic)
        shared_call = topic.alive and _PLACE not in topic.topic and topic.address_at is None
        route = Route(device, profile, topic, places, bridge, self._zone)
        self._told[device.id] |= {place.point.told.device for place in places}
        if topic.part is not None:
            self._told[device.id] |= {one.device for one in device.points.values() if one.device}
        known = self._entries.setdefault(own, [])
        key = address if topic.address_at is not None else device.id if bridge or shared_call else ""
        same = next((entry for entry in known if entry.topic == topic and key not in entry.routes), None)
        if same is not None and key:
            same.routes[key] = route
        else:
            known.append(Entry(topic, {key: route}, query))
        if _ANY in own and len(known) == 1 and len(known[0].routes) == 1:
            self._patterns.append((tuple(own.split("/")), own))
        levels = topic.topic.split("/")
        # One filter for all devices, where the address is a level by itself: brokers count subscriptions.
        shared = _PLACE in levels and topic.topic.count(_PLACE) == 1 and "/" not in address
        wanted = "/".join("+" if level == _PLACE else level for level in levels) if shared else own
        self._filters.add(Subscription(wanted.replace(_ANY, "+"), 0 if topic.availability else 1))

    @property
    def subscriptions(self) -> list[Subscription]:
        """What to subscribe to."""
        return sorted(self._filters)

    def read(
        self, topic: str, payload: bytes, observed_at: int, call: Call | None = None
    ) -> tuple[Said, ...]:
        """What a message says, taken in at `observed_at` (boot clock); nothing when it is none of ours.

        `call`: how it came over HTTP.
        """
        entries = self.entries(topic, call)
        reading = _Reading(payload, observed_at, call.query if call is not None else {})
        for entry in entries:
            reading.take(entry)
        if reading.said:
            return _in_order(reading.said)
        if reading.amiss is not None and len(_owners(entries)) == 1:
            return (
                nonsense(
                    why_unusable(reading.amiss),
                    [route for entry in entries for route in entry.routes.values()],
                ),
            )
        return tuple(map(Heard, reading.heard))

    def owners(self, topic: str, call: Call | None = None) -> tuple[str, ...]:
        """The devices that tell something there."""
        return _owners(self.entries(topic, call))

    def entries(self, topic: str, call: Call | None = None) -> list[Entry]:
        """What there is to say of a message on that topic that came so."""
        return [entry for entry in self._at(topic) if entry.applies(call)]

    def _at(self, topic: str) -> Sequence[Entry]:
        if topic in self._entries:
            return self._entries[topic]
        levels = topic.split("/")
        return [
            entry
            for pattern, own in self._patterns
            if len(pattern) == len(levels)
            and all(wanted in (level, _ANY) for wanted, level in zip(pattern, levels, strict=True))
            for entry in self._entries[own]
        ]


def _in_order(said: list[Said]) -> tuple[Said, ...]:
    """With what can't be read before values, which say anew what it leaves unknown."""
    if any(isinstance(one, Values) for one in said):
        return tuple(sorted(said, key=lambda one: not isinstance(one, Nonsense)))
    return tuple(said)


def _is_bridge(topic: Topic) -> bool:
    return topic.availability is not None and _PLACE not in topic.topic and topic.address_at is None


def _owners(entries: Iterable[Entry]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(route.device.id for entry in entries for route in entry.routes.values()))


def _presences(entry: Entry, payload: bytes) -> list[Said]:
    said: list[Said] = []
    for route in entry.routes.values():
        try:
            said.append(read_presence(route, payload))
        except ValueError as error:
            said.append(nonsense(why_unusable(error), [route]))
    return said
