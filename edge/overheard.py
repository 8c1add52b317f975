"""A message as an engineer looks at it: which rules of the profile meet it, what each takes, and what none takes. Pure."""

import contextlib
import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

import msgspec

from contract.profile.messages import Field, Topic
from contract.profile.model import PublishingProfile
from contract.site import Device
from edge.decode import body as take
from edge.decode.message import Message, Route, counts, elements, places_of, read_element, read_presence
from edge.said import Call, Nonsense, Presence, Told, Values
from edge.shown import Shown, shown, without
from edge.topicmap import Entry, TopicMap

MOST_SHOWN: Final = 200
_WHOLE: Final = "$."
_LONGEST: Final = 128
_PLACES: Final = re.compile(r"(\{address\}|\{any\})")
_ONE_LEVEL: Final = {"{address}": "(?P<address>[^/]+)", "{any}": "[^/]+"}
TAKEN_BEFORE: Final = "a rule before it takes the message"
_MISSING: Final = "not in this message"


class Rule(msgspec.Struct, frozen=True, kw_only=True):
    """What one topic of a profile makes of a message.

    `rule`: where it stands in the profile, such as `topics[2]`, and `of` what it is for. `why`: what it does not take, and
    for what reason. `is_ours`: the message is one of the device and of this rule. `element`: of a list, which one.
    `takes`: its values.
    """

    rule: str
    of: str
    why: str = ""
    is_ours: bool = True
    element: int | None = None
    takes: tuple[Shown, ...] = ()
    event: dict[str, Any] | None = None
    online: bool | None = None


class Overheard(msgspec.Struct, frozen=True, kw_only=True):
    """A message: on what topic, what it says, what the rules make of it, and the paths in it that none of them takes."""

    topic: str
    payload: str
    rules: tuple[Rule, ...] = ()
    left: tuple[str, ...] = ()


class Awaited(msgspec.Struct, frozen=True):
    """A topic on which a device is listened to; `rule` and `of` as in `Rule`."""

    topic: str
    rule: str
    of: str


def awaited(device: Device, profile: PublishingProfile) -> list[Awaited]:
    """Where a device is expected to be heard, in the order of its profile."""
    address = device.address or device.id
    return [
        Awaited(
            topic.topic.replace("{address}", address).replace("{any}", "+"),
            f"topics[{index}]",
            purpose(topic),
        )
        for index, topic in enumerate(profile.topics)
    ]


def others(profile: PublishingProfile, topics: list[str]) -> list[str]:
    """The addresses of the devices that such a profile would hear on those topics."""
    found: dict[str, None] = {}
    for topic in profile.topics:
        parts = _PLACES.split(topic.topic.partition("?")[0])
        form = "".join(_ONE_LEVEL.get(part, re.escape(part)) for part in parts)
        if topic.topic.count("{address}") == 1:
            found |= {hit["address"]: None for name in topics if (hit := re.fullmatch(form, name))}
    return list(found)


def purpose(topic: Topic) -> str:
    """What a topic of a profile is for."""
    if topic.availability is not None:
        return "availability"
    if topic.alive:
        return "sign of life"
    return topic.type or f"values {', '.join(field.name for field in topic.fields)}"


def overhear(topics: TopicMap, topic: str, payload: bytes, now: int, call: Call | None = None) -> Overheard:
    """What a message on that topic, taken in at `now`, is to the profiles of the devices of `topics`."""
    listener = _Listener(payload, now, call.query if call is not None else {})
    for entry in topics.entries(topic, call):
        listener.hear(entry)
    return Overheard(
        topic=topic,
        payload=shown_payload(payload),
        rules=tuple(listener.rules[:MOST_SHOWN]),
        left=tuple(path for path in _leaves(payload) if not listener.has_taken(path))[:MOST_SHOWN],
    )


def shown_payload(payload: bytes) -> str:
    """A payload as text, or in hexadecimal where it is none."""
    try:
        text = payload.decode("utf-8")
    except UnicodeDecodeError:
        return f"0x{payload.hex()}"
    return (
        text if all(letter.isprintable() or letter in "\r\n\t" for letter in text) else f"0x{payload.hex()}"
    )


class _Listener:
    """One payload heard by the entries of its topic in turn; of each of its elements the first that counts takes it."""

    def __init__(self, payload: bytes, now: int, query: Mapping[str, str]) -> None:
        self._payload = payload
        self._now = now
        self._query = query
        self._done: set[tuple[str | None, int]] = set()
        self._taken: set[str] = set()
        self.rules: list[Rule] = []

    def has_taken(self, path: str) -> bool:
        """Whether a rule takes what stands at a path, or the object that it stands in."""
        return any(path == one or not one or path.startswith(f"{one}.") for one in self._taken)

    def hear(self, entry: Entry) -> None:
        """Note what an entry makes of it."""
        topic = entry.topic
        (route, *_) = entry.routes.values()
        head = Rule(rule=f"topics[{route.profile.topics.index(topic)}]", of=purpose(topic))
        if topic.availability is not None and topic.address_at is None:
            self._taken.add(topic.availability.path or "state")
            self.rules.append(_presence(head, route, self._payload))
            return
        try:
            messages = list(elements(topic, self._payload, self._now, self._query))
        except ValueError as error:
            self.rules.append(msgspec.structs.replace(head, why=str(error)))
            return
        for place, message in enumerate(messages):
            here = msgspec.structs.replace(head, element=None if topic.list_at is None else place)
            self._hear_element(here, entry, message, (topic.list_at, place))

    def _hear_element(self, head: Rule, entry: Entry, message: Message, key: tuple[str | None, int]) -> None:
        if key in self._done:
            self.rules.append(msgspec.structs.replace(head, why=TAKEN_BEFORE, is_ours=False))
            return
        route, why = _whose(entry, message)
        if route is None:
            self.rules.append(msgspec.structs.replace(head, why=why, is_ours=False))
            return
        if not entry.topic.alive:
            self._done.add(key)
        list_at, place = key
        before = "" if list_at is None else f"{list_at}.{place}.".lstrip(".")
        self._taken |= _paths(route, message, before)
        self.rules.append(_made(head, route, message))


