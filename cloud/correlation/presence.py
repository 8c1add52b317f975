"""Where people are: their latest scan or entry."""

import bisect
from typing import Final

import msgspec

from cloud.correlation.coverage import NOTHING
from cloud.correlation.people import qualifies
from cloud.correlation.rules import By
from contract.site import Site

Seen = tuple[int, str, int, str]
"""`(at, device, seq, zone)`; zone is empty where it is not known."""
_PREFIX: Final = "presence|"
_KEPT_FROM: Final = "presence|"


class Presence:
    """The location events of known people, in order; older ones are let go with `forget_before`."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self._seen: dict[str, list[Seen]] = {}
        self._changed: set[str] = set()
        self.kept_from = NOTHING
        """What was before may have been let go."""

    def note(self, person: str, seen: Seen) -> bool:
        """Take in a location event; false when it was known."""
        known = self._seen.setdefault(person, [])
        place = bisect.bisect_left(known, seen)
        if place < len(known) and known[place][:3] == seen[:3]:
            return False
        known.insert(place, seen)
        self._changed.add(person)
        return True

    def there(
        self, zones: frozenset[str] | None, at: int, ttl: int, by: By | None
    ) -> tuple[int, str, int] | None:
        """The latest event `(at, device, seq)` that puts a qualifying person into one of the zones (None: any)."""
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
        return best[:3] if best else None

    def forget_before(self, moment: int) -> None:
        """Let go of what is older, but for each person's last event before it."""
        if moment <= self.kept_from:
            return
        self.kept_from = moment
        for person, known in self._seen.items():
            place = bisect.bisect_left(known, (moment,)) - 1
            if place > 0:
                del known[:place]
                self._changed.add(person)

    def dirty_cells(self) -> dict[str, bytes | None]:
        """By name, what is known of each person of whom it changed since this was asked last."""
        if not self._changed:
            return {}
        cells: dict[str, bytes | None] = {
            _PREFIX + person: msgspec.msgpack.encode(self._seen[person]) for person in self._changed
        }
        self._changed = set()
        cells[_KEPT_FROM] = msgspec.msgpack.encode(self.kept_from)
        return cells

    def restore(self, name: str, cell: bytes) -> bool:
        """Take back a cell of `dirty_cells`; false when it is somebody else's."""
        if not name.startswith(_PREFIX):
            return False
        if name == _KEPT_FROM:
            self.kept_from = msgspec.msgpack.decode(cell, type=int)
        elif (person := name.removeprefix(_PREFIX)) in self._site.people:
            self._seen[person] = msgspec.msgpack.decode(cell, type=list[Seen])
        return True
