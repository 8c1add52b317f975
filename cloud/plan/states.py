"""How devices are: what each told last of what lasts."""

from collections.abc import Iterable
from typing import Final

import msgspec

from contract.events import LASTING, LASTING_OF_PARTS, RESET_TYPES, Event, has_ended, part_of, reset_of
from contract.parts import NOT_UNDERSTOOD, is_reset_with

_LINE_OF: Final = {kind: line for line, kinds in {**LASTING, **LASTING_OF_PARTS}.items() for kind in kinds}


class State(msgspec.Struct, frozen=True):
    """The event that tells how a device, or a part of it, is now."""

    event: Event
    part: str | None


def states(events: Iterable[Event]) -> list[State]:
    """The newest event of each line (`LASTING`), by device, line and part. What no longer holds is not told.

    Events of other types are passed over; of one moment the later number is the newer.
    """
    newest: dict[tuple[str, str, str], Event] = {}
    for event in sorted(events, key=lambda event: (event.at, event.seq)):
        line = _LINE_OF.get(event.type)
        if line is None:
            continue
        part = part_of(event) if line in LASTING_OF_PARTS else ""
        if event.type in RESET_TYPES:
            # It ends what each part told before it, also where another event of the whole follows.
            reset = reset_of(event)
            if has_ended(event) or reset == NOT_UNDERSTOOD:
                continue
            gone = [
                key
                for key in newest
                if key[:2] == (event.device, line) and key[2] and is_reset_with(key[2], reset)
            ]
            for key in gone:
                del newest[key]
        newest[event.device, line, part] = event
    return [
        State(event, part or None)
        for (_, _, part), event in sorted(newest.items(), key=lambda item: item[0])
        if not has_ended(event)
    ]
