"""The four properties of the engine, and that it equals the slow plain reference, over random small worlds."""

import random
from collections.abc import Callable, Mapping, Sequence

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from cloud.correlation.engine import Engine
from cloud.correlation.episodes import Past, PastReading
from cloud.correlation.verdict import Episode, Outcome, Overdue, Reason, Recall, Revised, Verdict
from contract.events import Event, Readings
from tests.cases import sized
from tests.properties.reference import reference
from tests.properties.worlds import SPAN, START, STEP, History, histories

HOUR = 3_600_000


def plain(verdicts: Sequence[Verdict]) -> list[Verdict]:
    """Verdicts as they are compared: without what joined, which is context and no decision."""
    return [msgspec.structs.replace(verdict, joined=()) for verdict in verdicts]


def replayed(history: History, order: random.Random | None = None) -> list[Verdict]:
    """What an engine that lets nothing go says of a history, in any order of arrival."""
    engine = Engine(history.site, history.rules, data_from=START, keep_ms=None)
    parts: list[object] = [*history.events, *history.statements, *history.readings]
    if order:
        order.shuffle(parts)
    for part in parts:
        give(engine, part)
    return engine.verdicts(history.now)


def give(engine: Engine, part: object) -> None:
    """Hand a part of a history to an engine."""
    if isinstance(part, Event):
        engine.on_events([part])
    elif isinstance(part, Readings):
        engine.on_readings(part)
    else:
        engine.on_coverage(*part)  # type: ignore[misc]


class Live:
    """An engine as the worker runs it: settled at growing moments, asked for history, restarted at will."""

    def __init__(self, history: History, keep_ms: int) -> None:
        self.history = history
        self.keep_ms = keep_ms
        self.engine = self._new()
        self.cells: dict[str, bytes] = {}
        self.seen: list[Event] = []
        self.read: list[PastReading] = []
        self.told: dict[Episode, Revised] = {}
        self.alerts: list[Episode] = []

    def _new(self) -> Engine:
        return Engine(self.history.site, self.history.rules, data_from=START, keep_ms=self.keep_ms)

    def settle(self, now: int) -> None:
        """Settle until nothing more is asked; every revision must follow the one before."""
        asked = True
        while asked:
            asked = False
            for effect in self.engine.settle(now):
                match effect:
                    case Revised():
                        self._note(effect)
                    case Overdue():
                        self.alerts.append(effect.episode)
                    case Recall():
                        asked = True
                        self._answer(effect)
        self._keep(self.engine.dirty_cells())

    def restart(self) -> None:
        """Killed and begun again from what was kept."""
        self.engine = self._new()
        self.engine.restore(self.cells)

    def _note(self, revised: Revised) -> None:
        episode = revised.verdict.episode
        before = self.told.get(episode)
        assert revised.revision == (before.revision + 1 if before else 1), revised
        self.told[episode] = revised

    def _answer(self, recall: Recall) -> None:
        events = [
            event
            for event in self.seen
            if event.type in recall.types and recall.start <= event.at < recall.end
        ]
        read = [row for row in self.read if row[:2] in recall.points and recall.start <= row[2] < recall.end]
        last = [
            revised
            for episode, revised in self.told.items()
            if (episode.rule, episode.key) == (recall.rule, recall.key)
            and recall.start <= episode.opened_at < recall.end
        ]
        self.engine.on_history(recall, Past(events, read), last)

    def _keep(self, cells: Mapping[str, bytes | None]) -> None:
        for name, cell in cells.items():
            if cell is None:
                self.cells.pop(name, None)
            else:
                self.cells[name] = cell

    def take(self, part: object) -> None:
        """An event or a statement comes."""
        give(self.engine, part)
        if isinstance(part, Event):
            self.seen.append(part)
        elif isinstance(part, Readings):
            self.read += [
                (part.device[0], part.point[0], part.at[0], value)
                for value in part.value
                if value is not None
            ]

    def verdicts(self) -> list[Verdict]:
        """What stands told, as the record has it."""
        standing = [
            revised.verdict
            for revised in self.told.values()
            if revised.verdict.outcome is not Outcome.VOID
            or revised.verdict.reason is Reason.NO_LONGER_DUE
            or revised.verdict.is_kept
        ]
        return sorted(standing, key=lambda one: (one.rule, one.key, one.opened_at))


