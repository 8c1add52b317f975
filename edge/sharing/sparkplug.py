"""Sparkplug B: this agent as an edge node, its devices below it. Pure.

Source: github eclipse-sparkplug/sparkplug specification/src/main/asciidoc/chapters/Sparkplug_4, 5 and 6 @e45b6100. Of
the payload's protobuf only what is sent here is written: varints, doubles and texts.
"""

import struct
from collections.abc import Iterable
from typing import Final

import msgspec

from edge.sharing.board import Board, Change, Reach, Reading, Told
from edge.sharing.message import Outgoing

NAMESPACE: Final = "spBv1.0"
REBIRTH: Final = "Node Control/Rebirth"
EVENT: Final = "last_event"
_INT64, _DOUBLE, _BOOLEAN, _STRING = 4, 10, 11, 12
_VARINT, _FIXED64, _BYTES = 0, 1, 2


class Metric(msgspec.Struct, frozen=True):
    """A named value; the type follows from `value`, for None from `empty`."""

    name: str
    value: float | int | bool | str | None
    empty: int = _DOUBLE


def payload(metrics: Iterable[Metric], at: int, seq: int | None) -> bytes:
    """A payload; `at` ms since the epoch, `seq` None for the one message that has none."""
    body = _number(1, at)
    body += b"".join(_field(2, _metric(metric, at)) for metric in metrics)
    return body if seq is None else body + _number(3, seq)


def _metric(metric: Metric, at: int) -> bytes:
    head = _field(1, metric.name.encode()) + _number(3, at)
    match metric.value:
        case bool() as on:
            return head + _number(4, _BOOLEAN) + _number(14, int(on))
        case int() as whole:
            return head + _number(4, _INT64) + _number(11, whole)
        case float() as real:
            return head + _number(4, _DOUBLE) + _varint(13 << 3 | _FIXED64) + struct.pack("<d", real)
        case str() as text:
            return head + _number(4, _STRING) + _field(15, text.encode())
        case None:
            return head + _number(4, metric.empty) + _number(7, 1)


def _number(field: int, value: int) -> bytes:
    return _varint(field << 3 | _VARINT) + _varint(value)


def _field(field: int, data: bytes) -> bytes:
    return _varint(field << 3 | _BYTES) + _varint(len(data)) + data


def _varint(value: int) -> bytes:
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


class Sparkplug:
    """What to publish. `births` counts connections; each has a number, in its will and in its birth."""

    def __init__(self, group: str, node: str, board: Board) -> None:
        self._group = group
        self._node = node
        self._board = board
        self._births = -1
        self._seq = 0
        self._born: dict[str, set[str]] = {}

    @property
    def wanted(self) -> tuple[str, ...]:
        """See `Form.wanted`."""
        return (self._topic("NCMD"),)

    def connecting(self) -> Outgoing:
        """The death of the coming birth, which has a number of its own."""
        self._births = self._births + 1 & 0xFF
        return self._death(0)

    def begin(self, at: int) -> list[Outgoing]:
        """Births: the node, then each device in reach with the last of everything."""
        self._seq = 0
        self._born.clear()
        node = [Metric("bdSeq", self._births), Metric(REBIRTH, value=False)]
        there = [device for device in sorted(self._board.faces) if self._board.online.get(device)]
        return [self._next("NBIRTH", None, node, at), *(self._birth(device, at) for device in there)]

    def hears(self, topic: str, body: bytes, at: int) -> list[Outgoing]:
        """A host asks for everything anew; whatever else it commands is not done here."""
        return self.begin(at) if topic in self.wanted and REBIRTH.encode() in body else []

    def says(self, change: Change, at: int) -> list[Outgoing]:
        """See `Form.says`."""
        match change:
            case Reach(device=device, online=True):
                return [self._birth(device, at)]
            case Reach(device=device) if device in self._born:
                del self._born[device]
                return [self._next("DDEATH", device, [], at)]
            case Reading(device=device, point=point, value=value) if device in self._born:
                if point not in self._born[device]:
                    return [self._birth(device, at)]
                return [self._next("DDATA", device, [Metric(point, value)], at)]
            case Told(device=device) if device in self._born:
                body = msgspec.json.encode({"type": change.type, "zone": change.zone, **change.data})
                return [self._next("DDATA", device, [Metric(EVENT, body.decode())], at)]
            case _:
                return []

    def leave(self, at: int) -> list[Outgoing]:
        """A node that goes in order says its own death."""
        return [self._death(at)]

    def _death(self, at: int) -> Outgoing:
        return Outgoing(self._topic("NDEATH"), payload([Metric("bdSeq", self._births)], at, None), 1)

    def _birth(self, device: str, at: int) -> Outgoing:
        values = {point: value for (name, point), value in self._board.values.items() if name == device}
        self._born[device] = set(values)
        metrics = [Metric(point, value) for point, value in sorted(values.items())]
        return self._next("DBIRTH", device, [*metrics, Metric(EVENT, None, _STRING)], at)

    def _next(self, kind: str, device: str | None, metrics: list[Metric], at: int) -> Outgoing:
        seq, self._seq = self._seq, self._seq + 1 & 0xFF
        return Outgoing(self._topic(kind, device), payload(metrics, at, seq))

    def _topic(self, kind: str, device: str | None = None) -> str:
        place = f"{NAMESPACE}/{self._group}/{kind}/{self._node}"
        return place if device is None else f"{place}/{device}"
