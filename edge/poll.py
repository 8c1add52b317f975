"""Whose turn it is on a line: every request at its pace, devices in fair turns, silent ones ever more rarely.

Where a device can't keep up, what is asked quickest goes first once it is late, but for each third turn, which is what
is late by most of its intervals: what is asked each second is not held up by what is asked each minute, and that comes
all the same. Pure; times are boot clock ms.
"""

from collections.abc import Iterable, Mapping

import msgspec

from edge.plan import Request

FIRST_PAUSE_MS = 500
LONGEST_PAUSE_MS = 8_000
"""A device that came back is read again within 10 s, however long it was away."""
LACKING_PAUSE_MS = 600_000
"""How often a device is asked for something optional that it said it does not have."""


LATE = 0.5
"""Intervals: later, and the next turn may come too late to see all changes (`decode.sheet.bridge_ms`)."""


class Turn(msgspec.Struct, frozen=True):
    """The request to make now."""

    device: str
    request: Request


class _Job:
    """A request of a device: every `interval_ms`, next at `due`."""

    def __init__(self, turn: Turn, interval_ms: int, due: int) -> None:
        self.turn = turn
        self.is_life = turn.request.life
        self.interval_ms = interval_ms
        self.due = due
        self.is_new = True

    def lateness(self, now: int) -> float:
        """By how many of its intervals it is late; below 0 before it is due."""
        return (now - self.due) / self.interval_ms


class _Device:
    """`free_at`: not to be asked before. `served_at`: when it had its last turn."""

    def __init__(self, jobs: list[_Job], now: int) -> None:
        self.jobs = jobs
        self.free_at = now
        self.served_at = now
        self.failures = 0
        self.turns = 0
        self._life = [job for job in jobs if job.is_life]

    def deadline(self, now: int) -> int:
        """When its next turn should come at the latest: one interval of its quickest request due after the last."""
        return self.served_at + min(job.interval_ms for job in self.jobs if job.due <= now)

    def pick(self, jobs: list[_Job], now: int) -> _Job:
        """Which of the jobs is done now."""
        if len(jobs) == 1:
            return jobs[0]
        if self.turns % 3 != 2 and (late := [job for job in jobs if now - job.due >= LATE * job.interval_ms]):
            return min(late, key=lambda one: (one.interval_ms, one.due))
        # What was never asked is not known at all: it does not wait for a part of its long interval.
        return max(jobs, key=lambda one: (one.is_new, one.lateness(now), -one.interval_ms))

    def is_urgent(self, now: int) -> bool:
        """Whether something that lives depend on is due."""
        return any(job.due <= now for job in self._life)


class Turns:
    """The requests of every device on one line."""

    def __init__(self, devices: Mapping[str, Iterable[tuple[Request, int]]], now: int) -> None:
        """`devices`: by id, each request with its interval in ms. All are due at once."""
        self._devices = {
            device: _Device([_Job(Turn(device, request), every, now) for request, every in requests], now)
            for device, requests in devices.items()
        }
        self._was_urgent = False

    def next(self, now: int) -> Turn | int:
        """The turn to take now, or when to ask again.

        Of what is due, life-safety goes first, but for each second turn, which is anybody's. Of two devices that one goes
        first whose quickest request should have been asked again first since its last turn, so that one with a hundred
        requests holds up nobody; within a device, what is late by most of its intervals.
        """
        due = {device: at for device in self._devices.values() if (at := _due(device)) is not None}
        ready = [device for device, at in due.items() if at <= now]
        if not ready:
            return min(due.values(), default=now + LONGEST_PAUSE_MS)
        urgent = [] if self._was_urgent else [device for device in ready if device.is_urgent(now)]
        able = urgent or ready
        device = able[0] if len(able) == 1 else min(able, key=lambda one: (one.deadline(now), one.served_at))
        jobs = [job for job in device.jobs if job.is_life and job.due <= now] if urgent else device.jobs
        job = device.pick(jobs, now)
        self._was_urgent = bool(urgent)
        return job.turn

    def answered(self, turn: Turn, now: int, pause_ms: int, *, lacking: bool = False) -> None:
        """The device answered; it is not to be asked again for `pause_ms`."""
        device, job = self._find(turn)
        device.failures = 0
        device.free_at = now + pause_ms
        device.served_at = now
        device.turns += 1
        job.is_new = False
        every = LACKING_PAUSE_MS if lacking else job.interval_ms
        job.due = job.due + every if job.due + every > now else now + every

    def failed(self, turn: Turn, now: int) -> None:
        """The device gave no answer: it is left alone for ever longer, up to `LONGEST_PAUSE_MS`."""
        device, _ = self._find(turn)
        pause = min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS << min(device.failures, 10))
        device.failures += 1
        device.served_at = now
        device.free_at = now + pause

    def held(self, turn: Turn, until: int, now: int) -> None:
        """The device must be left alone until then, by no fault of this request."""
        device, _ = self._find(turn)
        device.served_at = now
        device.free_at = max(device.free_at, until)

    def _find(self, turn: Turn) -> tuple[_Device, _Job]:
        device = self._devices[turn.device]
        return device, next(job for job in device.jobs if job.turn is turn)


def _due(device: _Device) -> int | None:
    if not device.jobs:
        return None
    return max(device.free_at, min(job.due for job in device.jobs))
