"""Modbus frames from the device's side: requests cut from a stream, replies made of an image. No I/O here."""

from collections.abc import Iterator, Mapping
from typing import Protocol

import msgspec
from pymodbus.framer import FramerRTU, FramerSocket
from pymodbus.pdu import DecodePDU, ExceptionResponse, ModbusPDU
from pymodbus.pdu.bit_message import ReadCoilsResponse, ReadDiscreteInputsResponse
from pymodbus.pdu.register_message import ReadHoldingRegistersResponse, ReadInputRegistersResponse
from typing_extensions import override

from firmware_sim.device import Image

ILLEGAL_FUNCTION, ILLEGAL_ADDRESS, ILLEGAL_VALUE = 1, 2, 3
"""Exception codes, Modbus Application Protocol V1.1b3, chapter 7."""
_MOST = {1: 2000, 2: 2000, 3: 125, 4: 125}
_LONGEST = 4096


class Asked(msgspec.Struct, frozen=True):
    """A request as it came in. For other functions than reads, `address` and `count` are 0."""

    unit: int
    tid: int
    function: int
    address: int = 0
    count: int = 0


class Framing(Protocol):
    """One framing. Keeps the bytes of a request that has not come in whole yet."""

    def feed(self, data: bytes) -> list[Asked]:
        """Take bytes; the requests that are whole now."""

    def frame(self, pdu: ModbusPDU) -> bytes:
        """A reply on the wire."""

    def corrupt(self, frame: bytes) -> bytes:
        """A reply that came through wrong, and shows it."""


_DECODER = DecodePDU(is_server=True)


def answer(asked: Asked, image: Image) -> ModbusPDU | None:
    """The device's reply, None when it gives none. Writes, and whatever else is no read, are refused as illegal."""
    if asked.function not in _MOST:
        return refusal(asked, ILLEGAL_FUNCTION)
    if not 1 <= asked.count <= _MOST[asked.function]:
        return refusal(asked, ILLEGAL_VALUE)
    addresses = range(asked.address, asked.address + asked.count)
    refused = next((image.refused[address] for address in addresses if address in image.refused), None)
    if refused is not None:
        return refusal(asked, refused)
    if asked.function in {1, 2}:
        bits: Mapping[int, bool] = image.coils if asked.function == 1 else image.discrete_inputs
        if not all(address in bits for address in addresses) and (
            image.hole is None or image.silent_on_holes
        ):
            return _missing(asked, image)
        made = ReadCoilsResponse if asked.function == 1 else ReadDiscreteInputsResponse
        return made(asked.unit, asked.tid, bits=[bits.get(address, False) for address in addresses])
    words = image.holding_registers if asked.function == 3 else image.input_registers
    if not all(address in words for address in addresses) and (image.hole is None or image.silent_on_holes):
        return _missing(asked, image)
    reply = ReadHoldingRegistersResponse if asked.function == 3 else ReadInputRegistersResponse
    return reply(
        asked.unit, asked.tid, registers=[words.get(address, image.hole or 0) for address in addresses]
    )


def _missing(asked: Asked, image: Image) -> ModbusPDU | None:
    return None if image.silent_on_holes else refusal(asked, ILLEGAL_ADDRESS)


def refusal(asked: Asked, code: int) -> ModbusPDU:
    """An exception reply."""
    return ExceptionResponse(asked.function, code, asked.unit, asked.tid)


def _asked(unit: int, tid: int, pdu: bytes) -> Asked:
    function = pdu[0]
    if function not in _MOST or len(pdu) < 5:
        return Asked(unit, tid, function)
    return Asked(unit, tid, function, int.from_bytes(pdu[1:3], "big"), int.from_bytes(pdu[3:5], "big"))


class TcpFraming(Framing):
    """Modbus TCP."""

    def __init__(self) -> None:
        self._framer = FramerSocket(_DECODER)
        self._buffer = b""

    @override
    def feed(self, data: bytes) -> list[Asked]:
        self._buffer += data
        found: list[Asked] = []
        while True:
            used, unit, tid, pdu = self._framer.decode(self._buffer)
            if not used:
                return found
            self._buffer = self._buffer[used:]
            if pdu:
                found.append(_asked(unit, tid, pdu))

    @override
    def frame(self, pdu: ModbusPDU) -> bytes:
        return bytes(self._framer.buildFrame(pdu))

    @override
    def corrupt(self, frame: bytes) -> bytes:
        """There is no CRC: the number of the request is another."""
        return bytes([frame[0] ^ 0x55]) + frame[1:]


class RtuFraming(Framing):
    """Modbus RTU, on a serial line or tunnelled."""

    def __init__(self) -> None:
        self._framer = FramerRTU(_DECODER)
        self._buffer = b""

    @override
    def feed(self, data: bytes) -> list[Asked]:
        self._buffer = (self._buffer + data)[-_LONGEST:]
        return list(self._cut())

    def _cut(self) -> Iterator[Asked]:
        start = 0
        while start + FramerRTU.MIN_SIZE <= len(self._buffer):
            frame = self._frame_at(start)
            if frame is None:
                start += 1
                continue
            yield _asked(frame[0], 0, frame[1:-2])
            self._buffer = self._buffer[start + len(frame) :]
            start = 0

    def _frame_at(self, start: int) -> bytes | None:
        rest = self._buffer[start:]
        kind = _DECODER.lookupPduClass(rest) if not rest[1] & 0x80 else None
        size = kind.calculateRtuFrameSize(rest) if kind is not None else 0
        if not FramerRTU.MIN_SIZE <= size <= len(rest):
            return None
        frame = rest[:size]
        is_whole = FramerRTU.check_CRC(frame[:-2], int.from_bytes(frame[-2:], "big"))
        return frame if is_whole else None

    @override
    def frame(self, pdu: ModbusPDU) -> bytes:
        return bytes(self._framer.buildFrame(pdu))

    @override
    def corrupt(self, frame: bytes) -> bytes:
        return frame[:-1] + bytes([frame[-1] ^ 0x55])
