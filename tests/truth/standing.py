"""The states that stand after events, by what the contract says of begin and end."""

from collections.abc import Iterable
from typing import Final

import msgspec

from contract.events import LASTING, RESET_TYPES, Event, Phase, part_of, phase_of, raw_data
from edge.parts import PartNames
from edge.ports import Happened, Observation

NORMAL_MODE: Final = "auto"
"""A device that was always so says nothing of it."""
_LINES: Final = {**LASTING, "input": ("input.on", "input.off")}
_LINE_OF: Final = {kind: (line, kinds) for line, kinds in _LINES.items() for kind in kinds}


class Stands(msgspec.Struct, frozen=True):
    """What is so of a device or of a part of it."""

    type: str
    word: str = ""


Key = tuple[str, str, str]
"""A device, a state of it, and the part that it is of."""
Standing = dict[Key, Stands]


def standing(events: Iterable[Event]) -> Standing:
    """The states that stand after these events, by what the contract says of begin and end."""
    found: Standing = {}
    for event in events:
        key = key_of(event)
        if event.type in RESET_TYPES:
            # Of a part it ends what stands there, of the whole panel everything.
            ended = part_of(event)
            found = {
                other: stands
                for other, stands in found.items()
                if not other[1].startswith("fire.") or (ended and other[2] != ended)
            }
        elif not begins(event):
            found.pop(key, None)
        else:
            found[key] = Stands(event.type, mode_of(event))
    return found


def key_of(event: Event) -> Key:
    """What an event tells of."""
    line, _ = _LINE_OF.get(event.type, (event.type, ()))
    return event.device, line, part_of(event)


def begins(event: Event) -> bool:
    """Whether it begins or goes on, and does not end."""
    _, kinds = _LINE_OF.get(event.type, (event.type, (event.type,)))
    return (
        phase_of(event) is not Phase.ENDS and kinds.index(event.type) == 0 and mode_of(event) != NORMAL_MODE
    )


def mode_of(event: Event) -> str:
    """The mode that an event tells; empty where it tells none."""
    return str(msgspec.json.decode(event.data, type=dict[str, object]).get("mode", ""))


def as_events(seen: Iterable[Observation], names: PartNames) -> list[Event]:
    """The events among observations."""
    return [as_event(names.named(one)) for one in seen if isinstance(one, Happened)]


def as_event(one: Happened) -> Event:
    """An observation as the event that it becomes."""
    return Event(seq=1, at=one.at, device=one.device, type=one.type, data=raw_data(dict(one.data)))
