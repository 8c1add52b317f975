"""The life of an incident: detected, acknowledged, dispatched, arrived, verified, handled, closed, reviewed."""

from collections.abc import Iterable
from enum import StrEnum
from typing import Final, Literal

import msgspec

from cloud.errors import RefusedError
from cloud.operations.plans import Plan


class Phase(StrEnum):
    """The steps in their order. Later ones may come before earlier ones are known; each is recorded once."""

    DETECTED = "detected"
    ACKNOWLEDGED = "acknowledged"
    DISPATCHED = "dispatched"
    ARRIVED = "arrived"
    VERIFIED = "verified"
    HANDLED = "handled"
    CLOSED = "closed"
    REVIEWED = "reviewed"


MOST_ALARMS: Final = 200
"""So many alarms are named by an incident; a panel that fails may send thousands."""
ORDER: Final = {phase: place for place, phase in enumerate(Phase)}


class Step(msgspec.Struct, frozen=True, kw_only=True):
    """One step: when, by whom, and how it is known. `evidence`: the event that proves it.

    `told_at`: when the cloud heard of it, ms, where that was later than it was done; else 0.
    """

    phase: Phase
    at: int
    person: str = ""
    how: Literal["evidence", "declared", "system"] = "declared"
    evidence: tuple[str, int] | None = None
    note: str = ""
    told_at: int = 0


class Walked(msgspec.Struct, frozen=True, kw_only=True):
    """A step of the plan that was done, or (with a reason) skipped."""

    step: str
    at: int
    person: str
    skipped: str = ""


class Note(msgspec.Struct, frozen=True, kw_only=True):
    """Something that somebody wrote down."""

    at: int
    person: str
    text: str


class Attachment(msgspec.Struct, frozen=True, kw_only=True):
    """A file that belongs to it; its content is kept under its hash, outside the database."""

    at: int
    person: str
    sha256: str
    name: str
    type: str
    size: int


class Life(msgspec.Struct, frozen=True, kw_only=True):
    """What people did about an incident. `result`: what it turned out to be; `drill`: it was expected."""

    emergency: str = ""
    priority: int = 3
    alarms: tuple[str, ...] = ()
    """The first `MOST_ALARMS` of them."""
    alarm_count: int = 0
    zones: tuple[str, ...] = ()
    steps: tuple[Step, ...] = ()
    plan: tuple[Walked, ...] = ()
    people: tuple[str, ...] = ()
    result: str = ""
    notes: tuple[Note, ...] = ()
    files: tuple[Attachment, ...] = ()
    drill: str = ""

    def step(self, phase: Phase) -> Step | None:
        """How a step is known; None when it is not."""
        return next((step for step in self.steps if step.phase is phase), None)

    @property
    def phase(self) -> Phase:
        """The furthest step that was reached."""
        return max((step.phase for step in self.steps), key=ORDER.__getitem__, default=Phase.DETECTED)


def reached(life: Life, step: Step) -> Life:
    """A step is reached. Evidence replaces what was only declared, and keeps the earlier moment of evidence."""
    known = life.step(step.phase)
    if known is not None and not _is_better(step, known):
        return life
    steps = sorted(
        [*(one for one in life.steps if one.phase is not step.phase), step],
        key=lambda one: (ORDER[one.phase], one.at),
    )
    return msgspec.structs.replace(life, steps=tuple(steps))


def _is_better(step: Step, known: Step) -> bool:
    if step.how != "evidence":
        return False
    return known.how != "evidence" or step.at < known.at


def first_time(life: Life, phase: Phase) -> None:
    """A step that only counts once.

    Raises:
        RefusedError: Somebody did it before.
    """
    known = life.step(phase)
    if known is not None:
        raise RefusedError(
            "conflict",
            f"{known.person or '系统'} 已完成此步骤",
            f"already {phase.value} by {known.person or 'the system'}",
        )


def walked(life: Life, plan: Plan | None, done: Walked) -> Life:
    """A step of the plan is done or skipped; what was skipped may still be done.

    Raises:
        RefusedError: The plan has no such step, or it is done.
    """
    if plan is None or done.step not in {step.id for step in plan.steps}:
        raise RefusedError("unknown", f"预案中没有步骤 {done.step}", f"the plan has no step {done.step}")
    known = next((one for one in life.plan if one.step == done.step), None)
    if known is not None and (not known.skipped or done.skipped):
        raise RefusedError(
            "conflict", f"{known.person} 已处理此步骤", f"{known.person} has dealt with this step"
        )
    rest = tuple(one for one in life.plan if one.step != done.step)
    return msgspec.structs.replace(life, plan=(*rest, done))


def left_out(life: Life, plan: Plan | None) -> list[str]:
    """The needed steps of the plan that were not done, in their order, skipped ones among them."""
    done = {one.step for one in life.plan if not one.skipped}
    return [step.id for step in plan.steps if step.needed and step.id not in done] if plan else []


def with_people(life: Life, people: Iterable[str]) -> Life:
    """More people are sent."""
    return msgspec.structs.replace(life, people=tuple(dict.fromkeys((*life.people, *people))))
