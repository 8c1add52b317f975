"""The one place where an event gets the name of its part, and the zone that the part looks at. Pure."""

from collections.abc import Iterable

import msgspec

from contract.events import RESET_TYPES, STATE, Phase, phase_told
from contract.parts import NOT_UNDERSTOOD, RESET_OVER, part_name, reset_name
from contract.site import Site
from contract.site_parts import bound_zone
from edge.ports import Happened, Observation

UNBOUND = "unbound"
"""A mark in the data: the device has a list of its parts, and this one is not in it."""


class PartNames:
    """Names the parts of a site's devices."""

    def __init__(self, site: Site | None = None) -> None:
        self._site = site

    def named(self, seen: Happened) -> Happened:
        """The event with `part` in its data, if it tells of one, and in the zone of that part.

        A part that is bound to no zone is told of its device's; `unbound` marks it where the device has a list.
        """
        part = _reset_part(seen) if seen.type in RESET_TYPES else part_name(seen.data)
        if not part:
            return seen
        zone, mark = seen.zone, {}
        if zone is None and self._site is not None and seen.device in self._site.parts:
            zone = bound_zone(self._site, seen.device, part)
            mark = {UNBOUND: True} if zone is None and seen.type not in RESET_TYPES else {}
        return msgspec.structs.replace(seen, zone=zone, data={**seen.data, "part": part, **mark})

    def all_named(self, seen: Iterable[Observation]) -> list[Observation]:
        """The same for all events among observations."""
        return [self.named(one) if isinstance(one, Happened) else one for one in seen]


def _reset_part(seen: Happened) -> str:
    """The part of a reset; what resets nothing has one of its own, so that it never stands for the reset before it."""
    reset = reset_name(seen.data)
    if phase_told(seen.type, seen.data.get(STATE)) is Phase.ENDS:
        return f"{reset}.{RESET_OVER}" if reset else RESET_OVER
    return reset if reset == NOT_UNDERSTOOD else part_name(seen.data)
