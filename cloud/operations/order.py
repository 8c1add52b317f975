"""One work order and its life: a repair, a complaint, a request, an inspection; what each act makes of it.

| state | what happened last |
|---|---|
| registered | somebody asked, or it went to somebody else |
| accepted | somebody has it, or the work was found not good |
| on_site | whoever has it is there |
| done, verified, closed, called_back | the work is done, looked at, over, and whoever asked was asked |
| cancelled | it need not be done |
"""

from enum import StrEnum
from typing import Final, Literal

import msgspec

from cloud.operations.life import Attachment, Note


class OrderState(StrEnum):
    """Where an order stands."""

    REGISTERED = "registered"
    ACCEPTED = "accepted"
    ON_SITE = "on_site"
    DONE = "done"
    VERIFIED = "verified"
    CLOSED = "closed"
    CALLED_BACK = "called_back"
    CANCELLED = "cancelled"


class Act(StrEnum):
    """What can happen to an order, as it is kept in its steps."""

    REGISTERED = "registered"
    ACCEPTED = "accepted"
    REASSIGNED = "reassigned"
    ON_SITE = "on_site"
    DONE = "done"
    REJECTED = "rejected"
    VERIFIED = "verified"
    CLOSED = "closed"
    CANCELLED = "cancelled"


_RESETS: Final = frozenset({Act.REASSIGNED, Act.REJECTED})
_STATES: Final = {
    Act.REGISTERED: OrderState.REGISTERED,
    Act.REASSIGNED: OrderState.REGISTERED,
    Act.REJECTED: OrderState.ACCEPTED,
    Act.ACCEPTED: OrderState.ACCEPTED,
    Act.ON_SITE: OrderState.ON_SITE,
    Act.DONE: OrderState.DONE,
    Act.VERIFIED: OrderState.VERIFIED,
    Act.CLOSED: OrderState.CLOSED,
    Act.CANCELLED: OrderState.CANCELLED,
}
_RANK: Final = {state: rank for rank, state in enumerate(OrderState)}


