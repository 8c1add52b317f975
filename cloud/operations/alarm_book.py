"""The alarms of one site: begun and ended by events, grouped, hidden, set aside, counted."""

from collections.abc import Callable, Iterable
from typing import Final

import msgspec

from cloud.correlation.people import says_of
from cloud.errors import RefusedError
from cloud.operations.alarm import (
    Alarm,
    Aside,
    acknowledged,
    activated,
    retired,
    returned,
    shelved,
    suppressed,
    unshelved,
    was_reset,
)
from cloud.operations.alarm_events import clears, is_told_again
from cloud.operations.alarm_groups import AlarmGroups, Members
from cloud.operations.alarm_history import LAST, AlarmHistory, Place
from cloud.operations.alarm_kinds import LINK, OVERDUE, AlarmKind, AlarmKinds
from cloud.operations.alarm_refusals import need_reason, refuse_acknowledgement
from cloud.operations.command import (
    AcknowledgeAlarms,
    ResetAlarm,
    RestoreAlarm,
    RetireAlarm,
    ShelveAlarm,
    UnshelveAlarm,
)
from cloud.operations.family import Family
from cloud.operations.record import Record, RecordKind, Register, content_id
from contract.events import RESET_TYPES, Event, names_state, reset_of
from contract.events import Phase as EventPhase
from contract.parts import WHOLE_DEVICE, is_reset_with, renamed
from contract.site import Site, Text
from contract.site_parts import event_zone, part_label

LONGEST_SHELF_MS: Final = 8 * 3_600_000
"""A shelved alarm comes back at the latest with the next shift."""
FLOOD: Final = 10
FLOOD_MS: Final = 600_000
"""Ten alarms in ten minutes are a flood (ISA-18.2, 16.5)."""
CALM: Final = 5
"""Under so many in ten minutes it is over."""
DrillFor = Callable[[str, str | None, int], str]
"""The drill that an alarm of an emergency, in a zone, of a moment belongs to; empty for a real one."""


