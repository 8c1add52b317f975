"""What kinds share that judge a device by the whole of its recent events: few events, all looked at anew each time.

A timeline keeps marks, one for each event that matters, back to the oldest that something undecided needs.
"""

import bisect
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Final, Protocol

import msgspec
from typing_extensions import override

from cloud.correlation.coverage import NOTHING, covered_up_to
from cloud.correlation.episodes import MARKS_MS, Chain, Host, Judged, Machine, Told
from cloud.correlation.rules import RuleVersion
from cloud.correlation.verdict import Outcome, Recall, Verdict
from contract.events import Event

_LOOK_BACK_MS: Final = 86_400_000
_FURTHER: Final = 4
"""How many times further back is looked each time that the mark before a late event is not found."""

Mark = tuple[int, int, int]
"""`(at, seq, meaning)`; what the meaning is, the kind knows."""
Span = tuple[int, int]


class Dated(Protocol):
    """A version of a rule, ready to judge."""

    host: Host

    @property
    def types(self) -> frozenset[str]:
        """The event types that it asks about."""
        ...

    def judges(self, opened_at: int) -> bool:
        """Whether it was in force at that moment."""
        ...

    def says(self, event: Event) -> int | None:
        """What an event of those types means; None for nothing."""
        ...


class InForce:
    """The span of a version."""

    def __init__(self, dated: RuleVersion) -> None:
        self.start, self.end = dated.start, dated.end

    def judges(self, opened_at: int) -> bool:
        """Whether it was in force at that moment."""
        return self.start <= opened_at and (self.end is None or opened_at < self.end)


class Timeline(ABC):
    """See `Chain`: one device's marks under one version of a rule."""

    def __init__(self, name: str, device: str, version: Dated) -> None:
        self.name = name
        self.key = device
        self.marks: list[Mark] = []
        self.base = NOTHING
        """From when on episodes are judged here; kinds of which each is whole by itself move it."""
        self._version = version
        self._told: dict[int, Told] = {}
        self._floor: tuple[int, int] | None = None
        self._lapses: list[int] = []
        self._dirty = False
        self._yielded: dict[int, Judged] = {}

    @abstractmethod
    def judged(self, now: int) -> Iterator[Judged]:
        """Every episode of what is kept, as of now."""

    @abstractmethod
    def needed_from(self) -> int | None:
        """The moment from which marks are needed for what is undecided; None when only the last is."""

    @property
    def told(self) -> dict[int, Told]:
        """See `Chain.told`."""
        return self._told

    @property
    def complete(self) -> int:
        """How far the device is known."""
        return self._version.host.book.complete.get(self.key, NOTHING)

    @property
    def kept_from(self) -> int:
        """From when on all is kept."""
        return max(self._floor[0] if self._floor else NOTHING, self.base)

    def misses(self, at: int, seq: int) -> bool:
        """Whether an event comes too late for what is kept."""
        return at < self.base or (self._floor is not None and (at, seq) < self._floor)

    def is_open(self, opened_at: int) -> bool:
        """Whether what was told of an episode is not the last word."""
        told = self._told.get(opened_at)
        return told is None or not told.verdict.final

    def put(self, mark: Mark) -> bool:
        """Take in what an event says; false when it is known."""
        place = bisect.bisect_left(self.marks, mark[:2], key=lambda one: one[:2])
        if place < len(self.marks) and self.marks[place][:2] == mark[:2]:
            return False
        self.marks.insert(place, mark)
        self._dirty = True
        return True

    def look(self) -> None:
        """All of it is to be judged."""
        self._dirty = True

    def judge(self, now: int) -> Iterable[Judged]:
        """See `Chain.judge`: all that changed since it was told."""
        if not self._dirty:
            return
        self._dirty = False
        current = {judged.verdict.opened_at: judged for judged in self.judged(now)}
        before, self._yielded = self._yielded, current
        for opened_at, judged in sorted(current.items()):
            if before.get(opened_at) != judged:
                yield judged

    def touch(self, opened_at: int) -> None:
        """See `Chain.touch`. The same verdict is to be told its next moment again."""
        self._yielded.pop(opened_at, None)
        self._dirty = True

    def touch_blind(self, start: int, end: int) -> bool:  # noqa: ARG002 - all of it is judged anew
        """See `Chain.touch_blind`."""
        known = bool(self.marks or self._told)
        self._dirty |= known
        return known

    def unsettled_by(self, start: int, end: int) -> int | None:
        """See `Chain.unsettled_by`: blind time may change anything that was let go around it."""
        if start >= self.kept_from:
            return None
        place = bisect.bisect_left(self._lapses, start - MARKS_MS)
        found = self._lapses[place] if place < len(self._lapses) else None
        return found if found is not None and found < end else None

    def let_go(self, now: int) -> None:  # noqa: ARG002 - what is open shows by itself
        """See `Chain.let_go`: all that nothing undecided needs, but for the last mark."""
        if not self.marks:
            return
        needed = self.needed_from()
        keep_from = self.marks[-1][0] if needed is None else min(needed, self.marks[-1][0])
        count = bisect.bisect_left(self.marks, keep_from, key=lambda one: one[0])
        if not count:
            return
        del self.marks[:count]
        self._floor = self.marks[0][:2]
        self.forget(keep_from)

    def forget(self, before: int) -> None:
        """Let go of what was decided of episodes that opened before a moment, but for that they were."""
        gone = [moment for moment in self._told if moment < before and not self.is_open(moment)]
        for opened_at in gone:
            told = self._told.pop(opened_at)
            self._yielded.pop(opened_at, None)
            if told.verdict.outcome is not Outcome.VOID:
                bisect.insort(self._lapses, opened_at)
        del self._lapses[: bisect.bisect_left(self._lapses, before - MARKS_MS)]

    def reopen(self, since: int, told: Mapping[int, Told]) -> None:
        """Take back what was told from `since` on."""
        for opened_at, last in told.items():
            if opened_at >= since and self._version.judges(opened_at):
                self._told.setdefault(opened_at, last)
        del self._lapses[bisect.bisect_left(self._lapses, since) :]
        self.reopen_base(since)

    def reopen_base(self, since: int) -> None:
        """All marks from `since` on are back."""
        self.base = min(self.base, since)

    def reopened(self) -> None:
        """What was let go is back."""
        if self._floor and self.marks:
            self._floor = self.marks[0][:2]
        self._yielded.clear()
        self._dirty = True

    def vanished(self) -> list[int]:
        """See `Chain.vanished`: what was told and is none, after all."""
        return [
            opened_at
            for opened_at, told in self._told.items()
            if opened_at not in self._yielded and told.verdict.outcome is not Outcome.VOID
        ]

    def links(self) -> tuple[tuple[str, int], ...]:
        """See `Chain.links`."""
        return covered_up_to(self._version.host.book.complete, (self.key,))

    def dirty_cells(self) -> dict[str, bytes | None]:
        """See `Chain.dirty_cells`."""
        kept = (self.marks, self._told, self._floor, self._lapses, self.base)
        return {self.name: msgspec.msgpack.encode(kept) if self.marks or self._told else None}

    def decode(self, cell: bytes) -> None:
        """Take back what `dirty_cells` gave."""
        shape = tuple[list[Mark], dict[int, Told], tuple[int, int] | None, list[int], int]
        found = msgspec.msgpack.decode(cell, type=shape)
        self.marks, self._told, self._floor, self._lapses, self.base = found
        self._dirty = True