def lived(
    history: History,
    chance: random.Random,
    *,
    restarts: bool,
    keep_ms: int,
    steps: Sequence[int] = (0, STEP, SPAN // 3),
) -> Live:
    """A history lived through: in a random order, in random batches, some things sent twice."""
    parts: list[object] = [*history.events, *history.statements, *history.readings]
    parts += chance.sample(parts, min(3, len(parts)))
    chance.shuffle(parts)
    live = Live(history, keep_ms)
    now = START
    for part in parts:
        live.take(part)
        if chance.random() < 0.5:
            now = min(history.now, now + chance.choice(steps))
            live.settle(now)
            if restarts and chance.random() < 0.5:
                live.restart()
    live.settle(history.now)
    return live


@given(histories())
def test_the_engine_equals_the_slow_plain_reference(history: History) -> None:
    expected = plain(reference(history.site, history.rules, history.known, history.now))
    found = replayed(history)
    assert plain(found) == expected
    assert len({one.episode for one in found}) == len(found), "one episode has one verdict"


@given(histories(), st.randoms(use_true_random=False))
def test_any_order_of_arrival_ends_in_the_same_verdicts(history: History, chance: random.Random) -> None:
    assert replayed(history, chance) == replayed(history)


@given(histories(), st.randoms(use_true_random=False))
def test_batches_duplicates_and_late_arrivals_end_in_the_reference(
    history: History, chance: random.Random
) -> None:
    live = lived(history, chance, restarts=False, keep_ms=100 * HOUR)
    check_against_reference(live, history)


@given(histories(), st.randoms(use_true_random=False))
def test_restarts_change_nothing(history: History, chance: random.Random) -> None:
    live = lived(history, chance, restarts=True, keep_ms=100 * HOUR)
    check_against_reference(live, history)


def is_told(verdict: Verdict) -> bool:
    """A state that may still end in time is nobody's business, nor is one that did before that is sure."""
    early = (verdict.outcome is Outcome.PENDING and not verdict.overdue) or verdict.is_kept > verdict.final
    return not (early and verdict.kind in {"duration", "staffing"})


def check_against_reference(
    live: Live, history: History, as_compared: Callable[[list[Verdict]], list[Verdict]] = plain
) -> None:
    """What stands told equals the reference, and nobody was alarmed twice for one thing."""
    expected = reference(history.site, history.rules, history.known, history.now)
    assert [one for one in as_compared(live.verdicts()) if is_told(one)] == [
        one for one in as_compared(expected) if is_told(one)
    ]
    assert len(live.alerts) == len(set(live.alerts))


@given(histories())
def test_removing_the_deciding_event_changes_the_verdict(history: History) -> None:
    for verdict in replayed(history):
        if verdict.outcome not in {Outcome.MET, Outcome.VOID}:
            continue
        device, seq = verdict.evidence[-1]
        rest = [event for event in history.events if (event.device, event.seq) != (device, seq)]
        without = replayed(msgspec.structs.replace(history, events=rest))
        assert verdict not in without


@sized(0.3)
@given(histories())
def test_the_next_deadline_is_never_behind_what_time_alone_would_change(history: History) -> None:
    live = Live(history, 100 * HOUR)
    for part in [*history.events, *history.statements]:
        live.take(part)
    live.settle(START + SPAN)
    deadline = live.engine.next_deadline()
    told = dict(live.told)
    live.settle(min(deadline or START + 9 * SPAN, START + 9 * SPAN) - 1)
    assert live.told == told
