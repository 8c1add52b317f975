"""What the slow plain references share."""

from typing import Any

import msgspec

from cloud.correlation.rules import RuleVersion
from contract.duration import parse_duration
from contract.events import Event

NEVER = -(10**18)
FOREVER = 10**18


class Known(msgspec.Struct):
    """All that is known: events with full identities, how far each device is known, when it was blind."""

    events: list[Event]
    complete: dict[str, int]
    blind: dict[str, list[tuple[int, int]]]
    data_from: int
    readings: list[tuple[str, str, int, Any]] = []


def selected(rule: Any, device: Any) -> bool:
    """Whether a recurrence looks at a device."""

    def among(value: str | None, names: Any) -> bool:
        return names is None or value in ([names] if isinstance(names, str) else names)

    tags = rule.select.tag is None or any(among(tag, rule.select.tag) for tag in device.tags)
    return (
        tags
        and among(device.id, rule.select.id)
        and among(device.zone, rule.select.zone)
        and among(device.profile, rule.select.profile)
    )


def in_force(version: RuleVersion, at: int) -> bool:
    """Whether a version judges what opens at that moment."""
    return version.start <= at and (version.end is None or at < version.end)


def ms(duration: str) -> int:
    """A duration in ms."""
    return parse_duration(duration).ms
