"""What the rules decide, through the worker: in time, once, over restarts, and amended when evidence comes late."""

import asyncio
from collections.abc import AsyncIterator, Callable

import pytest

from cloud.correlation.engine import Engine
from cloud.correlation.explain import Explainer
from cloud.correlation.rules import EventFilter, Response, RuleBook, RuleVersion
from cloud.correlation.verdict import Outcome, Reason, Revised
from cloud.ingest.desk import SiteSetup
from cloud.store.base import Incident, IncidentKind, IncidentState
from contract.batch import Coverage, Lane
from contract.events import Event
from contract.site import Agent, Device, Site, SiteFile, Zone
from tests.ingest_rig import NOON, Bench
from tests.waiting import until

MINUTE = 60_000
DUE = NOON + 2 * MINUTE
EPISODE = ("demo", "ER-2", "b1", NOON)


def setup(keep_ms: int | None = None) -> SiteSetup:
    """One zone with a panel and a checkpoint; an alarm must be reached in two minutes."""
    site = Site(
        SiteFile(
            site="demo",
            zones=(Zone(id="b1"),),
            devices=(
                Device(id="panel", zone="b1", emits=("fire.alarm",)),
                Device(id="cp", zone="b1", emits=("checkpoint.scan",)),
            ),
            agents=(Agent(id="gw-1"),),
        )
    )
    rule = Response(
        id="ER-2",
        on=EventFilter("fire.alarm"),
        expect=EventFilter("checkpoint.scan"),
        within="2m",
        join="1s",
        horizon="5m",
    )
    keep = {} if keep_ms is None else {"keep_ms": keep_ms}

    def engine(site: Site, rules: RuleBook, data_from: int) -> Engine:
        return Engine(site, rules, data_from=data_from, **keep)

    rules = RuleBook((RuleVersion(rule, 0, None),))
    return SiteSetup(site, rules, engine, Explainer(site, rules).sentence)


class Story:
    """A bench with the site, told step by step."""

    def __init__(self, keep_ms: int | None = None) -> None:
        self.bench = Bench({"demo": setup(keep_ms)})
        self._seq = 0

    def event(self, device: str, kind: str, at: int, **more: int) -> Event:
        self._seq += 1
        return Event(seq=self._seq, at=at, observed_at=at, device=device, type=kind, **more)

    def alarm(self, at: int = NOON) -> Event:
        return self.event("panel", "fire.alarm", at)

    def scan(self, at: int) -> Event:
        return self.event("cp", "checkpoint.scan", at)

    def known(self, panel: int, cp: int, *blind: tuple[int, int]) -> dict[str, Coverage]:
        return {"panel": Coverage(panel), "cp": Coverage(cp, list(blind))}

    async def send(self, *events: Event, sources: dict[str, Coverage] | None = None) -> None:
        """Send, and wait until it is durable."""
        first = events[0].seq if events else self._seq + 1
        last = first + len(events) - 1
        position = self.bench.send(*events, first=first, last=last, sources=sources or {})
        await self.bench.until_taken(position)

    async def heartbeat(self, sources: dict[str, Coverage]) -> None:
        await self.send(sources=sources)

    async def pass_time(self, to: int, step: int = 5_000) -> None:
        """The clock goes on, with the worker looking at it now and then."""
        while self.bench.now < to:
            self.bench.now = min(to, self.bench.now + step)
            self.bench.line.nudge()
            await asyncio.sleep(0.01)
        for _ in range(5):
            self.bench.line.nudge()
            await asyncio.sleep(0.01)

    @property
    def revisions(self) -> list[Revised]:
        return self.bench.held.revisions.get(EPISODE, [])

    @property
    def outcome(self) -> Outcome:
        return self.revisions[-1].verdict.outcome

    def incidents(self, kind: IncidentKind) -> list[Incident]:
        return [row for _, row in self.bench.held.incidents.values() if row.kind is kind]

    @property
    def alerts(self) -> list[bool]:
        """By overdue alert, whether it was withdrawn."""
        return [cleared is not None for _, _, cleared in self.bench.held.alerts.values()]


@pytest.fixture
async def tell() -> AsyncIterator[Callable[..., Story]]:
    stories: list[Story] = []

    def begin(keep_ms: int | None = None) -> Story:
        stories.append(Story(keep_ms))
        stories[-1].bench.start()
        return stories[-1]

    yield begin
    for story in stories:
        await story.bench.stop()


Begin = Callable[..., Story]


async def test_an_alarm_reached_in_time_is_met_and_its_incident_closes(tell: Begin) -> None:
    story = tell()
    await story.send(story.alarm(), sources=story.known(NOON, NOON))
    (open_one,) = story.incidents(IncidentKind.ALARM)
    assert (open_one.kind, open_one.state, open_one.episodes[0].due_at) == (
        IncidentKind.ALARM,
        IncidentState.OPEN,
        DUE,
    )
    await story.pass_time(NOON + 2 * MINUTE)
    await story.send(story.scan(NOON + MINUTE), sources=story.known(NOON + MINUTE + 5, NOON + MINUTE + 5))
    assert story.outcome is Outcome.MET
    (closed,) = story.incidents(IncidentKind.ALARM)
    assert closed.state is IncidentState.CLOSED


