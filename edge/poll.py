"""Whose turn it is on a line: every request at its pace, devices in fair turns, silent ones ever more rarely.

Pure; times are boot clock ms.
"""

from collections.abc import Iterable, Mapping

import msgspec

from edge.plan import Request

FIRST_PAUSE_MS = 500
LONGEST_PAUSE_MS = 8_000
"""A device that came back is read again within 10 s, however long it was away."""
LACKING_PAUSE_MS = 600_000
"""How often a device is asked for something optional that it said it does not have."""


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


class _Device:
    """`free_at`: not to be asked before. `served_at`: when it had its last turn."""

    def __init__(self, jobs: list[_Job], now: int) -> None:
        self.jobs = jobs
        self.free_at = now
        self.served_at = now
        self.failures = 0
        self._life = [job for job in jobs if job.is_life]

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

        Of what is due, life-safety goes first, but for each second turn, which is anybody's: of two alike a device
        that had no turn for longer goes first, so that one with a hundred requests holds up nobody; within a device,
        what is due for longest.
        """
        due = {device: at for device in self._devices.values() if (at := _due(device)) is not None}
        ready = [device for device, at in due.items() if at <= now]
        if not ready:
            return min(due.values(), default=now + LONGEST_PAUSE_MS)
        urgent = [] if self._was_urgent else [device for device in ready if device.is_urgent(now)]
        device = min(urgent or ready, key=lambda one: one.served_at)
        jobs = [job for job in device.jobs if job.is_life and job.due <= now] if urgent else device.jobs
        job = min(jobs, key=lambda one: one.due)
        self._was_urgent = bool(urgent)
        return job.turn

    def answered(self, turn: Turn, now: int, pause_ms: int, *, lacking: bool = False) -> None:
        """The device answered; it is not to be asked again for `pause_ms`."""
        device, job = self._find(turn)
        device.failures = 0
        device.free_at = now + pause_ms
        device.served_at = now
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
