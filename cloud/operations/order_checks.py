"""What speaks against an act on an order, in words for whoever asked for it. Nothing here changes anything."""

import re
from typing import Final

from cloud.errors import RefusedError
from cloud.operations.checklist import Item
from cloud.operations.command import Attach, UsePart
from cloud.operations.files import FILE_TYPES
from cloud.operations.order import Act, Order, OrderState, OrderStep
from cloud.operations.roster import works
from cloud.operations.tags import check_site, read_tag
from contract.site import Person, Site

MOST_PART: Final = 80
MOST_UNIT: Final = 12
MOST_QUANTITY: Final = 10_000
MOST_FILE: Final = 20 * 1024 * 1024
_SHA256: Final = re.compile(r"[0-9a-f]{64}")
_WORKED: Final = frozenset({OrderState.DONE, OrderState.VERIFIED})


def conflict(zh: str, en: str) -> RefusedError:
    """It does not fit how the order stands."""
    return RefusedError("conflict", zh, en)


def unusable(zh: str, en: str) -> RefusedError:
    """What was asked for makes no sense."""
    return RefusedError("unusable", zh, en)


def part(action: UsePart) -> None:
    """A part with a name, and a quantity that somebody can have used."""
    if not action.part.strip() or len(action.part) > MOST_PART or len(action.unit) > MOST_UNIT:
        raise unusable(
            f"请填写配件名称或编号（最多{MOST_PART}字）", f"name the part, in {MOST_PART} letters at the most"
        )
    if not 0 <= action.quantity <= MOST_QUANTITY:
        raise unusable(f"数量应为0到{MOST_QUANTITY}", f"expected a quantity from 0 to {MOST_QUANTITY}")


class OrderChecks:
    """Checks for one site. Each raises `RefusedError` where something speaks against the act."""

    def __init__(self, site: Site) -> None:
        self._site = site

    def person(self, name: str, at: int) -> Person:
        """Somebody who works here at that moment."""
        person = self._site.people.get(name)
        if person is None or person.id != name:
            raise RefusedError("not_allowed", f"没有人员 {name}", f"no person {name} works here")
        if not works(person, at, self._site):
            raise RefusedError("not_allowed", f"{name} 已离职", f"{name} has left")
        return person

    def to(self, name: str, at: int) -> Person:
        """Somebody whom an order is given to."""
        person = self._site.people.get(name)
        if person is None or person.id != name:
            raise RefusedError("unknown", f"没有人员 {name}", f"no person {name}")
        if not works(person, at, self._site):
            raise unusable(f"{name} 已离职", f"{name} has left")
        return person

    def place(self, zone: str | None, device: str | None) -> None:
        """A zone and a device that the site has."""
        if zone is not None and zone not in self._site.zones:
            raise RefusedError("unknown", f"没有区域 {zone}", f"no zone {zone}")
        if device is not None and device not in self._site.devices:
            raise RefusedError("unknown", f"没有设备 {device}", f"no device {device}")

    def name(self, person: str, language: str) -> str:
        """What somebody is called."""
        known = self._site.people.get(person)
        return (known.name.in_(language) if known is not None else "") or person

    def takeable(self, order: Order, person: Person, at: int) -> None:
        """Whether somebody may accept it."""
        unfinished(order)
        if order.holder is not None or order.assigned not in {"", person.id}:
            raise conflict(
                f"{self.name(order.assigned, 'zh')} 已接单",
                f"{self.name(order.assigned, 'en')} has this order",
            )
        if not order.assigned and order.role and order.role not in person.roles:
            raise RefusedError(
                "not_allowed",
                f"此类工单由 {order.role} 岗位处理",
                f"orders of this kind are for people with the role {order.role}",
            )
        not_before(at, order.round[0] if order.step(Act.REASSIGNED) else None, order)

    def held_by(self, order: Order, person: str) -> OrderStep:
        """That somebody has it; the step by which they do."""
        holder = order.holder
        if holder is None:
            raise conflict("请先接单", "accept the order first")
        if order.assigned != person:
            raise RefusedError(
                "not_allowed",
                f"此工单由 {self.name(order.assigned, 'zh')} 处理",
                f"{self.name(order.assigned, 'en')} has this order",
            )
        return holder

    def tag(self, order: Order, tag: str) -> str:
        """The device in the order's zone or one that covers it, or such a zone itself, that a code or tag names."""
        read = read_tag(tag)
        check_site(read, self._site)
        zones = self._site.answering_zones.get(order.zone or "", frozenset())
        found = next((one for one in self._site.file.devices if read.id in {one.id, one.address}), None)
        if found is None and read.id in zones:
            return read.id
        if found is None or found.zone not in zones:
            raise unusable("该标签不在工单地点", "this tag is not where the order is")
        return found.id