async def test_t36_with_the_link_down_there_is_an_alert_but_no_verdict_until_the_backlog_tells(
    tell: Begin,
) -> None:
    story = tell()
    await story.send(story.alarm(), sources=story.known(NOON, NOON))
    await story.pass_time(DUE + MINUTE)
    assert story.alerts == [False]
    (row,) = [row for _, row, _ in story.bench.held.alerts.values()]
    assert 0 <= row.raised_at - DUE <= 5_000
    assert story.outcome is Outcome.PENDING
    await story.send(story.scan(NOON + MINUTE), sources=story.known(DUE + MINUTE, DUE + MINUTE))
    assert story.outcome is Outcome.MET
    assert Outcome.BREACHED not in {revised.verdict.outcome for revised in story.revisions}
    assert story.alerts == [True]


async def test_nobody_came_and_everything_is_known_so_it_is_breached(tell: Begin) -> None:
    story = tell()
    await story.send(story.alarm(), sources=story.known(NOON, NOON))
    await story.pass_time(DUE + 1_000)
    await story.heartbeat(story.known(DUE + 1, DUE + 1))
    assert (story.outcome, story.revisions[-1].verdict.reason) == (Outcome.BREACHED, Reason.NO_EVIDENCE)


async def test_a_blind_reader_makes_it_unknown(tell: Begin) -> None:
    story = tell()
    await story.send(story.alarm(), sources=story.known(NOON, NOON))
    await story.pass_time(DUE + 1_000)
    await story.heartbeat(story.known(DUE + 1, DUE + 1, (NOON + 5, NOON + 9)))
    assert (story.outcome, story.revisions[-1].verdict.reason) == (Outcome.UNKNOWN, Reason.BLIND)


async def test_a_restart_neither_forgets_nor_repeats(tell: Begin) -> None:
    story = tell()
    await story.send(story.alarm(), sources=story.known(NOON, NOON))
    await story.pass_time(DUE + 1_000)
    assert story.alerts == [False]
    told = len(story.revisions)
    await story.bench.stop()
    story.bench.start()
    await story.pass_time(DUE + MINUTE)
    assert (len(story.alerts), len(story.revisions)) == (1, told)
    await story.send(story.scan(NOON + MINUTE), sources=story.known(DUE + MINUTE, DUE + MINUTE))
    numbers = [revised.revision for revised in story.revisions]
    assert numbers == list(range(1, len(numbers) + 1))
    assert story.outcome is Outcome.MET


async def test_evidence_that_waits_in_the_stream_is_read_before_anybody_is_alarmed(tell: Begin) -> None:
    story = tell()
    await story.send(story.alarm(), sources=story.known(NOON, NOON))
    await story.bench.stop()
    story.bench.now = NOON + MINUTE + 50
    scan = story.scan(NOON + MINUTE)
    position = story.bench.send(scan, first=scan.seq, last=scan.seq)
    story.bench.now = DUE + 10 * MINUTE
    story.bench.start()
    await story.bench.until_taken(position)
    await story.pass_time(story.bench.now + 2_000)
    assert (story.outcome, story.alerts) == (Outcome.MET, [])


async def test_evidence_against_a_statement_amends_from_the_store_what_was_let_go(tell: Begin) -> None:
    story = tell(keep_ms=1_000)
    await story.send(story.alarm(), sources=story.known(NOON, NOON))
    await story.pass_time(DUE + 1_000)
    late = NOON + 60 * MINUTE
    await story.pass_time(late, step=5 * MINUTE)
    await story.heartbeat(story.known(late, late))
    assert (story.outcome, story.revisions[-1].verdict.final) == (Outcome.BREACHED, True)
    await story.send(story.alarm(late - 10 * MINUTE), sources=story.known(late, late))
    await story.send(story.scan(NOON + MINUTE))
    await until(lambda: story.outcome is Outcome.MET)
    last = story.revisions[-1]
    assert last.late_ms is not None
    assert last.revision == len(story.revisions)
    assert story.alerts[0]


async def test_an_agent_that_falls_silent_is_an_incident_until_it_is_heard(tell: Begin) -> None:
    story = tell()
    await story.send(story.alarm(), sources=story.known(NOON, NOON))

    def links() -> list[tuple[str, str, IncidentState]]:
        return [(row.subject, row.cause, row.state) for row in story.incidents(IncidentKind.LINK)]

    await story.pass_time(NOON + 28_000)
    assert links() == []
    await story.pass_time(NOON + 40_000)
    assert links() == [("gw-1", "silent", IncidentState.OPEN)]
    await story.heartbeat({})
    await story.pass_time(story.bench.now + 3_000)
    assert links() == [("gw-1", "silent", IncidentState.CLOSED)]


async def test_numbers_that_never_come_are_an_incident_after_a_minute(tell: Begin) -> None:
    story = tell()
    await story.send(story.alarm())
    story._seq += 5
    await story.send(story.scan(NOON + 1))

    async def beat_until(moment: int) -> None:
        while story.bench.now < moment:
            await story.pass_time(story.bench.now + 10_000)
            await story.heartbeat({})

    await beat_until(NOON + 50_000)
    assert story.incidents(IncidentKind.LINK) == []
    await beat_until(NOON + 80_000)
    (gap,) = story.incidents(IncidentKind.LINK)
    assert (gap.subject, gap.state) == (f"gw-1/{Lane.MAIN}", IncidentState.OPEN)
    assert "2 to 6" in gap.cause
