"""Any device that publishes or posts, played by its profile: messages as the profile says that they look. Pure.

What it can't send it holds back, with the time at which it happened, as real readers do.
"""

import base64
import datetime as dt
from collections.abc import Iterator, Mapping
from typing import Any, Final

import msgspec

from contract.profile.model import Availability, Field, PublishingProfile, Topic
from firmware_sim.device import Inputs

KEPT_MOST: Final = 1_000
"""How many messages a device holds while it has no network; the oldest go first."""
_ANY: Final = "sim"
Value = float | bool | str


class Message(msgspec.Struct, frozen=True):
    """A message on its topic, or a body posted to that path."""

    topic: str
    payload: bytes
    retain: bool = False


class _State(msgspec.Struct, frozen=True):
    online: bool = True
    keeps: bool = True
    off_by_ms: int = 0
    copies: int = 1


class Publisher:
    """A device of a profile. The same calls give the same messages.

    Inputs: `card`, held to it at this moment; an event type of the profile, which happens; a field of the profile, by its
    value in its unit, true or false, or one of its words; `online`, whether it has a network (default true); `keeps`,
    whether it holds what it has to say while offline (default true); `off_by_ms`, its clock against true time;
    `copies`, how often it sends each message (default 1). `first` is the number of its first message.
    """

    def __init__(self, profile: PublishingProfile, address: str, first: int = 1) -> None:
        self._topics = profile.topics
        self._address = address
        self._next = first
        self._state = _State()
        self._held: list[Message] = []

    @property
    def online(self) -> bool:
        """Whether it has a network."""
        return self._state.online

    def presence(self, *, online: bool) -> Message | None:
        """How it says, or lets its broker say, that it is there or not; None when its profile has no such topic."""
        for topic in self._topics:
            if topic.availability is not None:
                return Message(self._place(topic), _word(topic.availability, online=online), retain=True)
        return None

    def update(self, now: int, inputs: Inputs) -> list[Message]:
        """Live until `now` (ms since the epoch, true time): the messages it sends, oldest first.

        Raises:
            KeyError: An input that it does not have.
            ValueError: A value that a field never has.
        """
        told = dict(inputs)
        own = {name: told.pop(name) for name in list(told) if name in _State.__struct_fields__}
        self._state = msgspec.convert(msgspec.structs.asdict(self._state) | own, _State)
        messages = [*self._events(now, told), *self._fields(now, told)]
        if told:
            raise KeyError(*sorted(told))
        if self._state.online or self._state.keeps:
            self._held = [*self._held, *messages][-KEPT_MOST:]
        if not self._state.online:
            return []
        sent = [message for message in self._held for _ in range(self._state.copies)]
        self._held.clear()
        return sent

    def _events(self, now: int, told: dict[str, Value]) -> Iterator[Message]:
        """What `told` has that are events; those are taken out of it."""
        done: set[str] = set()
        for topic in self._topics:
            by_card = "card" in told and topic.person is not None
            if topic.type is None or not (by_card or topic.type in told) or done & {"card", topic.type}:
                continue
            body = self._body(topic, now)
            if topic.person is not None:
                _put(body, topic.person, told["card"] if by_card else told[topic.type])
            for path in topic.data.values():
                if not _there(body, path):
                    _put(body, path, 0)
            done |= {"card"} if by_card else {topic.type}
            yield self._message(topic, body)
        for name in done:
            told.pop(name)

    def _fields(self, now: int, told: dict[str, Value]) -> Iterator[Message]:
        """What `told` has that are fields, those of one topic in one message; they are taken out of it."""
        for topic in self._topics:
            fields = [field for field in topic.fields if field.name in told]
            if not fields:
                continue
            raw = {field.name: _raw(field, told.pop(field.name)) for field in fields}
            if topic.tlv_at is None and not topic.where and all(not field.path for field in fields):
                for value in raw.values():
                    yield Message(self._place(topic), str(value).encode())
                continue
            body = self._body(topic, now)
            for field in fields:
                if field.tlv is None:
                    _put(body, field.path, raw[field.name])
            if topic.tlv_at is not None:
                data = b"".join(_tlv(field, raw[field.name]) for field in fields)
                _put(body, topic.tlv_at, base64.b64encode(data).decode())
            yield self._message(topic, body)

    def _body(self, topic: Topic, now: int) -> dict[str, Any]:
        """What every message of a topic has: its number, its time, and what makes it count."""
        body: dict[str, Any] = {}
        if topic.person is not None:
            _put(body, topic.person, "")
        if topic.at is not None:
            _put(body, topic.at, _stamp(topic, now + self._state.off_by_ms))
        if topic.dedup is not None:
            _put(body, topic.dedup, self._next)
            self._next += 1
        for path, words in topic.where.items():
            if words:
                _put(body, path, int(words[0]) if words[0].isdecimal() else words[0])
        return body

    def _message(self, topic: Topic, body: Mapping[str, Any]) -> Message:
        return Message(self._place(topic), msgspec.json.encode(body))

    def _place(self, topic: Topic) -> str:
        return topic.topic.replace("{address}", self._address).replace("{any}", _ANY)


def _word(availability: Availability, *, online: bool) -> bytes:
    word = availability.online if online else availability.offline
    if availability.path is None:
        return word.encode()
    body: dict[str, Any] = {}
    _put(body, availability.path, word)
    return msgspec.json.encode(body)


def _put(body: dict[str, Any], path: str, value: object) -> None:
    *heads, last = path.split(".")
    for name in heads:
        body = body.setdefault(name, {})
    body[last] = value


def _there(body: Mapping[str, Any], path: str) -> bool:
    found: object = body
    for name in path.split("."):
        if not isinstance(found, Mapping) or name not in found:
            return False
        found = found[name]
    return True


def _raw(field: Field, value: Value) -> object:
    """A value as it stands in a message."""
    if field.codes:
        number = int(value) if not isinstance(value, str) else None
        for word, known in field.codes.items():
            if word == value or known == number:
                return {"true": True, "false": False}.get(word, word)
        raise ValueError(f"{field.name} is never {value!r}")
    number_raw = float(f"{(float(value) - field.offset) / field.scale:.12g}")
    return int(number_raw) if number_raw.is_integer() else number_raw


def _tlv(field: Field, raw: object) -> bytes:
    if field.tlv is None or not isinstance(raw, int):
        raise ValueError(f"{field.name}: {raw!r} does not go into bytes")
    head = bytes([field.tlv.channel, field.tlv.kind])
    return head + raw.to_bytes(field.tlv.size, "little", signed=field.tlv.signed)


def _stamp(topic: Topic, at: int) -> object:
    if topic.at_unit == "rfc3339":
        return dt.datetime.fromtimestamp(at / 1_000, dt.UTC).isoformat()
    return at if topic.at_unit == "ms" else at // 1_000
