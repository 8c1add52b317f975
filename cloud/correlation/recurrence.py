"""The kind `recurrence`: something must happen at least every P at each selected device.

In a window, each anchor (its start, then each qualifying event) opens an obligation that the next event of the
window meets (verdicts.md section 3).
"""

import bisect
from collections.abc import Callable, Iterable, Mapping
from typing import Final

import msgspec

from cloud.correlation.coverage import NOTHING, covered_up_to
from cloud.correlation.episodes import MARKS_MS, Chain, ColumnTaker, Host, Judged, Past, ReadingTaker, Told
from cloud.correlation.people import lets_through, qualifies
from cloud.correlation.rules import Recurrence, RuleVersion, Select
from cloud.correlation.verdict import BlindSpan, EventId, Outcome, Reason, Recall, Verdict
from cloud.correlation.windows import Span, WindowsOf
from contract.duration import parse_duration
from contract.events import Event, word_heard_at
from contract.site import Device, Site

_DAY_MS: Final = 86_400_000
_LOOK_BACK: Final = 4
"""How many periods before a late event are recalled, at least a day."""

Anchor = tuple[int, str, int]
"""`(at, device, seq)`; a window's start has no device and the number -1."""


class RecurrenceChain:
    """One device's obligations under one version of a rule."""

    def __init__(self, version: "VersionOf", device: str, windows: "WindowsOf") -> None:
        self.name = f"rec|{version.rule.id}|{version.label}|{device}"
        self.key = device
        self._told: dict[int, Told] = {}
        self._floor: Anchor | None = None
        self._lapses: list[int] = []
        self._version = version
        self._windows = windows
        self._anchors: list[Anchor] = []
        self._dirty: set[int] = set()

    @property
    def told(self) -> dict[int, Told]:
        """See `Chain.told`."""
        return self._told

    @property
    def kept_from(self) -> int:
        """When the first anchor is that is kept where some were let go; all after it is kept too."""
        return self._floor[0] if self._floor else NOTHING

    def misses(self, anchor: Anchor) -> bool:
        """Whether an anchor comes too late for what is kept."""
        return self._floor is not None and anchor < self._floor

    def open_window(self, start: int) -> bool:
        """A window begins: its start is an anchor. False when it is known or let go."""
        anchor = (start, "", -1)
        return not self.misses(anchor) and self._put(anchor)

    def put(self, at: int, seq: int) -> bool:
        """Take in a qualifying event; false when it is known or lies in no window."""
        return self.window(at) is not None and self._put((at, self.key, seq))

    def window(self, at: int) -> Span | None:
        """The window in which a moment lies."""
        return self._windows.holding(at)

    def reopen(self, since: int, told: Mapping[int, Told]) -> None:
        """Take back what was told of anchors from `since` on, and the starts of windows there."""
        for start in self._windows.starts(since - 1, self.kept_from):
            self._put((start, "", -1))
        for opened_at, last in told.items():
            if opened_at >= since and self._version.judges(opened_at):
                self._told.setdefault(opened_at, last)
        del self._lapses[bisect.bisect_left(self._lapses, since) :]

    def reopened(self) -> None:
        """All that was let go is back: look at all of it."""
        if self._floor:
            self._floor = self._anchors[0]
        self._dirty.update(anchor[0] for anchor in self._anchors)

    def _put(self, anchor: Anchor) -> bool:
        place = len(self._anchors)
        if place and anchor <= self._anchors[-1]:
            place = bisect.bisect_left(self._anchors, anchor)
            if self._anchors[place] == anchor:
                return False
        self._anchors.insert(place, anchor)
        self._dirty.add(anchor[0])
        if place:
            self._dirty.add(self._anchors[place - 1][0])
        return True

    def judge(self, now: int) -> Iterable[Judged]:
        """See `Chain.judge`. Of anchors at the same moment the last speaks."""
        dirty, self._dirty = sorted(self._dirty), set()
        for opened_at in dirty:
            place = bisect.bisect_left(self._anchors, (opened_at + 1,)) - 1
            if place >= 0 and self._anchors[place][0] == opened_at:
                judged = self._judge(place, now)
                if judged is not None:
                    yield judged

    def _judge(self, place: int, now: int) -> Judged | None:
        anchor, version = self._anchors[place], self._version
        opened_at, due_at = anchor[0], anchor[0] + version.every
        window = self._windows.holding(opened_at)
        if window is None or due_at >= window[1] or not version.judges(opened_at):
            return None
        found = self._anchors[place + 1] if place + 1 < len(self._anchors) else None
        if found is not None and (found[0] >= window[1] or found[2] < 0):
            found = None
        return self._verdict(anchor, due_at, found, window[1], now)

    def _verdict(self, anchor: Anchor, due_at: int, found: Anchor | None, end: int, now: int) -> Judged:
        book = self._version.host.book
        complete = book.complete.get(self.key, NOTHING)
        blind: tuple[BlindSpan, ...] = ()
        if found is not None and found[0] <= due_at:
            outcome, reason = Outcome.MET, Reason.IN_TIME
        elif now > due_at and complete > due_at:
            blind = book.blind((self.key,), anchor[0], due_at)
            outcome = Outcome.UNKNOWN if blind else Outcome.BREACHED
            late = Reason.LATE if found else Reason.NO_EVIDENCE
            reason = Reason.BLIND if blind else late
        else:
            outcome = Outcome.PENDING
            reason = Reason.WAITING_FOR_COVERAGE if now > due_at else Reason.WAITING
        decided = outcome is not Outcome.PENDING
        needed = found[0] if found else end - 1
        answer = found if decided else None
        verdict = Verdict(
            rule=self._version.rule.id,
            version=self._version.rule.version,
            kind="recurrence",
            key=self.key,
            opened_at=anchor[0],
            due_at=due_at,
            outcome=outcome,
            final=decided and complete > needed,
            reason=reason,
            elapsed_ms=answer[0] - anchor[0] if answer else None,
            evidence=_identities(anchor, answer),
            overdue=not decided and now > due_at,
            blind=blind,
        )
        answered = found is not None
        if verdict.final:
            return Judged(verdict, answered=answered)
        if decided:
            return Judged(verdict, None, self.key, needed, answered)
        if now <= due_at:
            return Judged(verdict, due_at + 1, answered=answered)
        return Judged(verdict, None, self.key, due_at, answered)

    def all_verdicts(self, now: int) -> Iterable[Verdict]:
        """Every obligation kept, as of now. Of anchors at the same moment the last speaks."""
        last = len(self._anchors) - 1
        for place, anchor in enumerate(self._anchors):
            if place < last and self._anchors[place + 1][0] == anchor[0]:
                continue
            judged = self._judge(place, now)
            if judged is not None:
                yield judged.verdict

    def touch(self, opened_at: int) -> None:
        """See `Chain.touch`."""
        self._dirty.add(opened_at)

    def touch_blind(self, start: int, end: int) -> bool:
        """See `Chain.touch_blind`."""
        every = self._version.every
        touched = {anchor[0] for anchor in self._anchors if anchor[0] < end and anchor[0] + every >= start}
        self._dirty |= touched
        return bool(touched)

    def unsettled_by(self, start: int, end: int) -> int | None:
        """See `Chain.unsettled_by`."""
        place = bisect.bisect_left(self._lapses, start - self._version.every)
        found = self._lapses[place] if place < len(self._lapses) else None
        return found if found is not None and found < end else None

    def let_go(self, now: int) -> None:
        """See `Chain.let_go`: from the oldest on, but for the last anchor, which the next event answers.

        An anchor ahead of the clock does not count as the next: a window may begin before it.
        """
        count = 0
        begun = bisect.bisect_left(self._anchors, (now,)) - 1
        while count < begun and not self._is_open(count):
            opened_at = self._anchors[count][0]
            if self._anchors[count + 1][0] != opened_at:
                told = self._told.pop(opened_at, None)
                if told is not None and told.verdict.outcome is not Outcome.MET:
                    self._lapses.append(opened_at)
            count += 1
        if count:
            del self._anchors[:count]
            self._floor = self._anchors[0]
            del self._lapses[: bisect.bisect_left(self._lapses, self._floor[0] - MARKS_MS)]

    def _is_open(self, place: int) -> bool:
        opened_at = self._anchors[place][0]
        told = self._told.get(opened_at)
        return opened_at in self._dirty or (told is not None and not told.verdict.final)

    def vanished(self) -> list[int]:
        """See `Chain.vanished`: an obligation of this kind never vanishes."""
        return []

    def links(self) -> tuple[tuple[str, int], ...]:
        """See `Chain.links`."""
        return covered_up_to(self._version.host.book.complete, (self.key,))

    def dirty_cells(self) -> dict[str, bytes | None]:
        """See `Chain.dirty_cells`."""
        kept = (self._anchors, self._told, self._floor, self._lapses)
        return {self.name: msgspec.msgpack.encode(kept) if self._anchors else None}

    def decode(self, cell: bytes) -> None:
        """Take back what `dirty_cells` gave."""
        shape = tuple[list[Anchor], dict[int, Told], Anchor | None, list[int]]
        self._anchors, self._told, self._floor, self._lapses = msgspec.msgpack.decode(cell, type=shape)
        self._dirty = {anchor[0] for anchor in self._anchors}


