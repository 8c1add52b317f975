"""Who is on duty now: what the roster says, swaps, and who came and went by scan or by word; handovers."""

from collections.abc import Iterable
from typing import Final, Literal

import msgspec

from cloud.errors import RefusedError
from cloud.operations.command import Alive, GoOffDuty, GoOnDuty, HandOver, SwapShift
from cloud.operations.effects import Deed, Effects
from cloud.operations.record import Record, RecordKind, Register
from cloud.operations.roster import Rosters, Shift, works
from contract.events import LOCATION_TYPES, Event
from contract.site import Site

ALIVE: Final = "guard.alive"
EARLY_MS: Final = 30 * 60_000
"""Who comes this early begins the coming shift."""
_AFTER_MS: Final = 3_600_000
"""A shift may be handed over for so long after its end."""


class Swap(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody stands in for somebody."""

    absent: str
    to: str
    by: str
    at: int


class Attendance(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Somebody came, and went (None: is still there)."""

    person: str
    since: int
    until: int | None = None
    how: Literal["evidence", "declared"] = "evidence"


class Handover(msgspec.Struct, frozen=True, kw_only=True):
    """What was left to the next shift."""

    at: int
    person: str
    to: str
    text: str


class Duty(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One shift as it is worked. `over`: its end has come, and the rules were told who went with it."""

    id: str
    roster: str
    opened_at: int
    ends_at: int
    people: tuple[str, ...]
    swaps: tuple[Swap, ...] = ()
    present: tuple[Attendance, ...] = ()
    handovers: tuple[Handover, ...] = ()
    over: bool = False
    ended: bool = False
    revision: int = 0
    changed_at: int = 0

    @property
    def state(self) -> str:
        """`running` until it is over, then `ended`."""
        return "ended" if self.ended else "running"

    @property
    def is_live(self) -> bool:
        """Whether anything may still be written into it."""
        return not self.ended

    @property
    def staff(self) -> tuple[str, ...]:
        """Who works it, after swaps."""
        names = list(self.people)
        for swap in self.swaps:
            names = [swap.to if name == swap.absent else name for name in names]
        return tuple(dict.fromkeys(names))

    def on_duty(self, now: int) -> tuple[str, ...]:
        """Who works it at that moment: the staff but for who signed off; nobody before it begins or after it ends."""
        if not self.opened_at <= now < self.ends_at:
            return ()
        return tuple(name for name in self.staff if not _has_left(self, name))


class DutyBook:
    """The running shifts of a site. Every act may raise `RefusedError`; then nothing has changed."""

    def __init__(
        self, site: Site, rosters: Rosters, effects: Effects, records: Iterable[Record] = ()
    ) -> None:
        self._site = site
        self._rosters = rosters
        self._effects = effects
        self._register = Register(site.id, RecordKind.DUTY, Duty, records)
        self._looked_to = 0
        self._next_at: int | None = None

    def on_duty(self, role: str, now: int) -> tuple[str, ...]:
        """Who does a role now: the staff of its running shifts, or everybody with the role where no roster fills it.

        Who signed off, or left for good, is not on duty.
        """
        if not self._rosters.fills(role):
            return tuple(
                person.id
                for person in self._site.file.people
                if role in person.roles and works(person, now, self._site)
            )
        running = [duty for duty in self._running(now) if self._rosters.by_id[duty.roster].role == role]
        found = [name for duty in running for name in duty.on_duty(now)]
        return tuple(name for name in dict.fromkeys(found) if works(self._site.people[name], now, self._site))

    def _running(self, now: int) -> list[Duty]:
        return [
            duty
            for duty in self._register.all()
            if duty.opened_at <= now < duty.ends_at and duty.roster in self._rosters.by_id
        ]

    # --- what happens

    def on_event(self, event: Event, now: int) -> None:
        """A scan at the post begins somebody's shift; `staff.on_duty` and `staff.off_duty` say it by themselves."""
        person = self._site.people.get(event.person) if event.person else None
        if person is None:
            return
        if event.type == "staff.off_duty":
            self._leave(person.id, event.at, now)
        elif event.type == "staff.on_duty":
            self._come(person.id, event.at, "evidence", now, anywhere=True)
        elif event.type in LOCATION_TYPES:
            device = self._site.devices.get(event.device)
            self._come(
                person.id, event.at, "evidence", now, zone=event.zone or (device.zone if device else None)
            )

    def _come(
        self,
        person: str,
        at: int,
        how: Literal["evidence", "declared"],
        now: int,
        *,
        zone: str | None = None,
        anywhere: bool = False,
    ) -> Duty | None:
        for duty in self._of(person, at):
            post = self._rosters.by_id[duty.roster].post
            if not anywhere and (post is None or post != zone):
                continue
            if any(one.person == person and one.until is None for one in duty.present):
                return duty
            came = Attendance(person=person, since=at, how=how)
            return self._put(msgspec.structs.replace(duty, present=(*duty.present, came)), now)
        return None

    def _leave(self, person: str, at: int, now: int) -> Duty | None:
        for duty in self._of(person, at):
            if any(
                one.person == person and one.until is not None and one.until >= at for one in duty.present
            ):
                return duty
            open_ones = [one for one in duty.present if one.person == person and one.until is None]
            gone = [msgspec.structs.replace(one, until=at) for one in open_ones] or [
                Attendance(person=person, since=duty.opened_at, until=at)
            ]
            rest = [one for one in duty.present if one not in open_ones]
            return self._put(msgspec.structs.replace(duty, present=(*rest, *gone)), now)
        return None

    def _of(self, person: str, at: int) -> list[Duty]:
        """The shifts that somebody works around a moment."""
        return [
            duty
            for duty in self._register.all()
            if person in duty.staff and duty.opened_at - EARLY_MS <= at < duty.ends_at + _AFTER_MS
        ]

    # --- what people do

    def go_on(self, action: GoOnDuty, person: str, at: int, now: int) -> Duty:
        """Begin a shift by word, where no scan says it."""
        duty = self._come(person, at, "declared", now, anywhere=True)
        if duty is None:
            raise RefusedError("conflict", "当前没有您的班次", "no shift of yours runs or is about to begin")
        self._deed("staff.on_duty", person, at, action.post)
        return duty

    def go_off(self, action: GoOffDuty, person: str, at: int, now: int) -> Duty:
        """End it."""
        duty = self._leave(person, at, now)
        if duty is None:
            raise RefusedError("conflict", "当前没有您的班次", "no shift of yours runs")
        self._deed("staff.off_duty", person, at, action.post)
        return duty

    def hand_over(self, action: HandOver, person: str, at: int, now: int) -> Duty:
        """Write down what the next one must know."""
        if not action.text.strip():
            raise RefusedError("unusable", "请写交接内容", "write what is handed over")
        if action.to not in self._site.people:
            raise RefusedError("unknown", f"没有人员 {action.to}", f"no person {action.to}")
        mine = [
            duty
            for duty in self._of(person, at)
            if self._rosters.by_id[duty.roster].post in {action.post, None}
        ]
        if not mine:
            raise RefusedError("conflict", "该岗位当前没有您的班次", "no shift of yours runs at this post")
        left = Handover(at=at, person=person, to=action.to, text=action.text)
        duty = self._put(msgspec.structs.replace(mine[0], handovers=(*mine[0].handovers, left)), now)
        self._deed("staff.handover", person, at, action.post)
        return duty

    def alive(self, action: Alive, person: str, at: int) -> None:
        """Somebody who works alone is well; rule PT-11 waits for it."""
        device = self._site.devices.get(action.device)
        if device is None or ALIVE not in self._site.emits(device):
            raise RefusedError(
                "unknown",
                f"没有报平安设备 {action.device}",
                f"{action.device} is no device that tells of {ALIVE}",
            )
        self._effects.deed(Deed(type=ALIVE, at=at, device=device.id, person=person, zone=device.zone))

    def swap(self, action: SwapShift, person: str, at: int, now: int) -> Duty:
        """Somebody stands in; the shift may lie ahead."""
        roster = self._rosters.by_id.get(action.shift)
        if roster is None:
            raise RefusedError("unknown", f"没有班次 {action.shift}", f"no roster {action.shift}")
        to = self._site.people.get(action.to)
        if to is None or roster.role not in to.roles or not works(to, action.start, self._site):
            raise RefusedError(
                "not_allowed", f"{action.to} 不能担任此岗", f"{action.to} can't do the role {roster.role}"
            )
        found = [s for s in self._rosters.shifts(action.start, action.start + 1) if s.roster == action.shift]
        if not found or found[0].start != action.start:
            raise RefusedError(
                "unknown", "该时刻没有班次开始", "no shift of this roster begins at that moment"
            )
        duty = self._register.get(found[0].id) or _duty(found[0])
        if action.absent not in duty.staff:
            raise RefusedError(
                "conflict", f"{action.absent} 不在该班", f"{action.absent} is not in this shift"
            )
        swap = Swap(absent=action.absent, to=action.to, by=person, at=at)
        return self._put(msgspec.structs.replace(duty, swaps=(*duty.swaps, swap)), now)

    def _deed(self, kind: str, person: str, at: int, post: str) -> None:
        self._effects.deed(Deed(type=kind, at=at, person=person, zone=post or None))

    def _put(self, duty: Duty, now: int) -> Duty:
        return self._register.put(duty, now)

    # --- time

    def settle(self, now: int) -> None:
        """Begin the shifts whose time has come, end those that are over."""
        if not self._rosters.by_id or (self._next_at is not None and self._looked_to <= now < self._next_at):
            return
        for shift in self._rosters.shifts(now, now + EARLY_MS + 1):
            if shift.id not in self._register:
                self._put(_duty(shift), now)
        for duty in self._register.all():
            if now >= duty.ends_at and not duty.over:
                self._send_home(duty)
                duty = self._put(msgspec.structs.replace(duty, over=True), now)  # noqa: PLW2901
            if now >= duty.ends_at + _AFTER_MS:
                gone = tuple(
                    one if one.until is not None else msgspec.structs.replace(one, until=duty.ends_at)
                    for one in duty.present
                )
                self._put(msgspec.structs.replace(duty, ended=True, present=gone), now)
        self._looked_to, self._next_at = now, self._next(now)

    def _send_home(self, duty: Duty) -> None:
        """Who did not sign off goes with the end of the shift, unless another one keeps them."""
        post = self._rosters.by_id[duty.roster].post if duty.roster in self._rosters.by_id else None
        if post is None:
            return
        others = [one for one in self._register.all() if one.opened_at <= duty.ends_at < one.ends_at]
        stay = {name for one in others for name in one.staff}
        for name in duty.staff:
            if name not in stay and not _has_left(duty, name):
                data = {"rostered": True}
                self._effects.deed(
                    Deed(type="staff.off_duty", at=duty.ends_at, person=name, zone=post, data=data)
                )

    def _next(self, now: int) -> int:
        running = [duty for duty in self._register.all() if not duty.ended]
        ends = [duty.ends_at + _AFTER_MS if duty.over else duty.ends_at for duty in running]
        ahead = self._rosters.shifts(now, now + 26 * 3_600_000)
        starts = [shift.start - EARLY_MS for shift in ahead if shift.start - EARLY_MS > now]
        return min([*ends, *starts, now + 24 * 3_600_000])

    def next_at(self) -> int | None:
        """When `settle` wants to be called next."""
        return self._next_at

    def take_records(self) -> list[Record]:
        """What changed since this was asked last."""
        return self._register.take_records()


def _duty(shift: Shift) -> Duty:
    return Duty(
        id=shift.id, roster=shift.roster, opened_at=shift.start, ends_at=shift.end, people=shift.people
    )


def _has_left(duty: Duty, person: str) -> bool:
    """Whether somebody signed off from a shift and did not come back."""
    own = [one for one in duty.present if one.person == person]
    return bool(own) and all(one.until is not None for one in own)
