"""Any device that publishes or posts, played by its profile: messages as the profile says that they look. Pure.

What it can't send it holds back, with the time at which it happened, as real readers do.
"""

import base64
import datetime as dt
import urllib.parse
from collections.abc import Iterator, Mapping
from typing import Any, Final

import msgspec

from contract.profile.bits import lowest
from contract.profile.expand import FieldPlace, field_names, field_places, is_bare
from contract.profile.messages import Availability, Cut, Field, Tlv, Topic
from contract.profile.model import PublishingProfile
from contract.profile.words import code
from contract.site import Device
from firmware_sim.device import Inputs

KEPT_MOST: Final = 1_000
"""How many messages a device holds while it has no network; the oldest go first."""
_ANY: Final = "sim"
Value = float | bool | str


class Message(msgspec.Struct, frozen=True):
    """A message on its topic, or a call of that path with its query."""

    topic: str
    payload: bytes
    retain: bool = False
    method: str = "POST"


class _State(msgspec.Struct, frozen=True):
    online: bool = True
    keeps: bool = True
    off_by_ms: int = 0
    copies: int = 1


class Publisher:
    """A device of a profile. The same calls give the same messages.

    Inputs: `card`, held to it at this moment; an event type of the profile, which happens; a field of the profile, by its
    value in its unit, true or false, or one of its words; `online`, whether it has a network (default true); `bridge`, whether
    the bridge that it is behind is there; `keeps`,
    whether it holds what it has to say while offline (default true); `off_by_ms`, its clock against true time;
    `copies`, how often it sends each message (default 1). `first` is the number of its first message, `zone` where it stands.
    """

    def __init__(
        self, profile: PublishingProfile, address: str, first: int = 1, zone: dt.tzinfo = dt.UTC
    ) -> None:
        self._zone = zone
        self._profile = profile
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
        return self._says_presence(own=True, online=online)

    def bridge(self, *, online: bool) -> Message | None:
        """How the bridge that it is behind says the same of itself."""
        return self._says_presence(own=False, online=online)

    def _says_presence(self, *, own: bool, online: bool) -> Message | None:
        for topic in self._topics:
            if topic.availability is None:
                continue
            if topic.address_at is not None and own:
                body = self._body(topic, 0)
                words = topic.availability
                _put(body, words.path or "state", words.online if online else words.offline)
                return self._message(topic, body)
            if topic.address_at is None and ("{address}" in topic.topic) is own:
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
        bridge = told.pop("bridge", None) if self.bridge(online=True) is not None else None
        messages = [*self._events(now, told), *self._fields(now, told)]
        if bridge is not None and (said := self.bridge(online=bool(bridge))) is not None:
            messages.insert(0, said)
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
            places = self._places(topic, told)
            raw = [(place, raw_of(place.field, told.pop(place.point.name))) for place in places]
            if not raw:
                continue
            if is_bare(topic):
                yield from (Message(self._place(topic), str(value).encode()) for _, value in raw)
            elif topic.tlv_at is not None:
                data = b"".join(_items({place.field.name: value for place, value in raw}, topic))
                yield self._in_bytes(topic, topic.tlv_at, data, now)
            elif topic.bytes_at is not None:
                data = _cuts({place.field.name: value for place, value in raw}, topic)
                yield self._in_bytes(topic, topic.bytes_at, data, now)
            else:
                yield self._in_json(topic, raw, now)

    def _places(self, topic: Topic, told: Mapping[str, Value]) -> list[FieldPlace]:
        """The fields of a topic that are told; of a list with parts all of the part that the first of them names."""
        part = None
        if topic.part is not None:
            named = (part_of(field, name) for field in topic.fields for name in told)
            part = next((name for name in named if name is not None), None)
            if part is None:
                return []
        places = field_places(self._profile, topic, Device(id="d"), part)
        return [place for place in places if place.point.name in told]

    def _in_json(self, topic: Topic, raw: list[tuple[FieldPlace, object]], now: int) -> Message:
        body = self._body(topic, now)
        element = body if topic.list_at is None else self._element(topic, raw[0][0])
        for place, value in raw:
            _put(element, place.path, value)
        if topic.list_at:
            _put(body, topic.list_at, [element])
        return self._message(topic, [element] if topic.list_at == "" else body)

    def _element(self, topic: Topic, place: FieldPlace) -> dict[str, Any]:
        element: dict[str, Any] = {}
        if topic.part is not None:
            _put(element, topic.part, place.point.told.data["part"])
        if topic.address_at is not None and not topic.address_at.startswith("$."):
            _put(element, topic.address_at, self._address)
        return element

    def _in_bytes(self, topic: Topic, path: str, data: bytes, now: int) -> Message:
        written = {"base64": base64.b64encode(data), "hex": data.hex().encode(), "raw": data}[topic.bytes_as]
        if not path:
            return Message(self._place(topic), written)
        body = self._body(topic, now)
        _put(body, path, written.decode())
        return self._message(topic, body)

    def _body(self, topic: Topic, now: int) -> dict[str, Any]:
        """What every message of a topic has: its number, its time, and what makes it count."""
        body: dict[str, Any] = {}
        if topic.person is not None:
            _put(body, topic.person, "")
        if topic.at is not None:
            _put(body, topic.at, _stamp(topic, now + self._state.off_by_ms, self._zone))
        if topic.dedup is not None and topic.dedup != topic.at:
            _put(body, topic.dedup, self._next)
            self._next += 1
        for path, words in topic.where.items():
            if words:
                _put(body, path, int(words[0]) if words[0].isdecimal() else words[0])
        if topic.address_at is not None:
            _put(body, topic.address_at.removeprefix("$."), self._address)
        return body

    def _message(self, topic: Topic, body: object) -> Message:
        place, words = self._place(topic), body if isinstance(body, dict) else {}
        if topic.body == "lines":
            cells = [str(words.get(name, "0")) for name in topic.columns]
            separator = {"tab": "\t", "comma": ",", "space": " "}[topic.separator]
            return Message(place, (separator.join(cells) + "\n").encode())
        if topic.body == "form":
            return Message(place, urllib.parse.urlencode(words).encode())
        if topic.body == "query":
            joint = "&" if "?" in place else "?"
            return Message(f"{place}{joint}{urllib.parse.urlencode(words)}", b"", method=topic.method)
        return Message(place, msgspec.json.encode(body), method=topic.method)

    def calls(self) -> list[Message]:
        """What it says of itself when it has nothing to tell: its handshake, its heartbeat."""
        return [
            Message(self._place(topic), b"", method=topic.method) for topic in self._topics if topic.alive
        ]

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
    """Put a value at dotted names; a number makes a list, with nothing at the places before."""
    *heads, last = path.split(".")
    inner: dict[str, Any] | list[Any] = body
    for name, after in zip(heads, path.split(".")[1:], strict=True):
        found = _get(inner, name)
        if found is None:
            found = [] if after.isdecimal() else {}
            _set(inner, name, found)
        inner = found
    _set(inner, last, value)


