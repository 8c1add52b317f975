"""Where what the drivers saw is kept: stamped, put in the spool, and only then counted as covered."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Final

import msgspec

from contract.batch import Coverage, Lane
from contract.causes import Cause, Why
from edge import clock
from edge.coverage import Change, CoverageTracker, packed
from edge.doors import Doors
from edge.parts import PartNames
from edge.ports import Covered, Failed, Happened, Measured, Observation, Refused, Sink
from edge.room import Room
from edge.rows import EventRow, ReadingRow, new_row
from edge.spool.base import Appended, NewRow, Spool
from edge.spool.desk import Desk
from edge.stamp import DeviceClocks, is_undated, reading_row
from edge.timekeeper import Timekeeper

MOST_WAITING: Final = 50_000
"""Observations held while the disk does not take any; beyond it devices are blind instead."""


class Statement(msgspec.Struct, frozen=True):
    """Coverage of every device, true once the cloud has the rows `through`."""

    sources: dict[str, Coverage]
    through: dict[Lane, int]


class Intake:
    """The sink of every driver."""

    def __init__(
        self,
        desk: Desk,
        tracker: CoverageTracker,
        clocks: DeviceClocks,
        time: Timekeeper,
        *,
        last: dict[Lane, int],
        doors: Doors | None = None,
        parts: PartNames | None = None,
    ) -> None:
        self._desk = desk
        self._tracker = tracker
        self._clocks = clocks
        self._time = time
        self._tell: Callable[[], None] | None = None
        self._copies: list[Sink] = []
        self._doors = doors or Doors(())
        self._parts = parts or PartNames()
        self._waiting: list[Observation] = []
        self._markers: list[asyncio.Future[Refused]] = []
        self._dropped: dict[str, int] = {}
        self._dropped_seen: list[Observation] = []
        self._undated: set[int] = set()
        self._wake = asyncio.Event()
        self._agent = ""
        self._room = Room()
        self.last = last
        self.refused = 0

    def on_kept(self, tell: Callable[[], None]) -> None:
        """Call `tell` whenever rows were kept."""
        self._tell = tell

    def speak_as(self, agent: str) -> None:
        """Tell of this agent's own disk in its name; without one, nothing is told of it."""
        self._agent = agent

    def copy_to(self, sink: Sink) -> None:
        """Put whatever is put here to `sink` too."""
        self._copies.append(sink)

    def put(self, observations: Sequence[Observation]) -> None:
        """See `Sink.put`."""
        observations = [*observations, *self._doors.take(observations)]
        for sink in self._copies:
            sink.put(self._parts.all_named(observations))
        if len(self._waiting) < MOST_WAITING:
            self._waiting.extend(observations)
        else:
            self._dropped_seen += observations
            for seen in observations:
                self._dropped |= dict.fromkeys(_devices(seen), clock.boot_ms())
        self._wake.set()

    def kept(self) -> Awaitable[Refused]:
        """Wait until all that was put before this call is on disk or was refused; what of that which waited was."""
        marker: asyncio.Future[Refused] = asyncio.get_running_loop().create_future()
        self._markers.append(marker)
        self._wake.set()
        return marker

    async def run(self) -> None:
        """Keep what comes in until cancelled, then what has come in by then."""
        try:
            while True:
                await self._wake.wait()
                await self._keep_waiting()
        finally:
            await self._keep_waiting()

    async def _keep_waiting(self) -> None:
        self._wake.clear()
        waiting, self._waiting = self._waiting, []
        self._undated = set()
        markers, self._markers = self._markers, []
        dropped, self._dropped = self._dropped, {}
        lost, self._dropped_seen = self._dropped_seen, []
        refused = {place for place, seen in enumerate(waiting) if isinstance(seen, Happened | Measured)}
        try:
            refused = await self._keep(waiting)
        finally:
            self._count_covered(waiting, refused)
            for device, at in dropped.items():
                self._tracker.lost(device, at)
            for marker in markers:
                if not marker.done():
                    marker.set_result(Refused([*lost, *(waiting[place] for place in refused)]))

    async def _keep(self, waiting: list[Observation]) -> set[int]:
        """Keep observations in order, all with one sync to disk; the places of those that were refused."""
        rows = [
            (place, self._row(seen))
            for place, seen in enumerate(waiting)
            if isinstance(seen, Happened | Measured)
        ]
        if not rows:
            return set()
        self._undated |= {place for place, row in rows if isinstance(row, EventRow) and is_undated(row)}
        new_rows = [new_row(row) for _, row in rows]
        appended = await self._append(new_rows)
        refused = {place for (place, _), seq in zip(rows, appended.seqs, strict=True) if seq is None}
        self.refused += len(refused)
        await self._tell_room(new_rows, refused=bool(refused))
        return refused

    async def _tell_room(self, rows: Sequence[NewRow], *, refused: bool) -> None:
        """Tell in the life lane, which is refused last, that the disk is full, and that it is no more."""
        takes_all = not refused and any(row.lane is Lane.MAIN for row in rows)
        data = self._room.judge(clock.boot_ms(), refused=refused, takes_all=takes_all)
        if data and self._agent:
            told = event(self._agent, "device.fault", clock.boot_ms(), data)
            row = new_row(self._clocks.event_row(told, None), Lane.LIFE)
            if (await self._append([row])).refused:
                self._room.not_told()

    def _row(self, seen: Happened | Measured) -> EventRow | ReadingRow:
        if isinstance(seen, Measured):
            return reading_row(seen)
        return self._clocks.event_row(self._parts.named(seen), self._cloud_now(seen))

    def _cloud_now(self, seen: Happened) -> int | None:
        """Cloud time when something came in; before it is known, the machine's own as far as it shows an old stamp."""
        if moment := self._time.now(seen.observed_at):
            return moment.at
        wall = clock.wall_ms() - (clock.boot_ms() - seen.observed_at)
        return wall if seen.device_at is not None and wall > seen.device_at else None

    async def _append(self, rows: Sequence[NewRow]) -> Appended:
        def append(spool: Spool) -> tuple[Appended, dict[Lane, int]]:
            return spool.append(rows), {lane: spool.last(lane) for lane in Lane}

        appended, self.last = await self._desk.do(append)
        if self._tell is not None:
            self._tell()
        return appended

    def _count_covered(self, waiting: list[Observation], refused: set[int]) -> None:
        changes: list[Change] = []
        for place, seen in enumerate(waiting):
            match seen:
                case Covered():
                    changes += self._tracker.covered(seen)
                case Failed():
                    changes += self._tracker.failed(seen)
                case Happened() | Measured() if place in refused:
                    self._tracker.lost(seen.device, _moment(seen))
                case Happened() if place in self._undated and not self._clocks.buffers(seen.device):
                    # It may be of now, or of any time before: what the device did now is not known.
                    self._tracker.lost(seen.device, seen.observed_at, Cause.CLOCK)
                case Happened() | Measured():
                    pass
        if changes:
            self.put([reach(change) for change in changes])

    def look_at_doors(self) -> None:
        """Tell of doors that have been open for too long. To be called each second."""
        if held := self._doors.look_around(clock.boot_ms()):
            self.put(held)

    async def checkpoint(self) -> Statement:
        """Write on disk how far everything is known, and say it.

        A blind span that no row tells of yet gets one.
        """
        now = clock.boot_ms()
        await self._tell_blind(now)
        # One moment for the statement, the numbers that make it true, and what a restart goes on from.
        statement = Statement(self._tracker.statement(self._time.map), dict(self.last))
        notes = {**packed(self._tracker), **self._time.note(now)}
        await self._desk.do(lambda spool: spool.remember(notes))
        return statement

    async def _tell_blind(self, now: int) -> None:
        untold = self._tracker.untold()
        if not untold:
            return
        rows = []
        for device, span in untold:
            length = span.end.ms - span.start.ms if span.start and span.start.boot == span.end.boot else None
            data = Why(span.why).data | ({} if length is None else {"blind_ms": length})
            rows.append(new_row(self._clocks.event_row(event(device, "device.blind", now, data), None)))
        appended = await self._append(rows)
        for (device, span), seq in zip(untold, appended.seqs, strict=True):
            if seq is not None:
                self._tracker.told_by(device, span, seq)


def event(device: str, kind: str, at: int, data: Mapping[str, str | int]) -> Happened:
    """An event of the agent's own making, at `at` of the boot clock."""
    return Happened(device=device, type=kind, at=at, observed_at=at, data=dict(data))


def reach(change: Change) -> Happened:
    """The event that a device went out of reach, or came back."""
    if not change.online:
        return event(
            change.device, "device.offline", change.at, change.why.data if change.why is not None else {}
        )
    known = {} if change.blind_ms is None else {"blind_ms": change.blind_ms}
    return event(change.device, "device.online", change.at, known)


def _devices(seen: Observation) -> tuple[str, ...]:
    return (seen.device,) if isinstance(seen, Happened | Measured) else seen.devices


def _moment(seen: Happened | Measured) -> int:
    return seen.observed_at if isinstance(seen, Happened) else seen.at
