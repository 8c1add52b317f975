"""The kind `recurrence`: something must happen at least every P at each selected device.

In a window, each anchor (its start, then each qualifying event) opens an obligation that the next event of the
window meets (verdicts.md section 3).
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Final

import numpy as np
from numpy.typing import NDArray

from cloud.correlation.coverage import NOTHING
from cloud.correlation.episodes import Chain, ColumnTaker, Host, Past, ReadingTaker, Told
from cloud.correlation.measured import firsts_and_lasts, measures
from cloud.correlation.people import lets_through, qualifies
from cloud.correlation.recurrence_chain import RecurrenceChain, VersionOf
from cloud.correlation.rules import Recurrence, RuleVersion, Select
from cloud.correlation.verdict import Recall, Verdict
from cloud.correlation.windows import Span, WindowsOf
from contract.events import Event, word_heard_at
from contract.site import Device, Site

_DAY_MS: Final = 86_400_000
_LOOK_BACK: Final = 4
"""How many periods before a late event are recalled, at least a day."""


class RecurrenceMachine:
    """See `Machine`. All devices and versions of one rule."""

    def __init__(self, versions: Iterable[RuleVersion], site: Site, host: Host, data_from: int) -> None:
        self._host = host
        self._site = site
        self._lines: list[tuple[VersionOf, WindowsOf, dict[str, RecurrenceChain]]] = []
        self._begun: int = NOTHING
        self._next: int | None = NOTHING
        self.rule = ""
        for dated in versions:
            if isinstance(dated.rule, Recurrence):
                self._add(dated, dated.rule, data_from)

    def _add(self, dated: RuleVersion, rule: Recurrence, data_from: int) -> None:
        self.rule = rule.id
        version = VersionOf(dated, rule, self._host)
        first = max(version.start, data_from)
        windows = WindowsOf(rule.during, self._site, first, joined=True)
        chains = {
            device.id: RecurrenceChain(version, device.id, windows)
            for device in self._site.file.devices
            if selects(rule.select, device)
            and (
                self._site.emits(device) & rule.expect.types
                or measures(self._site, device, version.point, rule.select)
            )
        }
        for chain in chains.values():
            self._host.depends(self, chain, (chain.key,))
        # A permit makes holes in a device's windows: nothing falls due in them, and all begins anew behind them.
        for device in chains.keys() & dated.suspended.keys():
            own = WindowsOf(rule.during, self._site, first, dated.suspended[device], joined=True)
            chains[device] = RecurrenceChain(version, device, own)
            self._host.depends(self, chains[device], (device,))
            self._lines.append((version, own, {device: chains.pop(device)}))
        self._lines.append((version, windows, chains))

    def routes(self) -> Mapping[str, list[Callable[[Event, int], None]]]:
        """See `Machine.routes`."""
        found: dict[str, list[Callable[[Event, int], None]]] = {}
        for version, _, chains in self._lines:
            for name in version.rule.expect.types:
                found.setdefault(name, []).append(self._taker(version, chains))
        return found

    def _taker(self, version: VersionOf, chains: dict[str, RecurrenceChain]) -> Callable[[Event, int], None]:
        host = self._host

        def take(event: Event, seq: int) -> None:
            chain = chains.get(event.device)
            if chain is None or not self._counts(version, event):
                return
            at = _at(event)
            if host.keep_ms is not None and chain.misses((at, event.device, seq)):
                if chain.window(at) is not None:
                    host.recall(self, chain.key, (at, at + 1))
            elif chain.put(at, seq):
                host.mark(chain)

        return take

    def _counts(self, version: VersionOf, event: Event) -> bool:
        """Whether an event of the right type is what the rule expects, by whom it expects it of."""
        if not lets_through(version.rule.expect, event):
            return False
        if version.rule.by is None:
            return True
        person = self._site.people.get(event.person) if event.person else None
        return person is not None and qualifies(person, version.rule.by, event.at, self._site)

    def readers(self) -> Mapping[tuple[str, str], list[ReadingTaker]]:
        """See `Machine.readers`: readings where a measurement is asked for."""
        found: dict[tuple[str, str], list[ReadingTaker]] = {}
        for chain, point in self._measured():
            found.setdefault((chain.key, point), []).append(self._reader(chain))
        return found

    def column_readers(self) -> Mapping[tuple[str, str], list[ColumnTaker]]:
        """See `Machine.column_readers`."""
        found: dict[tuple[str, str], list[ColumnTaker]] = {}
        for chain, point in self._measured():
            found.setdefault((chain.key, point), []).append(self._column_reader(chain))
        return found

    def _measured(self) -> Iterator[tuple[RecurrenceChain, str]]:
        for version, _, chains in self._lines:
            if version.point is not None:
                for chain in chains.values():
                    yield chain, version.point

    def _reader(self, chain: RecurrenceChain) -> ReadingTaker:
        host = self._host

        def take(at: int, _value: float) -> None:
            if host.keep_ms is not None and chain.misses_reading(at):
                if chain.window(at) is not None:
                    host.recall(self, chain.key, (at, at + 1))
            elif chain.put_reading(at):
                host.mark(chain)
            else:
                host.changed(chain)

        return take

    def _column_reader(self, chain: RecurrenceChain) -> ColumnTaker:
        def take(at: NDArray[np.int64], _values: NDArray[np.float64]) -> None:
            every = chain.every
            moments = np.sort(at[chain.within(at)])
            for column in firsts_and_lasts(moments, every):
                for moment in column.tolist():
                    chain.put_reading(moment)
            self._host.mark(chain)

        return take

    def begin(self, now: int) -> None:
        """See `Machine.begin`: a window that starts before `now` has begun, and readings count whose stretch is over."""
        for chain, _ in self._measured():
            if chain.pass_to(now):
                self._host.mark(chain)
        if self._next is None or now <= self._next:
            return
        for version, windows, chains in self._lines:
            for start in windows.starts(self._begun - 1, now):
                if version.judges(start):
                    self._open(chains, start)
        self._begun = now
        starts = [windows.next_start(now) for _, windows, _ in self._lines]
        self._next = min((start for start in starts if start is not None), default=None)

    def _open(self, chains: dict[str, RecurrenceChain], start: int) -> None:
        for chain in chains.values():
            if chain.open_window(start):
                self._host.mark(chain)

    def next_opening(self) -> int | None:
        """See `Machine.next_opening`."""
        ends = [chain.next_at() for chain, _ in self._measured()]
        ends += [None if self._next is None or self._next == NOTHING else self._next + 1]
        return min((end for end in ends if end is not None), default=None)

    # --- what was let go

    def ask(self, key: str, missing: Span) -> Recall:
        """See `Machine.ask`."""
        types: set[str] = set()
        ends, every = [missing[1]], 0
        for version, _, chains in self._lines:
            types |= version.rule.expect.types
            every = max(every, version.every)
            if key in chains:
                ends.append(chains[key].kept_from + 1)
        start = missing[0] - max(_DAY_MS, _LOOK_BACK * every)
        points = {
            (key, version.point) for version, _, chains in self._lines if version.point and key in chains
        }
        if points:  # a stretch is needed whole
            start -= start % every
        return Recall(
            rule=self.rule,
            key=key,
            types=tuple(sorted(types)),
            start=start,
            end=max(ends),
            points=tuple(sorted(points)),
        )

    def take_back(self, recall: Recall, missing: Span, past: Past, told: Mapping[int, Told]) -> Span | None:
        """See `Machine.take_back`. More is needed where the anchor before the span is further back."""
        since = missing[0]
        if self.ask(recall.key, missing).end > recall.end:  # more was let go since
            return missing
        more: list[int] = []
        for version, _, chains in self._lines:
            chain = chains.get(recall.key)
            if chain is None:
                continue
            chain.reopen(recall.start, told)
            for event in past.events:
                wanted = event.device == chain.key and event.type in version.rule.expect.types
                if wanted and self._counts(version, event):
                    chain.put(_at(event), event.seq)
            for device, point, at, _ in past.readings:
                if (device, point) == (chain.key, version.point):
                    chain.take_reading_back(at)
            chain.reopened()
            self._host.mark(chain)
            window = chain.window(since)
            if window is not None and window[0] < recall.start and chain.kept_from >= since:
                more.append(max(window[0], since - _LOOK_BACK * (since - recall.start)))
        return (min(more), missing[1]) if more else None

    def restore(self, name: str, cell: bytes) -> Chain | None:
        """See `Machine.restore`."""
        for _, _, chains in self._lines:
            for chain in chains.values():
                if chain.name == name:
                    chain.decode(cell)
                    return chain
        return None

    def verdicts(self, now: int) -> Iterable[Verdict]:
        """See `Machine.verdicts`."""
        for _, _, chains in self._lines:
            for chain in chains.values():
                yield from chain.all_verdicts(now)


def _at(event: Event) -> int:
    """When an event counts: what a person only said, from when it was heard."""
    heard = word_heard_at(event)
    return event.at if heard is None else heard


def selects(select: Select, device: Device) -> bool:
    """Whether a device meets every line of a selection."""
    return (
        _among(device.id, select.id)
        and _among(device.zone, select.zone)
        and _among(device.profile, select.profile)
        and (select.tag is None or any(_among(tag, select.tag) for tag in device.tags))
    )


def _among(name: str | None, names: str | tuple[str, ...] | None) -> bool:
    return names is None or name in ((names,) if isinstance(names, str) else names)
