"""How long an order may still take: its deadlines on the site's calendar, and what its pauses put off."""

from collections.abc import Iterator
from typing import Final

import msgspec

from cloud.correlation.working_days import WorkingDays
from cloud.operations.order import Act, Order, OrderState, OrderStep
from cloud.operations.order_kinds import LIMITS, OrderKind
from contract.duration import Duration

WARN: Final = 0.8
"""The share of its time after which a deadline is spoken of."""


class Deadline(msgspec.Struct, frozen=True, kw_only=True):
    """One of an order. `name` is that of its limit; `part`: the round of work that it is about.

    `met_at`: when what it asks for was done, by the word of whoever did it; None while it was not.
    """

    name: str
    part: int
    warn_at: int
    due_at: int
    met_at: int | None

    @property
    def kept(self) -> bool:
        """Whether it was met in time."""
        return self.met_at is not None and self.met_at <= self.due_at

    @property
    def warned(self) -> str:
        """What marks that it was spoken of."""
        return f"{self.name}:{self.part}:near"

    @property
    def missed(self) -> str:
        """What marks that it was missed."""
        return f"{self.name}:{self.part}:over"


class OrderClock:
    """Reckons for one site."""

    def __init__(self, days: WorkingDays) -> None:
        self._days = days

    def running(self, order: Order, kind: OrderKind) -> list[Deadline]:
        """Those that are still to be met. None runs while the order is paused, or once it was cancelled."""
        if order.pause is not None or order.state is OrderState.CANCELLED:
            return []
        unmet = set(_unmet(order))
        return [one for one in self.deadlines(order, kind) if one.name in unmet]

    def deadlines(self, order: Order, kind: OrderKind) -> list[Deadline]:
        """All of them as they stand now, the met ones too."""
        part = sum(step.act is Act.REJECTED for step in order.steps)
        return [
            Deadline(
                name=name,
                part=part,
                warn_at=_put_off(order, start, start + round((end - start) * WARN)),
                due_at=_put_off(order, start, end),
                met_at=_met(order, name),
            )
            for name in LIMITS
            for start in [_start(order, name)]
            if start is not None
            for end in [self._end(order, kind, name, start)]
            if end is not None
        ]

    def _end(self, order: Order, kind: OrderKind, name: str, start: int) -> int | None:
        """When it would end without pauses."""
        if name == "done_within" and order.due_at is not None:
            return max(order.due_at, start)
        limit = kind.limit(name, order.urgency)
        return self._after(start, limit) if limit is not None else None

    def _after(self, start: int, limit: Duration) -> int:
        return self._days.after(start, limit.working_days) if limit.working_days else start + limit.ms


def _put_off(order: Order, start: int, end: int) -> int:
    """A moment moved by the pauses that lie before it, as far as they lie after `start`."""
    for pause in order.pauses:
        since = max(pause.from_, start)
        if pause.to is not None and since < end:
            end += max(0, pause.to - since)
    return end


def _unmet(order: Order) -> Iterator[str]:
    """What is still waited for. Once the work is done, nobody needs to take it or to come."""
    worked = order.state in {OrderState.DONE, OrderState.VERIFIED}
    if not order.is_over:
        if not worked:
            yield from (name for name in _OF_WORK if _met(order, name) is None)
        if order.answers_owed and not order.answers:
            yield "answer_within"
        yield "close_within"
    if order.calls_back and order.call_back is None:
        yield "call_back_within"


_OF_WORK: Final = ("accept_within", "arrive_within", "done_within")


def _met(order: Order, name: str) -> int | None:
    match name:
        case "accept_within":
            return _at(order.first(Act.ACCEPTED))
        case "arrive_within":
            return _at(order.first(Act.ON_SITE))
        case "done_within":
            return _at(order.step(Act.DONE))
        case "close_within":
            return _at(order.step(Act.CLOSED))
        case "answer_within":
            return order.answers[0].at if order.answers else None
        case _:
            return order.call_back.at if order.call_back is not None else None


def _at(step: OrderStep | None) -> int | None:
    return step.at if step is not None else None


def _start(order: Order, name: str) -> int | None:
    if name != "call_back_within":
        return order.opened_at
    return _at(order.step(Act.DONE))
