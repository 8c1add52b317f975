"""The newest that each part told of an alarm, so that what comes late never undoes what is newer."""

from typing import Final, TypeVar

from cloud.operations.alarm import CHATTER_MS, Alarm
from contract.parts import WHOLE_DEVICE, system_of

_Key = TypeVar("_Key")
Place = tuple[int, int]
"""When an event was, and its number: where it stands among the events of one device."""
_NEVER: Final = (0, -1)
LAST: Final = 1 << 63
"""Behind every number of an event."""
_MOST: Final = 20_000
"""So many parts are remembered before the older half is let go."""


class AlarmHistory:
    """Beginnings and ends by alarm, and ends of all parts of a source or of a system. Only in memory: it outlives no restart."""

    def __init__(self) -> None:
        self._times: dict[str, tuple[int, ...]] = {}
        self._begun: dict[str, Place] = {}
        self._over: dict[str, Place] = {}
        self._all_over: dict[tuple[str, str, str], Place] = {}

    def begins(self, alarm: Alarm, known: Alarm | None, place: Place) -> bool:
        """Note a beginning; false when it is known, or something newer is. `known`: the alarm as it stands."""
        newest = max(
            self.begun(known) if known is not None else self._begun.get(alarm.id, _NEVER),
            self._over.get(alarm.id, _NEVER),
            *(
                self._all_over.get((alarm.kind, alarm.source, reset), _NEVER)
                for reset in (WHOLE_DEVICE, system_of(alarm.part))
            ),
        )
        if place <= newest:
            return False
        self._begun[alarm.id] = place
        self._forget(self._begun)
        return True

    def ends(self, alarm_id: str, place: Place) -> None:
        """Note the end of one part."""
        self._over[alarm_id] = max(place, self._over.get(alarm_id, place))
        self._forget(self._over)

    def ends_all(self, kind: str, source: str, reset: str, place: Place) -> None:
        """Note the end of all parts of a source that are reset with `reset` (`contract.parts.is_reset_with`)."""
        key = (kind, source, reset)
        self._all_over[key] = max(place, self._all_over.get(key, place))
        self._forget(self._all_over)

    def begun(self, alarm: Alarm) -> Place:
        """When an alarm began last."""
        opened = (alarm.opened_at, alarm.trigger[1] if alarm.trigger is not None else -1)
        return max(opened, self._begun.get(alarm.id, opened))

    def times(self, alarm_id: str, at: int) -> tuple[int, ...]:
        """The moments within the minute before `at` when an alarm came."""
        return tuple(moment for moment in self._times.get(alarm_id, ()) if moment > at - CHATTER_MS)

    def came(self, alarm: Alarm) -> bool:
        """Note when an alarm came; whether so many are known that the old ones were let go."""
        self._times[alarm.id] = alarm.times
        if len(self._times) <= _MOST:
            return False
        least = alarm.opened_at - CHATTER_MS
        self._times = {name: times for name, times in self._times.items() if times[-1] > least}
        return True

    def _forget(self, places: dict[_Key, Place]) -> None:
        if len(places) > _MOST:
            oldest = sorted(places, key=places.__getitem__)
            for key in oldest[: len(oldest) // 2]:
                del places[key]
