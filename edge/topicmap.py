"""What messages of the field mean, by the topic maps of profiles. Pure: topic and payload in, facts out."""

from collections.abc import Iterable, Sequence
from typing import Final

import msgspec

from contract.duration import parse_duration
from contract.profile.expand import field_places
from contract.profile.messages import Topic
from contract.profile.model import HEARD_DAILY, PublishingProfile
from contract.site import Device
from edge.decode import body as take
from edge.decode.message import Message, Route, counts, elements, read_element, read_presence
from edge.presence import Signs
from edge.said import Heard, Nonsense, Said

LONGEST_PAYLOAD: Final = take.LONGEST_PAYLOAD
_PLACE: Final = "{address}"
_ANY: Final = "{any}"


class Subscription(msgspec.Struct, frozen=True, order=True):
    """A topic filter to ask for; events are worth the broker's keeping (QoS 1), presence is retained anyway."""

    filter: str
    qos: int


class _Entry(msgspec.Struct, frozen=True):
    """A topic of a profile on one topic of the line; by address, its devices. "" where the topic says which."""

    topic: Topic
    routes: dict[str, Route]

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


class TopicMap:
    """The topics of a line's devices."""

    def __init__(self, devices: Sequence[tuple[Device, PublishingProfile]]) -> None:
        self._entries: dict[str, list[_Entry]] = {}
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
                    (with_presence if _PLACE in topic.topic else behind).add(device.id)
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
        own = topic.topic.replace(_PLACE, address)
        places = field_places(profile, topic, device) if topic.part is None else ()
        bridge = topic.availability is not None and _PLACE not in topic.topic
        route = Route(device, profile, topic, places, bridge)
        self._told[device.id] |= {place.point.told.device for place in places}
        if topic.part is not None:
            self._told[device.id] |= {one.device for one in device.points.values() if one.device}
        known = self._entries.setdefault(own, [])
        key = address if topic.address_at is not None else device.id if bridge else ""
        same = next((entry for entry in known if entry.topic == topic and key not in entry.routes), None)
        if same is not None and key:
            same.routes[key] = route
        else:
            known.append(_Entry(topic, {key: route}))
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

    def read(self, topic: str, payload: bytes, observed_at: int) -> tuple[Said, ...]:
        """What a message says, taken in at `observed_at` (boot clock); nothing when it is none of ours."""
        entries = self._at(topic)
        said: list[Said] = []
        done: set[tuple[str | None, int]] = set()
        heard: dict[str, None] = {}
        why = ""
        for entry in entries:
            if entry.topic.availability is not None:
                said += _presences(entry, payload)
                continue
            try:
                for place, message in enumerate(elements(entry.topic, payload, observed_at)):
                    route = entry.route(message)
                    if route is None or (entry.topic.list_at, place) in done:
                        continue
                    heard[route.device.id] = None
                    if counts(entry.topic, message):
                        done.add((entry.topic.list_at, place))
                        said.append(read_element(route, message))
            except ValueError as error:
                why = why or str(error)
        if said:
            return tuple(said)
        if why and len(owners := _owners(entries)) == 1:
            return (Nonsense(owners[0], why),)
        return tuple(map(Heard, heard))

    def owners(self, topic: str) -> tuple[str, ...]:
        """The devices that tell something there."""
        return _owners(self._at(topic))

    def _at(self, topic: str) -> Sequence[_Entry]:
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


def _owners(entries: Iterable[_Entry]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(route.device.id for entry in entries for route in entry.routes.values()))


def _presences(entry: _Entry, payload: bytes) -> list[Said]:
    said: list[Said] = []
    for route in entry.routes.values():
        try:
            said.append(read_presence(route, payload))
        except ValueError as error:
            said.append(Nonsense(route.device.id, str(error)))
    return said
