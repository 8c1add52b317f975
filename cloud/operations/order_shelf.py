"""The orders of one site that are in memory: what each owes, who is told, and when its time is near or over."""

from collections.abc import Iterable

import msgspec

from cloud.correlation.sources import zone_of
from cloud.correlation.working_days import WorkingDays
from cloud.errors import RefusedError
from cloud.operations import order_words as say
from cloud.operations.checklist import Checklists, Item, items_of
from cloud.operations.effects import Concern, Effects
from cloud.operations.order import Act, Order, OrderStep, stepped, telling
from cloud.operations.order_clock import Deadline, OrderClock
from cloud.operations.order_kinds import OrderKind, OrderKinds
from cloud.operations.record import Record, RecordKind, Register
from cloud.operations.roster import works
from contract.site import Site


class OrderShelf:
    """Every change is put here; `take_records` hands it over."""

    def __init__(
        self,
        site: Site,
        kinds: OrderKinds,
        checklists: Checklists,
        effects: Effects,
        records: Iterable[Record],
    ) -> None:
        self._site = site
        self.kinds = kinds
        self.checklists = checklists
        self._effects = effects
        self._register = Register(site.id, RecordKind.ORDER, Order, records)
        self._clock = OrderClock(WorkingDays(site))
        self._wakes: dict[str, int] = {}
        for order in self._register.all():
            self._set_wake(order)

    def __contains__(self, identity: str) -> bool:
        """Whether an order is in memory."""
        return identity in self._register

    def begin(self, order: Order, kind: OrderKind, person: str, now: int) -> Order:
        """An order of a kind begins: it owes what its kind says. Without a person the system opened it."""
        chosen = order.checklist or kind.checklist or ""
        checklist = self.checklists.get(chosen)
        order = msgspec.structs.replace(
            order,
            role=order.role or kind.role,
            checklist=chosen,
            verifies=kind.needs_verification,
            answers_owed=kind.answer_within is not None,
            calls_back=kind.call_back,
            signed=order.signed or (checklist is not None and checklist.signature),
        )
        step = OrderStep(
            act=Act.REGISTERED, at=order.opened_at, person=person, how="declared" if person else "system"
        )
        order = self.put(stepped(order, step), now)
        self.tell_rules(order, "opened", person, order.opened_at)
        self._effects.concern(say.given(order, self._those(order, now), order.opened_at))
        return order

    def put(self, order: Order, now: int) -> Order:
        """An order is new or changed."""
        noted = self._register.put(order, now)
        self._set_wake(noted)
        return noted

    def tell_rules(self, order: Order, what: str, person: str, at: int, **more: object) -> None:
        """A step of an order, as the rules know it."""
        deed = say.deed(order, self.kinds.get(order.kind), what, person, at, **more)
        if deed is not None:
            self._effects.deed(deed)

    # --- time

    def settle(self, now: int) -> None:
        """Tell what is near its end, or over."""
        for name in [name for name, at in self._wakes.items() if at <= now]:
            order = self._register.get(name)
            if order is None:
                del self._wakes[name]
            else:
                self._tell_time(order, now)

    def _tell_time(self, order: Order, now: int) -> None:
        """Each is told once; what was missed altogether is not told to be near first."""
        people = self._those(order, now)
        told = order
        for deadline in self._running(order):
            if deadline.due_at <= now:
                told = self._told(told, deadline.missed, say.over(order, deadline, people))
            elif deadline.warn_at <= now:
                told = self._told(told, deadline.warned, say.near(order, deadline, people))
        if told is not order:
            self.put(told, now)

    def _told(self, order: Order, key: str, concern: Concern) -> Order:
        if key in order.told:
            return order
        self._effects.concern(concern)
        return telling(order, key)

    def _running(self, order: Order) -> list[Deadline]:
        kind = self.kinds.get(order.kind)
        return self._clock.running(order, kind) if kind is not None else []

    def _set_wake(self, order: Order) -> None:
        moments = [
            deadline.due_at if deadline.warned in order.told else deadline.warn_at
            for deadline in self._running(order)
            if deadline.missed not in order.told
        ]
        if moments:
            self._wakes[order.id] = min(moments)
        else:
            self._wakes.pop(order.id, None)

    def next_at(self) -> int | None:
        """When `settle` wants to be called next."""
        return min(self._wakes.values(), default=None)

    # --- looking

    def get(self, identity: str) -> Order | None:
        """One that is in memory."""
        return self._register.get(identity)

    def known(self, identity: str) -> Order:
        """One that must be in memory.

        Raises:
            RefusedError: It is not.
        """
        order = self._register.get(identity)
        if order is None:
            raise RefusedError("unknown", f"没有工单 {identity}", f"no order {identity}")
        return order

    def all(self) -> list[Order]:
        """Those in memory, oldest first."""
        return self._register.all()

    def deadlines(self, order: Order) -> list[Deadline]:
        """The deadlines of an order, those that were met or missed too."""
        kind = self.kinds.get(order.kind)
        return self._clock.deadlines(order, kind) if kind is not None else []

    def items(self, order: Order) -> tuple[Item, ...]:
        """What is to be filled."""
        return items_of(self.checklists.get(order.checklist), signed=order.signed)

    def holes(self, order: Order) -> list[Item]:
        """What must be filled and is not."""
        return [item for item in self.items(order) if item.required and order.filled(item.id) is None]

    def zone(self, device: str | None) -> str | None:
        """Where a device is."""
        return zone_of(self._site.devices.get(device or ""), None)

    def recall(self, record: Record) -> None:
        """Take back one that is stored."""
        self._register.recall(record)

    def take_records(self) -> list[Record]:
        """What changed since this was asked last."""
        return self._register.take_records()

    def _those(self, order: Order, now: int) -> tuple[str, ...]:
        """Whoever has it; while nobody does, all who may take it."""
        if order.assigned:
            return (order.assigned,)
        return tuple(
            person.id
            for person in self._site.file.people
            if order.role in person.roles and works(person, now, self._site)
        )
