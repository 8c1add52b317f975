"""Frames of GB/T 26875.3-2011 cut out of a byte stream, and the confirmation of one. Pure.

`40 40`, sequence (2), version (2), time (6), source (6), destination (6), length of data (2), command (1), data,
checksum (1: the low byte of the sum from the sequence to the end of the data), `23 23`. Numbers low byte first.
Source: github shootingfans/codec_gb26875_3_2011 codec/codec.go @96ee4a48, and its test vector.
"""

from typing import Final

import msgspec

START: Final = b"\x40\x40"
END: Final = b"\x23\x23"
SEND_DATA: Final = 2
CONFIRM: Final = 3
MOST_DATA: Final = 1_024
"""The longest data (from memory of the standard: unverified)."""

_HEAD: Final = 27
_TAIL: Final = 3
_CHECKED_FROM: Final = 2


class Frame(msgspec.Struct, frozen=True, kw_only=True):
    """One frame. `time` is the sender's label as it came; `source` and `destination` are addresses of 6 bytes."""

    sequence: int
    version: bytes
    time: bytes
    source: bytes
    destination: bytes
    command: int
    data: bytes = b""


def encode(frame: Frame) -> bytes:
    """The frame's bytes."""
    body = b"".join(
        (
            frame.sequence.to_bytes(2, "little"),
            frame.version,
            frame.time,
            frame.source,
            frame.destination,
            len(frame.data).to_bytes(2, "little"),
            bytes([frame.command]),
            frame.data,
        )
    )
    return START + body + bytes([sum(body) & 0xFF]) + END


def confirmation(frame: Frame) -> Frame:
    """What tells the sender that its frame is kept: the same sequence, the other way round."""
    return msgspec.structs.replace(
        frame, source=frame.destination, destination=frame.source, command=CONFIRM, data=b""
    )


class FrameReader:
    """Cuts a stream into frames, whatever the pieces in which it comes. What is no frame is passed over.

    It holds no more than one frame of the longest kind. `skipped` counts the bytes passed over.
    """

    def __init__(self) -> None:
        self._held = bytearray()
        self.skipped = 0

    def feed(self, data: bytes) -> list[Frame]:
        """The frames that are whole by now."""
        self._held += data
        frames: list[Frame] = []
        while True:
            self._skip_to_start()
            size = self._size()
            if size is None or (size and len(self._held) < size):
                return frames
            frame = self._frame(size) if size else None
            if frame is None:
                # No frame begins here: look from the next byte on, since one may begin within.
                self._skip(1)
            else:
                frames.append(frame)
                del self._held[:size]

    def _skip_to_start(self) -> None:
        place = self._held.find(START)
        if place < 0:
            # The last byte may be the first of a start.
            place = len(self._held) - (1 if self._held.endswith(START[:1]) else 0)
        self._skip(place)

    def _skip(self, count: int) -> None:
        self.skipped += count
        del self._held[:count]

    def _size(self) -> int | None:
        """The whole frame's bytes; 0 when it can't be one, None when it can't be told yet."""
        if len(self._held) < _HEAD:
            return None
        length = int.from_bytes(self._held[24:26], "little")
        return _HEAD + length + _TAIL if length <= MOST_DATA else 0

    def _frame(self, size: int) -> Frame | None:
        raw = bytes(self._held[:size])
        data_end = size - _TAIL
        if raw[-2:] != END or sum(raw[_CHECKED_FROM:data_end]) & 0xFF != raw[data_end]:
            return None
        return Frame(
            sequence=int.from_bytes(raw[2:4], "little"),
            version=raw[4:6],
            time=raw[6:12],
            source=raw[12:18],
            destination=raw[18:24],
            command=raw[26],
            data=raw[_HEAD:data_end],
        )
