"""The engine of one site: events and coverage in, effects out. Pure; incremental, and equal to judging anew.

What is decided for good is let go, so that memory is bounded by what is undecided; an event that comes against a
coverage statement makes the engine ask for its surroundings (`Recall`).
"""

import heapq
import itertools
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Final, TypeVar

import msgspec
import numpy as np
from numpy.typing import NDArray

from cloud.correlation.coverage import CoverageBook
from cloud.correlation.duration import duration_machine
from cloud.correlation.episodes import (
    Chain,
    Judged,
    Machine,
    Past,
    Span,
    overdue_of,
    tell,
    told_before,
    wants_alert,
)
from cloud.correlation.presence import Presence
from cloud.correlation.quota import quota_machine
from cloud.correlation.recurrence import RecurrenceMachine
from cloud.correlation.response import ResponseMachine
from cloud.correlation.rules import (
    Duration,
    Quota,
    Recurrence,
    Response,
    RuleBook,
    RuleVersion,
    Staffing,
    Tour,
)
from cloud.correlation.staffing import StaffingMachine, staffing_machine
from cloud.correlation.tour import tour_machine
from cloud.correlation.verdict import Effect, Outcome, Reason, Recall, Revised, Verdict
from contract.batch import Coverage
from contract.events import KNOWN_TYPES, LOCATION_TYPES, Event, Quality, Readings, is_dated
from contract.site import Site
from contract.site_parts import event_zone

DEFAULT_KEEP_MS: Final = 26 * 3_600_000
"""How long evidence is kept for triggers that come late without contradicting a coverage statement."""
_COVERAGE: Final = "coverage"
_LATE: Final = "late"
_LATEST: Final = "latest"

Taker = Callable[[Event, int], None]
Point = tuple[str, str]
_T = TypeVar("_T")


_MOST_NAMES: Final = 1000
"""How many unknown names are counted apart, so that nobody fills the memory with made-up ones."""


class UnknownEvents:
    """How many events came of types or devices that nobody knows; such events are kept, and decide nothing."""

    def __init__(self) -> None:
        self.types: Counter[str] = Counter()
        self.devices: Counter[str] = Counter()

    def count_type(self, name: str) -> None:
        """One more event of an unknown type."""
        self.types[name if name in self.types or len(self.types) < _MOST_NAMES else "…"] += 1

    def count_device(self, event: Event) -> None:
        """One more event of a device that the site does not have; screens are no devices of a site."""
        if not event.type.startswith("operator."):
            known = event.device in self.devices or len(self.devices) < _MOST_NAMES
            self.devices[event.device if known else "…"] += 1


