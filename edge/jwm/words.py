"""What is said to a JWM WM-5000T and what it answers, byte by byte. Pure.

A command is opcode, its complement, the length of what follows (its last byte, the check, included), data, check. The
check is the complement of the low byte of the sum over all but the complement byte; a record's, of the sum over its
first 12 bytes. Source: the public protocol reference koliha/jwm-wm5000t; its commands and records are test vectors.
"""

import datetime as dt
from typing import Final

import msgspec

from edge.errors import WandError

HELLO: Final = b"\x55"
HELLO_SIZE: Final = 30
READY: Final = b"\xe5"
NEXT: Final = b"\x00"
RECORD_SIZE: Final = 13
_BADGE: Final = slice(9, 12)
_CENTURY: Final = 2_000


class Record(msgspec.Struct, frozen=True):
    """A badge touched: its three bytes in hexadecimal, and when, by the wand's own wall clock."""

    badge: str
    local: dt.datetime
    raw: str


def check_of(data: bytes) -> int:
    """The check byte over `data`."""
    return ~sum(data) & 0xFF


def command(opcode: int, data: bytes = b"") -> bytes:
    """A command as it is sent."""
    size = len(data) + 1
    return bytes([opcode, ~opcode & 0xFF, size, *data, check_of(bytes([opcode, size]) + data)])


STATUS: Final = command(0x15)
DOWNLOAD: Final = command(0x25)
CLOSE: Final = command(0x55)
"""Ends the session and wipes the wand's memory."""


def set_time(local: dt.datetime) -> bytes:
    """The command that sets the wand's clock."""
    parts = (local.year - _CENTURY, local.month, local.day, local.hour, local.minute, local.second)
    return command(0x35, bytes((part // 10) << 4 | part % 10 for part in parts))


def read_count(answer: bytes) -> int:
    """How many records the wand holds, by its answer to `DOWNLOAD`.

    Raises:
        WandError: The answer contradicts itself.
    """
    count, high, check = answer[len(DOWNLOAD) :]
    if high or check != ~count & 0xFF:
        raise WandError(f"can't read the number of records from {answer.hex(' ')}")
    return count


def read_record(answer: bytes) -> Record:
    """The record in an answer to `NEXT`.

    Raises:
        WandError: It has been damaged, or is no moment of any calendar.
    """
    body = answer[len(NEXT) :]
    if check_of(body[:-1]) != body[-1] or any(body[6:9]):
        raise WandError(f"a record does not check: {body.hex(' ')}")
    try:
        year, month, day, hour, minute, second = (int(f"{byte:02x}") for byte in body[:6])
        local = dt.datetime(_CENTURY + year, month, day, hour, minute, second)  # noqa: DTZ001 - it has no zone
    except ValueError as error:
        raise WandError(f"a record has no time: {body.hex(' ')}") from error
    return Record(badge=body[_BADGE].hex(), local=local, raw=body.hex())
