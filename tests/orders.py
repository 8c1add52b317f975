"""A small estate with work orders, in virtual time: no clock, no disk, every act through the book."""

import datetime as dt
import itertools
from functools import cache
from typing import Any

from cloud.operations import command as do
from cloud.operations.checklist import Checklists, ChecklistsFile
from cloud.operations.effects import Concern, Deed, Effects
from cloud.operations.order import Order
from cloud.operations.order_book import OrderBook
from cloud.operations.order_kinds import OrderKinds, OrdersFile
from cloud.operations.record import Record
from cloud.operations.upkeep import Upkeep, Upkeeps
from contract.events import Event
from contract.site import Calendar, Device, Person, Site, SiteFile, Text, Zone
from contract.yamlfile import convert, parse_yaml

S, M, H = 1_000, 60_000, 3_600_000
DAY = 24 * H
MONDAY = int(dt.datetime(2026, 11, 23, 10, tzinfo=dt.timezone(dt.timedelta(hours=8))).timestamp() * 1_000)
"""Ten in the morning in Shanghai."""
SHA = "ab" * 32

KINDS = """
orders:
  - {id: repair, name: {en: Repair}, role: engineer, accept_within: 5m, arrive_within: 15m, done_within: 24h,
     close_within: 7d}
  - {id: home_repair, name: {en: At home}, role: engineer, done_within: 24h, call_back: true,
     call_back_within: 1wd, told_as: repair, needs_verification: true}
  - {id: complaint, name: {en: Complaint}, role: supervisor, urgencies: [normal, urgent, invalid],
     answer_within: {urgent: 2h, normal: 2wd, invalid: 1wd}}
  - {id: defect, name: {en: Defect}, role: engineer, done_within: 3d}
  - {id: inspection, name: {en: Inspection}, role: engineer, requested: false}
"""
LISTS = """
checklists:
  - id: sheet
    name: {en: Sheet}
    signature: true
    items:
      - {id: joint, name: {zh: 接点, en: Joint}, kind: reading, unit: °C, most: 70, opens: defect, point: temperature}
      - {id: leaks, name: {en: Leaks}, kind: yes_no, good: false, opens: defect}
      - {id: smoke, name: {en: Smoke}, kind: choice, opens: defect,
         choices: [{id: clear, name: {en: Clear}}, {id: black, name: {en: Black}, bad: true}]}
      - {id: words, name: {en: Words}, kind: text, required: false}
      - {id: photo, name: {en: Photo}, kind: photo, required: false}
"""


@cache
def checklists(text: str = LISTS) -> Checklists:
    """Those of a text."""
    found = convert(parse_yaml(text, "checklists.yaml"), ChecklistsFile).checklists
    return {one.id: one for one in found}


@cache
def kinds(text: str = KINDS) -> OrderKinds:
    """Those of a text."""
    found = convert(parse_yaml(text, "orders.yaml"), OrdersFile).orders
    return {one.id: one for one in found}


def estate(timezone: str = "Asia/Shanghai") -> Site:
    """A hall that covers a flat, a plant room with a generator, and its people; `gone` left last week."""
    return Site(
        SiteFile(
            site="s",
            timezone=timezone,
            language="en",
            calendar=Calendar(country=None),
            zones=(Zone(id="hall", covers=("flat",)), Zone(id="flat"), Zone(id="plant")),
            devices=(
                Device(id="cp-hall", zone="hall", address="tag-17"),
                Device(id="cp-plant", zone="plant"),
                Device(id="genset", zone="plant"),
                Device(id="joint-1", zone="plant", tags=("joint",)),
            ),
            people=(
                Person(id="wu", name=Text(zh="吴刚", en="Wu Gang"), cards=("card:1",), roles=("engineer",)),
                Person(id="he", name=Text(zh="何勇", en="He Yong"), roles=("engineer",)),
                Person(id="boss", name=Text(zh="周敏", en="Zhou Min"), roles=("supervisor",)),
                Person(id="guard", roles=("guard",)),
                Person(id="gone", roles=("engineer",), until=dt.date(2026, 11, 16)),
            ),
        )
    )


