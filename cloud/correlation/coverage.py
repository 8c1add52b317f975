"""What is known of each device, and up to when: watermarks and blind spans."""

import bisect
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

import msgspec

from cloud.correlation.verdict import BlindSpan
from contract.batch import Coverage

NOTHING: Final = -(1 << 62)
"""The watermark of a device nobody has said anything of."""

Spans = list[tuple[int, int]]


class CoverageBook:
    """The coverage statements taken in so far: watermarks only rise, blind spans only grow."""

    def __init__(self) -> None:
        self.complete: dict[str, int] = {}
        self._blind: dict[str, Spans] = {}
        self._changed = False

    def take(self, device: str, coverage: Coverage) -> tuple[bool, Spans]:
        """Take in a statement; whether the watermark rose, and the blind spans that were not known before."""
        rose = coverage.complete_to > self.complete.get(device, NOTHING)
        if rose:
            self.complete[device] = coverage.complete_to
        fresh = [piece for start, end in coverage.blind for piece in self._add(device, start, end)]
        self._changed |= rose or bool(fresh)
        return rose, fresh

    def lagging(self, devices: Iterable[str], needed: int) -> str | None:
        """A device that is not complete beyond `needed`: an event at that very moment might still come."""
        get = self.complete.get
        for device in devices:
            if get(device, NOTHING) <= needed:
                return device
        return None

    def least(self, devices: Iterable[str]) -> int:
        """How far all of them are known; `NOTHING` when there is none."""
        get = self.complete.get
        return min([get(device, NOTHING) for device in devices], default=NOTHING)

    def blind(self, devices: Iterable[str], first: int, last: int) -> tuple[BlindSpan, ...]:
        """The blind spans of the devices that touch the moments `first..last`, both included; by device.

        Only the parts that touch them: what is told does not change while a device stays away.
        """
        if not self._blind:
            return ()
        return tuple(
            BlindSpan(device, max(start, first), min(end, last + 1))
            for device in sorted(devices)
            for start, end in self._blind.get(device, ())
            if start <= last and end > first
        )

    def gaps(self, device: str) -> Sequence[tuple[int, int]]:
        """The blind spans of a device, in order."""
        return self._blind.get(device, ())

    def _add(self, device: str, start: int, end: int) -> Spans:
        """Join a span to those that are known; the parts of it that are new."""
        if start >= end:
            return []
        spans = self._blind.setdefault(device, [])
        touching = [span for span in spans if span[0] <= end and start <= span[1]]
        fresh, reached = [], start
        for known in touching:
            if reached < known[0]:
                fresh.append((reached, known[0]))
            reached = max(reached, known[1])
        if reached < end:
            fresh.append((reached, end))
        for span in touching:
            spans.remove(span)
            start, end = min(start, span[0]), max(end, span[1])
        bisect.insort(spans, (start, end))
        return fresh

    def dirty_cell(self) -> bytes | None:
        """The book as bytes if it changed since this was asked last."""
        if not self._changed:
            return None
        self._changed = False
        return msgspec.msgpack.encode((self.complete, self._blind))

    def restore(self, cell: bytes) -> None:
        """Take back what `dirty_cell` gave."""
        complete, blind = msgspec.msgpack.decode(cell, type=tuple[dict[str, int], dict[str, Spans]])
        self.complete.update(complete)
        self._blind.update(blind)


def covered_up_to(complete: Mapping[str, int], devices: Iterable[str]) -> tuple[tuple[str, int], ...]:
    """How far each of the devices is known, as an overdue alert tells it; 0 for never."""
    return tuple((device, max(0, complete.get(device, 0))) for device in sorted(devices))
