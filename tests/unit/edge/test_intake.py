"""From what drivers saw to rows on disk and coverage that is true."""

import asyncio
import contextlib
import random
from collections.abc import AsyncIterator, Sequence

import msgspec
import pytest
from typing_extensions import override

from contract.batch import Lane, TimeReply
from contract.causes import Cause, because
from contract.events import Quality
from edge import clock
from edge.coverage import CoverageTracker
from edge.errors import SpoolError
from edge.intake import MOST_WAITING, Intake
from edge.ports import Covered, Failed, Happened, Measured
from edge.rows import EventRow, ReadingRow, row_decoder
from edge.spool.base import Appended, NewRow
from edge.spool.desk import Desk
from edge.spool.limits import Limits
from edge.spool.memory import MemorySpool
from edge.stamp import DeviceClocks
from edge.timekeeper import Timekeeper

CLOUD = 1_764_547_200_000
ROOMY = Limits()
FULL = Limits(max_bytes=120, life_reserve=100)


class FailingSpool(MemorySpool):
    """A spool whose disk fails while `failing` is true."""

    failing = False

    @override
    def append(self, rows: Sequence[NewRow]) -> Appended:
        if self.failing:
            raise SpoolError("the disk failed")
        return super().append(rows)


class Bench:
    """An intake over a spool in memory, in a boot whose clock is the cloud's less `CLOUD`."""

    def __init__(self, limits: Limits = ROOMY) -> None:
        self.spool = FailingSpool(boot="boot", limits=limits, random_source=random.Random(1))
        self.time = Timekeeper(None, boot="boot", boot_ms=0, wall_ms=0)
        self.time.answered(_reply(), 0)
        self.tracker = CoverageTracker("boot")
        self.told = 0
        self.intake = Intake(
            Desk(self.spool), self.tracker, DeviceClocks(), self.time, last=dict.fromkeys(Lane, 0)
        )
        self.intake.on_kept(self.count)

    def count(self) -> None:
        self.told += 1

    def rows(self, lane: Lane = Lane.MAIN) -> list[EventRow | ReadingRow]:
        batch = self.spool.next_batch(lane, 0, 1_000, 1_000_000)
        return [row_decoder.decode(row.body) for row in batch.rows] if batch else []

    def words(self) -> list[tuple[str, str]]:
        return [(row.device, row.type) for row in self.rows() if isinstance(row, EventRow)]

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[Intake]:
        task = asyncio.create_task(self.intake.run())
        try:
            yield self.intake
        finally:
            task.cancel()
            await asyncio.wait([task])


def _reply() -> TimeReply:
    return TimeReply(boot="boot", sent=0, cloud=CLOUD)


def happened(device: str, kind: str, at: int) -> Happened:
    return Happened(device=device, type=kind, at=at, observed_at=at)


def covered(device: str, since: int, to: int) -> Covered:
    return Covered(devices=(device,), since=since, to=to)


async def test_what_is_put_is_on_disk_once_it_is_said_to_be_kept() -> None:
    bench = Bench()
    async with bench.running() as intake:
        intake.put(
            [
                happened("cp-1", "checkpoint.scan", 5),
                Measured(device="t", point="temperature", at=6, value=1.5),
            ]
        )
        await intake.kept()
        assert bench.words() == [("cp-1", "checkpoint.scan")]
        [_, reading] = bench.rows()
        assert reading == ReadingRow(device="t", point="temperature", at=6, value=1.5, quality=Quality.GOOD)
    assert bench.told == 1


async def test_alarms_have_their_own_lane() -> None:
    bench = Bench()
    async with bench.running() as intake:
        intake.put([happened("panel", "fire.alarm", 5), happened("panel", "device.fault", 5)])
        await intake.kept()
    assert intake.last == {Lane.LIFE: 1, Lane.MAIN: 1}
    assert [row.device for row in bench.rows(Lane.LIFE)] == ["panel"]


async def test_much_that_comes_at_once_is_kept_with_one_sync() -> None:
    bench = Bench()
    async with bench.running() as intake:
        for number in range(500):
            intake.put([happened("cp-1", "checkpoint.scan", number)])
        await intake.kept()
    assert len(bench.rows()) == 500
    assert bench.told == 1


async def test_coverage_counts_only_what_was_kept_before() -> None:
    bench = Bench()
    async with bench.running() as intake:
        intake.put([happened("cp-1", "checkpoint.scan", 900), covered("cp-1", 0, 1_000)])
        await intake.kept()
        statement = await intake.checkpoint()
    assert statement.through == {Lane.LIFE: 0, Lane.MAIN: 1}
    assert statement.sources["cp-1"].complete_to == pytest.approx(CLOUD + 1_000, abs=3)


