"""One alarm and its life (IEC 62682, ISA-18.2): what each happening makes of it.

| state | condition | acknowledged |
|---|---|---|
| normal | gone | - |
| unacknowledged | there | no |
| acknowledged | there | yes |
| returned_unacknowledged | gone | no |
| shelved, suppressed, out_of_service | not annunciated, whatever the condition | - |
"""

from enum import IntEnum, StrEnum
from typing import Final

import msgspec

from contract.site import Text

CHATTER: Final = 3
"""So many times within a minute make an alarm a chattering one (ISA-18.2, 16.5)."""
CHATTER_MS: Final = 60_000
STALE_MS: Final = 24 * 3_600_000
"""An alarm that stands for longer is a standing (stale) one (ISA-18.2, 16.5)."""


class Priority(IntEnum):
    """How soon a person must act; fire is `CRITICAL`. Lower numbers come first."""

    CRITICAL = 1
    HIGH = 2
    MEDIUM = 3
    LOW = 4


class AlarmState(StrEnum):
    """The states of IEC 62682, table 4."""

    NORMAL = "normal"
    UNACKNOWLEDGED = "unacknowledged"
    ACKNOWLEDGED = "acknowledged"
    RETURNED = "returned_unacknowledged"
    SHELVED = "shelved"
    SUPPRESSED = "suppressed"
    OUT_OF_SERVICE = "out_of_service"


class Aside(msgspec.Struct, frozen=True, kw_only=True):
    """Who set an alarm aside, when, why, and until when it lasts (None: until somebody ends it)."""

    by: str
    at: int
    reason: str
    until: int | None = None


class Alarm(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """An alarm as it stands. `id` is derived from `kind`, `source` and `part`: two places that see it agree.

    `part_name`: what people called the part when it was raised, empty where they call it by `part` itself.
    `group` names the group it is annunciated with (the id of the group's first alarm and its moment); `first_out`:
    it is the first of it. `latched`: its condition has gone and it waits for a reset. `suppressed_by` names the
    alarms or drills that hide it. `times`: the moments of its latest activations within a minute. `raised_at`: when the
    cloud took it in, and people could first see it. `ends`: its source tells of its end. `drill`: the drill that it
    belongs to, empty for a real one.
    """

    id: str
    kind: str
    source: str
    priority: Priority
    opened_at: int
    raised_at: int = 0
    ends: bool = False
    part: str = ""
    part_name: Text = Text()
    zone: str | None = None
    group: str = ""
    first_out: bool = False
    active: bool = True
    latches: bool = False
    latched: bool = False
    acked_at: int | None = None
    acked_by: str = ""
    returned_at: int | None = None
    shelved: Aside | None = None
    retired: Aside | None = None
    suppressed_by: tuple[str, ...] = ()
    times: tuple[int, ...] = ()
    count: int = 1
    trigger: tuple[str, int] | None = None
    cause: str = ""
    drill: str = ""
    revision: int = 0
    changed_at: int = 0

    @property
    def state(self) -> AlarmState:
        """Where it stands; what sets it aside goes before its condition."""
        if self.retired is not None:
            return AlarmState.OUT_OF_SERVICE
        if self.suppressed_by:
            return AlarmState.SUPPRESSED
        if self.shelved is not None:
            return AlarmState.SHELVED
        if self.active or self.latched:
            return AlarmState.UNACKNOWLEDGED if self.acked_at is None else AlarmState.ACKNOWLEDGED
        return AlarmState.RETURNED if self.acked_at is None else AlarmState.NORMAL

    @property
    def is_aside(self) -> bool:
        """Whether it calls for nobody, whatever its condition."""
        return self.retired is not None or self.shelved is not None or bool(self.suppressed_by)

    @property
    def began_at(self) -> int:
        """When it began for people: at its own time, or when it was seen, if its device's clock is ahead."""
        return min(self.opened_at, self.raised_at or self.opened_at)

    def waits_at(self, at: int) -> bool:
        """Whether an act of that moment acknowledges it: it waits for that, and began before."""
        return self.acked_at is None and self.began_at <= at

    @property
    def is_live(self) -> bool:
        """Whether anything may still be done about it."""
        return self.state is not AlarmState.NORMAL

    @property
    def annunciates(self) -> bool:
        """Whether it calls for a person now."""
        return self.state is AlarmState.UNACKNOWLEDGED

    def is_chattering(self) -> bool:
        """Whether it came so often within a minute that it is noise."""
        return len(self.times) >= CHATTER

    def is_stale(self, now: int) -> bool:
        """Whether it has stood for so long that nobody sees it any more."""
        return self.active and now - self.opened_at > STALE_MS


def activated(alarm: Alarm, fresh: Alarm) -> Alarm:
    """Its condition came again, as `fresh` tells: whoever acknowledged it before did not mean this.

    What was told or set aside in a drill counts for nothing outside of it.
    """
    is_same = alarm.drill == fresh.drill
    before = alarm.times if is_same else ()
    times = tuple(moment for moment in (*before, fresh.opened_at) if moment > fresh.opened_at - CHATTER_MS)
    return msgspec.structs.replace(
        alarm,
        active=True,
        latched=False,
        opened_at=fresh.opened_at,
        raised_at=fresh.raised_at,
        ends=fresh.ends,
        acked_at=None,
        acked_by="",
        returned_at=None,
        times=times,
        count=alarm.count + 1,
        trigger=fresh.trigger,
        cause=fresh.cause,
        group=fresh.group,
        first_out=fresh.first_out,
        drill=fresh.drill,
        shelved=alarm.shelved if is_same else None,
    )


def returned(alarm: Alarm, at: int) -> Alarm:
    """Its condition has gone; one that latches stays until it is reset."""
    return msgspec.structs.replace(alarm, active=False, latched=alarm.latches, returned_at=at)


def acknowledged(alarm: Alarm, by: str, at: int) -> Alarm:
    """Somebody has seen it: not before it opened, also where its device's clock is ahead."""
    return msgspec.structs.replace(alarm, acked_at=max(at, alarm.opened_at), acked_by=by)


def was_reset(alarm: Alarm) -> Alarm:
    """What latched is let go."""
    return msgspec.structs.replace(alarm, latched=False)


def shelved(alarm: Alarm, how: Aside) -> Alarm:
    """Set aside by a person for a while."""
    return msgspec.structs.replace(alarm, shelved=how)


def unshelved(alarm: Alarm) -> Alarm:
    """Back on the list; whoever acknowledged it before it was shelved is asked again while it stands."""
    if alarm.active:
        return msgspec.structs.replace(alarm, shelved=None, acked_at=None, acked_by="")
    return msgspec.structs.replace(alarm, shelved=None)


def retired(alarm: Alarm, how: Aside | None) -> Alarm:
    """Taken out of service for maintenance, or (None) back in: then it is asked for again while it stands."""
    if how is None and alarm.active:
        return msgspec.structs.replace(alarm, retired=None, acked_at=None, acked_by="")
    return msgspec.structs.replace(alarm, retired=how)


def suppressed(alarm: Alarm, by: tuple[str, ...]) -> Alarm:
    """Hidden by design while `by` stand; shown again, unacknowledged, once nobody hides it."""
    if alarm.suppressed_by and not by and alarm.active:
        return msgspec.structs.replace(alarm, suppressed_by=(), acked_at=None, acked_by="")
    return msgspec.structs.replace(alarm, suppressed_by=by)
