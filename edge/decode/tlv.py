"""Values in bytes, each behind its channel and type, as Milesight's sensors send them. Pure.

Form: channel (1 byte), type (1 byte), value, low byte first (Milesight-IoT/SensorDecoders). The length of a value
follows from channel and type alone, so that nothing can be read behind one that is not known.
"""

from collections.abc import Iterable

from contract.profile.model import Field


def read_tlv(data: bytes, fields: Iterable[Field]) -> dict[str, int]:
    """The values of the fields that `data` holds, by name; of one that stands twice, the last.

    Raises:
        ValueError: It holds something that no field describes, or ends within a value.
    """
    known = {(f.tlv.channel, f.tlv.kind): (f.name, f.tlv) for f in fields if f.tlv is not None}
    found: dict[str, int] = {}
    place = 0
    while place < len(data):
        head = data[place : place + 2]
        if len(head) < 2 or (head[0], head[1]) not in known:
            raise ValueError(f"unknown channel and type {head.hex(' ')} at byte {place}")
        name, tlv = known[head[0], head[1]]
        value = data[place + 2 : place + 2 + tlv.size]
        if len(value) < tlv.size:
            raise ValueError(f"{name}: the message ends within it")
        found[name] = int.from_bytes(value, "little", signed=tlv.signed)
        place += 2 + tlv.size
    return found
