"""Groups of alarms: what belongs together is annunciated once."""

from collections.abc import Callable, Mapping
from typing import Final

import msgspec

from cloud.operations.alarm import Alarm
from cloud.operations.alarm_kinds import AlarmKind
from cloud.operations.record import content_id

JOIN_MS: Final = 600_000
"""An alarm this long after the last one of its group still belongs to it."""


class Group(msgspec.Struct):
    """A group of alarms that is annunciated once: its first alarm gives it its id."""

    id: str
    last_at: int


class AlarmGroups:
    """The groups of a site. `roots`: by zone, the zone that covers it; `stands`: an alarm of a group still does."""

    def __init__(self, site: str, roots: Mapping[str, str], stands: Callable[[str], bool]) -> None:
        self._site = site
        self._roots = roots
        self._stands = stands
        self._groups: dict[tuple[str, str, str], Group] = {}

    def join(self, kind: AlarmKind, alarm: Alarm) -> tuple[str, bool]:
        """The group that an alarm of now belongs to, and whether it is the first of it."""
        key, at = self._key(kind, alarm), alarm.opened_at
        group = self._groups.get(key)
        if group is not None and (at - group.last_at <= JOIN_MS or self._stands(group.id)):
            group.last_at = max(group.last_at, at)
            return group.id, False
        group = self._groups[key] = Group(self._id(alarm), at)
        return group.id, True

    def begin(self, kind: AlarmKind, alarm: Alarm) -> tuple[str, bool]:
        """The group of an alarm whose own was closed: the one that began since, or else one of its own."""
        key = self._key(kind, alarm)
        there = self._groups.get(key)
        if there is not None and there.id != alarm.group:
            return there.id, alarm.first_out
        group = self._groups[key] = Group(self._id(alarm), alarm.opened_at)
        return group.id, True

    def remember(self, kind: AlarmKind, alarm: Alarm) -> None:
        """Take back the group of an alarm that is stored."""
        key = self._key(kind, alarm)
        known = self._groups.get(key)
        if known is None or alarm.opened_at >= known.last_at:
            self._groups[key] = Group(alarm.group, alarm.opened_at)

    def forget(self, at: int) -> None:
        """Let go of groups that no alarm of now can belong to."""
        self._groups = {
            key: group
            for key, group in self._groups.items()
            if at - group.last_at <= JOIN_MS or self._stands(group.id)
        }

    def _id(self, alarm: Alarm) -> str:
        device, seq = alarm.trigger or (alarm.source, alarm.opened_at)
        return content_id(self._site, "alarm", device, str(seq))

    def _key(self, kind: AlarmKind, alarm: Alarm) -> tuple[str, str, str]:
        """What, where, and in which drill: a real alarm never shares a group with one of a drill."""
        what = kind.emergency or kind.id
        if kind.group == "site":
            return what, "", alarm.drill
        if kind.group == "area" and alarm.zone is not None:
            return what, self._roots.get(alarm.zone, alarm.zone), alarm.drill
        return what, alarm.source, alarm.drill


class Members:
    """The live alarms of each group. An alarm is in one group: acts upon the one that it left are not about it."""

    def __init__(self) -> None:
        self._of: dict[str, set[str]] = {}
        self._group_of: dict[str, str] = {}

    def join(self, alarm: str, group: str) -> None:
        """An alarm belongs to a group from now on, and to no other."""
        if self._group_of.get(alarm) != group:
            self.leave(alarm)
        self._group_of[alarm] = group
        self._of.setdefault(group, set()).add(alarm)

    def leave(self, alarm: str) -> None:
        """An alarm belongs to no group any more."""
        group = self._group_of.pop(alarm, "")
        members = self._of.get(group, set())
        members.discard(alarm)
        if not members:
            self._of.pop(group, None)

    def of(self, group: str) -> frozenset[str]:
        """The alarms of a group."""
        return frozenset(self._of.get(group, ()))