class AlarmBook:
    """Every call notes what changed; `take` hands it over. `now` is the cloud's time, ms."""

    def __init__(
        self,
        site: Site,
        kinds: AlarmKinds,
        records: Iterable[Record] = (),
        drill_for: DrillFor = lambda _emergency, _zone, _at: "",
    ) -> None:
        self._site = site
        self._kinds = kinds
        self._drill_for = drill_for
        self._register = Register(site.id, RecordKind.ALARM, Alarm, records)
        self._old_ids: dict[str, str] = {}
        self._history = AlarmHistory()
        self._annunciated: list[int] = []
        self._raised: list[Alarm] = []
        self._ended: dict[str, None] = {}
        self._family = Family(site)
        self._groups = AlarmGroups(site.id, self._family.roots, self._stands)
        self._of_source: dict[str, dict[str, set[str]]] = {}
        self._members = Members()
        self._aside: set[str] = set()
        self.flooding = False
        for alarm in self._register.all():
            self._index(alarm)
            if (kind := kinds.get(alarm.kind)) is not None:
                self._groups.remember(kind, alarm)

    # --- what happens

    def on_event(self, event: Event, seq: int, now: int) -> None:
        """An event; `seq` is its full sequence number."""
        place = (event.at, seq)
        for kind in self._kinds.beginning.get(event.type, ()):
            said = says_of(kind.on, event) if kind.on is not None else None
            if said is EventPhase.ENDS:
                self._end(kind, event.device, kind.part_of(event), place, now)
            elif said is not None:
                self._begin(kind, event, said, place, now)
        for kind in self._kinds.ending.get(event.type, ()):
            if clears(kind, event):
                part = kind.part_of(event)
                whole = not part or event.type in RESET_TYPES
                self._end(kind, event.device, part, place, now, whole=whole)
                for child in self._reset_with(event):
                    self._end(kind, child, WHOLE_DEVICE, (event.at, LAST), now, whole=True)

    def _reset_with(self, event: Event) -> tuple[str, ...]:
        """The devices that a reset reaches beside its own: what is read through a panel is reset with it."""
        is_whole = event.type in RESET_TYPES and not reset_of(event)
        return self._family.children_of.get(event.device, ()) if is_whole else ()

    def begin(
        self,
        name: str,
        source: str,
        now: int,
        *,
        part: str = "",
        cause: str = "",
        zone: str | None = None,
        group: tuple[str, str] = ("", ""),
    ) -> None:
        """An alarm that no event begins (`alarm_kinds.UNDECIDED`); nothing happens where the site has no such kind.

        `group`: the group it belongs to, whatever its kind says, and the drill that this group is of.
        """
        kind = self._kinds.get(name)
        if kind is not None:
            fresh = self._fresh(kind, source, part, zone, now, now)
            self._put(kind, msgspec.structs.replace(fresh, cause=cause, group=group[0], drill=group[1]), now)

    def end(self, name: str, source: str, now: int, *, part: str = "") -> None:
        """It is over."""
        kind = self._kinds.get(name)
        if kind is not None:
            self._end(kind, source, part, (now, LAST), now, whole=not part)

    def _begin(self, kind: AlarmKind, event: Event, said: EventPhase, place: Place, now: int) -> None:
        zone = event_zone(self._site, event)
        fresh = msgspec.structs.replace(
            self._fresh(kind, event.device, kind.part_of(event), zone, event.at, now),
            trigger=(event.device, place[1]),
            cause=event.type,
            ends=names_state(event),
        )
        known = self._register.get(fresh.id)
        if not self._history.begins(fresh, known, place):
            return
        if known is not None and known.active and not known.drill:
            # What is real stays so, whatever is tried around it.
            fresh = msgspec.structs.replace(fresh, drill="")
        if known is not None and known.active and known.drill == fresh.drill:
            # Told again of what stands (as after a restart, or by a word that could mean its end) is nothing new.
            if said is EventPhase.UNCLEAR or is_told_again(event):
                return
            if known.acked_at is None or known.acked_at >= event.at:
                return
        self._put(kind, fresh, now)

    def _fresh(self, kind: AlarmKind, source: str, part: str, zone: str | None, at: int, now: int) -> Alarm:
        return Alarm(
            id=self._id(kind.id, source, part),
            kind=kind.id,
            source=source,
            part=part,
            part_name=part_label(self._site, source, part) if kind.each and part else Text(),
            zone=zone,
            priority=kind.urgency,
            opened_at=at,
            raised_at=now,
            latches=kind.latches,
            drill=self._drill_for(kind.emergency, zone, at) if kind.emergency is not None else "",
        )

    def _put(self, kind: AlarmKind, fresh: Alarm, now: int) -> None:
        """Raise it, in the group that it names or in that of its kind."""
        known, at, source = self._register.get(fresh.id), fresh.opened_at, fresh.source
        if known is not None and known.active and fresh.trigger is None and known.drill == fresh.drill:
            return
        group, first = (fresh.group, False) if fresh.group else self._groups.join(kind, fresh)
        fresh = msgspec.structs.replace(fresh, group=group, first_out=first)
        if known is not None:
            alarm = activated(known, fresh)
        else:
            times = (at,) if fresh.drill else (*self._history.times(fresh.id, at), at)
            alarm = msgspec.structs.replace(fresh, times=times, count=len(times))
        if self._history.came(alarm):
            self._groups.forget(at)
        alarm = self._note(suppressed(alarm, self._hiders(alarm, kind)), now)
        self._raised.append(alarm)
        if alarm.annunciates and not alarm.drill:
            self._annunciated.append(now)
        self._rehide(kind, source, now)

    def _end(
        self, kind: AlarmKind, source: str, part: str, place: Place, now: int, *, whole: bool = False
    ) -> None:
        """A part of a source is well again; `whole`: with all that is reset with it."""
        ended = False
        if whole:
            self._history.ends_all(kind.id, source, part, place)
        if not whole or part:
            self._history.ends(self._id(kind.id, source, part), place)
        for alarm in self._at(source, (kind.id,)):
            own = renamed(alarm.part)
            is_meant = is_reset_with(own, part) if whole else own == part
            if is_meant and alarm.active and place >= self._history.begun(alarm):
                self._note(returned(alarm, max(place[0], alarm.opened_at)), now)
                self._ended[alarm.group] = None
                ended = True
        if ended:
            self._rehide(kind, source, now)

    def _id(self, kind: str, source: str, part: str) -> str:
        """The id of a part's alarm: what was stored before parts had one name keeps the one it has."""
        identity = alarm_id(self._site.id, kind, source, part)
        return self._old_ids.get(identity, identity)

    def _note(self, alarm: Alarm, now: int) -> Alarm:
        noted = self._register.put(alarm, now)
        self._index(noted)
        return noted

    def _index(self, alarm: Alarm) -> None:
        if (part := renamed(alarm.part)) != alarm.part:
            self._old_ids[alarm_id(self._site.id, alarm.kind, alarm.source, part)] = alarm.id
        self._of_source.setdefault(alarm.source, {}).setdefault(alarm.kind, set()).add(alarm.id)
        self._members.join(alarm.id, alarm.group)
        (self._aside.add if alarm.shelved is not None else self._aside.discard)(alarm.id)

    def _at(self, source: str, kinds: Iterable[str] | None = None) -> list[Alarm]:
        """The live alarms of a source, of some kinds only (None: of all)."""
        by_kind = self._of_source.get(source, {})
        return self._chosen(
            name for kind in (by_kind if kinds is None else kinds) for name in by_kind.get(kind, ())
        )

    def _chosen(self, names: Iterable[str]) -> list[Alarm]:
        """Those of the names that are live, oldest first."""
        found = [alarm for name in names if (alarm := self._register.get(name)) is not None]
        return sorted(found, key=lambda alarm: (alarm.opened_at, alarm.id))

    # --- groups

    def begin_group(self, alarm: Alarm, now: int) -> Alarm:
        """An alarm whose group's incident is closed begins a group of its own, or joins the one that did before it."""
        kind = self._kinds.get(alarm.kind)
        if kind is None:
            return alarm
        group, first = self._groups.begin(kind, alarm)
        return self._note(msgspec.structs.replace(alarm, group=group, first_out=first), now)

    def _stands(self, group: str) -> bool:
        return any((alarm := self._register.get(name)) and alarm.active for name in self._members.of(group))

    # --- hiding

    def _hiders(self, alarm: Alarm, kind: AlarmKind) -> tuple[str, ...]:
        """What hides an alarm now: others of its device or of what that is read through, and its agent's silence."""
        found = self._at(alarm.source, kind.hidden_by)
        found += [
            other
            for parent in self._family.parents_of.get(alarm.source, ())
            for other in self._at(parent, kind.hidden_by)
        ]
        if kind.hidden_by_link:
            agents = self._family.agents_of.get(alarm.source, ())
            found += [other for source in agents for other in self._at(source, (LINK,))]
        return tuple(
            other.id
            for other in found
            if other.active and other.id != alarm.id and other.drill in {"", alarm.drill}
        )

    def _rehide(self, kind: AlarmKind, source: str, now: int) -> None:
        """An alarm of a kind came or went at a source: see what it hides or shows."""
        if kind.id == LINK:
            behind = [name for name, agents in self._family.agents_of.items() if source in agents]
            affected = [alarm for name in behind for alarm in self._at(name)]
        else:
            hidden = self._kinds.hides.get(kind.id, ())
            family = (source, *self._family.children_of.get(source, ())) if hidden else ()
            affected = [alarm for name in family for alarm in self._at(name, hidden)]
        for alarm in affected:
            its = self._kinds.get(alarm.kind)
            by = self._hiders(alarm, its) if its is not None else ()
            if by != alarm.suppressed_by:
                self._back(suppressed(alarm, by), now)

    # --- what people do

    def acknowledge(self, action: AcknowledgeAlarms, person: str, at: int, now: int) -> list[Alarm]:
        """Seen; those that are acknowledged are returned.

        Raises:
            RefusedError: One is not known, or nothing of it waits to be acknowledged.
        """
        alarms = [self._known(name) for name in action.alarms]
        waiting = [alarm for alarm in alarms if alarm.waits_at(at)]
        if not waiting:
            refuse_acknowledgement(alarms)
        return [self._seen(alarm, person, at, now) for alarm in waiting]

    def acknowledge_group(self, group: str, person: str, at: int, now: int) -> list[Alarm]:
        """All of a group that wait for it and began before."""
        return [self._seen(alarm, person, at, now) for alarm in self.of_group(group) if alarm.waits_at(at)]

    def waits(self, group: str, at: int | None = None) -> bool:
        """Whether an alarm of a group is to be acknowledged still; `at`: by an act of that moment.

        What is set aside calls for nobody, and of what is overdue people are told by itself.
        """
        return any(
            alarm.acked_at is None if at is None else alarm.waits_at(at)
            for alarm in self.of_group(group)
            if not alarm.is_aside and alarm.kind != OVERDUE
        )

    def began_at(self, group: str) -> int | None:
        """When the first live alarm of a group began for people."""
        return min((alarm.began_at for alarm in self.of_group(group)), default=None)

    def _seen(self, alarm: Alarm, person: str, at: int, now: int) -> Alarm:
        """Acknowledged; what nothing tells the end of is over with that."""
        kind = self._kinds.get(alarm.kind)
        seen = acknowledged(alarm, person, at)
        if alarm.active and not alarm.ends and kind is not None and kind.is_momentary:
            seen = returned(seen, max(at, alarm.opened_at))
            self._ended[alarm.group] = None
        return self._note(seen, now)

    def shelve(self, action: ShelveAlarm, person: str, at: int, now: int) -> Alarm:
        """Set aside until a moment.

        Raises:
            RefusedError: It is fire or the like, there is no reason, or the moment is past or too far away.
        """
        alarm = self._known(action.alarm)
        kind = self._kinds.get(alarm.kind)
        if kind is not None and not kind.shelvable:
            raise RefusedError("not_allowed", "此类报警不得搁置", "alarms of this kind can't be shelved")
        need_reason(action.reason)
        if not now < action.until <= now + LONGEST_SHELF_MS:
            hours = LONGEST_SHELF_MS // 3_600_000
            raise RefusedError(
                "unusable", f"搁置须在{hours}小时内到期", f"a shelf ends within {hours} hours from now"
            )
        return self._note(
            shelved(alarm, Aside(by=person, at=at, reason=action.reason, until=action.until)), now
        )

    def unshelve(self, action: UnshelveAlarm, now: int) -> Alarm:
        """Back before its time.

        Raises:
            RefusedError: It is not shelved.
        """
        alarm = self._known(action.alarm)
        if alarm.shelved is None:
            raise RefusedError("conflict", "该报警未被搁置", "the alarm is not shelved")
        return self._back(unshelved(alarm), now)

    def retire(self, action: RetireAlarm, person: str, at: int, now: int) -> Alarm:
        """Out of service.

        Raises:
            RefusedError: It may not be, or there is no reason.
        """
        alarm = self._known(action.alarm)
        kind = self._kinds.get(alarm.kind)
        if kind is not None and not kind.shelvable:
            raise RefusedError(
                "not_allowed", "此类报警不得停用", "alarms of this kind stay in service; use a permit"
            )
        need_reason(action.reason)
        return self._note(retired(alarm, Aside(by=person, at=at, reason=action.reason)), now)

    def restore(self, action: RestoreAlarm, now: int) -> Alarm:
        """Back into service.

        Raises:
            RefusedError: It is in service.
        """
        alarm = self._known(action.alarm)
        if alarm.retired is None:
            raise RefusedError("conflict", "该报警在用", "the alarm is in service")
        return self._back(retired(alarm, None), now)

    def reset(self, action: ResetAlarm, now: int) -> Alarm:
        """Let go of what latched.

        Raises:
            RefusedError: Its condition still stands, or nobody has acknowledged it.
        """
        alarm = self._known(action.alarm)
        if not alarm.latched:
            raise RefusedError(
                "conflict", "现场状态未恢复，不能复位", "its condition still stands: reset it on site first"
            )
        if alarm.acked_at is None:
            raise RefusedError("conflict", "须先确认再复位", "acknowledge it before it is reset")
        return self._note(was_reset(alarm), now)

    def _back(self, alarm: Alarm, now: int) -> Alarm:
        kind = self._kinds.get(alarm.kind)
        if alarm.drill and kind is not None:
            drill = self._drill_for(kind.emergency or "", alarm.zone, now)
            if drill != alarm.drill:
                # What still stands after its drill is real.
                alarm = msgspec.structs.replace(alarm, drill=drill)
                group, first = self._groups.join(kind, alarm)
                alarm = msgspec.structs.replace(alarm, group=group, first_out=first)
        alarm = self._note(alarm, now)
        if alarm.annunciates:
            self._raised.append(alarm)
            if not alarm.drill:
                self._annunciated.append(now)
        return alarm

    def _known(self, name: str) -> Alarm:
        alarm = self._register.get(name)
        if alarm is None:
            raise RefusedError("unknown", f"没有待处理的报警 {name}", f"no alarm {name} stands")
        return alarm

    # --- time

    def settle(self, now: int) -> None:
        """Bring back what was shelved until now, and see whether there is a flood."""
        for alarm in self._chosen(self._aside):
            if alarm.shelved is not None and alarm.shelved.until is not None and alarm.shelved.until <= now:
                self._back(unshelved(alarm), now)
        self._annunciated = [at for at in self._annunciated if at > now - FLOOD_MS]
        count = len(self._annunciated)
        self.flooding = count >= (CALM if self.flooding else FLOOD)

    def next_at(self) -> int | None:
        """When `settle` wants to be called next."""
        ends = [
            alarm.shelved.until for alarm in self._register.all() if alarm.shelved and alarm.shelved.until
        ]
        if self.flooding and self._annunciated:
            ends.append(self._annunciated[0] + FLOOD_MS)
        return min(ends, default=None)

    # --- looking

    def of_drill(self, drill: str) -> list[Alarm]:
        """The alarms of a drill whose condition still stands."""
        return [alarm for alarm in self._register.all() if alarm.drill == drill and alarm.active]

    def get(self, name: str) -> Alarm | None:
        """An alarm that is live."""
        return self._register.get(name)

    def recall(self, record: Record) -> None:
        """Take back one that is stored."""
        self._register.recall(record)
        alarm = self._register.get(record.id)
        if alarm is not None:
            self._index(alarm)

    def of_group(self, group: str) -> list[Alarm]:
        """The live alarms of a group, oldest first."""
        return self._chosen(self._members.of(group))

    def stands_at(self, device: str) -> list[Alarm]:
        """The alarms whose condition is there at a device."""
        return [alarm for alarm in self._at(device) if alarm.active]

    def kind_of(self, alarm: Alarm) -> AlarmKind | None:
        """What kind it is, as the files say now."""
        return self._kinds.get(alarm.kind)

    def take_raised(self) -> list[Alarm]:
        """Those that began or came back since this was asked last, in that order."""
        raised, self._raised = self._raised, []
        return [self._register.get(alarm.id) or alarm for alarm in raised]

    def take_over(self) -> list[str]:
        """The groups whose last condition has gone since this was asked last."""
        ended, self._ended = self._ended, {}
        return [group for group in ended if not self._stands(group)]

    def take_records(self) -> list[Record]:
        """What changed since this was asked last."""
        records = self._register.take_records()
        for record in records:
            if not record.live:
                alarm = msgspec.json.decode(record.body, type=Alarm)
                self._of_source.get(alarm.source, {}).get(alarm.kind, set()).discard(alarm.id)
                self._members.leave(alarm.id)
        return records


def alarm_id(site: str, kind: str, source: str, part: str) -> str:
    """The id of an alarm: edge and cloud, or two workers, that see it give it the same."""
    return content_id(site, "alarm-kind", kind, source, part)