async def test_a_scan_of_nobody_knows_when_leaves_its_reader_unknown_for_now() -> None:
    bench = Bench()
    async with bench.running() as intake:
        intake.put([covered("cp-1", 0, 1_000)])
        old = CLOUD - 500 * 86_400_000
        scan = Happened(device="cp-1", type="checkpoint.scan", at=1_500, observed_at=1_500, device_at=old)
        intake.put([scan, covered("cp-1", 1_000, 2_000)])
        await intake.kept()
        (span,) = bench.tracker.known["cp-1"].blind
    assert (span.start and span.start.ms, span.end.ms, span.why) == (1_000, 1_501, "clock")


async def test_what_the_spool_refused_is_said_to_be_blind() -> None:
    bench = Bench(FULL)
    async with bench.running() as intake:
        intake.put([covered("cp-1", 0, 1_000)])
        intake.put([happened("cp-1", "checkpoint.scan", 1_500), covered("cp-1", 1_000, 2_000)])
        await intake.kept()
        statement = await intake.checkpoint()
    assert intake.refused == 1
    [(start, end)] = statement.sources["cp-1"].blind
    assert start == pytest.approx(CLOUD + 1_000, abs=3)
    assert end == pytest.approx(CLOUD + 1_501, abs=3)


async def test_an_alarm_is_kept_where_a_reading_is_refused() -> None:
    bench = Bench(FULL)
    async with bench.running() as intake:
        intake.put([happened("cp-1", "checkpoint.scan", 5), happened("panel", "fire.alarm", 5)])
        await intake.kept()
    assert intake.refused == 1
    assert len(bench.rows(Lane.LIFE)) == 1


async def test_a_gap_gets_a_row_that_tells_of_it_once() -> None:
    bench = Bench()
    async with bench.running() as intake:
        intake.put([covered("cp-1", 0, 1_000), covered("cp-1", 5_000, 6_000)])
        await intake.kept()
        await intake.checkpoint()
        await intake.checkpoint()
    [row] = bench.rows()
    assert isinstance(row, EventRow)
    assert (row.device, row.type) == ("cp-1", "device.blind")
    assert msgspec.json.decode(row.data) == {
        "cause": "silent",
        "why": "nothing was heard of it",
        "blind_ms": 4_000,
    }


async def test_going_out_of_reach_and_coming_back_are_events() -> None:
    bench = Bench()
    async with bench.running() as intake:
        intake.put([covered("t-1", 0, 1_000)])
        intake.put(
            [
                Failed(devices=("t-1",), at=at, why=because(Cause.NO_ANSWER))
                for at in (2_000, 3_000, 4_000, 5_000)
            ]
        )
        intake.put([covered("t-1", 6_000, 6_000)])
        await intake.kept()
        await intake.kept()
    assert bench.words() == [("t-1", "device.offline"), ("t-1", "device.online")]


async def test_what_a_failing_disk_swallowed_is_blind_not_forgotten() -> None:
    bench = Bench()
    bench.intake.put([covered("cp-1", 0, 1_000)])
    async with bench.running() as intake:
        await intake.kept()
    bench.spool.failing = True
    bench.intake.put([happened("cp-1", "checkpoint.scan", 1_500)])
    with pytest.raises(SpoolError):
        await bench.intake.run()
    bench.spool.failing = False
    bench.intake.put([covered("cp-1", 1_000, 2_000)])
    async with bench.running() as intake:
        await intake.kept()
        statement = await intake.checkpoint()
    assert len(statement.sources["cp-1"].blind) == 1


async def test_memory_is_bounded_when_the_disk_takes_nothing() -> None:
    bench = Bench()
    bench.intake.put([happened("cp-1", "checkpoint.scan", 1)] * MOST_WAITING)
    bench.intake.put([happened("cp-2", "checkpoint.scan", clock.boot_ms())])
    async with bench.running() as intake:
        await intake.kept()
    assert len(bench.tracker.untold()) == 1
    assert bench.tracker.untold()[0][0] == "cp-2"


async def test_a_restart_goes_on_from_the_last_checkpoint() -> None:
    bench = Bench()
    async with bench.running() as intake:
        intake.put([covered("cp-1", 0, 1_000)])
        await intake.kept()
        await intake.checkpoint()
    assert bench.spool.recall("coverage")
    again = Timekeeper(bench.spool.recall("clock"), boot="boot", boot_ms=9_000, wall_ms=0)
    moment = again.now(0)
    assert moment is not None
    assert moment.at == CLOUD