class Engine:
    """Judges one site. `data_from` is the start of the data; `keep_ms` None lets nothing go (replay)."""

    def __init__(
        self, site: Site, rules: RuleBook, *, data_from: int, keep_ms: int | None = DEFAULT_KEEP_MS
    ) -> None:
        self.book = CoverageBook()
        self.keep_ms = keep_ms
        self.latest = self._kept_latest = data_from
        self.unknown_events = UnknownEvents()
        self._site = site
        self._devices = frozenset(site.devices)
        self._data_from = data_from
        self._presence = Presence(site)
        self._dirty: dict[str, Chain] = {}
        self._changed: dict[str, Chain] = {}
        self._gone: set[str] = set()
        self._dependents: dict[str, dict[str, tuple[Machine, Chain]]] = {}
        self._timers: list[tuple[int, int, Chain, int]] = []
        self._waits: dict[str, list[tuple[int, int, Chain, int]]] = {}
        self._ticket = itertools.count()
        self._late: dict[tuple[str, str], Span] = {}
        self._asked: dict[tuple[str, str], Span] = {}
        self._late_changed = False
        self._machines = {rule: self._machine(versions) for rule, versions in _by_rule(rules).items()}
        self._routes = self._all_routes()
        machines = self._machines.values()
        self._readers = _by_point(machine.readers() for machine in machines)
        self._column_readers = _by_point(machine.column_readers() for machine in machines)

    def on_events(self, events: Sequence[Event], *, seq_base: int = 0) -> None:
        """Take in events; the identity of each is `(device, seq_base + seq)`. Known ones change nothing.

        What nobody knows when it was (`contract.events.is_dated`) opens, proves and ends nothing.
        """
        takers_of, known = self._routes.get, self._devices
        latest = self.latest
        for event in events:
            if takers := takers_of(event.type):
                seq = seq_base + event.seq
                if event.at > latest:
                    self.latest = latest = event.at
                if len(event.data) > 2 and not is_dated(event):
                    continue
                for take in takers:
                    take(event, seq)
            elif takers is None:
                self.unknown_events.count_type(event.type)
            if event.device not in known:
                self.unknown_events.count_device(event)

    def on_readings(self, readings: Readings) -> None:
        """Take in readings; those that are not good say nothing. Known ones change nothing."""
        takers_of, good = self._readers.get, Quality.GOOD
        if not self._readers:
            return
        rows = zip(
            readings.device, readings.point, readings.at, readings.value, readings.quality, strict=True
        )
        for device, point, at, value, quality in rows:
            takers = takers_of((device, point))
            if takers and quality is good and value is not None:
                self.latest = max(self.latest, at)
                for take in takers:
                    take(at, value)

    def on_column(self, device: str, point: str, at: NDArray[np.int64], values: NDArray[np.float64]) -> None:
        """Take in all the good readings there are of a point, in any order, after events and coverage.

        For replay (`keep_ms` None): nothing may be let go before. Times in ms and values are of one length.
        """
        for take in self._column_readers.get((device, point), ()):
            take(at, values)

    @property
    def asked_points(self) -> Iterable[tuple[str, str]]:
        """The `(device, point)` whose readings a rule asks about."""
        return self._readers.keys()

    def on_coverage(self, device: str, coverage: Coverage) -> None:
        """Take in a statement of how far a device is known. Known ones change nothing."""
        rose, blind = self.book.take(device, coverage)
        if rose and (waits := self._waits.get(device)):
            while waits and waits[0][0] < coverage.complete_to:
                _, _, chain, opened_at = heapq.heappop(waits)
                chain.touch(opened_at)
                self._dirty[chain.name] = chain
        for start, end in blind:
            for machine, chain in self._dependents.get(device, {}).values():
                if chain.touch_blind(start, end):
                    self.mark(chain)
                since = chain.unsettled_by(start, end)
                if since is not None:
                    self.recall(machine, chain.key, (since, since + 1))

    def settle(self, now: int) -> list[Effect]:
        """What has become true by `now`, in an order that depends on the content alone."""
        for machine in self._machines.values():
            machine.begin(now)
        while self._timers and self._timers[0][0] <= now:
            _, _, chain, opened_at = heapq.heappop(self._timers)
            chain.touch(opened_at)
            self._dirty[chain.name] = chain
        effects: list[Effect] = []
        dirty, self._dirty = self._dirty, {}
        for name in sorted(dirty):
            self._settle_chain(dirty[name], now, effects)
        self._changed.update(dirty)
        self._forget_presence()
        self._ask(effects)
        return effects

    def next_deadline(self) -> int | None:
        """When `settle` wants to be called next, in ms; None when nothing waits. What is past means: at once."""
        openings = [machine.next_opening() for machine in self._machines.values()]
        wanted = [moment for moment in openings if moment is not None]
        if self._timers:
            wanted.append(self._timers[0][0])
        if self._dirty or self._late:
            wanted.append(self._data_from)
        return min(wanted, default=None)

    def dirty_cells(self) -> dict[str, bytes | None]:
        """The parts of the engine's memory that changed since the last call, by name; None: gone."""
        cells: dict[str, bytes | None] = dict.fromkeys(self._gone)
        for chain in self._changed.values():
            cells |= chain.dirty_cells()
        self._changed, self._gone = {}, set()
        book = self.book.dirty_cell()
        if book is not None:
            cells[_COVERAGE] = book
        if self.latest != self._kept_latest:
            cells[_LATEST] = msgspec.msgpack.encode(self.latest)
            self._kept_latest = self.latest
        if self._late_changed:
            cells[_LATE] = self._late_cell()
            self._late_changed = False
        return cells | self._presence.dirty_cells()

    def _late_cell(self) -> bytes | None:
        """What must be looked up still: what was asked and not answered is asked again."""
        waiting = [(*name, span) for asked in (self._late, self._asked) for name, span in asked.items()]
        return msgspec.msgpack.encode(waiting) if waiting else None

    def restore(self, cells: Mapping[str, bytes]) -> None:
        """Take back what `dirty_cells` gave over time. Cells of rules that are no more go."""
        for name, cell in sorted(cells.items()):
            if name == _COVERAGE:
                self.book.restore(cell)
            elif name == _LATEST:
                self.latest = self._kept_latest = msgspec.msgpack.decode(cell, type=int)
            elif name == _LATE:
                for rule, key, missing in msgspec.msgpack.decode(cell, type=list[tuple[str, str, Span]]):
                    if rule in self._machines:
                        self.recall(self._machines[rule], key, missing)
            elif not self._presence.restore(name, cell):
                self._restore_chain(name, cell)
        for machine in self._machines.values():
            if isinstance(machine, StaffingMachine):
                machine.resumed(self.latest)

    def on_history(self, recall: Recall, past: Past, last: Sequence[Revised]) -> None:
        """The answer to a `Recall`: what is stored, events with their full identities, and what was told last."""
        missing = self._asked.pop((recall.rule, recall.key), None)
        self._late_changed = True
        machine = self._machines.get(recall.rule)
        if missing is None or machine is None:
            return
        for event in past.events:
            if event.type in LOCATION_TYPES:
                self._note(event, event.seq)
        told = {one.verdict.opened_at: told_before(one) for one in last}
        in_order = sorted(past.events, key=lambda event: (event.at, event.device, event.seq))
        more = machine.take_back(recall, missing, Past(in_order, sorted(past.readings)), told)
        if more is not None:
            self.recall(machine, recall.key, more)

    def verdicts(self, now: int) -> list[Verdict]:
        """Every episode that is kept, as of `now`, sorted by `(rule, key, opened_at)`."""
        found: list[Verdict] = []
        for machine in self._machines.values():
            machine.begin(now)
            found += machine.verdicts(now)
        return sorted(
            found, key=lambda verdict: (verdict.rule, verdict.key, verdict.opened_at, verdict.evidence)
        )

    def mark(self, chain: Chain) -> None:
        """See `Host.mark`."""
        self._dirty[chain.name] = self._changed[chain.name] = chain

    def changed(self, chain: Chain) -> None:
        """See `Host.changed`."""
        self._changed[chain.name] = chain

    def depends(self, machine: Machine, chain: Chain, devices: Iterable[str]) -> None:
        """See `Host.depends`."""
        for device in devices:
            self._dependents.setdefault(device, {})[chain.name] = (machine, chain)

    def recall(self, machine: Machine, key: str, missing: Span) -> None:
        """See `Host.recall`."""
        name = (machine.rule, key)
        known = self._late.get(name, missing)
        self._late[name] = min(known[0], missing[0]), max(known[1], missing[1])
        self._late_changed = True

    def _machine(self, versions: list[RuleVersion]) -> Machine:
        site, since = self._site, self._data_from
        match versions[0].rule:
            case Response():
                return ResponseMachine(versions, site, self, self._presence)
            case Recurrence():
                return RecurrenceMachine(versions, site, self, since)
            case Duration():
                return duration_machine(versions, site, self, since)
            case Quota():
                return quota_machine(versions, site, self, since)
            case Tour():
                return tour_machine(versions, site, self, since)
            case Staffing():
                return staffing_machine(versions, site, self, since)

    def _all_routes(self) -> dict[str, tuple[Taker, ...]]:
        found: dict[str, list[Taker]] = {name: [] for name in KNOWN_TYPES}
        for machine in self._machines.values():
            for name, takers in machine.routes().items():
                found.setdefault(name, []).extend(takers)
        if any(machine.ttl for machine in self._responses()):
            for name in LOCATION_TYPES:
                found.setdefault(name, []).append(self._locate)
        return {name: tuple(takers) for name, takers in found.items()}

    def _responses(self) -> list[ResponseMachine]:
        return [machine for machine in self._machines.values() if isinstance(machine, ResponseMachine)]

    def _locate(self, event: Event, seq: int) -> None:
        if self._note(event, seq):
            for machine in self._responses():
                if machine.ttl:
                    machine.located(event.at)

    def _note(self, event: Event, seq: int) -> bool:
        person = self._site.people.get(event.person) if event.person else None
        device = self._site.devices.get(event.device)
        if device is None or person is None:
            return False
        return self._presence.note(
            person.id, (event.at, event.device, seq, event_zone(self._site, event) or "")
        )

    def _settle_chain(self, chain: Chain, now: int, effects: list[Effect]) -> None:
        final = False
        for judged in chain.judge(now):
            self._told(chain, judged, now, effects)
            final |= judged.verdict.final
        for opened_at in chain.vanished():
            self._told(chain, Judged(_void(chain.told[opened_at].verdict)), now, effects)
        if final and self.keep_ms is not None:
            chain.let_go(now)

    def _told(self, chain: Chain, judged: Judged, now: int, effects: list[Effect]) -> None:
        opened_at = judged.verdict.opened_at
        before = chain.told.get(opened_at)
        if before is not None or not judged.quiet:
            told, revised = tell(before, judged.verdict, now)
            if revised is not None:
                effects.append(revised)
            if wants_alert(told, judged):
                effects.append(overdue_of(judged.verdict, chain.links()))
                told = msgspec.structs.replace(told, alerted=True)
            chain.told[opened_at] = told
        if judged.wake is not None:
            heapq.heappush(self._timers, (judged.wake, next(self._ticket), chain, opened_at))
        if judged.lagging is not None:
            waits = self._waits.setdefault(judged.lagging, [])
            heapq.heappush(waits, (judged.beyond, next(self._ticket), chain, opened_at))

    def _restore_chain(self, name: str, cell: bytes) -> None:
        machine = self._machines.get(name.partition("|")[2].partition("|")[0])
        chain = machine.restore(name, cell) if machine else None
        if chain is None:
            self._gone.add(name)
        else:
            self._dirty[name] = chain

    def _ask(self, effects: list[Effect]) -> None:
        for name in sorted(self._late.keys() - self._asked.keys()):
            missing = self._asked[name] = self._late.pop(name)
            effects.append(self._machines[name[0]].ask(name[1], missing))

    def _forget_presence(self) -> None:
        """Let go of locations that no trigger still to come can use."""
        machines = [machine for machine in self._responses() if machine.ttl]
        if self.keep_ms is None or not machines:
            return
        coming = min(machine.triggered_up_to(self.latest) for machine in machines)
        opened = [moment for machine in machines if (moment := machine.oldest_open()) is not None]
        oldest = min([max(coming, self.latest - self.keep_ms), *opened])
        self._presence.forget_before(oldest - max(machine.ttl for machine in machines))


def _by_point(found: Iterable[Mapping[Point, list[_T]]]) -> dict[Point, tuple[_T, ...]]:
    merged: dict[Point, list[_T]] = {}
    for of_machine in found:
        for point, takers in of_machine.items():
            merged.setdefault(point, []).extend(takers)
    return {point: tuple(takers) for point, takers in merged.items()}


def _by_rule(rules: RuleBook) -> dict[str, list[RuleVersion]]:
    found: dict[str, list[RuleVersion]] = {}
    for version in rules.versions:
        found.setdefault(version.rule.id, []).append(version)
    return found


def _void(verdict: Verdict) -> Verdict:
    in_time = verdict.kind in {"duration", "staffing"}
    reason = Reason.ENDED_IN_TIME if in_time else Reason.JOINED_ANOTHER
    # A state that turned out to be none was not kept either: it has no length.
    elapsed = None if in_time else verdict.elapsed_ms
    return msgspec.structs.replace(
        verdict, outcome=Outcome.VOID, reason=reason, final=True, overdue=False, elapsed_ms=elapsed
    )
