"""The work orders of one site: what people do with them, what proves it, when they are late, what opens by itself."""

from collections.abc import Callable, Iterable, Mapping
from typing import Final

import msgspec

from cloud.errors import RefusedError
from cloud.operations import command as do
from cloud.operations import order_checks as check
from cloud.operations import order_words as say
from cloud.operations.checklist import Checklists, Item, is_bad
from cloud.operations.effects import Deed, Effects
from cloud.operations.life import Attachment, Note
from cloud.operations.order import (
    Act,
    Filled,
    Order,
    OrderState,
    OrderStep,
    Satisfied,
    UsedPart,
    accepted,
    arrived,
    ended,
    paused,
    reassigned,
    resumed,
    stepped,
    telling,
    with_item,
    with_part,
)
from cloud.operations.order_clock import Deadline
from cloud.operations.order_kinds import OrderKinds
from cloud.operations.order_shelf import OrderShelf
from cloud.operations.record import Record, content_id
from cloud.operations.upkeep import Upkeep, Upkeeps
from cloud.operations.upkeep_book import Opening, UpkeepBook
from contract.events import LOCATION_TYPES, Event
from contract.site import Site
from contract.site_parts import event_zone

CONTENT: Final = 3
"""A score below this is told to the supervisor."""
_INSPECTED: Final = "inspected"


