"""The bytes of a meter's answer made into what its points read: a double for digits, the bits for bits. Pure."""

import math
import struct
from typing import Final

from contract.profile.meter import NOT_THERE, PLACE
from contract.profile.model import Block, Item

_WORD: Final = 0xFFFF


def words_of(block: Block, data: bytes) -> tuple[int, ...]:
    """The registers of a block's points, `PLACE` of each, from the bytes behind its identifier.

    A value that the answer is too short for, or whose digits are none, is no number.
    """
    return tuple(
        raw >> 16 * place & _WORD
        for item in block.points
        for raw in (_raw(item, data[item.at : item.at + item.size]),)
        for place in reversed(range(PLACE))
    )


def _raw(item: Item, data: bytes) -> int:
    if item.form == "bits":
        return int.from_bytes(data, "little")
    if len(data) == item.size and set(data) == {0xFF}:
        return NOT_THERE
    return int.from_bytes(struct.pack(">d", _number(item, data)), "big")


def _number(item: Item, data: bytes) -> float:
    if len(data) < item.size:
        return math.nan
    digits = bytearray(data[::-1])
    is_negative = item.signed and bool(digits[0] & 0x80)
    if item.signed:
        digits[0] &= 0x7F
    shown = digits.hex()
    if not shown.isdecimal():
        return math.nan
    return -float(shown) if is_negative else float(shown)