class Office:
    """The book, with what came of it. Every act is done `at` a moment, by default now."""

    def __init__(self, *plans: Upkeep, site: Site | None = None, now: int = MONDAY) -> None:
        self.site = site or estate()
        self.plans: Upkeeps = {plan.id: plan for plan in plans}
        self.now = now
        self.alarming: set[str] = set()
        self.stored: dict[tuple[str, str], Record] = {}
        self.deeds: list[Deed] = []
        self.concerns: list[Concern] = []
        self._numbers = itertools.count(1)
        self._open([])

    def _open(self, records: list[Record]) -> None:
        self.effects = Effects()
        self.book = OrderBook(
            self.site,
            kinds(),
            checklists(),
            self.effects,
            records,
            lambda device: device in self.alarming,
            self.plans,
        )

    def restart(self) -> None:
        """The worker dies and another begins from what is stored and live."""
        self.save()
        self._open([record for record in self.stored.values() if record.live])

    def save(self) -> None:
        """Hand over what changed; revisions never go back."""
        for record in self.book.take_records():
            known = self.stored.get((record.kind, record.id))
            assert record.revision == (known.revision + 1 if known else 1)
            self.stored[record.kind, record.id] = record
        self.deeds += self.effects.take_deeds()
        self.concerns += self.effects.take_concerns()

    def wait(self, ms: int) -> None:
        """Time passes; the book is called whenever it wants to be."""
        end = self.now + ms
        while (wanted := self.book.next_at()) is not None and wanted <= end:
            self.now = max(self.now, wanted)
            self.book.settle(self.now)
            self.save()
            again = self.book.next_at()
            assert again is None or again > self.now
        self.now = end
        self.book.settle(end)
        self.save()

    # --- acts

    def open(self, kind: str = "repair", person: str = "boss", at: int | None = None, **more: Any) -> str:
        """A new order; its id."""
        action = do.OpenOrder(kind=kind, title=more.pop("title", "a lamp is out"), **more)
        moment = self.now if at is None else at
        name = f"o{next(self._numbers)}"
        order = self.book.open_order(action, name, person, moment, self.now)
        self.save()
        return order.id

    def do(self, person: str, action: Any, at: int | None = None) -> Order:
        """One act."""
        method = {
            do.AcceptOrder: self.book.accept,
            do.ReassignOrder: self.book.reassign,
            do.ArriveAtOrder: self.book.arrive,
            do.PauseOrder: self.book.pause,
            do.ResumeOrder: self.book.resume,
            do.FillItem: self.book.fill,
            do.UsePart: self.book.use_part,
            do.FinishOrder: self.book.finish,
            do.VerifyOrder: self.book.verify,
            do.CloseOrder: self.book.close,
            do.CallBack: self.book.call_back,
            do.AnswerOrder: self.book.answer,
            do.CancelOrder: self.book.cancel,
            do.AddNote: self.book.note,
            do.Attach: self.book.attach,
        }[type(action)]
        order: Order = method(action, person, self.now if at is None else at, self.now)
        self.save()
        return order

    def scan(self, device: str, person: str, at: int | None = None, seq: int = 9) -> None:
        """Somebody's tag or card is read."""
        moment = self.now if at is None else at
        event = Event(seq=seq, at=moment, device=device, type="checkpoint.scan", person=person)
        self.book.on_event(event, seq, self.now)
        self.save()

    def accepted(self, kind: str = "repair", by: str = "wu", **more: Any) -> str:
        """A new order that somebody has."""
        name = self.open(kind, **more)
        self.do(by, do.AcceptOrder(order=name))
        return name

    def finished(self, kind: str = "repair", by: str = "wu", **more: Any) -> str:
        """A new order whose work is done."""
        name = self.accepted(kind, by, **more)
        self.do(by, do.FinishOrder(order=name))
        return name

    # --- looking

    def order(self, name: str) -> Order:
        """It must be in memory."""
        found = self.book.get(name)
        assert found is not None
        return found

    def told(self, kind: str) -> list[dict[str, Any]]:
        """What the rules were told of one type."""
        return [deed.data for deed in self.deeds if deed.type == kind]

    def keys(self, order: str) -> list[str]:
        """The concerns of an order about its time, without its id."""
        return [
            one.key.removeprefix(f"order:{order}:")
            for one in self.concerns
            if one.key.startswith(f"order:{order}:") and one.key.endswith((":near", ":over"))
        ]
