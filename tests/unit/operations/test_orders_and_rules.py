"""What orders tell is what the shipped rules ask for: the same acts, judged by the rules themselves."""

import datetime as dt
import json
from pathlib import Path
from typing import Any

import pytest

from cloud.correlation.replay import replay
from cloud.correlation.rule_files import load_rules
from cloud.operations import command as do
from cloud.operations.checklist import load_checklists
from cloud.operations.effects import Effects
from cloud.operations.order_book import OrderBook
from cloud.operations.order_kinds import load_order_kinds
from cloud.operations.upkeep import Upkeep
from contract.site import Text
from contract.site_files import load_site
from tests.orders import DAY, MONDAY, SHA, H, M

CONFIG = Path(__file__).parents[3] / "config"
SITE = load_site(CONFIG / "rules/tests/site")
LISTS = load_checklists(CONFIG / "operations/checklists.yaml")
KINDS = load_order_kinds(CONFIG / "operations/orders.yaml", LISTS)
INSPECTION = Upkeep(
    id="i",
    name=Text(en="Joints"),
    kind="inspection",
    checklist="switch-room",
    zone="plant",
    role="engineer",
    every="1 month",
    start=dt.date(2026, 11, 24),
    inspection="fire_safety",
    devices={"joint_a": "joint"},
)


class Told:
    """A book of the trial site; what it tells becomes recorded lines, which the rules judge."""

    def __init__(self, *plans: Upkeep) -> None:
        self.effects = Effects()
        upkeep = {plan.id: plan for plan in plans}
        self.book = OrderBook(SITE, KINDS, LISTS, self.effects, [], lambda _: False, upkeep)
        self.lines: list[dict[str, Any]] = []

    def open(self, kind: str, urgency: str = "normal") -> str:
        action = do.OpenOrder(kind=kind, title="x", zone="hall", urgency=urgency)
        return self.book.open_order(action, "o1", "controller", MONDAY, MONDAY).id

    def scan(self, at: int) -> None:
        self.lines.append({"at": at, "device": "reader", "type": "checkpoint.scan", "person": "engineer"})

    def judged(self, rule: str, until: int) -> list[str]:
        """The outcomes of a rule."""
        for deed in self.effects.take_deeds():
            line = {"at": deed.at, "device": deed.device or "desk", "type": deed.type, "data": deed.data}
            line |= {"zone": deed.zone} if deed.zone else {}
            self.lines.append(line | ({"person": deed.person} if deed.person else {}))
        raw = [json.dumps({"site": SITE.id, "seq": n, **line}).encode() for n, line in enumerate(self.lines)]
        found = replay(SITE, load_rules(CONFIG / "rules", SITE), raw, since=MONDAY, until=until).verdicts
        verdicts = [json.loads(one) for one in found]
        return [one["outcome"] for one in verdicts if one["rule"] == rule]


@pytest.mark.parametrize("kind", ["repair", "home_repair", "urgent_repair"])
def test_a_repair_is_reached_done_closed_and_called_back(kind: str) -> None:
    told = Told()
    book = told.book
    name = told.open(kind, KINDS[kind].urgencies[0])
    book.accept(do.AcceptOrder(order=name), "engineer", MONDAY + M, MONDAY + M)
    told.scan(MONDAY + 9 * M)
    book.finish(do.FinishOrder(order=name), "engineer", MONDAY + H, MONDAY + H)
    if book.get(name).verifies:  # type: ignore[union-attr] - it is there
        book.verify(do.VerifyOrder(order=name, good=True), "controller", MONDAY + H, MONDAY + H)
    book.close(do.CloseOrder(order=name, override="no sheet"), "controller", MONDAY + 2 * H, MONDAY + 2 * H)
    assert told.judged("WO-4", MONDAY + 8 * DAY) == ["breached"], "nobody has called back"
    book.call_back(do.CallBack(order=name, satisfied=5), "controller", MONDAY + 3 * H, MONDAY + 3 * H)
    for rule in ("WO-1", "WO-2", "WO-4", "WO-4C", *(("WO-5",) if kind == "home_repair" else ())):
        assert told.judged(rule, MONDAY + 8 * DAY) == ["met"], rule


@pytest.mark.parametrize(
    ("urgency", "rule", "after"),
    [("urgent", "WO-6", 2 * H), ("normal", "WO-6N", 2 * DAY), ("invalid", "WO-6I", DAY)],
)
def test_a_complaint_is_answered_in_its_time(urgency: str, rule: str, after: int) -> None:
    told = Told()
    name = told.open("complaint", urgency)
    at = MONDAY + after
    told.book.answer(do.AnswerOrder(order=name, text="done"), "controller", at, at)
    assert told.judged(rule, MONDAY + 4 * DAY) == ["met"]


def test_what_waits_for_a_part_is_not_late() -> None:
    told = Told()
    name, book = told.open("repair"), told.book
    book.accept(do.AcceptOrder(order=name), "engineer", MONDAY + M, MONDAY + M)
    book.pause(do.PauseOrder(order=name, reason="no part"), "engineer", MONDAY + H, MONDAY + H)
    assert told.judged("WO-2", MONDAY + 3 * DAY) == ["pending"]
    book.resume(do.ResumeOrder(order=name), "engineer", MONDAY + 3 * DAY, MONDAY + 3 * DAY)
    done = MONDAY + 3 * DAY + 23 * H
    book.finish(do.FinishOrder(order=name), "engineer", done, done)
    assert told.judged("WO-2", MONDAY + 8 * DAY) == ["met"]


def test_an_inspection_and_its_measurements_count() -> None:
    told = Told(INSPECTION)
    told.book.settle(MONDAY)
    (order,) = told.book.all()
    told.book.accept(do.AcceptOrder(order=order.id), "engineer", MONDAY, MONDAY)
    for item in told.book.items(order):
        value: float | bool | str = {"reading": 30.0, "yes_no": item.good, "photo": SHA}.get(item.kind, SHA)
        if item.id == "voltage":
            value = 390.0
        action = do.FillItem(order=order.id, item=item.id, value=value)
        told.book.fill(action, "engineer", MONDAY + M, MONDAY + M)
    told.book.finish(do.FinishOrder(order=order.id), "engineer", MONDAY + H, MONDAY + H)
    assert [one.id for one in told.book.all()] == [order.id]
    assert "met" in told.judged("FS-5", MONDAY + 60 * DAY)
    assert "met" in told.judged("TE-1", MONDAY + 60 * DAY)
    assert told.judged("WO-4", MONDAY + 60 * DAY) == []
