"""Lines of any speed, in virtual time: a backlog fills them, an alarm overtakes it, and no batch is too big for ever."""

import itertools
from collections import deque
from collections.abc import Callable, Iterator

import msgspec
import pytest

from contract.batch import Ack, Lane, Opening
from edge.spool.base import BatchName
from edge.uplink.machine import AskTime, Beat, Fetch, Machine, Pace, Reconnect

EPOCH = 7
TICK_MS = 25
ROW_BYTES = 200
ENVELOPE_BYTES = 250
LINEAGE_BYTES = 2_000
BEAT_BYTES = 600
COMMIT_MS = 150
CONNECT_MS = 2_000
MINUTE = 60_000
PACE = Pace()

Rate = Callable[[int], float]
"""Bytes per second at a moment."""


class Packet(msgspec.Struct):
    """What is in the buffers of the line: a batch, or a heartbeat."""

    left: float
    name: BatchName | None


class Line:
    """A machine that sends over a line that carries so many bytes a second, with a delay, and buffers all it is given."""

    def __init__(self, rate: Rate, delay_ms: int, backlog: int, *, lives: int | None = None) -> None:
        self._rate = rate
        self._delay = delay_ms
        self._lives_ms = lives
        self.now = 0
        self.rows = {Lane.LIFE: 0, Lane.MAIN: backlog}
        opening = Opening("one", {Lane.LIFE: 0, Lane.MAIN: 0})
        self.machine = Machine(EPOCH, dict.fromkeys(Lane, 0), dict(self.rows), 0, PACE, [opening])
        self._buffer: deque[Packet] = deque()
        self._later: list[tuple[int, int, Callable[[], None]]] = []
        self._order: Iterator[int] = itertools.count()
        self._life = 0
        self.arrived = dict.fromkeys(Lane, 0)
        self._alarms_at: dict[int, int] = {}
        self.carried = 0.0
        self.could_carry = 0.0
        self.reconnects: list[str] = []
        self.most_at_once = 0
        self._connect()

    def alarm(self) -> None:
        self.rows[Lane.LIFE] += 1
        self.machine.kept(dict(self.rows), self.now)

    def run(self, ms: int) -> None:
        """Let time pass."""
        for _ in range(ms // TICK_MS):
            self.now += TICK_MS
            self._carry()
            due = sorted(entry[:2] for entry in self._later if entry[0] <= self.now)
            doing = {entry[:2]: entry[2] for entry in self._later}
            self._later = [entry for entry in self._later if entry[0] > self.now]
            for key in due:
                doing[key]()
            if self._lives_ms and self.machine.connected and self.now >= self._dies_at:
                self._lose("reset")
            self._step()

    def use_of(self, ms: int) -> float:
        """The share of what the line could carry that it did, from now on."""
        self.carried = self.could_carry = 0
        self.run(ms)
        return self.carried / self.could_carry

    def delay_of_alarm(self, most_ms: int = 2 * MINUTE) -> int:
        """How long a new alarm takes until it is in the cloud."""
        self.alarm()
        number, made = self.rows[Lane.LIFE], self.now
        while number not in self._alarms_at:
            assert self.now - made < most_ms, "the alarm never came"
            self.run(TICK_MS)
        return self._alarms_at[number] - made

    # --- the line

    def _carry(self) -> None:
        room = self._rate(self.now) * TICK_MS / 1_000
        self.could_carry += room
        while self._buffer and room > 0:
            packet = self._buffer[0]
            part = min(room, packet.left)
            packet.left -= part
            room -= part
            self.carried += part
            if packet.left <= 0:
                self._buffer.popleft()
                self._soon(self._delay, self._arrives, packet)

    def _soon(self, ms: int, what: Callable[..., None], *values: object) -> None:
        """Do something later, if the connection still stands then."""
        life = self._life

        def do() -> None:
            if life == self._life:
                what(*values)

        self._later.append((self.now + ms, next(self._order), do))

    def _arrives(self, packet: Packet) -> None:
        self._soon(self._delay, self._taken, packet.name)
        if packet.name is not None:
            lane = packet.name.lane
            assert packet.name.first <= self.arrived[lane] + 1, "rows were left out"
            if lane is Lane.LIFE:
                new = range(self.arrived[lane] + 1, packet.name.last + 1)
                self._alarms_at |= dict.fromkeys(new, self.now)
            self.arrived[lane] = max(self.arrived[lane], packet.name.last)
            self._soon(COMMIT_MS + self._delay, self._acked, dict(self.arrived))

    def _taken(self, name: BatchName | None) -> None:
        self.machine.heard(self.now)
        if name is None:
            self.machine.beaten(self.now)
        else:
            self.machine.delivered(name, self.now)

    def _acked(self, durable: dict[Lane, int]) -> None:
        self.machine.acknowledged(Ack(epoch=EPOCH, durable=durable, opening="one"), self.now)

    # --- the machine

    def _connect(self) -> None:
        self._life += 1
        self._dies_at = self.now + (self._lives_ms or 0)
        self.machine.connect(self.now)
        self.machine.time_answered(self.now)

    def _lose(self, why: str) -> None:
        self.reconnects.append(why)
        self._buffer.clear()
        self._life += 1
        self.machine.disconnect(self.now)
        self._soon(CONNECT_MS, self._connect)

    def _step(self) -> None:
        while True:
            fetched = False
            for action in self.machine.wake(self.now):
                match action:
                    case Fetch(lane, after, most, _):
                        fetched = True
                        self._send(lane, after, most)
                    case Beat():
                        self._buffer.append(Packet(BEAT_BYTES, None))
                    case AskTime():
                        self.machine.time_answered(self.now)
                    case Reconnect(why):
                        self._lose(why)
                        return
                    case _:
                        pass
            if not fetched:
                return

    def _send(self, lane: Lane, after: int, most: int) -> None:
        count = min(max(most // ROW_BYTES, 1), self.rows[lane] - after)
        name = BatchName(EPOCH, lane, after + 1, after + count)
        size = ENVELOPE_BYTES + ROW_BYTES * count + (LINEAGE_BYTES if self.machine.lineage else 0)
        self.most_at_once = max(self.most_at_once, size)
        self._buffer.append(Packet(size, name))
        self.machine.sent(name, f"{lane}-{after}", size, self.now)


RATES = [300, 1_200, 8_000, 64_000, 1_000_000]
DELAYS = [10, 100, 300]
"""One way; the last is that of a geostationary satellite."""
QUICK = 5_000_000.0
ENDLESS = 10_000_000


@pytest.mark.parametrize("delay_ms", DELAYS)
@pytest.mark.parametrize("rate", RATES)
def test_a_backlog_fills_a_line_of_any_speed(rate: int, delay_ms: int) -> None:
    line = Line(lambda _: rate, delay_ms, ENDLESS)
    line.run(MINUTE)
    assert line.use_of(MINUTE) >= 0.8
    assert line.reconnects == [] or rate <= 300


@pytest.mark.parametrize("delay_ms", DELAYS)
@pytest.mark.parametrize("rate", [1_200, *RATES[2:]])
def test_an_alarm_overtakes_the_backlog_on_a_line_of_any_speed(rate: int, delay_ms: int) -> None:
    line = Line(lambda _: rate, delay_ms, ENDLESS)
    line.run(2 * MINUTE)
    delays = []
    for _ in range(10):
        line.run(7_000)
        delays.append(line.delay_of_alarm())
    assert max(delays) <= 10_000


@pytest.mark.parametrize("delay_ms", DELAYS)
@pytest.mark.parametrize("rate", RATES)
def test_batches_that_grew_on_a_quick_line_get_through_once_it_is_slow(rate: int, delay_ms: int) -> None:
    line = Line(lambda now: QUICK if now < 20_000 else rate, delay_ms, ENDLESS)
    line.run(20_000)
    grown = line.most_at_once
    line.run(MINUTE)
    assert grown > 200_000
    assert line.use_of(MINUTE) >= 0.8


@pytest.mark.parametrize("rate", [1_200, 8_000, 64_000])
def test_an_alarm_at_the_very_moment_a_line_gets_slow_is_not_stuck_behind_big_batches(rate: int) -> None:
    line = Line(lambda now: QUICK if now < 20_000 else rate, 20, ENDLESS)
    line.run(20_000)
    assert line.delay_of_alarm() <= 10_000


@pytest.mark.parametrize("rate", RATES)
def test_a_line_that_gets_quick_again_is_used_at_once(rate: int) -> None:
    line = Line(lambda now: rate if now < MINUTE else 500_000, 50, ENDLESS)
    line.run(MINUTE + 20_000)
    assert line.use_of(MINUTE) >= 0.8


@pytest.mark.parametrize("lives_ms", [3_000, 10_000, 30_000])
@pytest.mark.parametrize("rate", RATES[2:])
def test_a_line_that_dies_again_and_again_gets_forward_each_time(rate: int, lives_ms: int) -> None:
    line = Line(lambda now: QUICK if now < 20_000 else rate, 50, ENDLESS, lives=lives_ms)
    line.run(MINUTE)
    for _ in range(3):
        before = line.arrived[Lane.MAIN]
        line.run(MINUTE)
        assert line.arrived[Lane.MAIN] > before


def test_a_line_that_is_cut_for_long_begins_with_what_it_can_carry() -> None:
    line = Line(lambda now: 0 if MINUTE < now < 6 * MINUTE else 8_000, 50, 10_000)
    line.run(6 * MINUTE)
    line.run(6 * MINUTE)
    assert line.arrived[Lane.MAIN] == 10_000


def test_ten_thousand_waiting_at_64_kbit_per_second_drain_at_the_speed_of_the_line() -> None:
    line = Line(lambda _: 8_000, 30, 10_000)
    while line.arrived[Lane.MAIN] < 10_000 and line.now < 10 * MINUTE:
        line.run(1_000)
    assert line.now <= 10_000 * ROW_BYTES / 8_000 * 1_000 / 0.8
