"""What can be wrong with a device on its line, and what that does to a reply. No I/O here."""

import random
from enum import StrEnum

import msgspec
from pymodbus.pdu import ModbusPDU

from firmware_sim.adapters.modbus_frames import Asked, Framing, answer, refusal
from firmware_sim.device import Image

SERVER_FAILURE = 4


class FaultKind(StrEnum):
    """How a device misbehaves."""

    SILENCE = "silence"
    LATE = "late"
    WRONG_UNIT = "wrong-unit"
    BAD_CRC = "bad-crc"
    EXCEPTION = "exception"
    GARBAGE = "garbage"


class Fault(msgspec.Struct, frozen=True, kw_only=True):
    """A way to misbehave, in a `share` of the replies. A late reply is late by `least_ms` to `most_ms`.

    `code`: of an exception. `in_order`: a late reply holds up those after it, as on a real device.
    """

    kind: FaultKind
    share: float = 1.0
    least_ms: int = 1_500
    most_ms: int = 3_000
    code: int = SERVER_FAILURE
    in_order: bool = True


class Manner(msgspec.Struct, frozen=True, kw_only=True):
    """Habits of a converter that serves a line over TCP, none of them a fault.

    `close_after` so many replies, or once nobody asked for `close_idle_ms`, it closes the connection; `reset`: with a
    RST. `forget_idle_ms`: from then on it swallows what comes over it. `no_tid`: its replies have transaction id 0;
    `as_unit`: and this unit's number.
    """

    close_after: int | None = None
    close_idle_ms: int | None = None
    reset: bool = False
    forget_idle_ms: int | None = None
    no_tid: bool = False
    as_unit: int | None = None


class Outgoing(msgspec.Struct, frozen=True):
    """Bytes to send after a while. `in_order`: not before those that were to be sent earlier."""

    data: bytes
    delay_ms: int = 0
    in_order: bool = True


def as_told(asked: Asked, manner: Manner) -> Asked:
    """The request as the converter repeats it in its reply."""
    if not manner.no_tid and manner.as_unit is None:
        return asked
    unit = asked.unit if manner.as_unit is None else manner.as_unit
    return msgspec.structs.replace(asked, unit=unit, tid=0 if manner.no_tid else asked.tid)


def reply_of(
    asked: Asked, image: Image, fault: Fault | None, framing: Framing, chance: random.Random
) -> Outgoing | None:
    """What goes out for a request; None when nothing does."""
    if image.silent:
        return None
    pdu = answer(asked, image)
    return None if pdu is None else _wronged(asked, pdu, fault, framing, chance)


def _wronged(
    asked: Asked, pdu: ModbusPDU, fault: Fault | None, framing: Framing, chance: random.Random
) -> Outgoing | None:
    if fault is None or chance.random() >= fault.share:
        return Outgoing(framing.frame(pdu))
    match fault.kind:
        case FaultKind.SILENCE:
            return None
        case FaultKind.LATE:
            return Outgoing(framing.frame(pdu), chance.randint(fault.least_ms, fault.most_ms), fault.in_order)
        case FaultKind.WRONG_UNIT:
            pdu.dev_id = asked.unit % 247 + 1
            return Outgoing(framing.frame(pdu))
        case FaultKind.BAD_CRC:
            return Outgoing(framing.corrupt(framing.frame(pdu)))
        case FaultKind.EXCEPTION:
            return Outgoing(framing.frame(refusal(asked, fault.code)))
        case FaultKind.GARBAGE:
            return Outgoing(chance.randbytes(chance.randint(1, 40)))
