"""How devices are: what each told last of what lasts."""

from collections.abc import Iterable, Iterator
from typing import Final

import msgspec

from contract.events import ENDED_BY, LASTING, LASTING_OF_PARTS, Event, has_ended, part_of

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
        if line is not None:
            part = part_of(event) if line in LASTING_OF_PARTS else ""
            newest[event.device, line, part] = event
    return list(_that_hold(newest))


def _that_hold(newest: dict[tuple[str, str, str], Event]) -> Iterator[State]:
    for (device, line, part), event in sorted(newest.items()):
        whole = newest.get((device, line, ""))
        over = ENDED_BY.get(event.type, frozenset())
        ended = part and whole is not None and whole.type in over and whole.at >= event.at
        if not ended and not has_ended(event):
            yield State(event, part or None)