def _get(inner: dict[str, Any] | list[Any], name: str) -> dict[str, Any] | list[Any] | None:
    if isinstance(inner, dict):
        return inner.get(name)
    return inner[int(name)] if int(name) < len(inner) else None


def _set(inner: dict[str, Any] | list[Any], name: str, value: object) -> None:
    if isinstance(inner, dict):
        inner[name] = value
        return
    inner += [None] * (int(name) + 1 - len(inner))
    inner[int(name)] = value


def _there(body: object, path: str) -> bool:
    """Whether something is there already."""
    found: object = body
    for name in path.split("."):
        if isinstance(found, Mapping) and name in found:
            found = found[name]
        elif isinstance(found, list) and name.isdecimal() and int(name) < len(found):
            found = found[int(name)]
        else:
            return False
    return True


def raw_of(field: Field, value: Value) -> object:
    """A value as it stands in a message.

    Raises:
        ValueError: The field never has it.
    """
    if field.codes:
        number = int(value) if not isinstance(value, str) else None
        for word, known in field.codes.items():
            if word == value or known == number:
                return {"true": True, "false": False}.get(word, word)
        raise ValueError(f"{field.name} is never {value!r}")
    number_raw = float(f"{(float(value) - field.offset) / field.scale:.12g}")
    raw = int(number_raw) if number_raw.is_integer() else number_raw
    if field.mask is not None:
        raw = packed(round(raw), code(field.mask))
    if field.text == "hex":
        return f"{raw:X}"
    return str(raw).replace(".", ",") if field.text == "comma" else raw


def packed(number: int, mask: int) -> int:
    """A number put under a mask.

    Raises:
        ValueError: It does not go in there.
    """
    span = mask.bit_length() - lowest(mask)
    if not -(1 << span - 1) <= number < 1 << span:
        raise ValueError(f"{number} does not go under mask {mask:#x}")
    return number << lowest(mask) & mask


def part_of(field: Field, name: str) -> str | None:
    """The part that the name of a field's point speaks of; None where it is none of that field."""
    for pattern in field_names(field):
        before, found, after = pattern.partition("{part}")
        if (
            found
            and len(name) > len(before) + len(after)
            and name.startswith(before)
            and name.endswith(after)
        ):
            return name[len(before) : len(name) - len(after)]
    return None


def _items(raw: Mapping[str, object], topic: Topic) -> Iterator[bytes]:
    """The items of a topic in which the values stand, numbers that share one put together."""
    items: dict[tuple[int, int], bytearray] = {}
    for field in topic.fields:
        if field.tlv is None or field.name not in raw:
            continue
        tlv, value = field.tlv, raw[field.name]
        item = items.setdefault((tlv.channel, tlv.kind), bytearray(tlv.size))
        end = tlv.size if tlv.take is None else tlv.at + tlv.take
        _add(item, tlv.at, end, value, tlv)
    return (bytes([channel, kind]) + bytes(item) for (channel, kind), item in items.items())


def _cuts(raw: Mapping[str, object], topic: Topic) -> bytes:
    """Bytes with the values at their places; they end with the last."""
    cuts = [(field, field.cut) for field in topic.fields if field.cut is not None and field.name in raw]
    data = bytearray(max(cut.at + cut.size for _, cut in cuts))
    for field, cut in cuts:
        value = raw[field.name]
        _add(data, cut.at, cut.at + cut.size, value, cut)
    return bytes(data)


def _add(data: bytearray, start: int, end: int, value: object, form: Tlv | Cut) -> None:
    if not isinstance(value, int):
        raise ValueError(f"{value!r} does not go into bytes")  # noqa: TRY004 - a value, not a type, of the caller
    before = int.from_bytes(data[start:end], form.order.value)
    number = (before | value) if value >= 0 else value
    try:
        data[start:end] = number.to_bytes(end - start, form.order.value, signed=form.signed and value < 0)
    except OverflowError as error:
        raise ValueError(f"{value} does not go into {end - start} bytes") from error


def _stamp(topic: Topic, at: int, zone: dt.tzinfo) -> object:
    if topic.at_unit == "local":
        return dt.datetime.fromtimestamp(at / 1_000, zone).strftime("%Y-%m-%d %H:%M:%S")
    if topic.at_unit == "rfc3339":
        return dt.datetime.fromtimestamp(at / 1_000, dt.UTC).isoformat()
    return at if topic.at_unit == "ms" else at // 1_000
