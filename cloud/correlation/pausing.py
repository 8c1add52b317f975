"""Which events stop the clock of an obligation and let it run again (`pauses`), and what they put off. Pure."""

from collections.abc import Iterator, Sequence
from typing import Final

import msgspec

from cloud.correlation.people import lets_through
from cloud.correlation.rules import Pauses
from contract.events import Event
from contract.site import Site

PauseMark = tuple[int, str, int, bool]
"""`(at, device, seq, begins)`: a pause begins, or is over."""
FOREVER: Final = 1 << 62
LONGEST_MS: Final = 10 * 366 * 86_400_000
"""So long a pause may last and still put off a limit."""


class Pausing:
    """Answers for one version of a response rule at one site."""

    def __init__(self, wanted: Pauses, site: Site) -> None:
        self._wanted = wanted
        self.telling = frozenset(one.id for one in site.file.devices if site.emits(one) & wanted.types)

    def says(self, event: Event) -> bool | None:
        """Whether an event begins a pause; False where it ends one, None where it says nothing of it."""
        if event.type in self._wanted.from_.types and lets_through(self._wanted.from_, event):
            return True
        if event.type in self._wanted.to.types and lets_through(self._wanted.to, event):
            return False
        return None


class Limit(msgspec.Struct, frozen=True, gc=False):
    """A limit as pauses put it off; `paused`: since when one runs whose end is not known, so that the clock stands."""

    at: int
    paused: int | None = None

    def told_at(self, moment: int) -> int:
        """The limit where something at a moment ended the pause that runs."""
        return self.at if self.paused is None else self.at + max(0, moment - self.paused)


def pauses(marks: Sequence[PauseMark]) -> Iterator[tuple[int, int | None]]:
    """The pauses by marks in order: one within another is none of its own."""
    since: int | None = None
    for at, _, _, begins in marks:
        if begins and since is None:
            since = at
        elif not begins and since is not None:
            yield since, at
            since = None
    if since is not None:
        yield since, None


def put_off(end: int, marks: Sequence[PauseMark]) -> Limit:
    """A limit moved by each pause that begins before it; `marks` are those since it counts."""
    for since, until in pauses(marks):
        if since >= end:
            break
        if until is None:
            return Limit(end, since)
        end += until - since
    return Limit(end)
