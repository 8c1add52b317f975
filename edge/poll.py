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
        self.interval_ms = interval_ms
        self.due = due


class _Device:
    """`free_at`: not to be asked before. `served_at`: when it had its last turn."""

    def __init__(self, jobs: list[_Job], now: int) -> None:
        self.jobs = jobs
        self.free_at = now
        self.served_at = now
        self.failures = 0


class Turns:
    """The requests of every device on one line."""

    def __init__(self, devices: Mapping[str, Iterable[tuple[Request, int]]], now: int) -> None:
        """`devices`: by id, each request with its interval in ms. All are due at once."""
        self._devices = {
            device: _Device([_Job(Turn(device, request), every, now) for request, every in requests], now)
            for device, requests in devices.items()
        }

    def next(self, now: int) -> Turn | int:
        """The turn to take now, or when to ask again.

        Of what is due, a device that had no turn for longer goes first, so that one with a hundred requests
        holds up nobody; within a device, what is due for longest.
        """
        ready: _Device | None = None
        earliest: int | None = None
        for device in self._devices.values():
            due = _due(device)
            if due is None:
                continue
            if due > now:
                earliest = due if earliest is None else min(earliest, due)
            elif ready is None or device.served_at < ready.served_at:
                ready = device
        if ready is not None:
            return min(ready.jobs, key=lambda job: job.due).turn
        return now + LONGEST_PAUSE_MS if earliest is None else earliest

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