class VersionOf:
    """A version of a rule, ready to judge."""

    def __init__(self, dated: RuleVersion, rule: Recurrence, host: Host) -> None:
        self.rule = rule
        self.host = host
        self.every = parse_duration(rule.every).ms
        self.label = dated.label
        self._start, self._end = dated.start, dated.end

    @property
    def start(self) -> int:
        """From when it is in force."""
        return self._start

    def judges(self, opened_at: int) -> bool:
        """Whether it was in force at that moment."""
        return self._start <= opened_at and (self._end is None or opened_at < self._end)


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
            if selects(rule.select, device) and self._site.emits(device) & rule.expect.types
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
        """See `Machine.readers`: this kind asks about events only."""
        return {}

    def column_readers(self) -> Mapping[tuple[str, str], list[ColumnTaker]]:
        """See `Machine.column_readers`."""
        return {}

    def begin(self, now: int) -> None:
        """See `Machine.begin`: a window that starts before `now` has begun."""
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
        return None if self._next is None or self._next == NOTHING else self._next + 1

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
        return Recall(rule=self.rule, key=key, types=tuple(sorted(types)), start=start, end=max(ends))

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


def _identities(anchor: Anchor, found: Anchor | None) -> tuple[EventId, ...]:
    first = ((anchor[1], anchor[2]),) if anchor[2] >= 0 else ()
    return first + (((found[1], found[2]),) if found else ())