Line = tuple[Dated, dict[str, Timeline]]
"""A version of a rule, and its timelines by device."""


class TimelineMachine(Machine):
    """See `Machine`: all devices and versions of a rule whose kind judges by timelines."""

    def __init__(self, rule: str, lines: Sequence[Line], host: Host, data_from: int) -> None:
        self._rule = rule
        self._host = host
        self._data_from = data_from
        self.lines = lines
        for _, chains in lines:
            for chain in chains.values():
                host.depends(self, chain, (chain.key,))

    @property
    @override
    def rule(self) -> str:
        return self._rule

    @override
    def routes(self) -> Mapping[str, list[Callable[[Event, int], None]]]:
        found: dict[str, list[Callable[[Event, int], None]]] = {}
        for version, chains in self.lines:
            for name in version.types:
                found.setdefault(name, []).append(self._taker(version, chains))
        return found

    def _taker(self, version: Dated, chains: dict[str, Timeline]) -> Callable[[Event, int], None]:
        host = self._host

        def take(event: Event, seq: int) -> None:
            chain = chains.get(event.device)
            meaning = version.says(event) if chain is not None else None
            if chain is None or meaning is None:
                return
            if host.keep_ms is not None and chain.misses(event.at, seq):
                host.recall(self, chain.key, (event.at, event.at + 1))
            elif chain.put((event.at, seq, meaning)):
                host.mark(chain)

        return take

    @override
    def begin(self, now: int) -> None:
        """Time alone begins nothing, unless the kind says so."""

    @override
    def next_opening(self) -> int | None:
        return None

    def look_back(self) -> int:
        """How far before a late event is looked at first, in ms."""
        return _LOOK_BACK_MS

    def first_opening(self) -> int:
        """The earliest moment at which an episode can have opened."""
        return self._data_from

    @override
    def ask(self, key: str, missing: Span) -> Recall:
        types: set[str] = set()
        ends = [missing[1]]
        for version, chains in self.lines:
            types |= version.types
            if key in chains:
                ends.append(chains[key].kept_from + 1)
        start = max(missing[0] - self.look_back(), self.first_opening())
        return Recall(rule=self._rule, key=key, types=tuple(sorted(types)), start=start, end=max(ends))

    @override
    def take_back(
        self, recall: Recall, missing: Span, events: Sequence[Event], told: Mapping[int, Told]
    ) -> Span | None:
        """More is needed where no mark before the span was found."""
        if self.ask(recall.key, missing).end > recall.end:  # more was let go since
            return missing
        before = any(event.at < missing[0] and event.device == recall.key for event in events)
        for version, chains in self.lines:
            chain = chains.get(recall.key)
            if chain is None:
                continue
            chain.reopen(recall.start, told)
            for event in events:
                meaning = version.says(event) if event.device == chain.key else None
                if meaning is not None and event.type in version.types:
                    chain.put((event.at, event.seq, meaning))
            chain.reopened()
            self._host.mark(chain)
        if before or recall.start <= self._data_from:
            return None
        return max(self._data_from, missing[0] - _FURTHER * (missing[0] - recall.start)), missing[1]

    @override
    def restore(self, name: str, cell: bytes) -> Chain | None:
        for _, chains in self.lines:
            for chain in chains.values():
                if chain.name == name:
                    chain.decode(cell)
                    return chain
        return None

    @override
    def verdicts(self, now: int) -> Iterable[Verdict]:
        for _, chains in self.lines:
            for chain in chains.values():
                yield from (judged.verdict for judged in chain.judged(now))
