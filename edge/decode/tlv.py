"""Values in bytes, each behind its channel and type, as Milesight's sensors send them. Pure.

Form: channel (1 byte), type (1 byte), value, low byte first (Milesight-IoT/SensorDecoders). The length of a value
follows from channel and type alone, so that nothing can be read behind one that is not known.
"""

from collections.abc import Iterable, Mapping

import msgspec

from contract.causes import Cause
from contract.profile.messages import Field, Tlv
from edge.errors import Unusable


class Items(msgspec.Struct, frozen=True):
    """The numbers found, by field; the fields within which the message ends; and what could not be read, or nothing."""

    found: Mapping[str, int]
    cut_off: frozenset[str] = frozenset()
    unread: Unusable | None = None


def read_tlv(data: bytes, fields: Iterable[Field], skip: Mapping[int, int]) -> Items:
    """The values of the fields that `data` holds; of one that stands twice, the last.

    `skip`: the sizes of further items, by channel * 256 + type.
    """
    known: dict[int, list[tuple[str, Tlv]]] = {}
    for field in fields:
        if field.tlv is not None:
            known.setdefault(field.tlv.channel << 8 | field.tlv.kind, []).append((field.name, field.tlv))
    found: dict[str, int] = {}
    place = 0
    while place < len(data):
        head = data[place : place + 2]
        key = int.from_bytes(head, "big") if len(head) == 2 else -1
        own = known.get(key, [])
        size = own[0][1].size if own else skip.get(key)
        if size is None:
            unread = Unusable(Cause.UNKNOWN_ITEM, found=head.hex(" "), at=place)
            return Items(found, unread=unread)
        item = data[place + 2 : place + 2 + size]
        if len(item) < size:
            return Items(found, frozenset(name for name, _ in own))
        for name, tlv in own:
            end = tlv.size if tlv.take is None else tlv.at + tlv.take
            found[name] = int.from_bytes(item[tlv.at : end], tlv.order.value, signed=tlv.signed)
        place += 2 + size
    return Items(found)
