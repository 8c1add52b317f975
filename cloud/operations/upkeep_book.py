"""Where each plan of upkeep stands: what was opened for it, when it was done last, how far its meter has run."""

import math
from collections.abc import Iterable
from typing import Final

import msgspec

from cloud.operations.record import Record, RecordKind, Register, content_id
from cloud.operations.upkeep import Due, Upkeep, Upkeeps, dues
from contract.site import Site

_NOTED: Final = 100
"""A meter is noted when it has grown by this part of what it counts to: what is less is counted from there again."""
_SETTLED: Final = 3
"""So many readings of a meter that fell make it a new one; before that it may have been a slip."""


class Fallen(msgspec.Struct, frozen=True, kw_only=True):
    """A meter that went back: what it showed and how far it had run before, and how often it was read since."""

    value: float
    run: float
    reads: int = 1


class Course(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One plan. `order`: the one that is open for it. `through`: until when what was due is dealt with.

    `run`: how far its meter has run since it is known, over all its replacements; `base`: how far it had when the
    work was last done; `value`: what it showed when it was noted last; `count`: how many orders it opened.
    """

    id: str
    opened_at: int
    through: int
    order: str = ""
    done_at: int | None = None
    run: float = 0
    base: float = 0
    value: float | None = None
    fallen: Fallen | None = None
    replaced: int = 0
    count: int = 0
    revision: int = 0
    changed_at: int = 0

    @property
    def state(self) -> str:
        """`open` while an order is, else `waiting`."""
        return "open" if self.order else "waiting"

    @property
    def is_live(self) -> bool:
        """What was opened is remembered for ever, so that it is not opened again."""
        return True


class Opening(msgspec.Struct, frozen=True, kw_only=True):
    """An order is to be opened for a plan. `id` is derived from what is due: the same never has two."""

    id: str
    plan: Upkeep
    at: int
    due_at: int | None = None


class UpkeepBook:
    """The plans of one site. A plan has one open order at most; what becomes due meanwhile is done with it."""

    def __init__(self, site: Site, plans: Upkeeps, records: Iterable[Record] = ()) -> None:
        self._site = site
        self._plans = plans
        self._register = Register(site.id, RecordKind.UPKEEP, Course, records)
        self._next: dict[str, Due] = {}
        self._metered: dict[tuple[str, str], list[Upkeep]] = {}
        for plan in plans.values():
            if plan.meter is not None:
                self._metered.setdefault((plan.meter.device, plan.meter.point), []).append(plan)
        self._fresh: list[Opening] = []

    # --- by calendar

    def settle(self, now: int) -> list[Opening]:
        """The orders that are to be opened now."""
        for plan in self._plans.values():
            course = self._course(plan, now)
            if not course.order and plan.every is not None:
                self._open_due(plan, course, now)
        opened, self._fresh = self._fresh, []
        return opened

    def _open_due(self, plan: Upkeep, course: Course, now: int) -> None:
        """Of several that have become due, the last one stands for all."""
        due = self._due_next(plan, course)
        if due is None or due.opens_at > now:
            return
        for later in dues(plan, self._site.timezone, due.due_at):
            if later.opens_at > now:
                break
            due = later
        identity = content_id(self._site.id, "upkeep", plan.id, due.day.isoformat())
        opening = Opening(id=identity, plan=plan, at=now, due_at=due.due_at)
        self._opened(course, opening, due.due_at, now)

    def _due_next(self, plan: Upkeep, course: Course) -> Due | None:
        known = self._next.get(plan.id)
        if known is None:
            known = next(dues(plan, self._site.timezone, course.through), None)
            if known is not None:
                self._next[plan.id] = known
        return known

    def _opened(self, course: Course, opening: Opening, through: int, now: int) -> None:
        self._fresh.append(opening)
        self._put(course, now, order=opening.id, through=through, count=course.count + 1)

    def next_at(self) -> int | None:
        """When `settle` wants to be called next."""
        waiting = [
            due.opens_at
            for plan in self._plans.values()
            if (course := self._register.get(plan.id)) is not None and not course.order
            if (due := self._due_next(plan, course)) is not None
        ]
        if self._fresh or any(name not in self._register for name in self._plans):
            waiting.append(0)
        return min(waiting, default=None)

    # --- by meter

    def on_reading(
        self, device: str, point: str, at: int, value: float, now: int
    ) -> list[tuple[Upkeep, int]]:
        """A meter was read at a moment; what it makes due is opened by the next `settle`.

        The plans whose meter is now known to be a new one are returned, with which it is.
        """
        found: list[tuple[Upkeep, int]] = []
        for plan in self._metered.get((device, point), ()):
            if plan.meter is not None and math.isfinite(value):
                before = self._course(plan, now).replaced
                course = self._count(plan, plan.meter.every, at, value, now)
                if course.replaced > before:
                    found.append((plan, course.replaced))
        return found

    def _count(self, plan: Upkeep, every: float, at: int, value: float, now: int) -> Course:
        course = self._course(plan, now)
        before = course.value
        if before is None:
            return self._put(course, now, value=value)
        run = course.run + value - before
        grown = value - before >= every / _NOTED or (run - course.base >= every and not course.order)
        if value < before - every / _NOTED:
            course = self._fell(course, before, value, now)
        elif course.fallen is not None:
            course = self._after_fall(course, course.fallen, run, value, now)
        elif grown:
            course = self._put(course, now, run=run, value=value)
        if not course.order and course.fallen is None and course.run - course.base >= every:
            identity = content_id(self._site.id, "upkeep", plan.id, f"meter {course.count + 1}")
            self._opened(course, Opening(id=identity, plan=plan, at=at), course.through, now)
        return course

    def _fell(self, course: Course, before: float, value: float, now: int) -> Course:
        """It shows less than it did: a new one began from 0, or it was a slip."""
        fallen = course.fallen or Fallen(value=before, run=course.run)
        return self._put(course, now, run=fallen.run + max(value, 0.0), value=value, fallen=fallen)

    def _after_fall(self, course: Course, fallen: Fallen, run: float, value: float, now: int) -> Course:
        if value >= fallen.value:
            return self._put(course, now, run=fallen.run + value - fallen.value, value=value, fallen=None)
        reads = fallen.reads + 1
        if reads >= _SETTLED:
            replaced = course.replaced + 1
            return self._put(course, now, run=run, value=value, fallen=None, replaced=replaced)
        counted = msgspec.structs.replace(fallen, reads=reads)
        return self._put(course, now, run=run, value=value, fallen=counted)

    # --- the orders it opened

    def finished(self, plan: str, order: str, at: int, now: int) -> None:
        """The work was done: what was due until then is done with it, and a meter counts from here."""
        course = self._register.get(plan)
        if course is not None and course.order == order:
            self._next.pop(plan, None)
            self._put(course, now, order="", done_at=at, base=course.run, through=max(course.through, at))

    def cancelled(self, plan: str, order: str, at: int, now: int) -> None:
        """It need not be done this time: as if it had been, but it was not."""
        course = self._register.get(plan)
        if course is not None and course.order == order:
            self._next.pop(plan, None)
            self._put(course, now, order="", base=course.run, through=max(course.through, at))

    def undone(self, plan: str, order: str, now: int) -> None:
        """The work was found not good: its order is open again, unless another is."""
        course = self._register.get(plan)
        if course is not None and not course.order:
            self._put(course, now, order=order)

    # --- looking

    def get(self, plan: str) -> Course | None:
        """Where a plan stands."""
        return self._register.get(plan)

    def recall(self, record: Record) -> None:
        """Take back what is stored."""
        self._register.recall(record)

    def take_records(self) -> list[Record]:
        """What changed since this was asked last."""
        return self._register.take_records()

    def _course(self, plan: Upkeep, now: int) -> Course:
        """Where a plan stands; one that is new has nothing due before now."""
        known = self._register.get(plan.id)
        return known or self._register.put(Course(id=plan.id, opened_at=now, through=now), now)

    def _put(self, course: Course, now: int, **changes: object) -> Course:
        return self._register.put(msgspec.structs.replace(course, **changes), now)