def _presence(head: Rule, route: Route, payload: bytes) -> Rule:
    head = msgspec.structs.replace(head, is_ours=not route.bridge)
    try:
        return msgspec.structs.replace(head, online=read_presence(route, payload).online)
    except ValueError as error:
        return msgspec.structs.replace(head, why=str(error))


def _whose(entry: Entry, message: Message) -> tuple[Route | None, str]:
    """Whose message it is for an entry; nobody's, and why."""
    topic = entry.topic
    try:
        route = entry.route(message)
        if route is None:
            told = take.text(message.at(topic.address_at or ""), topic.address_at or "")
            own = " or ".join(map(repr, entry.routes))
            return None, f"of another device: {topic.address_at} is {told!r}, the address here {own}"
    except ValueError as error:
        return None, str(error)
    for path, wanted in topic.where.items():
        if not message.has(path):
            return None, f"where: {path} is missing"
        if wanted and not take.is_one_of(message.at(path), wanted):
            return None, f"where: {path} is {_shown(message.at(path))}, expected {' or '.join(wanted)}"
    return (route, "") if counts(topic, message) else (None, "where: does not fit")


def _made(head: Rule, route: Route, message: Message) -> Rule:
    """What the rule of a route makes of a message that is for it."""
    if route.topic.alive:
        return head
    said = read_element(route, message)
    match said:
        case Nonsense():
            return msgspec.structs.replace(head, why=str(said.why))
        case Presence():
            return msgspec.structs.replace(head, online=said.online)
        case Told():
            return msgspec.structs.replace(head, event=_event(said))
        case Values():
            return msgspec.structs.replace(head, why=said.unread, takes=tuple(_taken(route, message, said)))
        case _:
            return head


def _event(told: Told) -> dict[str, Any]:
    event = told.event
    found: dict[str, Any] = {"type": event.type, **event.data}
    found |= {} if event.person is None else {"person": event.person}
    found |= {} if event.device_at is None else {"device_at": event.device_at}
    return found | {name: f"not understood: {why}" for name, why in told.bad.items()}


def _taken(route: Route, message: Message, said: Values) -> Iterator[Shown]:
    """Each value that the rule looks for, with what stands there, or that nothing does."""
    read = {point.name: value for point, value in said.values}
    for place in places_of(route, message):
        value = read.get(place.point.name)
        found = without(place.point, _MISSING) if value is None else shown(place.point, value)
        path = place.path or _in_bytes(place.field)
        there = "" if value is None or not place.path else _shown(message.at(place.path))
        # What stands in the message is the raw value, with all its digits.
        raw = found.raw if found.bits is not None else None
        yield msgspec.structs.replace(found, path=path, found=there, raw=raw)


def _shown(value: object) -> str:
    return msgspec.json.encode(value).decode()[:_LONGEST]


def _in_bytes(field: Field) -> str:
    """Where a value stands in bytes, in words."""
    if field.tlv is not None:
        return f"item {field.tlv.channel:02x} {field.tlv.kind:02x}"
    return f"bytes {field.cut.at}..{field.cut.at + field.cut.size - 1}" if field.cut is not None else ""


def _paths(route: Route, message: Message, before: str) -> set[str]:
    """The paths of the whole payload that a rule takes something from."""
    topic = route.topic
    confirm = topic.confirm.path if topic.confirm is not None else None
    presence = (topic.availability.path or "state") if topic.availability is not None else None
    single = (topic.person, topic.at, topic.dedup, topic.part, topic.address_at, topic.tlv_at, topic.bytes_at)
    found = {path for path in (*single, confirm, presence) if path is not None}
    found |= {*topic.where, *topic.data.values()}
    with contextlib.suppress(ValueError):  # it does not say of which part: told as what is amiss with it
        found |= {
            place.path
            for place in places_of(route, message)
            if place.field.tlv is None and place.field.cut is None
        }
    return {path[2:] if path.startswith(_WHOLE) else f"{before}{path}".rstrip(".") for path in found}


def _leaves(payload: bytes) -> list[str]:
    """The paths of all that stands in a payload; none where it is no JSON."""
    try:
        whole = take.json_body(payload)
    except ValueError:
        return []
    found: list[str] = []
    waiting: list[tuple[str, object]] = [("", whole)]
    while waiting:
        path, value = waiting.pop()
        inner: Mapping[Any, object] = {}
        if isinstance(value, dict):
            inner = value
        elif isinstance(value, list):
            inner = dict(enumerate(value))
        if not inner:
            found.append(path)
        waiting += [(f"{path}.{name}".lstrip("."), one) for name, one in reversed(list(inner.items()))]
    return found
