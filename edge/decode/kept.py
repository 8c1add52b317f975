"""The states of a polled device over a restart of the agent: what ends meanwhile is told as over. Pure.

A read after a restart shows what is so, and nothing of what was so before. Without a note of that, a fault that ends
while the agent is down would stand for ever in the cloud.
"""

from collections.abc import Mapping

import msgspec

from edge.decode.device import Memory
from edge.decode.sheet import Sheet
from edge.decode.states import AGAIN, KEPT, Key

States = Mapping[Key, str]
"""The states that are so, by point and rule, with their words."""

_decoder = msgspec.json.Decoder(list[tuple[str, str, str]])


def standing(sheet: Sheet, memory: Memory) -> States:
    """The states that are so, with their words; of what was not read since the last restart, those kept over it."""
    read = {point.name for one in sheet.requests if one.key in memory.requests for point in one.points}
    read |= memory.derived.keys()
    found = {key: word for key, word in memory.kept.items() if key[0] not in read}
    for request in memory.requests.values():
        found |= request.active
    for derived in memory.derived.values():
        found |= derived.active
    return {key: _word(word) for key, word in found.items()}


def _word(word: str) -> str:
    return "" if word == AGAIN else word.removeprefix(KEPT)


def after_restart(states: States) -> Memory:
    """What is remembered of a device when the agent begins again; `states` as `standing` told them last."""
    return Memory(kept={key: f"{KEPT}{word}" for key, word in states.items()})


def packed(states: States) -> bytes:
    """The states as a note for the spool."""
    return msgspec.json.encode(sorted((point, rule, word) for (point, rule), word in states.items()))


def unpacked(note: bytes | None) -> States:
    """The states of a note; none where there is no note, or none of this version."""
    if note is None:
        return {}
    try:
        return {(point, rule): word for point, rule, word in _decoder.decode(note)}
    except msgspec.DecodeError:
        return {}
