"""A standby set under a DSE 7320: the sequence of starting, taking the load and coming back. No registers here."""

from enum import Enum

import msgspec


class Mode(Enum):
    """The controller's mode, with its GenComm code (page 3, register 772)."""

    STOP = 0
    AUTO = 1
    MANUAL = 2
    TEST_ON_LOAD = 3
    TEST_OFF_LOAD = 6


class Phase(Enum):
    """What the set is doing, with its GenComm code (page 5, register 1408) where there is one."""

    STANDBY = 0
    DELAY = 1
    CRANKING = 1.5
    RESTING = 1.6
    RUNNING_UP = 2
    WARM = 2.5
    TRANSFER = 3
    ON_LOAD = 3.5
    RETURNING = 3.6
    COOLING = 4
    STOPPING = 5
    LOCKED_OUT = 5.5


class Timings(msgspec.Struct, frozen=True, kw_only=True):
    """The timers of the controller, in ms. Together they bring the load onto the set about 7 s after the mains."""

    start_delay: int = 1_000
    crank: int = 2_000
    rest: int = 3_000
    run_up: int = 2_000
    warm_up: int = 1_000
    transfer: int = 700
    return_delay: int = 10_000
    cool_down: int = 20_000
    stopping: int = 3_000
    attempts: int = 3


_RUNNING = {Phase.RUNNING_UP, Phase.WARM, Phase.TRANSFER, Phase.ON_LOAD, Phase.RETURNING, Phase.COOLING}
_STOPPED = {Phase.STANDBY, Phase.STOPPING, Phase.LOCKED_OUT}


class Genset:
    """The set as it stands. `advance` lives until a moment; what is set in between holds from then on."""

    def __init__(self, timings: Timings) -> None:
        self._timings = timings
        self._at = 0
        self._entered_at = 0
        self._attempt = 0
        self.phase = Phase.STANDBY
        self.mode = Mode.AUTO
        self.mains = True
        self.fails_to_start = False
        self.breaker_stuck = False
        self.run_ms = 0
        self.starts = 0
        self.alarms: dict[str, int] = {}

    @property
    def running(self) -> bool:
        """The engine turns by itself."""
        return self.phase in _RUNNING

    @property
    def at_speed(self) -> bool:
        """The set gives its rated voltage and frequency."""
        return self.running and self.phase is not Phase.RUNNING_UP

    @property
    def on_load(self) -> bool:
        """The generator's breaker is closed."""
        return self.phase in {Phase.ON_LOAD, Phase.RETURNING}

    @property
    def mains_closed(self) -> bool:
        """The mains' breaker is closed: it opens as soon as there is something to transfer to."""
        return not self.on_load and self.phase is not Phase.TRANSFER

    def advance(self, now: int) -> None:
        """Live until `now`, every timer ending at its own moment however rarely this is called."""
        while True:
            lasts = self._lasts()
            ends = now if lasts is None else self._entered_at + lasts
            self._run(min(ends, now))
            if lasts is None or ends > now:
                break
            self._enter(self._after(), ends)
        self.react(now)

    def reset(self, now: int) -> None:
        """Somebody acknowledged the alarms at the panel."""
        self.alarms.clear()
        if self.phase is Phase.LOCKED_OUT:
            self._enter(Phase.STANDBY, now)

    def _run(self, until: int) -> None:
        if self.running:
            self.run_ms += until - self._at
        self._at = max(self._at, until)

    def _enter(self, phase: Phase, at: int) -> None:
        self.phase = phase
        self._entered_at = at
        if phase is Phase.CRANKING:
            self._attempt += 1
        elif phase is Phase.RUNNING_UP:
            self.starts += 1
            self._attempt = 0
        elif phase is Phase.LOCKED_OUT:
            self._attempt = 0

    @property
    def _is_wanted(self) -> bool:
        if self.mode is Mode.AUTO:
            return not self.mains
        return self.mode in {Mode.TEST_ON_LOAD, Mode.TEST_OFF_LOAD}

    @property
    def _takes_load(self) -> bool:
        return self._is_wanted and self.mode is not Mode.TEST_OFF_LOAD

    def react(self, now: int) -> None:
        """What the controller does at once, by itself or because somebody turned the mode."""
        if self.mode is Mode.STOP and self.phase not in _STOPPED:
            self._enter(Phase.STOPPING, now)
        elif self.phase is Phase.STANDBY and self._is_wanted:
            self._enter(Phase.DELAY, now)
        elif self.phase is Phase.DELAY and not self._is_wanted:
            self._enter(Phase.STANDBY, now)
        elif self.phase is Phase.WARM and now >= self._entered_at + self._timings.warm_up:
            self._leave_warm(now)
        elif self.phase is Phase.ON_LOAD and not self._takes_load:
            self._enter(Phase.RETURNING, now)
        elif self.phase is Phase.RETURNING and self._takes_load:
            self._enter(Phase.ON_LOAD, now)

    def _leave_warm(self, now: int) -> None:
        """A test off load goes on for as long as it is wanted."""
        if self._takes_load:
            self._enter(Phase.TRANSFER, now)
        elif not self._is_wanted:
            self._enter(Phase.COOLING, now)

    def _lasts(self) -> int | None:
        """How long the phase lasts; None for as long as nothing else happens."""
        timings = self._timings
        if self.phase is Phase.WARM and self._is_wanted and not self._takes_load:
            return None
        return {
            Phase.DELAY: timings.start_delay,
            Phase.CRANKING: timings.crank,
            Phase.RESTING: timings.rest,
            Phase.RUNNING_UP: timings.run_up,
            Phase.WARM: timings.warm_up,
            Phase.TRANSFER: timings.transfer,
            Phase.RETURNING: timings.return_delay,
            Phase.COOLING: timings.cool_down,
            Phase.STOPPING: timings.stopping,
        }.get(self.phase)

    def _after(self) -> Phase:
        """The phase that follows when the timer of this one ends."""
        if self.phase is Phase.CRANKING:
            return self._after_cranking()
        if self.phase is Phase.WARM:
            return Phase.TRANSFER if self._takes_load else Phase.COOLING
        if self.phase is Phase.TRANSFER:
            return self._after_transfer()
        return {
            Phase.DELAY: Phase.CRANKING,
            Phase.RESTING: Phase.CRANKING,
            Phase.RUNNING_UP: Phase.WARM,
            Phase.RETURNING: Phase.COOLING,
            Phase.COOLING: Phase.STOPPING,
            Phase.STOPPING: Phase.STANDBY,
        }[self.phase]

    def _after_cranking(self) -> Phase:
        if not self.fails_to_start:
            return Phase.RUNNING_UP
        if self._attempt < self._timings.attempts:
            return Phase.RESTING
        self.alarms["fail_to_start"] = 3
        return Phase.LOCKED_OUT

    def _after_transfer(self) -> Phase:
        if not self.breaker_stuck:
            return Phase.ON_LOAD
        self.alarms["generator_fail_to_close"] = 4
        return Phase.COOLING