class OrderBook:
    """Every act may raise `RefusedError`; then nothing has changed. `now` is the cloud's time, ms.

    `at` is when it was done: it takes its place in time, and deadlines judge it. `alarms_at`: whether an alarm stands
    at a device.
    """

    def __init__(
        self,
        site: Site,
        kinds: OrderKinds,
        checklists: Checklists,
        effects: Effects,
        records: Iterable[Record],
        alarms_at: Callable[[str], bool],
        upkeep: Upkeeps | None = None,
    ) -> None:
        kept = list(records)
        self._site = site
        self._effects = effects
        self._alarms_at = alarms_at
        self._plans: Mapping[str, Upkeep] = upkeep or {}
        self._orders = OrderShelf(site, kinds, checklists, effects, kept)
        self._checks = check.OrderChecks(site)
        self.upkeep = UpkeepBook(site, self._plans, kept)

    # --- opening

    def open_order(self, action: do.OpenOrder, identity: str, person: str, at: int, now: int) -> Order:
        """Something is to be done; `identity` is derived from the command."""
        self._checks.person(person, at)
        kind = self._orders.kinds.get(action.kind)
        if kind is None:
            raise RefusedError("unknown", f"没有工单类型 {action.kind}", f"no kind of order {action.kind}")
        if not action.title.strip():
            raise check.unusable("请填写标题", "give the order a title")
        if action.urgency not in kind.urgencies:
            known = ", ".join(kind.urgencies)
            raise check.unusable(f"紧急程度应为 {known}", f"the urgency is one of {known}")
        self._checks.place(action.zone, action.device)
        if action.checklist is not None and action.checklist not in self._orders.checklists:
            raise RefusedError(
                "unknown", f"没有检查表 {action.checklist}", f"no checklist {action.checklist}"
            )
        if action.assigned is not None:
            self._checks.to(action.assigned, at)
        if identity in self._orders:
            raise check.conflict("该工单已登记", "this order is registered already")
        order = Order(
            id=identity,
            kind=kind.id,
            title=action.title,
            opened_at=at,
            zone=action.zone or self._orders.zone(action.device),
            device=action.device,
            urgency=action.urgency,
            text=action.text,
            contact=action.contact,
            incident=action.incident,
            assigned=action.assigned or "",
            checklist=action.checklist or "",
        )
        return self._orders.begin(order, kind, person, now)

    # --- who has it

    def accept(self, action: do.AcceptOrder, person: str, at: int, now: int) -> Order:
        """Somebody takes it; whoever comes second is told who has it."""
        who = self._checks.person(person, at)
        order = self._orders.known(action.order)
        self._checks.takeable(order, who, at)
        order = self._orders.put(accepted(order, person, at), now)
        self._orders.tell_rules(order, "accepted", person, at)
        return order

    def reassign(self, action: do.ReassignOrder, person: str, at: int, now: int) -> Order:
        """It goes to somebody else, who is to accept it."""
        self._checks.person(person, at)
        order = self._orders.known(action.order)
        check.unfinished(order)
        check.reason(action.reason)
        self._checks.to(action.to, at)
        if order.assigned == action.to:
            name = self._checks.name
            raise check.conflict(
                f"该工单已派给 {name(action.to, 'zh')}", f"{name(action.to, 'en')} has this order already"
            )
        check.not_before_any(at, order)
        order = self._orders.put(reassigned(order, action.to, person, at, action.reason), now)
        self._orders.tell_rules(order, "followed_up", person, at)
        self._effects.concern(say.given(order, (action.to,), at))
        return order

    # --- on site

    def arrive(self, action: do.ArriveAtOrder, person: str, at: int, now: int) -> Order:
        """Somebody says that they are there; a tag that they scanned there proves it."""
        self._checks.person(person, at)
        order = self._orders.known(action.order)
        check.unfinished(order)
        check.not_before(at, self._checks.held_by(order, person), order)
        device = self._checks.tag(order, action.tag) if action.tag else ""
        known = order.step(Act.ON_SITE)
        if known is not None and (known.how == "evidence" or not device):
            raise check.conflict("已到场", "the arrival is known already")
        step = OrderStep(
            act=Act.ON_SITE, at=at, person=person, how="evidence" if device else "declared", note=device
        )
        return self._orders.put(arrived(order, step), now)

    def on_event(self, event: Event, seq: int, now: int) -> None:
        """A scan or a badge of whoever has an order, where it is to be done, proves the arrival."""
        who = self._site.people.get(event.person or "")
        if event.type not in LOCATION_TYPES or who is None:
            return
        zone = event_zone(self._site, event)
        step = OrderStep(
            act=Act.ON_SITE, at=event.at, person=who.id, how="evidence", evidence=(event.device, seq)
        )
        for order in self._orders.all():
            if order.assigned == who.id and self._proves(order, zone, event.at):
                better = arrived(order, step)
                if better is not order:
                    self._orders.put(better, now)

    def _proves(self, order: Order, zone: str | None, at: int) -> bool:
        """Whether whoever was in a zone at a moment was there for an order: after they took it, before it was done."""
        holder, done = order.holder, order.step(Act.DONE)
        if holder is None or at < holder.at or (done is not None and at > done.at) or order.is_over:
            return False
        return zone is not None and zone in self._site.answering_zones.get(order.zone or "", frozenset())

    # --- the work

    def pause(self, action: do.PauseOrder, person: str, at: int, now: int) -> Order:
        """Its clock stands still, with a reason."""
        self._checks.person(person, at)
        order = self._orders.known(action.order)
        check.pausable(order, at)
        check.reason(action.reason)
        order = self._orders.put(paused(order, person, at, action.reason), now)
        self._orders.tell_rules(order, "paused", person, at, reason=action.reason)
        return order

    def resume(self, action: do.ResumeOrder, person: str, at: int, now: int) -> Order:
        """Its clock runs again."""
        self._checks.person(person, at)
        order = self._orders.known(action.order)
        check.unfinished(order)
        pause = order.pause
        if pause is None:
            raise check.conflict("该工单未暂停", "the order is not paused")
        if at < pause.from_:
            raise check.unusable("时间早于暂停", "it can't have gone on before it was paused")
        order = self._orders.put(resumed(order, at), now)
        self._orders.tell_rules(order, "resumed", person, at)
        return order

    def fill(self, action: do.FillItem, person: str, at: int, now: int) -> Order:
        """An item of the checklist; what is bad may open an order of its own."""
        self._checks.person(person, at)
        order = self._orders.known(action.order)
        check.still_open(order)
        item = next((one for one in self._orders.items(order) if one.id == action.item), None)
        if item is None:
            raise RefusedError(
                "unknown", f"检查表中没有 {action.item}", f"the checklist has no item {action.item}"
            )
        if order.holder is None:
            raise check.conflict("请先接单", "accept the order first")
        check.not_before(at, None, order)
        bad = is_bad(item, action.value)
        known = order.filled(item.id)
        if known is not None and known.at > at:
            raise check.conflict("该项已有更新的结果", "this item was filled later than that already")
        found = Filled(item=item.id, value=action.value, at=at, person=person, note=action.note, bad=bad)
        order = self._orders.put(with_item(order, found), now)
        if bad and item.opens is not None:
            order = self._follow(order, item, found, now)
        self._measured(order, item, found)
        self._inspected(order, person, now)
        return self._orders.get(order.id) or order

    def use_part(self, action: do.UsePart, person: str, at: int, now: int) -> Order:
        """A part that the work took; the last word on each part counts."""
        self._checks.person(person, at)
        order = self._orders.known(action.order)
        check.still_open(order)
        check.part(action)
        self._checks.held_by(order, person)
        check.not_before(at, None, order)
        used = UsedPart(
            part=action.part.strip(), quantity=action.quantity, at=at, person=person, unit=action.unit.strip()
        )
        return self._orders.put(with_part(order, used), now)

    def _follow(self, order: Order, item: Item, found: Filled, now: int) -> Order:
        """What is bad opens an order, once; it is signed where the checklist is."""
        kind = self._orders.kinds.get(item.opens or "")
        known = order.filled(item.id)
        if kind is None or known is None or known.opened:
            return order
        language = self._site.file.language
        value = f"{found.value} {item.unit}".strip()
        follower = Order(
            id=content_id(self._site.id, "follow-up", order.id, item.id),
            kind=kind.id,
            title=f"{item.name.in_(language)}: {value}",
            opened_at=found.at,
            zone=order.zone,
            device=self._device_of(order, item),
            urgency=kind.urgencies[0],
            text=found.note,
            incident=order.incident,
            signed=order.signed,
            follows=(order.id, item.id),
        )
        self._orders.begin(follower, kind, found.person, now)
        return self._orders.put(with_item(order, msgspec.structs.replace(found, opened=follower.id)), now)

    def _device_of(self, order: Order, item: Item) -> str | None:
        plan = self._plans.get(order.upkeep)
        return (plan.devices.get(item.id) if plan is not None else None) or order.device

    def _measured(self, order: Order, item: Item, found: Filled) -> None:
        """The rules know a reading by hand as a measurement at the device that was read."""
        device = self._device_of(order, item)
        if item.point is not None and device is not None:
            self._effects.deed(
                Deed(
                    type="measurement.recorded",
                    at=found.at,
                    device=device,
                    person=found.person,
                    zone=self._orders.zone(device) or order.zone,
                    data={"point": item.point, "value": found.value, "request": order.id},
                )
            )

    def finish(self, action: do.FinishOrder, person: str, at: int, now: int) -> Order:
        """The work is done."""
        self._checks.person(person, at)
        order = self._orders.known(action.order)
        check.unfinished(order)
        check.not_before(at, self._checks.held_by(order, person), order)
        step = OrderStep(act=Act.DONE, at=at, person=person, note=action.note)
        order = self._orders.put(ended(order, step), now)
        self._orders.tell_rules(order, "done", person, at)
        if order.upkeep:
            self.upkeep.finished(order.upkeep, order.id, at, now)
        self._inspected(order, person, now)
        return self._orders.get(order.id) or order

    def _inspected(self, order: Order, person: str, now: int) -> None:
        """An inspection has taken place once it is done and nothing of its checklist is missing."""
        plan = self._plans.get(order.upkeep)
        done = order.step(Act.DONE)
        if plan is None or plan.inspection is None or done is None or _INSPECTED in order.told:
            return
        if not self._orders.holes(order):
            at = max([done.at, *(one.at for one in order.items)])
            data = {"kind": plan.inspection, "request": order.id}
            self._effects.deed(Deed(type="inspection.done", at=at, person=person, zone=order.zone, data=data))
            self._orders.put(telling(order, _INSPECTED), now)

    # --- its end

    def verify(self, action: do.VerifyOrder, person: str, at: int, now: int) -> Order:
        """Somebody else looked at the work; what is not good is done again."""
        self._checks.person(person, at)
        order = self._orders.known(action.order)
        check.still_open(order)
        done = order.step(Act.DONE)
        if done is None:
            raise check.conflict("请先完工", "the work is not done")
        if order.state is OrderState.VERIFIED:
            raise check.conflict("已验收", "somebody has looked at the work already")
        if done.person == person:
            raise RefusedError("not_allowed", "不得验收自己的工作", "nobody looks at their own work")
        check.not_before_any(at, order)
        if action.good:
            step = OrderStep(act=Act.VERIFIED, at=at, person=person, note=action.note)
            return self._orders.put(stepped(order, step), now)
        check.reason(action.note)
        step = OrderStep(act=Act.REJECTED, at=at, person=person, note=action.note)
        order = self._orders.put(stepped(order, step), now)
        if order.upkeep:
            self.upkeep.undone(order.upkeep, order.id, now)
        self._orders.tell_rules(order, "followed_up", person, at)
        self._effects.concern(say.rejected(order, action.note, at))
        return order

    def close(self, action: do.CloseOrder, person: str, at: int, now: int) -> Order:
        """It is over; what speaks against it is outweighed by a reason, which the supervisor is told."""
        who = self._checks.person(person, at)
        order = self._orders.known(action.order)
        check.closable(order, at)
        alarms = order.device is not None and self._alarms_at(order.device)
        holes = self._orders.holes(order)
        reason = action.override.strip()
        if not reason:
            check.without_hurdles(holes, alarms=alarms)
        step = OrderStep(act=Act.CLOSED, at=at, person=person, note=reason)
        order = ended(order, step)
        if reason and (alarms or holes):
            order = msgspec.structs.replace(order, override=reason)
            self._effects.concern(say.overridden(order, who.name, reason))
        order = self._orders.put(order, now)
        if order.upkeep:
            self.upkeep.cancelled(order.upkeep, order.id, at, now)
        self._orders.tell_rules(order, "closed", person, at)
        return order

    def call_back(self, action: do.CallBack, person: str, at: int, now: int) -> Order:
        """Whoever asked was asked whether they are satisfied."""
        self._checks.person(person, at)
        order = self._orders.known(action.order)
        check.callable_back(order, action.satisfied, at)
        said = Satisfied(at=at, person=person, score=action.satisfied, note=action.note)
        order = self._orders.put(msgspec.structs.replace(order, call_back=said), now)
        self._orders.tell_rules(order, "called_back", person, at, satisfied=action.satisfied)
        if action.satisfied < CONTENT:
            self._effects.concern(say.unsatisfied(order, action.satisfied))
        return order

    def answer(self, action: do.AnswerOrder, person: str, at: int, now: int) -> Order:
        """Whoever complained or asked is answered in words."""
        self._checks.person(person, at)
        order = self._orders.known(action.order)
        check.still_open(order)
        check.words(action.text)
        check.not_before(at, None, order)
        given = Note(at=at, person=person, text=action.text)
        answers = tuple(sorted([*order.answers, given], key=lambda one: one.at))
        order = self._orders.put(msgspec.structs.replace(order, answers=answers), now)
        self._orders.tell_rules(order, "answered", person, at)
        return order

    def cancel(self, action: do.CancelOrder, person: str, at: int, now: int) -> Order:
        """It need not be done."""
        self._checks.person(person, at)
        order = self._orders.known(action.order)
        check.unfinished(order)
        check.reason(action.reason)
        check.not_before_any(at, order)
        step = OrderStep(act=Act.CANCELLED, at=at, person=person, note=action.reason)
        order = self._orders.put(ended(order, step), now)
        if order.upkeep:
            self.upkeep.cancelled(order.upkeep, order.id, at, now)
        self._orders.tell_rules(order, "closed", person, at, cancelled=True)
        return order

    def note(self, action: do.AddNote, person: str, at: int, now: int) -> Order:
        """Something to remember: somebody follows it up."""
        self._checks.person(person, at)
        order = self._orders.known(action.id)
        check.still_open(order)
        check.words(action.text)
        check.not_before(at, None, order)
        notes = tuple(
            sorted([*order.notes, Note(at=at, person=person, text=action.text)], key=lambda one: one.at)
        )
        order = self._orders.put(msgspec.structs.replace(order, notes=notes), now)
        self._orders.tell_rules(order, "followed_up", person, at)
        return order

    def attach(self, action: do.Attach, person: str, at: int, now: int) -> Order:
        """A file that was uploaded before."""
        self._checks.person(person, at)
        order = self._orders.known(action.id)
        check.attachable(order, action)
        file = Attachment(
            at=at,
            person=person,
            sha256=action.sha256,
            name=action.name,
            type=action.type,
            size=action.size,
        )
        return self._orders.put(msgspec.structs.replace(order, files=(*order.files, file)), now)

    # --- time

    def on_reading(self, device: str, point: str, at: int, value: float, now: int) -> None:
        """A good reading; meters of upkeep plans count with it."""
        for plan, number in self.upkeep.on_reading(device, point, at, value, now):
            self._effects.concern(say.replaced(plan.id, plan.name, number))

    def settle(self, now: int) -> None:
        """Open what is due, and tell what is late."""
        for opening in self.upkeep.settle(now):
            self._open_upkeep(opening, now)
        self._orders.settle(now)

    def _open_upkeep(self, opening: Opening, now: int) -> None:
        plan = opening.plan
        kind = self._orders.kinds.get(plan.kind)
        if kind is None or opening.id in self._orders:
            return
        order = Order(
            id=opening.id,
            kind=kind.id,
            title=plan.name.in_(self._site.file.language) or plan.id,
            opened_at=opening.at,
            zone=plan.zone or self._orders.zone(plan.device),
            device=plan.device,
            urgency=kind.urgencies[0],
            role=plan.role or "",
            checklist=plan.checklist or "",
            upkeep=plan.id,
            due_at=opening.due_at,
        )
        self._orders.begin(order, kind, "", now)

    def next_at(self) -> int | None:
        """When `settle` wants to be called next."""
        wanted = (self._orders.next_at(), self.upkeep.next_at())
        return min((at for at in wanted if at is not None), default=None)

    # --- looking

    def get(self, identity: str) -> Order | None:
        """One that is in memory."""
        return self._orders.get(identity)

    def all(self) -> list[Order]:
        """Those in memory, oldest first."""
        return self._orders.all()

    def deadlines(self, order: Order) -> list[Deadline]:
        """The deadlines of an order, those that were met or missed too."""
        return self._orders.deadlines(order)

    def items(self, order: Order) -> tuple[Item, ...]:
        """What is to be filled for an order."""
        return self._orders.items(order)

    def recall(self, record: Record) -> None:
        """Take back one that is stored."""
        self._orders.recall(record)
        self.upkeep.recall(record)

    def take_records(self) -> list[Record]:
        """What changed since this was asked last."""
        return [*self._orders.take_records(), *self.upkeep.take_records()]
