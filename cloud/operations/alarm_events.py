"""What an event means to a kind of alarm."""

import msgspec

from cloud.correlation.people import lets_through
from cloud.operations.alarm_kinds import AlarmKind
from contract.events import Event, Phase, event_data, phase_of


def clears(kind: AlarmKind, event: Event) -> bool:
    """Whether an event of another type ends alarms of a kind."""
    if kind.clears is not None and event.type in kind.clears.types:
        return lets_through(kind.clears, event)
    return phase_of(event) in {Phase.BEGINS, Phase.MOMENT}


def is_told_again(event: Event) -> bool:
    """Whether the edge tells of what it found so when it began: nothing new happened."""
    try:
        return event_data(event).get("initial") is True
    except msgspec.DecodeError:
        return False
