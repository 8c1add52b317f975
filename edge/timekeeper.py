"""Holds what the agent knows of time: the map of its boots to cloud time. Decisions are in `clockmap`."""

from collections.abc import Mapping

from contract.batch import TimeReply, TimeRequest
from edge.clockmap import ClockMap, Moment, measured, packed, unpacked


class Timekeeper:
    """The clock map of an agent, in the boot it runs in."""

    def __init__(self, note: bytes | None, *, boot: str, boot_ms: int, wall_ms: int) -> None:
        self.boot = boot
        self._map = unpacked(note).booted(boot, boot_ms, wall_ms)

    @property
    def map(self) -> ClockMap:
        """The present map."""
        return self._map

    def request(self, now: int) -> TimeRequest:
        """What to ask the cloud at `now` of the boot clock."""
        return TimeRequest(boot=self.boot, sent=now)

    def answered(self, reply: TimeReply, now: int) -> bool:
        """Take in a reply that came at `now`; false when it is none of ours."""
        if reply.boot != self.boot or not 0 <= reply.sent <= now:
            return False
        self._map = self._map.with_sample(measured(reply.sent, now, reply.cloud))
        return True

    def now(self, boot_ms: int) -> Moment | None:
        """Cloud time, or None before the first sample of this boot."""
        return self._map.now(boot_ms)

    def offset_ms(self, boot_ms: int, wall_ms: int) -> int:
        """How far the machine's wall clock is ahead of cloud time; 0 as long as that is not known."""
        moment = self.now(boot_ms)
        return wall_ms - moment.at if moment else 0

    def note(self, boot_ms: int) -> Mapping[str, bytes]:
        """What is to be remembered over a restart."""
        self._map = self._map.running(boot_ms)
        return packed(self._map)
