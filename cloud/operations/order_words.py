"""What is said of orders: to the people who have them, to their supervisors, and to the rules."""

from typing import Final

from cloud.operations.effects import Concern, Deed
from cloud.operations.order import Order
from cloud.operations.order_clock import Deadline
from cloud.operations.order_kinds import OrderKind
from contract.site import Text

SUPERVISOR: Final = "supervisor"

_LIMITS: Final = {
    "accept_within": Text(zh="接单", en="accepted"),
    "arrive_within": Text(zh="到场", en="reached on site"),
    "done_within": Text(zh="完成", en="done"),
    "answer_within": Text(zh="答复", en="answered"),
    "close_within": Text(zh="关闭", en="closed"),
    "call_back_within": Text(zh="回访", en="called back"),
}


def deed(
    order: Order, kind: OrderKind | None, what: str, person: str, at: int, **more: object
) -> Deed | None:
    """A step of an order as the rules know it; None where nobody asked for it, so that nobody is owed anything."""
    if kind is not None and not kind.requested:
        return None
    data = {"request": order.id, "kind": _told_kind(order, kind, what), "urgency": order.urgency, **more}
    return Deed(type=f"request.{what}", at=at, person=person or None, zone=order.zone, data=data)


def _told_kind(order: Order, kind: OrderKind | None, what: str) -> str:
    """A repair at home is a repair when it is asked for, and a home_repair or rework once it is done."""
    if kind is None:
        return order.kind
    if what == "opened":
        return kind.told_as or kind.id
    if what == "done" and order.is_reworked:
        return "rework"
    return kind.done_as or kind.id


def near(order: Order, deadline: Deadline, people: tuple[str, ...]) -> Concern:
    """Little time is left."""
    what = _LIMITS[deadline.name]
    return Concern(
        key=f"order:{order.id}:{deadline.warned}",
        about=about(order),
        text=Text(
            zh=f"工单“{order.title}”须尽快{what.zh}：已用八成时限",
            en=f"order {order.title!r} must be {what.en} soon: four fifths of its time are gone",
        ),
        role=SUPERVISOR,
        people=people,
    )


def over(order: Order, deadline: Deadline, people: tuple[str, ...]) -> Concern:
    """Time is up."""
    what = _LIMITS[deadline.name]
    return Concern(
        key=f"order:{order.id}:{deadline.missed}",
        about=about(order),
        text=Text(
            zh=f"工单“{order.title}”未按时{what.zh}", en=f"order {order.title!r} was not {what.en} in time"
        ),
        role=SUPERVISOR,
        people=people,
        urgent=True,
    )


def given(order: Order, people: tuple[str, ...], at: int) -> Concern:
    """Somebody has a new order to take."""
    return Concern(
        key=f"order:{order.id}:given:{at}",
        about=about(order),
        text=Text(zh=f"新工单：{order.title}", en=f"new order: {order.title}"),
        people=people,
        role="" if people else SUPERVISOR,
        urgent=order.urgency == "urgent",
    )


def rejected(order: Order, note: str, at: int) -> Concern:
    """The work is to be done again."""
    return Concern(
        key=f"order:{order.id}:rejected:{at}",
        about=about(order),
        text=Text(zh=f"工单“{order.title}”须返工：{note}", en=f"order {order.title!r} needs rework: {note}"),
        people=(order.assigned,),
    )


def overridden(order: Order, person: Text, reason: str) -> Concern:
    """It was closed although something spoke against it."""
    return Concern(
        key=f"order:{order.id}:override",
        about=about(order),
        text=Text(
            zh=f"{person.in_('zh')}强行关闭工单“{order.title}”：{reason}",
            en=f"{person.in_('en')} closed order {order.title!r} all the same: {reason}",
        ),
        role=SUPERVISOR,
    )


def unsatisfied(order: Order, score: int) -> Concern:
    """Whoever asked is not content."""
    return Concern(
        key=f"order:{order.id}:unsatisfied",
        about=about(order),
        text=Text(
            zh=f"工单“{order.title}”回访不满意（{score}分）",
            en=f"whoever asked for {order.title!r} is not satisfied ({score} of 5)",
        ),
        role=SUPERVISOR,
    )


def replaced(plan: str, name: Text, number: int) -> Concern:
    """A meter counts from 0 again."""
    return Concern(
        key=f"upkeep:{plan}:replaced:{number}",
        about=f"upkeep:{plan}",
        text=Text(
            zh=f"保养“{name.in_('zh')}”的计数表已归零，按更换表计处理",
            en=f"the meter of {name.in_('en')!r} fell back: it is taken for a new one",
        ),
        role=SUPERVISOR,
    )


def about(order: Order) -> str:
    """The name of an order for those who tell of it."""
    return f"order:{order.id}"
