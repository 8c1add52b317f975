"""The machine that kinds share which judge by timelines: events and readings to the timelines they matter to."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Final

from typing_extensions import override

from cloud.correlation.episodes import Chain, ColumnTaker, Host, Machine, Past, ReadingTaker, Told
from cloud.correlation.timeline import READ, Dated, Mark, Span, Timeline, Times, Values
from cloud.correlation.verdict import Recall, Verdict
from contract.events import Event

_LOOK_BACK_MS: Final = 86_400_000
_FURTHER: Final = 4
"""How many times further back is looked each time that the mark before a late event is not found."""

Line = tuple[Dated, dict[str, Timeline]]
"""A version of a rule, and its timelines by key."""


class TimelineMachine(Machine):
    """See `Machine`: all keys and versions of a rule whose kind judges by timelines."""

    def __init__(self, rule: str, lines: Sequence[Line], host: Host, data_from: int) -> None:
        self._rule = rule
        self.host = host
        self._data_from = data_from
        self.lines = lines
        self._told_by: list[dict[str, list[Timeline]]] = []
        for _, chains in lines:
            told_by: dict[str, list[Timeline]] = {}
            for chain in chains.values():
                host.depends(self, chain, chain.devices)
                for device in chain.devices:
                    told_by.setdefault(device, []).append(chain)
            self._told_by.append(told_by)

    @property
    @override
    def rule(self) -> str:
        return self._rule

    @override
    def routes(self) -> Mapping[str, list[Callable[[Event, int], None]]]:
        found: dict[str, list[Callable[[Event, int], None]]] = {}
        for number, (version, _) in enumerate(self.lines):
            for name in version.types:
                found.setdefault(name, []).append(self.taker(number, version))
        return found

    def taker(self, number: int, version: Dated) -> Callable[[Event, int], None]:
        """What takes the events of a line."""

        def take(event: Event, seq: int) -> None:
            chains = self.timelines(number, event)
            mark = version.says(event, seq) if chains else None
            if mark is not None:
                for chain in chains:
                    self.put(chain, mark)

        return take

    def timelines(self, number: int, event: Event) -> Sequence[Timeline]:
        """The timelines of a line that an event can matter to."""
        return self._told_by[number].get(event.device, ())

    @override
    def readers(self) -> Mapping[tuple[str, str], list[ReadingTaker]]:
        found: dict[tuple[str, str], list[ReadingTaker]] = {}
        for (version, _), told_by in zip(self.lines, self._told_by, strict=True):
            for point in version.points:
                for device, chains in told_by.items():
                    takers = found.setdefault((device, point), [])
                    takers += [self._reader(version, chain, device) for chain in chains]
        return found

    def _reader(self, version: Dated, chain: Timeline, device: str) -> ReadingTaker:
        def take(at: int, value: float) -> None:
            meaning = version.meaning(value)
            if meaning >= 0:
                self.put(chain, Mark(at, device, meaning - READ, meaning))

        return take

    @override
    def column_readers(self) -> Mapping[tuple[str, str], list[ColumnTaker]]:
        found: dict[tuple[str, str], list[ColumnTaker]] = {}
        for (version, _), told_by in zip(self.lines, self._told_by, strict=True):
            for point in version.points:
                for device, chains in told_by.items():
                    takers = found.setdefault((device, point), [])
                    takers += [self._column_reader(version, chain, device) for chain in chains]
        return found

    def _column_reader(self, version: Dated, chain: Timeline, device: str) -> ColumnTaker:
        def take(at: Times, values: Values) -> None:
            if chain.put_column(device, at, version.meanings(values)):
                self.host.mark(chain)

        return take

    def put(self, chain: Timeline, mark: Mark) -> None:
        """Hand a mark to a timeline, or ask for what is needed again where it comes too late."""
        late = chain.late_for(mark) if self.host.keep_ms is not None else None
        if late is not None:
            self.host.recall(self, chain.key, late)
        elif chain.put(mark):
            self.host.mark(chain)

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
        points: set[tuple[str, str]] = set()
        ends = [missing[1]]
        for version, chains in self.lines:
            types |= version.types
            if key in chains:
                ends.append(chains[key].kept_from + 1)
                points |= {(device, point) for device in chains[key].devices for point in version.points}
        start = max(missing[0] - self.look_back(), self.first_opening())
        return Recall(
            rule=self._rule,
            key=key,
            types=tuple(sorted(types)),
            points=tuple(sorted(points)),
            start=start,
            end=max(ends),
        )

    @override
    def take_back(self, recall: Recall, missing: Span, past: Past, told: Mapping[int, Told]) -> Span | None:
        """More is needed where no mark before the span tells how it began, or not all of what that began is there."""
        if self.ask(recall.key, missing).end > recall.end:  # more was let go since
            return missing
        anchors: list[tuple[int, int]] = []
        for number, (_, chains) in enumerate(self.lines):
            chain = chains.get(recall.key)
            if chain is None:
                continue
            chain.reopen(recall.start, told)
            marks = sorted(self._marks(number, chain, past))
            for mark in marks:
                chain.put(mark)
            anchor = chain.anchor([mark for mark in marks if mark.at < missing[0]])
            anchors += [anchor] if anchor is not None else []
            chain.reopened()
            self.host.mark(chain)
        if recall.start <= self._data_from:
            return None
        if anchors:
            needed, at = min(anchors)
            return None if needed >= recall.start else (at + 1, missing[1])
        return max(self._data_from, missing[0] - _FURTHER * (missing[0] - recall.start)), missing[1]

    def _marks(self, number: int, chain: Timeline, past: Past) -> Iterator[Mark]:
        version = self.lines[number][0]
        for event in past.events:
            if event.type in version.types and chain in self.timelines(number, event):
                mark = version.says(event, event.seq)
                if mark is not None:
                    yield mark
        for device, point, at, value in past.readings:
            if point in version.points and device in chain.devices:
                meaning = version.meaning(value)
                if meaning >= 0:
                    yield Mark(at, device, meaning - READ, meaning)

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
