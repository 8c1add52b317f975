"""JWM WM-5000T: a wand in its dock, from what the public protocol reference tells of it. Answers byte by byte.

Its clock is a wall clock without a zone, in seconds; `off_by_ms` is how wrong it is until somebody sets it. Closing
the session wipes its memory.
"""

import datetime as dt
from collections.abc import Iterable
from typing import Final

_BRAND: Final = b"JWM-WM5000"
_ECHOED: Final = {0x15: 8, 0x25: 7, 0x35: 11, 0x55: 5}
"""By opcode, the length of the answer, which begins with the command."""


class Wand:
    """A wand that holds `records`, each of 13 bytes as in its memory, and keeps none once it was closed."""

    def __init__(self, records: Iterable[bytes] = ()) -> None:
        self.records = list(records)
        self.set_to: dt.datetime | None = None
        self.wipes = 0
        self._giving: list[bytes] = []
        self._held = b""

    def touch(self, badge: bytes, local: dt.datetime) -> None:
        """A badge is held to it when its clock shows `local`."""
        self.records.append(record(badge, local))

    def hears(self, data: bytes) -> bytes:
        """What it answers to bytes that come in."""
        self._held += data
        said = b""
        while self._held:
            taken, answer = self._one(self._held)
            if not taken:
                break
            self._held = self._held[taken:]
            said += answer
        return said

    def _one(self, held: bytes) -> tuple[int, bytes]:
        """How many bytes the first thing said takes, 0 when it is not whole yet, and the answer to it."""
        match held[0]:
            case 0x55 if held[1:2] != b"\xaa":
                return 1, b"\x55" + bytes(19) + _BRAND
            case 0xE5:
                return 1, b"\xe5"
            case 0x00:
                return 1, b"\x00" + (self._giving.pop(0) if self._giving else b"")
            case opcode if opcode in _ECHOED:
                whole = 3 + held[2] if len(held) > 2 else 4
                if len(held) < whole:
                    return 0, b""
                return whole, self._command(held[:whole])
            case _:
                return 1, b""

    def _command(self, command: bytes) -> bytes:
        opcode, body = command[0], bytes([command[0], *command[2:-1]])
        if command[-1] != ~sum(body) & 0xFF:
            return b""
        tail = b""
        if opcode == 0x35:
            self.set_to = dt.datetime.strptime(command[3:9].hex(), "%y%m%d%H%M%S")  # noqa: DTZ007 - it has no zone
        if opcode == 0x25:
            count = min(len(self.records), 0xFF)
            self._giving = self.records[:count]
            tail = bytes([count, 0, ~count & 0xFF])
        if opcode == 0x55:
            self.records.clear()
            self.wipes += 1
        return (command + tail).ljust(_ECHOED[opcode], b"\0")


def record(badge: bytes, local: dt.datetime) -> bytes:
    """A badge (three bytes) touched at a wall clock's time, as it stands in the memory."""
    parts = (local.year - 2000, local.month, local.day, local.hour, local.minute, local.second)
    body = bytes((part // 10) << 4 | part % 10 for part in parts) + bytes(3) + badge
    return body + bytes([~sum(body) & 0xFF])


def wall_clock(at_ms: int, zone: dt.tzinfo) -> dt.datetime:
    """What its clock shows at a moment, without a zone."""
    return dt.datetime.fromtimestamp(at_ms / 1_000, zone).replace(tzinfo=None)
