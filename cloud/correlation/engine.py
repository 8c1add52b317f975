"""The engine of one site: events and coverage in, effects out. Pure; incremental, and equal to judging anew.

What is decided for good is let go, so that memory is bounded by what is undecided; an event that comes against a
coverage statement makes the engine ask for its surroundings (`Recall`).
"""

import heapq
import itertools
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Final

import msgspec

from cloud.correlation.coverage import CoverageBook
from cloud.correlation.episodes import Chain, Judged, Late, Machine, Told, overdue_of, tell, wants_alert
from cloud.correlation.presence import Presence
from cloud.correlation.recurrence import RecurrenceMachine
from cloud.correlation.response import ResponseMachine
from cloud.correlation.rules import Response, RuleBook, RuleVersion
from cloud.correlation.sources import zone_of
from cloud.correlation.verdict import Effect, Outcome, Reason, Recall, Revised, Verdict
from contract.batch import Coverage
from contract.events import LOCATION_TYPES, Event
from contract.site import Site

DEFAULT_KEEP_MS: Final = 26 * 3_600_000
"""How long evidence is kept for triggers that come late without contradicting a coverage statement."""
_COVERAGE: Final = "coverage"
_PRESENCE: Final = "presence"

Taker = Callable[[Event, int], None]


class Engine:
    """Judges one site. `data_from` is the start of the data; `keep_ms` None lets nothing go (replay)."""

    def __init__(
        self, site: Site, rules: RuleBook, *, data_from: int, keep_ms: int | None = DEFAULT_KEEP_MS
    ) -> None:
        self.book = CoverageBook()
        self.keep_ms = keep_ms
        self.latest = data_from
        self._site = site
        self._rules = rules
        self._data_from = data_from
        self._presence = Presence(site)
        self._dirty: dict[str, Chain] = {}
        self._changed: dict[str, Chain] = {}
        self._dependents: dict[str, dict[str, Chain]] = {}
        self._timers: list[tuple[int, int, Chain, int]] = []
        self._waits: dict[str, list[tuple[int, int, Chain, int]]] = {}
        self._ticket = itertools.count()
        self._late: dict[tuple[str, str], list[Late]] = {}
        self._asked: set[tuple[str, str]] = set()
        self._histories: list[tuple[Recall, Sequence[Event], Sequence[Revised]]] = []
        self._machines = {rule: self._machine(versions) for rule, versions in _by_rule(rules).items()}
        self._routes = self._all_routes()

    def on_events(self, events: Sequence[Event], *, seq_base: int = 0) -> None:
        """Take in events; the identity of each is `(device, seq_base + seq)`. Known ones change nothing."""
        routes = self._routes
        latest = self.latest
        for event in events:
            takers = routes.get(event.type)
            if takers is not None:
                seq = seq_base + event.seq
                if event.at > latest:
                    self.latest = latest = event.at
                for take in takers:
                    take(event, seq)

    def on_coverage(self, device: str, coverage: Coverage) -> None:
        """Take in a statement of how far a device is known. Known ones change nothing."""
        rose, blind = self.book.take(device, coverage)
        if rose and (waits := self._waits.get(device)):
            while waits and waits[0][0] < coverage.complete_to:
                _, _, chain, opened_at = heapq.heappop(waits)
                chain.touch(opened_at)
                self._dirty[chain.name] = chain
        for start, end in blind:
            for chain in self._dependents.get(device, {}).values():
                if chain.touch_blind(start, end):
                    self._dirty[chain.name] = chain

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
        self._amend(now, effects)
        self._ask(effects)
        self._forget_presence()
        return effects

    def next_deadline(self) -> int | None:
        """When `settle` wants to be called next, in ms; None when nothing waits for time alone."""
        openings = [machine.next_opening() for machine in self._machines.values()]
        wanted = [moment for moment in openings if moment is not None]
        if self._timers:
            wanted.append(self._timers[0][0])
        return min(wanted, default=None)

    def dirty_cells(self) -> dict[str, bytes | None]:
        """The parts of the engine's memory that changed since the last call, by name; None: gone."""
        cells: dict[str, bytes | None] = {name: chain.encode() for name, chain in self._changed.items()}
        self._changed = {}
        shared = {_COVERAGE: self.book.dirty_cell(), _PRESENCE: self._presence.dirty_cell()}
        return cells | {name: cell for name, cell in shared.items() if cell is not None}

    def restore(self, cells: Mapping[str, bytes]) -> None:
        """Take back what `dirty_cells` gave over time. Cells of rules that are no more are passed over."""
        for name, cell in sorted(cells.items()):
            if name == _COVERAGE:
                self.book.restore(cell)
            elif name == _PRESENCE:
                self._presence.restore(cell)
            else:
                self._restore_chain(name, cell)

    def on_history(self, recall: Recall, events: Sequence[Event], last: Sequence[Revised]) -> None:
        """The answer to a `Recall`: the stored events with their full identities, and what was told last."""
        self._histories.append((recall, events, last))

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
        self._dirty[chain.name] = chain

    def changed(self, chain: Chain) -> None:
        """See `Host.changed`."""
        self._changed[chain.name] = chain

    def depends(self, chain: Chain, devices: Iterable[str]) -> None:
        """See `Host.depends`."""
        for device in devices:
            self._dependents.setdefault(device, {})[chain.name] = chain

    def recall(self, late: Late) -> None:
        """See `Host.recall`."""
        self._late.setdefault((late.recall.rule, late.recall.key), []).append(late)

    def _machine(self, versions: list[RuleVersion]) -> Machine:
        if isinstance(versions[0].rule, Response):
            return ResponseMachine(versions, self._site, self, self._presence)
        return RecurrenceMachine(versions, self._site, self, self._data_from)

    def _all_routes(self) -> dict[str, tuple[Taker, ...]]:
        found: dict[str, list[Taker]] = {}
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
        device = self._site.devices.get(event.device)
        person = self._site.people.get(event.person) if event.person else None
        if device is None or person is None:
            return
        seen = (event.at, event.device, seq, zone_of(device, event.zone) or "")
        if self._presence.note(person.id, seen):
            for machine in self._responses():
                if machine.ttl:
                    machine.located(event, seq)

    def _settle_chain(self, chain: Chain, now: int, effects: list[Effect]) -> None:
        final: list[int] = []
        for judged in chain.judge(now):
            self._told(chain, judged, now, effects)
            if judged.verdict.final:
                final.append(judged.verdict.opened_at)
        for opened_at in chain.vanished():
            gone = _void(chain.told[opened_at].verdict)
            self._told(chain, Judged(gone), now, effects)
        if self.keep_ms is not None:
            for opened_at in final:
                chain.let_go(opened_at)

    def _told(self, chain: Chain, judged: Judged, now: int, effects: list[Effect]) -> None:
        opened_at = judged.verdict.opened_at
        told, revised = tell(chain.told.get(opened_at), judged.verdict, now)
        if revised is not None:
            effects.append(revised)
        if wants_alert(told):
            effects.append(overdue_of(judged.verdict, chain.links()))
            told = Told(told.verdict, told.revision, alerted=True, cleared=False)
        chain.told[opened_at] = told
        if judged.wake is not None:
            heapq.heappush(self._timers, (judged.wake, next(self._ticket), chain, opened_at))
        if judged.lagging is not None:
            waits = self._waits.setdefault(judged.lagging, [])
            heapq.heappush(waits, (judged.beyond, next(self._ticket), chain, opened_at))

    def _restore_chain(self, name: str, cell: bytes) -> None:
        machine = self._machines.get(name.split("|", 2)[1])
        if machine is None:
            return
        try:
            chain = machine.restore(name, cell)
        except KeyError:
            return
        self._dirty[name] = chain

    def _ask(self, effects: list[Effect]) -> None:
        for key in sorted(self._late.keys() - self._asked):
            recalls = [late.recall for late in self._late[key]]
            start, end = min(one.start for one in recalls), max(one.end for one in recalls)
            effects.append(msgspec.structs.replace(recalls[0], start=start, end=end))
            self._asked.add(key)

    def _amend(self, now: int, effects: list[Effect]) -> None:
        histories, self._histories = self._histories, []
        for recall, events, last in histories:
            self._asked.discard((recall.rule, recall.key))
            lates = self._late.pop((recall.rule, recall.key), [])
            effects += self._amended(recall, events, last, lates, now)

    def _amended(
        self, recall: Recall, events: Sequence[Event], last: Sequence[Revised], lates: list[Late], now: int
    ) -> Iterable[Effect]:
        first, until = min(late.first for late in lates), max(late.last for late in lates)
        judged = self._judged_anew(recall, [*events, *map(_identified, lates)], now)
        told = {revised.verdict.opened_at: revised for revised in last}
        kept = self._kept(recall)
        verdicts = {verdict.opened_at: verdict for verdict in judged if verdict.opened_at not in kept}
        for opened_at in sorted(verdicts.keys() | told.keys()):
            if first <= opened_at <= until and opened_at not in kept:
                before = told.get(opened_at)
                verdict = verdicts.get(opened_at) or _void(told[opened_at].verdict)
                memory = Told(before.verdict, before.revision) if before else None
                revised = tell(memory, verdict, now)[1]
                if revised is not None:
                    yield revised

    def _judged_anew(self, recall: Recall, events: Sequence[Event], now: int) -> list[Verdict]:
        versions = tuple(version for version in self._rules.versions if version.rule.id == recall.rule)
        start = max(self._data_from, recall.start)
        apart = Engine(self._site, RuleBook(versions), data_from=start, keep_ms=None)
        apart.book.share(self.book)
        apart.on_events(events)
        return [
            verdict
            for verdict in apart.verdicts(now)
            if verdict.key == recall.key and (verdict.opened_at > start or start == self._data_from)
        ]

    def _kept(self, recall: Recall) -> set[int]:
        machine = self._machines[recall.rule]
        return {opened_at for chain in machine.chains_of(recall.key) for opened_at in chain.told}

    def _forget_presence(self) -> None:
        if self.keep_ms is None:
            return
        machines = [machine for machine in self._responses() if machine.ttl]
        opened = [moment for machine in machines if (moment := machine.oldest_open()) is not None]
        most = max((machine.ttl for machine in machines), default=0)
        oldest = min([self.latest - self.keep_ms, *opened])
        self._presence.forget_before(oldest - most)


def _by_rule(rules: RuleBook) -> dict[str, list[RuleVersion]]:
    found: dict[str, list[RuleVersion]] = {}
    for version in rules.versions:
        found.setdefault(version.rule.id, []).append(version)
    return found


def _identified(late: Late) -> Event:
    return msgspec.structs.replace(late.event, seq=late.identity)


def _void(verdict: Verdict) -> Verdict:
    return msgspec.structs.replace(
        verdict, outcome=Outcome.VOID, reason=Reason.JOINED_ANOTHER, final=True, overdue=False
    )
