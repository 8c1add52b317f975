"""What is remembered of episodes that were decided and let go: enough to tell which late news could change them."""

import bisect
from typing import Final

import msgspec

from cloud.correlation.coverage import NOTHING
from cloud.correlation.episodes import MARKS_MS

Place = tuple[int, str, int]
"""`(at, device, seq)`: where an event stands among all."""
ALWAYS: Final = (NOTHING, "", 0)
"""The bound of an episode that no evidence can change."""


class Mark(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """An episode that was let go: who opened it, and the bound from which evidence can't change it.

    `met` is true where a blind source changes nothing. `reach`: the last moment at which a trigger joins it; None
    where that was not remembered.
    """

    opener: Place
    until: Place
    met: bool
    reach: int | None = None

    @property
    def opened_at(self) -> int:
        """When it opened."""
        return self.opener[0]


class Marks:
    """The marks of one key in order. `forgotten`: those that opened before it are gone."""

    def __init__(self) -> None:
        self._marks: list[Mark] = []
        self._settled_by = NOTHING
        self._changed = False
        self.forgotten = NOTHING

    @property
    def last(self) -> Mark | None:
        """The one that opened last."""
        return self._marks[-1] if self._marks else None

    def add(self, mark: Mark) -> None:
        """An episode after all others was let go."""
        self._marks.append(mark)
        self._settled_by = max(self._settled_by, mark.until[0])
        self._changed = True

    def reaches(self, reach: int) -> None:
        """How far the last one reaches."""
        self._marks[-1] = msgspec.structs.replace(self._marks[-1], reach=reach)
        self._changed = True

    def before(self, place: Place) -> Mark | None:
        """The one that opened last at or before a place."""
        found = bisect.bisect_right(self._marks, place, key=_opener) - 1
        return self._marks[found] if found >= 0 else None

    def changed_by(self, evidence: Place, error: int, horizon: int) -> int | None:
        """When the first episode opened that evidence may change; it is a guess where marks are gone.

        Args:
            evidence: Where it stands.
            error: Its clock error in ms.
            horizon: How long after its opening evidence can change an episode, in ms.
        """
        first = evidence[0] - horizon
        if first < self.forgotten:
            return first
        if evidence[0] > self._settled_by:
            return None
        for mark in self._between(first, evidence[0] + error):
            if evidence < mark.until:
                return mark.opened_at
        return None

    def first_between(self, first: int, last: int) -> int | None:
        """When the first episode in `[first, last]` opened; it is a guess where marks are gone."""
        if first < self.forgotten:
            return first
        found = self._between(first, last)
        return found[0].opened_at if found else None

    def first_unmet(self, first: int, last: int) -> int | None:
        """When the first episode in `[first, last]` opened that was not met; a guess where marks are gone."""
        if first < self.forgotten:
            return first
        return next((mark.opened_at for mark in self._between(first, last) if not mark.met), None)

    def _between(self, first: int, last: int) -> list[Mark]:
        start = bisect.bisect_left(self._marks, first, key=_opened_at)
        return self._marks[start : bisect.bisect_right(self._marks, last, start, key=_opened_at)]

    def take_back(self, since: int) -> None:
        """The episodes from a moment on are no longer let go."""
        start = bisect.bisect_left(self._marks, since, key=_opened_at)
        if start < len(self._marks):
            del self._marks[start:]
            self._changed = True

    def forget(self, latest: int) -> None:
        """Let go of marks that nobody is likely to ask for, but for the last of them."""
        gone = bisect.bisect_left(self._marks, latest - MARKS_MS, key=_opened_at) - 1
        if gone > 0:
            self.forgotten = self._marks[gone].opened_at
            del self._marks[:gone]
            self._changed = True

    def dirty_cell(self) -> bytes | None:
        """All of them as bytes if they changed since this was asked last."""
        if not self._changed:
            return None
        self._changed = False
        return msgspec.msgpack.encode((self._marks, self.forgotten))

    def restore(self, cell: bytes) -> None:
        """Take back what `dirty_cell` gave."""
        self._marks, self.forgotten = msgspec.msgpack.decode(cell, type=tuple[list[Mark], int])
        self._settled_by = max((mark.until[0] for mark in self._marks), default=NOTHING)


def bound(found: Place | None, opened_at: int, horizon: int) -> Place:
    """From where on evidence can't change an episode: the deciding event, or the end of its horizon."""
    return found or (opened_at + horizon + 1, "", 0)


def _opened_at(mark: Mark) -> int:
    return mark.opened_at


def _opener(mark: Mark) -> Place:
    return mark.opener
