"""Readings that are measurements, thinned for obligations that come back every so often. Pure.

Time is cut into stretches as long as the obligation. Of each the first reading counts, and the last once the stretch is
over: what lies between is never further from the next, so that every gap that is too long shows, and nothing else.
"""

from typing import Final

READING: Final = -8
"""In the place of a number of an event: readings have none."""


class Stretches:
    """The readings of one device, by stretches of `every` ms that are counted from 1970."""

    def __init__(self, every: int) -> None:
        self._every = every
        self.known: dict[int, tuple[int, int]] = {}
        """By number, the first and the last reading."""
        self.over: set[int] = set()

    def put(self, at: int) -> tuple[set[int], set[int]]:
        """Take in a reading: which no longer count with that, and which do now."""
        number = at // self._every
        before = self.counting(at)
        first, last = self.known.get(number, (at, at))
        self.known[number] = min(first, at), max(last, at)
        after = self.counting(at)
        return before - after, after - before

    def pass_to(self, now: int, complete: int) -> set[int]:
        """Which readings count from now on, since their stretches are over: all of it is known, or the next is due."""
        found: set[int] = set()
        for number in self.known.keys() - self.over:
            first, last = self.known[number]
            end = (number + 1) * self._every
            if min(now, complete) >= end or now >= first + self._every:
                self.over.add(number)
                found |= {last} - {first}
        return found

    def next_at(self) -> int | None:
        """When the next stretch may be over."""
        return min(((number + 1) * self._every for number in self.known.keys() - self.over), default=None)

    def forget_before(self, moment: int) -> None:
        """Let go of stretches that were over before a moment."""
        gone = {number for number in self.over if (number + 1) * self._every <= moment}
        self.over -= gone
        self.known = {number: found for number, found in self.known.items() if number not in gone}

    def undone_by(self, at: int) -> set[int]:
        """Which readings would no longer count with another."""
        number = at // self._every
        first, last = self.known.get(number, (at, at))
        after = {min(first, at), max(last, at)} if number in self.over else {min(first, at)}
        return self.counting(at) - after

    def counting(self, at: int) -> set[int]:
        """Which readings count of the stretch in which a moment lies."""
        number = at // self._every
        found = self.known.get(number)
        if found is None:
            return set()
        return set(found) if number in self.over else {found[0]}
