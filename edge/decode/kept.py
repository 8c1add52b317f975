"""The states of a device over a restart of the agent: what ends meanwhile is told as over. Pure.

What is read or heard after a restart shows what is so, and nothing of what was so before. Without a note of that, a
fault that ends while the agent is down would stand for ever in the cloud.
"""

from collections.abc import Mapping
from typing import Final

import msgspec

from edge.decode.device import Memory
from edge.decode.sheet import Sheet
from edge.decode.states import AGAIN, KEPT, Key
from edge.decode.trouble import Spell

States = Mapping[Key, str]
"""The states that are so, by point and rule, with their words."""

DEVICE_FAULT: Final[Key] = ("", "fault")
"""In the place of a state: that the device makes no sense was told (`trouble.Spell`)."""

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
    if memory.spell.told:
        found[DEVICE_FAULT] = ""
    return plain(found)


def plain(active: States) -> States:
    """States with their words alone, without the marks that say how they are to be told."""
    return {key: _word(word) for key, word in active.items()}


def marked(states: States) -> States:
    """States as they were when the agent stopped."""
    return {key: f"{KEPT}{word}" for key, word in states.items()}


def _word(word: str) -> str:
    return "" if word == AGAIN else word.removeprefix(KEPT)


def after_restart(states: States) -> Memory:
    """What is remembered of a device when the agent begins again; `states` as `standing` told them last."""
    of_points = {key: word for key, word in states.items() if key != DEVICE_FAULT}
    return Memory(kept=marked(of_points), spell=Spell(told=DEVICE_FAULT in states))


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
