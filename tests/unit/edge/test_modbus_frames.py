"""Frames: what goes out can only read; what comes in is found among garbage and cut at the right place."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pymodbus.framer import FramerRTU

from edge.drivers.modbus_frames import Ask, Codec, RtuCodec, Signature, TcpCodec

READ = Ask(unit=3, function=3, address=0x0406, count=2)
REPLY_PDU = bytes([3, 4, 0x00, 0x0A, 0x01, 0x02])


def rtu(unit: int, pdu: bytes) -> bytes:
    frame = bytes([unit]) + pdu
    return frame + FramerRTU.compute_CRC(frame).to_bytes(2, "big")


def tcp(unit: int, pdu: bytes, tid: int = 1) -> bytes:
    return tid.to_bytes(2, "big") + b"\0\0" + (len(pdu) + 1).to_bytes(2, "big") + bytes([unit]) + pdu


@pytest.mark.parametrize("function", [1, 2, 3, 4])
def test_a_request_is_the_one_of_the_specification(function: Any) -> None:
    ask = Ask(unit=17, function=function, address=0x006B, count=3)
    body = bytes([function, 0x00, 0x6B, 0x00, 0x03])
    assert RtuCodec().encode(ask, 9) == rtu(17, body)
    assert TcpCodec().encode(ask, 9) == tcp(17, body, 9)


def test_an_rtu_request_carries_the_checksum_that_is_printed_in_textbooks() -> None:
    assert RtuCodec().encode(Ask(1, 3, 0, 10), 1).hex() == "01030000000ac5cd"


@pytest.mark.parametrize("function", [0, 5, 6, 8, 15, 16, 20, 21, 22, 23, 43])
def test_s24_nothing_but_reads_can_be_encoded(function: Any) -> None:
    for codec in (RtuCodec(), TcpCodec()):
        with pytest.raises(KeyError):
            codec.encode(Ask(1, function, 0, 1), 1)


@pytest.mark.parametrize(
    ("codec", "frame"), [(RtuCodec(), rtu(3, REPLY_PDU)), (TcpCodec(), tcp(3, REPLY_PDU))]
)
def test_a_reply_is_read_whole_and_byte_by_byte(codec: Any, frame: Any) -> None:
    (whole,) = codec.feed(frame)
    assert whole.values(READ) == (10, 258)
    pieces = [codec.feed(frame[i : i + 1]) for i in range(len(frame))]
    assert pieces[:-1] == [[]] * (len(frame) - 1)
    assert pieces[-1] == [whole]


@pytest.mark.parametrize(
    ("codec", "frame"), [(RtuCodec(), rtu(3, b"\x83\x02")), (TcpCodec(), tcp(3, b"\x83\x02"))]
)
def test_a_refusal_is_read(codec: Any, frame: Any) -> None:
    (reply,) = codec.feed(frame)
    assert (reply.exception, reply.signature) == (2, Signature(3, 3, None))


def test_bits_come_in_the_order_of_their_addresses() -> None:
    (reply,) = RtuCodec().feed(rtu(3, bytes([2, 2, 0b0000_0101, 0b0000_0010])))
    assert reply.values(Ask(3, 2, 0, 10)) == (1, 0, 1, 0, 0, 0, 0, 0, 0, 1)


def test_a_late_reply_in_front_does_not_swallow_the_one_behind_it() -> None:
    """pymodbus's own framer takes all that lies there for one frame."""
    late = rtu(3, bytes([3, 2, 0, 99]))
    replies = RtuCodec().feed(late + rtu(3, REPLY_PDU))
    assert [reply.signature.size for reply in replies] == [2, 4]


@given(st.binary(max_size=40), st.binary(max_size=40))
def test_a_reply_is_found_among_garbage(before: Any, after: Any) -> None:
    codec = RtuCodec()
    replies = codec.feed(before + rtu(3, REPLY_PDU) + after)
    assert any(reply.signature == READ.signature and reply.values(READ) == (10, 258) for reply in replies)


@given(st.integers(0, 8), st.integers(0, 7))
def test_a_reply_with_any_bit_wrong_is_no_reply(byte: Any, bit: Any) -> None:
    frame = bytearray(rtu(3, REPLY_PDU))
    frame[byte] ^= 1 << bit
    assert RtuCodec().feed(bytes(frame)) == []


@given(st.lists(st.binary(max_size=300), max_size=5), st.sampled_from([RtuCodec, TcpCodec]))
def test_no_bytes_can_break_a_codec(chunks: Any, make: Any) -> None:
    codec: Codec = make()
    for chunk in chunks:
        try:
            codec.feed(chunk)
        except ValueError:
            codec.reset()


def test_a_stream_that_is_no_modbus_tcp_is_known_at_once() -> None:
    with pytest.raises(ValueError, match="no Modbus TCP"):
        TcpCodec().feed(b"HTTP/1.1 400 Bad Request\r\n")


def test_a_reply_of_another_length_is_no_answer() -> None:
    (reply,) = RtuCodec().feed(rtu(3, bytes([3, 2, 0, 1])))
    with pytest.raises(ValueError, match="expected"):
        reply.values(READ)
