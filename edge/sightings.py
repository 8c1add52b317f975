"""Reads that count only when they are repeated: a beacon somewhere near, a cheap reader's ghosts. Pure."""

from typing import Final

import msgspec

from contract.duration import parse_duration
from contract.profile.messages import Confirm

MOST: Final = 1_000
"""Beacons of passers-by are many; the one not seen for longest is forgotten first."""


class _Sighting(msgspec.Struct):
    count: int
    first: int
    last: int
    told: bool = False


class Sightings:
    """Who was seen how often at one device. Times are boot clock ms. `cards`: those that the site knows."""

    def __init__(self, cards: frozenset[str] = frozenset()) -> None:
        self._cards = cards
        self._seen: dict[str, _Sighting] = {}

    def counts(self, confirm: Confirm, person: str, now: int, *, near: bool) -> bool:
        """Whether this read makes a scan: the last of enough in a row, by somebody who was not there before."""
        again_ms, within_ms = parse_duration(confirm.again_after).ms, parse_duration(confirm.within).ms
        sighting = self._seen.pop(person, None)
        if sighting is not None and now - sighting.last > (again_ms if sighting.told else within_ms):
            sighting = None
        if not near:
            if sighting is not None and sighting.told:
                self._seen[person] = sighting
            return False
        if sighting is None:
            sighting = _Sighting(0, now, now)
            while len(self._seen) >= MOST:
                del self._seen[next(iter(self._seen))]
        self._seen[person] = sighting
        if not sighting.told and now - sighting.first > within_ms:
            sighting.count, sighting.first = 0, now
        sighting.count += 1
        sighting.last = now
        times = 1 if confirm.known_at_once and person in self._cards else confirm.times
        if sighting.told or sighting.count < times:
            return False
        sighting.told = True
        return True
