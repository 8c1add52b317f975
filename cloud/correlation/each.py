"""What `each` of a rule or an alarm means: what of a device is looked at by itself. Pure."""

from typing import Final

import msgspec

from cloud.correlation.rules import Names
from contract.events import RESET_TYPES, Event, event_data, part_of, reset_of

PART: Final = "part"
_OF_SOURCES: Final = frozenset(
    {PART, "loop", "address", "point", "component", "component_address", "alarm", "fault"}
)
"""Fields by which single sources tell their parts apart. A list of them means the part, whatever the source."""
OLD_EACH: Final = (
    "lists the fields of one kind of source; write `each: part`, which means the part whatever tells it"
)


def is_old_each(each: Names) -> bool:
    """Whether it lists fields of single sources in place of `part`."""
    return isinstance(each, tuple) and bool(each) and set(each) <= _OF_SOURCES


def part_told(each: Names, event: Event) -> str:
    """What an event is about by itself: its part, or the values of other fields; empty for the whole device.

    A reset is about what it resets.
    """
    if not each:
        return ""
    if each == PART or is_old_each(each):
        return reset_of(event) if event.type in RESET_TYPES else part_of(event)
    try:
        data = event_data(event)
    except msgspec.DecodeError:
        return ""
    return "-".join(str(data[name]) for name in ([each] if isinstance(each, str) else each) if name in data)
