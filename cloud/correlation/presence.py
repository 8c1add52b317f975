"""Where people are: their latest scan or entry."""

import bisect

import msgspec

from cloud.correlation.people import qualifies
from cloud.correlation.rules import By
from cloud.correlation.verdict import EventId
from contract.site import Site

Seen = tuple[int, str, int, str]
"""`(at, device, seq, zone)`; zone is empty where it is not known."""


class Presence:
    """The location events of known people, in order; older ones are let go with `forget_before`."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self._seen: dict[str, list[Seen]] = {}
        self._changed = False

    def note(self, person: str, seen: Seen) -> bool:
        """Take in a location event; false when it was known."""
        known = self._seen.setdefault(person, [])
        place = bisect.bisect_left(known, seen)
        if place < len(known) and known[place][:3] == seen[:3]:
            return False
        known.insert(place, seen)
        self._changed = True
        return True

    def there(self, zones: frozenset[str] | None, at: int, ttl: int, by: By | None) -> EventId | None:
        """The latest event that puts a qualifying person into one of the zones (None: any) at that moment."""
        best: Seen | None = None
        for person, known in self._seen.items():
            place = bisect.bisect_left(known, (at + 1,))
            if not place:
                continue
            last = known[place - 1]
            if last[0] < at - ttl or (zones is not None and last[3] not in zones):
                continue
            if (best is None or last > best) and qualifies(self._site.people[person], by, at, self._site):
                best = last
        return (best[1], best[2]) if best else None

    def forget_before(self, moment: int) -> None:
        """Let go of what is older, but for each person's last event before it."""
        for known in self._seen.values():
            place = bisect.bisect_left(known, (moment,)) - 1
            if place > 0:
                del known[:place]
                self._changed = True

    def dirty_cell(self) -> bytes | None:
        """All of it as bytes if it changed since this was asked last."""
        if not self._changed:
            return None
        self._changed = False
        return msgspec.msgpack.encode(self._seen)

    def restore(self, cell: bytes) -> None:
        """Take back what `dirty_cell` gave."""
        self._seen = msgspec.msgpack.decode(cell, type=dict[str, list[Seen]])
