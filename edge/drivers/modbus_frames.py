"""Modbus frames, sans-io: requests made into bytes, bytes made into replies. Only functions 1 to 4 exist here.

The bytes are pymodbus's (framers and PDUs). Cutting a stream into RTU frames is ours: its RTU framer takes
whatever lies in the buffer for one frame, so that a late reply in front of the right one would swallow it.
"""

from collections.abc import Iterator
from typing import Protocol

import msgspec
from pymodbus.framer import FramerRTU, FramerSocket
from pymodbus.pdu import DecodePDU, ModbusPDU
from pymodbus.pdu.bit_message import ReadCoilsRequest, ReadDiscreteInputsRequest
from pymodbus.pdu.register_message import ReadHoldingRegistersRequest, ReadInputRegistersRequest
from typing_extensions import override

_REQUESTS = {
    1: ReadCoilsRequest,
    2: ReadDiscreteInputsRequest,
    3: ReadHoldingRegistersRequest,
    4: ReadInputRegistersRequest,
}
_EXCEPTION = 0x80
_RTU_OVERHEAD = 5
"""Unit, function, byte count and two bytes of CRC; an exception reply has as many."""
_LONGEST = 4096
"""Bytes kept of a stream in which no frame is found."""


class Ask(msgspec.Struct, frozen=True):
    """A read of one unit."""

    unit: int
    function: int
    address: int
    count: int

    @property
    def payload_bytes(self) -> int:
        """How many bytes of values the reply has."""
        return (self.count + 7) // 8 if self.function in {1, 2} else 2 * self.count

    @property
    def signature(self) -> "Signature":
        """What a reply to it looks like on an RTU line, which is all that tells replies apart there."""
        return Signature(self.unit, self.function, self.payload_bytes)


class Signature(msgspec.Struct, frozen=True):
    """The outer form of a reply. `size` is the bytes of values; None for an exception."""

    unit: int
    function: int
    size: int | None


class Reply(msgspec.Struct, frozen=True):
    """A reply that came in whole. `tid` is 0 on RTU lines, `exception` 0 for a reply with values."""

    tid: int
    signature: Signature
    pdu: bytes
    exception: int = 0

    def values(self, ask: Ask) -> tuple[int, ...]:
        """The registers or bits that were asked for.

        Raises:
            ValueError: The reply has another form than the request asks for.
        """
        if self.signature != ask.signature:
            raise ValueError(f"expected {ask.signature}, found {self.signature}")
        pdu = _DECODER.decode(self.pdu)
        if pdu is None:
            raise ValueError("not a reply that can be decoded")
        if ask.function in {1, 2}:
            return tuple(int(bit) for bit in pdu.bits[: ask.count])
        return tuple(pdu.registers)


class Codec(Protocol):
    """One framing. Keeps the bytes of a frame that has not come in whole yet."""

    matches_requests: bool
    """Whether replies carry the number of their request."""

    def encode(self, ask: Ask, tid: int) -> bytes:
        """The frame of a request."""

    def feed(self, data: bytes) -> list[Reply]:
        """Take bytes that came in; the replies that are whole now, what is no reply skipped."""

    def reset(self) -> None:
        """Forget what has come in so far."""


_DECODER = DecodePDU(is_server=False)
_RTU = FramerRTU(_DECODER)
_SOCKET = FramerSocket(_DECODER)


def _request(ask: Ask, tid: int) -> ModbusPDU:
    return _REQUESTS[ask.function](dev_id=ask.unit, transaction_id=tid, address=ask.address, count=ask.count)


def _reply(tid: int, unit: int, pdu: bytes) -> Reply | None:
    """The reply in a PDU, if it is one to a read."""
    if len(pdu) < 2:
        return None
    function = pdu[0]
    if function & _EXCEPTION and function - _EXCEPTION in _REQUESTS and len(pdu) == 2:
        return Reply(tid, Signature(unit, function - _EXCEPTION, None), pdu, exception=pdu[1])
    if function in _REQUESTS and len(pdu) == 2 + pdu[1]:
        return Reply(tid, Signature(unit, function, pdu[1]), pdu)
    return None


class TcpCodec(Codec):
    """Modbus TCP: each frame has the number of its request and its length in front."""

    matches_requests = True

    def __init__(self) -> None:
        self._buffer = b""

    @override
    def encode(self, ask: Ask, tid: int) -> bytes:
        return bytes(_SOCKET.buildFrame(_request(ask, tid)))

    @override
    def feed(self, data: bytes) -> list[Reply]:
        self._buffer += data
        replies: list[Reply] = []
        while len(self._buffer) >= FramerSocket.MIN_SIZE:
            if self._is_lost():
                raise ValueError("no Modbus TCP on this connection")
            used, unit, tid, pdu = _SOCKET.decode(self._buffer)
            if not used:
                break
            self._buffer = self._buffer[used:]
            reply = _reply(tid, unit, pdu)
            if reply is not None:
                replies.append(reply)
        return replies

    def _is_lost(self) -> bool:
        """A wrong protocol id or an impossible length: the frames' bounds can't be found again."""
        length = int.from_bytes(self._buffer[4:6], "big")
        return self._buffer[2:4] != b"\0\0" or not 3 <= length <= 254

    @override
    def reset(self) -> None:
        self._buffer = b""


class RtuCodec(Codec):
    """Modbus RTU: a frame is told only by its form and its CRC. Looked for at every byte."""

    matches_requests = False

    def __init__(self) -> None:
        self._buffer = b""

    @override
    def encode(self, ask: Ask, tid: int) -> bytes:
        return bytes(_RTU.buildFrame(_request(ask, 0)))

    @override
    def feed(self, data: bytes) -> list[Reply]:
        self._buffer = (self._buffer + data)[-_LONGEST:]
        return list(self._cut())

    def _cut(self) -> Iterator[Reply]:
        """Every whole frame. Bytes in front of one are dropped with it; those behind are kept for more."""
        start = 0
        while start + _RTU_OVERHEAD <= len(self._buffer):
            reply = self._frame_at(start)
            if reply is None:
                start += 1
            else:
                yield reply
                self._buffer = self._buffer[start + len(reply.pdu) + 3 :]
                start = 0

    def _frame_at(self, start: int) -> Reply | None:
        unit, function, size = self._buffer[start : start + 3]
        if function & _EXCEPTION:
            size = 0
        if function & ~_EXCEPTION not in _REQUESTS:
            return None
        end = start + _RTU_OVERHEAD + size
        frame = self._buffer[start:end]
        if end > len(self._buffer):
            return None
        if not FramerRTU.check_CRC(frame[:-2], int.from_bytes(frame[-2:], "big")):
            return None
        return _reply(0, unit, frame[1:-2])

    @override
    def reset(self) -> None:
        self._buffer = b""
