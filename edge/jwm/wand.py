"""What the records of a wand mean on this site. Pure. Times are boot clock ms, `wall` and stamps ms since the epoch."""

import zoneinfo
from collections import deque
from collections.abc import Iterable, Mapping
from typing import Final

from contract.causes import Cause, because
from contract.site import Binding
from edge.deviceclock import DAY_MS, DRIFT_PPM
from edge.jwm.session import Taken
from edge.jwm.words import Record
from edge.localtime import local_moment
from edge.ports import Happened, Observation

UNSET_ERROR_MS: Final = DAY_MS
"""How far the clock of a wand may be off that this agent never set: nobody can tell."""
_RESOLUTION_MS: Final = 500
_REMEMBERED: Final = 4_096
_UNKNOWN: Final = "checkpoint.unknown"


class Wand:
    """One wand: `badges` by their six hexadecimal digits are checkpoints, `people` whose badge is whose."""

    def __init__(
        self,
        device: str,
        badges: Mapping[str, Binding],
        people: Mapping[str, str],
        zone: zoneinfo.ZoneInfo,
        remembered: Iterable[str] = (),
    ) -> None:
        self.device = device
        self.zone = zone
        self._badges = badges
        self._people = people
        self._told: deque[str] = deque(remembered, maxlen=_REMEMBERED)
        self._trouble = False

    def tells(self, taken: Taken, now: int, wall: int, set_at: int | None) -> list[Observation]:
        """The events of what was taken off the wand at `now`, but for those that were told before.

        `set_at`: when its clock was last set before, ms since the epoch; None: never by us.
        """
        seen: list[Observation] = []
        person: str | None = None
        known = set(self._told)
        for record in taken.records:
            if record is None:
                person = None  # it may have been a person's badge
            elif record.badge in self._people:
                person = self._people[record.badge]
            elif record.raw not in known:
                seen.append(self._event(record, person, now, (wall, set_at)))
        return seen + self._faults(taken.damaged, now)

    def kept(self, taken: Taken, refused: Iterable[Observation] = ()) -> None:
        """What was taken is on disk, but for what was refused: should the wand hold it still, it is not told again."""
        lost = {one.data.get("message") for one in refused if isinstance(one, Happened)}
        raws = [record.raw for record in taken.records if record is not None]
        self._told += [raw for raw in raws if raw not in lost]

    def remember(self, raws: Iterable[str]) -> None:
        """Records that were told in an earlier life."""
        self._told += raws

    def _event(
        self, record: Record, person: str | None, now: int, clocks: tuple[int, int | None]
    ) -> Happened:
        wall, set_at = clocks
        binding = self._badges.get(record.badge)
        stamp, doubt = local_moment(record.local, self.zone)
        drift = UNSET_ERROR_MS if set_at is None else abs(wall - set_at) * DRIFT_PPM // 1_000_000
        data: dict[str, str | int | float | bool] = {"badge": record.badge, "message": record.raw}
        if set_at is None:
            data["clock"] = "never_set"
        return Happened(
            device=(binding.device if binding else None) or self.device,
            type="checkpoint.scan" if binding else _UNKNOWN,
            at=now,
            observed_at=now,
            # The wand cuts its seconds off.
            device_at=stamp + _RESOLUTION_MS,
            error_ms=_RESOLUTION_MS + doubt + drift,
            zone=binding.zone if binding else None,
            person=person,
            data=data if binding is None or binding.device is None else {**data, "wand": self.device},
        )

    def _faults(self, damaged: tuple[str, ...], now: int) -> list[Observation]:
        """Records that can't be read: told once, until a time when all can."""
        if bool(damaged) == self._trouble:
            return []
        self._trouble = bool(damaged)
        data: dict[str, str | int | float | bool] = (
            {
                "state": "active",
                **because(Cause.DAMAGED_RECORDS, count=len(damaged), detail="; ".join(damaged)[:500]).data,
            }
            if damaged
            else {"state": "cleared"}
        )
        return [Happened(device=self.device, type="device.fault", at=now, observed_at=now, data=data)]


class Rounds:
    """Checkpoints that several wands visit: what happened there is known when each of them has been read.

    `visits`: by wand, its checkpoints. Nothing is known of a wand before it was read once in this life.
    """

    def __init__(self, visits: Mapping[str, frozenset[str]]) -> None:
        self._visits = visits
        self._read: dict[str, int] = {}

    def read(self, wand: str, now: int) -> dict[str, int]:
        """Take in that a wand was read at `now`; up to when the wand and each of its checkpoints are known."""
        self._read[wand] = now
        found = {wand: now}
        for place in self._visits.get(wand, ()):
            visitors = [name for name, places in self._visits.items() if place in places]
            if all(name in self._read for name in visitors):
                found[place] = min(self._read[name] for name in visitors)
        return found
