"""Whether blind time could hide a run that counts (verdicts.md section 6, sessions). Pure.

Between two known starts or stops of a device a hidden run has its start and its stop in blind time, or takes a known
one for either. What excludes a run, an event that must not be in it or a reading out of range, cuts such a stretch.
"""

from collections.abc import Iterator, Sequence
from typing import Final

import msgspec

from cloud.correlation.coverage import NOTHING
from cloud.correlation.runs import FOREVER, Meaning, in_order
from cloud.correlation.timeline import Mark, Span

_EDGES: Final = frozenset({Meaning.START, Meaning.STOP})


class Terms(msgspec.Struct, frozen=True):
    """What a run needs: a length in ms between two, both included, something that must be in it, a good reading."""

    shortest: int
    longest: int
    must: bool
    read: bool

    @property
    def wait(self) -> int:
        """How long the stop of a run is waited for whose start is hidden; without an end, no longer than it must be."""
        return self.longest if self.longest < FOREVER else self.shortest


class Stretch(msgspec.Struct):
    """The time from one known start or stop to the next; None where there is none. `counts`: it is a run that counts."""

    first: Mark | None
    last: Mark | None
    inner: list[Mark]
    counts: bool = False

    @property
    def begin(self) -> int:
        """Its first moment."""
        return self.first.at if self.first else NOTHING

    @property
    def end(self) -> int:
        """Its last moment."""
        return self.last.at if self.last else FOREVER


class Piece(msgspec.Struct):
    """A part of a stretch that nothing in it excludes, both ends included: a run may have `start` and `stop`, if known."""

    begin: int
    end: int
    start: int | None = None
    stop: int | None = None


class Hidden(msgspec.Struct, frozen=True):
    """`possible`: blind time could hide a run that counts. `until`: the last moment whose events could make it so."""

    possible: bool
    until: int = NOTHING


def stretches(marks: Sequence[Mark], counted: frozenset[Span]) -> Iterator[Stretch]:
    """The stretches of marks. `counted`: start and stop of the runs that count."""
    stretch = Stretch(None, None, [])
    for mark in in_order(marks):
        if mark.meaning not in _EDGES:
            stretch.inner.append(mark)
            continue
        stretch.last = mark
        edges = stretch.first is not None and stretch.first.meaning == Meaning.START
        stretch.counts = edges and mark.meaning == Meaning.STOP and (stretch.begin, mark.at) in counted
        yield stretch
        stretch = Stretch(mark, None, [])
    yield stretch


def pieces(stretch: Stretch) -> Iterator[Piece]:
    """What is left of a stretch between what excludes a run."""
    first, last = stretch.first, stretch.last
    piece = Piece(stretch.begin, stretch.end)
    if first is not None and first.meaning == Meaning.START:
        piece.start = first.at
    for mark in stretch.inner:
        if mark.meaning in {Meaning.MUST_NOT, Meaning.BAD}:
            piece.end = mark.at
            yield piece
            # A reading at a start's moment belongs to the run, one at its stop's does not.
            piece = Piece(mark.at + (mark.meaning == Meaning.BAD), stretch.end)
    if last is not None and last.meaning == Meaning.STOP:
        piece.stop = last.at
    yield piece


def hidden_runs(
    marks: Sequence[Mark], gaps: Sequence[Span], period: Span, terms: Terms, counted: frozenset[Span]
) -> Hidden:
    """Whether blind `gaps` could hide one more run that counts and starts in the period."""
    until = NOTHING
    for stretch in stretches(marks, counted):
        if stretch.end < period[0] or stretch.begin >= period[1]:
            continue
        more = stretch.counts and period[0] <= stretch.begin
        for piece in pieces(stretch):
            look = _Look(piece, gaps, period, terms, stretch.inner)
            if more:
                if look.holds_two():
                    return Hidden(possible=True)
                continue
            if look.holds_one():
                return Hidden(possible=True)
            last = look.last_start()
            if last is not None:
                until = max(until, min(last + terms.wait, piece.end))
    return Hidden(possible=False, until=until)


class _Look:
    """What could be hidden in one piece."""

    def __init__(
        self, piece: Piece, gaps: Sequence[Span], period: Span, terms: Terms, inner: Sequence[Mark]
    ) -> None:
        self._piece, self._period, self._terms, self._inner = piece, period, terms, inner
        # The first and the last hidden moment of each gap, as far as they are in the piece.
        self._hidden = [
            (max(start, piece.begin), min(end - 1, piece.end))
            for start, end in gaps
            if max(start, piece.begin) <= min(end - 1, piece.end)
        ]

    def last_start(self) -> int | None:
        """When a hidden run could begin at the latest."""
        return max((last for _, last in self._starts()), default=None)

    def holds_one(self) -> bool:
        """Whether one run fits that counts."""
        return self._fits_hidden(NOTHING) or self._fits_known_start() or self._fits_known()

    def holds_two(self) -> bool:
        """Whether what is known as one run that counts could be two."""
        start = self._piece.start
        if start is None:
            return False
        least = max(start + self._terms.shortest, self._read_from(start))
        stops = [max(first, least) for first, last in self._hidden if last >= least]
        return bool(stops) and self._fits_hidden(min(stops))

    def _starts(self) -> list[Span]:
        first, last = self._period
        return [
            (max(start, first), min(end, last - 1))
            for start, end in self._hidden
            if max(start, first) <= min(end, last - 1)
        ]

    def _stops(self) -> list[Span]:
        stop = self._piece.stop
        return [*self._hidden, *([(stop, stop)] if stop is not None else [])]

    def _fits_hidden(self, since: int) -> bool:
        """Whether a run with a hidden start fits; what it must have and its reading are hidden at its start."""
        least = max(self._terms.shortest, int(self._terms.read))
        reach = self._period[1] + self._terms.wait
        return any(
            max(stop[0] - start[1], least)
            <= min(min(stop[1], reach) - max(start[0], since), self._terms.longest)
            for start in self._starts()
            if start[1] >= since
            for stop in self._stops()
        )

    def _fits_known_start(self) -> bool:
        """Whether the known start may have a hidden stop; what it must have is hidden with that."""
        start = self._piece.start
        if start is None or not self._period[0] <= start < self._period[1]:
            return False
        least = max(start + self._terms.shortest, self._read_from(start))
        most = start + self._terms.longest
        return any(max(first, least) <= min(last, most) for first, last in self._hidden)

    def _fits_known(self) -> bool:
        """Whether a known run counts with what is hidden in it."""
        start, stop = self._piece.start, self._piece.stop
        if start is None or stop is None or not self._period[0] <= start < self._period[1]:
            return False
        long_enough = self._terms.shortest <= stop - start <= self._terms.longest
        has = not self._terms.must or bool(self._hidden) or self._is_there(Meaning.MUST)
        return long_enough and has and stop >= self._read_from(start)

    def _is_there(self, meaning: Meaning) -> bool:
        return any(mark.meaning == meaning for mark in self._inner)

    def _read_from(self, start: int) -> int:
        """The first moment behind a good reading, known or hidden, of a run that starts then."""
        if not self._terms.read:
            return start
        known = [mark.at for mark in self._inner if mark.meaning == Meaning.GOOD and mark.at >= start]
        hidden = [max(first, start) for first, last in self._hidden if last >= start]
        return min([*known, *hidden], default=FOREVER) + 1