def still_open(order: Order) -> None:
    """That it is not over."""
    if order.state is OrderState.CANCELLED:
        raise conflict("该工单已取消", "the order was cancelled")
    if order.is_over:
        raise conflict("该工单已关闭", "the order is closed")


def unfinished(order: Order) -> None:
    """That its work is not done."""
    still_open(order)
    if order.state in _WORKED:
        raise conflict("该工单已完工", "the work is done already")


def reason(text: str) -> None:
    """That there is one."""
    if not text.strip():
        raise unusable("请写明原因", "write a reason")


def words(text: str) -> None:
    """That there are some."""
    if not text.strip():
        raise unusable("请填写内容", "write something")


def not_before(at: int, step: OrderStep | None, order: Order) -> None:
    """That an act does not come before what it builds on; by default the opening."""
    if at < (step.at if step is not None else order.opened_at):
        raise unusable("时间早于上一步骤", "it can't have been done before the step that it follows")


def not_before_any(at: int, order: Order) -> None:
    """That an act which begins the order anew does not come before anything that was done."""
    not_before(at, order.steps[-1], order)


def pausable(order: Order, at: int) -> None:
    """That its clock runs then."""
    unfinished(order)
    if order.pause is not None:
        raise conflict("该工单已暂停", "the order is paused already")
    not_before(at, None, order)
    if order.pauses and at < (order.pauses[-1].to or 0):
        raise unusable("与上次暂停重叠", "it was paused then already")


def closable(order: Order, at: int) -> None:
    """That all is done, looked at and answered: no reason helps where it is not."""
    still_open(order)
    if order.answers_owed and not order.answers:
        raise conflict("请先答复", "answer it first")
    if order.state not in _WORKED and not order.answers_owed:
        raise conflict("请先完工", "the work is not done")
    if order.verifies and order.state is OrderState.DONE:
        raise conflict("请先验收", "somebody else must look at the work first")
    last = max([order.steps[-1].at, *(answer.at for answer in order.answers)])
    if at < last:
        raise unusable("时间早于上一步骤", "it can't have been closed before what was done last")


def without_hurdles(holes: list[Item], *, alarms: bool) -> None:
    """That nothing speaks against closing it which a reason could outweigh."""
    if alarms:
        raise conflict("设备仍在报警，关闭须写明原因", "its device still alarms: give a reason to close it")
    if holes:
        zh = "、".join(item.name.in_("zh") for item in holes)
        en = ", ".join(item.name.in_("en") for item in holes)
        raise conflict(f"检查表未填：{zh}", f"the checklist has holes: {en}")


def callable_back(order: Order, score: int, at: int) -> None:
    """That whoever asked is to be asked, and was not."""
    if not order.calls_back:
        raise conflict("此类工单无需回访", "nobody is called back for this order")
    if order.call_back is not None:
        raise conflict(
            f"{order.call_back.person} 已回访", f"{order.call_back.person} has called back already"
        )
    after = order.step(Act.DONE) or order.step(Act.CLOSED)
    if after is None or order.state is OrderState.CANCELLED:
        raise conflict("请先完工", "the work is not done")
    if not 1 <= score <= 5:
        raise unusable("满意度为1至5分", "say how satisfied on a scale of 1 to 5")
    not_before(at, after, order)


def attachable(order: Order, action: Attach) -> None:
    """That a file may be attached."""
    still_open(order)
    if _SHA256.fullmatch(action.sha256) is None or action.type not in FILE_TYPES:
        raise unusable("文件类型不支持", f"a file is one of {', '.join(FILE_TYPES)}")
    if not 0 < action.size <= MOST_FILE:
        raise unusable("文件为空或过大", "the file is empty or too large")
    if action.sha256 in {file.sha256 for file in order.files}:
        raise conflict("该文件已附上", "this file is attached already")