class OrderStep(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One step: when, by whom, how it is known. `evidence`: the event that proves it, by its device and number."""

    act: Act
    at: int
    person: str = ""
    how: Literal["evidence", "declared", "system"] = "declared"
    evidence: tuple[str, int] | None = None
    note: str = ""


class Pause(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, rename={"from_": "from"}):
    """The clock stood still; `to` None: it still does."""

    from_: int
    by: str
    reason: str
    to: int | None = None


class Filled(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What somebody found for an item of the checklist. `bad`: beyond its limits; `opened`: the order for it."""

    item: str
    value: float | bool | str
    at: int
    person: str
    note: str = ""
    bad: bool = False
    opened: str = ""


class UsedPart(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A part or material that the work took, as said last."""

    part: str
    quantity: float
    at: int
    person: str
    unit: str = ""


class Satisfied(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What whoever asked said of it, from 1 (not at all) to 5."""

    at: int
    person: str
    score: int
    note: str = ""


class Order(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A work order as it stands. `assigned`: who has it, or is to take it; `role`: who may take it.

    `verifies`, `answers_owed`, `calls_back`, `signed`: what it still takes before nothing is owed any more, as its
    kind said when it was opened. `follows`: the order whose checklist opened it, with the item; `upkeep`: the plan
    that did; `due_at`: until when such a plan wants it. `told`: what of it has been told, so that it is told once.
    """

    id: str
    kind: str
    title: str
    opened_at: int
    zone: str | None = None
    device: str | None = None
    urgency: str = "normal"
    text: str = ""
    contact: str = ""
    incident: str | None = None
    role: str = ""
    assigned: str = ""
    checklist: str = ""
    verifies: bool = False
    answers_owed: bool = False
    calls_back: bool = False
    signed: bool = False
    follows: tuple[str, str] | None = None
    upkeep: str = ""
    due_at: int | None = None
    steps: tuple[OrderStep, ...] = ()
    pauses: tuple[Pause, ...] = ()
    items: tuple[Filled, ...] = ()
    parts: tuple[UsedPart, ...] = ()
    notes: tuple[Note, ...] = ()
    files: tuple[Attachment, ...] = ()
    answers: tuple[Note, ...] = ()
    call_back: Satisfied | None = None
    override: str = ""
    told: tuple[str, ...] = ()
    revision: int = 0
    changed_at: int = 0

    @property
    def state(self) -> OrderState:
        """Where it stands. What came before it went to somebody else, or was found not good, no longer counts."""
        states = [_STATES[step.act] for step in self.round]
        furthest = max(states, key=_RANK.__getitem__, default=OrderState.REGISTERED)
        if furthest is OrderState.CLOSED and self.call_back is not None:
            return OrderState.CALLED_BACK
        return furthest

    @property
    def round(self) -> tuple[OrderStep, ...]:
        """The steps since it last went to somebody else or was found not good, that one included."""
        resets = [place for place, step in enumerate(self.steps) if step.act in _RESETS]
        return self.steps[resets[-1] :] if resets else self.steps

    @property
    def is_over(self) -> bool:
        """Whether nothing is to be done about it but to call back."""
        return self.state in {OrderState.CLOSED, OrderState.CALLED_BACK, OrderState.CANCELLED}

    @property
    def is_live(self) -> bool:
        """Whether anything is owed."""
        return not self.is_over or (self.state is OrderState.CLOSED and self.calls_back)

    @property
    def is_reworked(self) -> bool:
        """Whether the work was found not good before."""
        return any(step.act is Act.REJECTED for step in self.steps)

    @property
    def pause(self) -> Pause | None:
        """The pause that runs."""
        return self.pauses[-1] if self.pauses and self.pauses[-1].to is None else None

    def step(self, act: Act) -> OrderStep | None:
        """The last step of an act, since the order last began anew."""
        return next((step for step in reversed(self.round) if step.act is act), None)

    def first(self, act: Act) -> OrderStep | None:
        """The first step of an act, ever."""
        return next((step for step in self.steps if step.act is act), None)

    @property
    def holder(self) -> OrderStep | None:
        """The step by which somebody has it now; None while nobody accepted it."""
        return self.step(Act.ACCEPTED) or self.step(Act.REJECTED)

    def filled(self, item: str) -> Filled | None:
        """What was found for an item."""
        return next((one for one in self.items if one.item == item), None)


def stepped(order: Order, step: OrderStep) -> Order:
    """A step takes its place in time, after those of the same moment."""
    steps = tuple(sorted([*order.steps, step], key=lambda one: one.at))
    return msgspec.structs.replace(order, steps=steps)


def accepted(order: Order, person: str, at: int) -> Order:
    """Somebody has it."""
    taken = msgspec.structs.replace(order, assigned=person)
    return stepped(taken, OrderStep(act=Act.ACCEPTED, at=at, person=person))


def reassigned(order: Order, to: str, person: str, at: int, reason: str) -> Order:
    """It goes to somebody else, who has not accepted it yet."""
    given = msgspec.structs.replace(order, assigned=to)
    return stepped(given, OrderStep(act=Act.REASSIGNED, at=at, person=person, note=reason))


def arrived(order: Order, step: OrderStep) -> Order:
    """Whoever has it is there. Evidence replaces what was declared; of evidence the earliest counts."""
    known = order.step(Act.ON_SITE)
    if known is None:
        return stepped(order, step)
    better = step.how == "evidence" and (known.how != "evidence" or step.at < known.at)
    if not better:
        return order
    rest = tuple(one for one in order.steps if one is not known)
    return stepped(msgspec.structs.replace(order, steps=rest), step)


def paused(order: Order, person: str, at: int, reason: str) -> Order:
    """The clock stands still."""
    pause = Pause(from_=at, by=person, reason=reason)
    return msgspec.structs.replace(order, pauses=(*order.pauses, pause))


def resumed(order: Order, at: int) -> Order:
    """It runs again; nothing happens when it does."""
    pause = order.pause
    if pause is None:
        return order
    ended = msgspec.structs.replace(pause, to=max(at, pause.from_))
    return msgspec.structs.replace(order, pauses=(*order.pauses[:-1], ended))


def ended(order: Order, step: OrderStep) -> Order:
    """The work is done, or the order over or cancelled: no pause outlasts it."""
    return stepped(resumed(order, step.at), step)


def with_part(order: Order, used: UsedPart) -> Order:
    """With a part that was used, by name; what was said of it later stands, and of nothing nothing is left."""
    known = next((one for one in order.parts if one.part == used.part), None)
    if known is not None and known.at > used.at:
        return order
    parts = [one for one in order.parts if one.part != used.part]
    if used.quantity:
        parts.append(used)
    return msgspec.structs.replace(order, parts=tuple(sorted(parts, key=lambda one: one.part)))


def with_item(order: Order, found: Filled) -> Order:
    """An item is filled, or filled anew; the order that it opened stays with it."""
    known = order.filled(found.item)
    if known is not None and known.opened:
        found = msgspec.structs.replace(found, opened=known.opened)
    rest = tuple(one for one in order.items if one.item != found.item)
    return msgspec.structs.replace(order, items=(*rest, found))


def telling(order: Order, key: str) -> Order:
    """Something of it has been told."""
    return msgspec.structs.replace(order, told=(*order.told, key))
