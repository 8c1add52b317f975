"""Any acts of anybody, in any order, late ones among them, with restarts: the book is as a plain model says.

The model knows only what a person would: who has it, what was done last. It says beforehand whether an act is to be
refused; a refused act changes nothing, and no order is ever in a state that its steps do not lead to.
"""

from typing import Any

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from cloud.errors import RefusedError
from cloud.operations import command as do
from cloud.operations.order import Act, Order
from cloud.operations.upkeep import Meter, Upkeep
from contract.site import Text
from tests.cases import sized
from tests.orders import DAY, SHA, H, M, Office

PEOPLE = st.sampled_from(["wu", "wu", "wu", "boss", "boss", "boss", "he", "guard", "gone", "stranger"])
KINDS = st.sampled_from(["repair", "home_repair", "complaint", "defect"])
NUMBERS = st.sampled_from([0, 0, 1, 1, 2, 2, 3, 4, 5])
SELDOM = st.sampled_from(["", "", " ", "a reason"])
AGO = st.sampled_from([0, 0, 0, 0, 0, 1, 5 * M, 3 * H, 2 * DAY])
WORKERS = {"wu", "he", "boss", "guard"}
ROLES = {"wu": "engineer", "he": "engineer", "boss": "supervisor", "guard": "guard"}
ACTIVE = {"registered", "accepted", "on_site"}
OVER = {"closed", "called_back", "cancelled"}

METERED = Upkeep(
    id="hours", name=Text(en="Hours"), kind="inspection", meter=Meter(device="genset", point="h", every=250)
)


class Plain:
    """What a person would know of an order."""

    def __init__(self, kind: str, opened_at: int, sheet: bool) -> None:
        self.kind = kind
        self.opened_at = self.last = opened_at
        self.sheet = sheet
        self.state = "registered"
        self.holder = ""
        self.to = ""
        self.held_at = 0
        self.reset_at = opened_at
        self.done_by = ""
        self.done_at = 0
        self.answered: int | None = None
        self.called = False
        self.paused: int | None = None
        self.pause_end = 0
        self.filled: dict[str, int] = {}

    @property
    def over(self) -> bool:
        return self.state in OVER

    def moved(self, state: str, at: int) -> None:
        self.state, self.last = state, max(self.last, at)


class Orders(RuleBasedStateMachine):
    """`plain` is the model; the office is the real thing."""

    @initialize(reached=st.tuples(*[st.integers(0, 6)] * 3))
    def begin(self, reached: tuple[int, ...]) -> None:
        """Three orders that are some way along: what matters most happens late in their lives."""
        self.office = Office(METERED)
        self.plain: dict[str, Plain] = {}
        self.meter = 1_000.0
        for kind, sheet in (("home_repair", False), ("repair", True), ("complaint", False)):
            self.open("boss", kind, 0, sheet)
        for number, steps in enumerate(reached):
            self.advance(number, steps)

    def advance(self, number: int, steps: int) -> None:
        person = "boss" if number == 2 else "wu"
        way = [
            lambda: self.accept(number, person, 0),
            lambda: self.fill(number, person, 0, bad=True),
            lambda: self.finish(number, person, 0),
            lambda: self.verify(number, "he", 0, good=number == 1),
            lambda: self.answer(number, "boss", 0),
            lambda: self.close(number, "boss", 0, "no access"),
        ]
        for step in way[:steps]:
            step()

    def pick(self, number: int) -> str:
        return list(self.plain)[number % len(self.plain)] if self.plain else "nothing"

    def act(self, person: str, action: Any, ago: int, *, allowed: bool) -> Order | None:
        """Do it; the model has said whether it may be done."""
        office = self.office
        name = getattr(action, "order", None) or getattr(action, "id", "")
        if name and office.book.get(name) is None and ("order", name) in office.stored:
            office.book.recall(office.stored["order", name])
        before = {order.id: order for order in office.book.all()}
        if allowed:
            return office.do(person, action, at=office.now - ago)
        with pytest.raises(RefusedError) as caught:
            office.do(person, action, at=office.now - ago)
        assert caught.value.zh
        assert {order.id: order for order in office.book.all()} == before
        assert not office.effects.take_deeds()
        assert not office.effects.take_concerns()
        assert not office.book.take_records()
        return None

    # --- acts

    @rule(person=PEOPLE, kind=KINDS, ago=AGO, sheet=st.booleans())
    def open(self, person: str, kind: str, ago: int, sheet: bool) -> None:
        at = self.office.now - ago
        more = {"checklist": "sheet"} if sheet else {}
        if person not in WORKERS:
            with pytest.raises(RefusedError):
                self.office.open(kind, person, at=at)
            return
        name = self.office.open(kind, person, at=at, zone="flat", device="genset", **more)
        self.plain[name] = Plain(kind, at, sheet)

    @rule(number=NUMBERS, person=PEOPLE, ago=AGO)
    def accept(self, number: int, person: str, ago: int) -> None:
        one, at = self.plain.get(name := self.pick(number)), self.office.now - ago
        role = "supervisor" if one and one.kind == "complaint" else "engineer"
        allowed = (
            one is not None
            and person in WORKERS
            and one.state in ACTIVE
            and not one.holder
            and (one.to == person or (not one.to and ROLES[person] == role))
            and at >= one.reset_at
        )
        if self.act(person, do.AcceptOrder(order=name), ago, allowed=allowed) and one:
            one.holder, one.held_at = person, at
            one.moved("accepted", at)

    @rule(number=NUMBERS, person=PEOPLE, to=PEOPLE, ago=AGO, why=SELDOM)
    def reassign(self, number: int, person: str, to: str, ago: int, why: str) -> None:
        one, at = self.plain.get(name := self.pick(number)), self.office.now - ago
        allowed = (
            one is not None
            and {person, to} <= WORKERS
            and one.state in ACTIVE
            and bool(why.strip())
            and to not in {one.holder, one.to}
            and at >= one.last
        )
        if self.act(person, do.ReassignOrder(order=name, to=to, reason=why), ago, allowed=allowed) and one:
            one.holder, one.to, one.reset_at = "", to, at
            one.moved("registered", at)

    @rule(number=NUMBERS, person=PEOPLE, ago=AGO)
    def arrive(self, number: int, person: str, ago: int) -> None:
        one, at = self.plain.get(name := self.pick(number)), self.office.now - ago
        allowed = (
            one is not None
            and person in WORKERS
            and one.state == "accepted"
            and one.holder == person
            and at >= one.held_at
        )
        if self.act(person, do.ArriveAtOrder(order=name), ago, allowed=allowed) and one:
            one.moved("on_site", at)

    @rule(person=st.sampled_from(["wu", "he", "boss"]), ago=AGO)
    def scan(self, person: str, ago: int) -> None:
        at = self.office.now - ago
        known = {name: self.office.book.get(name) for name in self.plain}
        self.office.scan("cp-hall", person, at=at)
        for name, one in self.plain.items():
            counts = one.holder == person and at >= one.held_at
            before = known[name]
            if before is None or one.over or not counts or (one.done_at and at > one.done_at):
                assert self.office.book.get(name) == before
                continue
            step = self.office.order(name).step(Act.ON_SITE)
            assert step is not None
            assert step.how == "evidence"
            assert step.at <= at
            one.last = max(at for at in (one.last, step.at))
            if one.state == "accepted":
                one.state = "on_site"

    @rule(number=NUMBERS, person=PEOPLE, ago=AGO, why=st.sampled_from(["parts", ""]))
    def pause(self, number: int, person: str, ago: int, why: str) -> None:
        one, at = self.plain.get(name := self.pick(number)), self.office.now - ago
        allowed = (
            one is not None
            and person in WORKERS
            and one.state in ACTIVE
            and one.paused is None
            and bool(why)
            and at >= max(one.opened_at, one.pause_end)
        )
        if self.act(person, do.PauseOrder(order=name, reason=why), ago, allowed=allowed) and one:
            one.paused = at

    @rule(number=NUMBERS, person=PEOPLE, ago=AGO)
    def resume(self, number: int, person: str, ago: int) -> None:
        one, at = self.plain.get(name := self.pick(number)), self.office.now - ago
        allowed = (
            one is not None
            and person in WORKERS
            and one.state in ACTIVE
            and one.paused is not None
            and at >= one.paused
        )
        if self.act(person, do.ResumeOrder(order=name), ago, allowed=allowed) and one:
            self.run_on(one, at)

    @staticmethod
    def run_on(one: Plain, at: int) -> None:
        if one.paused is not None:
            one.pause_end = max(at, one.paused)
            one.paused = None

    @rule(number=NUMBERS, person=PEOPLE, ago=AGO, bad=st.booleans())
    def fill(self, number: int, person: str, ago: int, bad: bool) -> None:
        one, at = self.plain.get(name := self.pick(number)), self.office.now - ago
        allowed = (
            one is not None
            and person in WORKERS
            and not one.over
            and one.sheet
            and bool(one.holder)
            and at >= max(one.opened_at, one.filled.get("leaks", 0))
        )
        order = self.act(person, do.FillItem(order=name, item="leaks", value=bad), ago, allowed=allowed)
        if order is not None and one is not None:
            one.filled["leaks"] = at
            found = order.filled("leaks")
            if found is not None and found.opened and found.opened not in self.plain:
                self.plain[found.opened] = Plain("defect", at, sheet=False)

    @rule(number=NUMBERS, person=PEOPLE, ago=AGO)
    def finish(self, number: int, person: str, ago: int) -> None:
        one, at = self.plain.get(name := self.pick(number)), self.office.now - ago
        allowed = (
            one is not None
            and person in WORKERS
            and one.state in {"accepted", "on_site"}
            and one.holder == person
            and at >= one.held_at
        )
        if self.act(person, do.FinishOrder(order=name), ago, allowed=allowed) and one:
            one.done_by, one.done_at = person, at
            self.run_on(one, at)
            one.moved("done", at)

    @rule(number=NUMBERS, person=PEOPLE, ago=AGO, good=st.booleans())
    def verify(self, number: int, person: str, ago: int, good: bool) -> None:
        one, at = self.plain.get(name := self.pick(number)), self.office.now - ago
        allowed = (
            one is not None
            and person in WORKERS
            and one.state == "done"
            and one.done_by != person
            and at >= one.last
        )
        action = do.VerifyOrder(order=name, good=good, note="drips")
        if self.act(person, action, ago, allowed=allowed) and one:
            one.moved("verified" if good else "accepted", at)
            if not good:
                one.done_by, one.done_at, one.held_at, one.reset_at = "", 0, at, at

    @rule(number=NUMBERS, person=PEOPLE, ago=AGO, why=st.sampled_from(["", "no access"]))
    def close(self, number: int, person: str, ago: int, why: str) -> None:
        one, at = self.plain.get(name := self.pick(number)), self.office.now - ago
        allowed = (
            one is not None
            and person in WORKERS
            and self.is_ready(one)
            and at >= max(one.last, one.answered or 0)
            and (bool(why) or not self.has_hurdles(name, one))
        )
        if self.act(person, do.CloseOrder(order=name, override=why), ago, allowed=allowed) and one:
            self.run_on(one, at)
            one.moved("called_back" if one.called else "closed", at)

    @staticmethod
    def is_ready(one: Plain) -> bool:
        if one.kind == "complaint":
            return not one.over and one.answered is not None
        return one.state == "verified" or (one.state == "done" and one.kind != "home_repair")

    def has_hurdles(self, name: str, one: Plain) -> bool:
        order = self.office.book.get(name)
        return bool(self.office.alarming) or one.sheet or (order is not None and order.signed)

    @rule(number=NUMBERS, person=PEOPLE, ago=AGO, score=st.integers(0, 6))
    def call_back(self, number: int, person: str, ago: int, score: int) -> None:
        one, at = self.plain.get(name := self.pick(number)), self.office.now - ago
        allowed = (
            one is not None
            and person in WORKERS
            and one.kind == "home_repair"
            and one.state in {"done", "verified", "closed"}
            and not one.called
            and 1 <= score <= 5
            and at >= one.done_at
        )
        if self.act(person, do.CallBack(order=name, satisfied=score), ago, allowed=allowed) and one:
            one.called = True
            if one.state == "closed":
                one.moved("called_back", at)

    @rule(number=NUMBERS, person=PEOPLE, ago=AGO)
    def answer(self, number: int, person: str, ago: int) -> None:
        one, at = self.plain.get(name := self.pick(number)), self.office.now - ago
        allowed = one is not None and person in WORKERS and not one.over and at >= one.opened_at
        if self.act(person, do.AnswerOrder(order=name, text="done"), ago, allowed=allowed) and one:
            one.answered = max(at, one.answered or 0)

    @rule(number=NUMBERS, person=PEOPLE, ago=AGO, why=SELDOM)
    def cancel(self, number: int, person: str, ago: int, why: str) -> None:
        one, at = self.plain.get(name := self.pick(number)), self.office.now - ago
        allowed = (
            one is not None
            and person in WORKERS
            and one.state in ACTIVE
            and bool(why.strip())
            and at >= one.last
        )
        if self.act(person, do.CancelOrder(order=name, reason=why), ago, allowed=allowed) and one:
            self.run_on(one, at)
            one.moved("cancelled", at)

    @rule(number=NUMBERS, person=PEOPLE, ago=AGO, file=st.booleans())
    def remark(self, number: int, person: str, ago: int, file: bool) -> None:
        one, at = self.plain.get(name := self.pick(number)), self.office.now - ago
        allowed = one is not None and person in WORKERS and not one.over
        note = do.AddNote(matter="order", id=name, text="ladder needed")
        sha = SHA if one is None else f"{len(one.filled):064x}"
        attach = do.Attach(matter="order", id=name, sha256=sha, name="x", type="image/png", size=1)
        if one is not None and allowed:
            allowed = sha not in one.filled if file else at >= one.opened_at
        if self.act(person, attach if file else note, ago, allowed=allowed) and one and file:
            one.filled[sha] = 0

    # --- the world

    @rule(ms=st.sampled_from([1, M, 20 * M, 3 * H, DAY, 4 * DAY]))
    def wait(self, ms: int) -> None:
        self.office.wait(ms)

    @rule(grown=st.sampled_from([1.0, 60.0, 260.0]))
    def run(self, grown: float) -> None:
        self.meter += grown
        self.office.book.on_reading("genset", "h", self.office.now, self.meter, self.office.now)
        self.office.wait(0)

    @rule()
    def alarm(self) -> None:
        self.office.alarming ^= {"genset"}

    @rule()
    def restart(self) -> None:
        before = {order.id: order for order in self.office.book.all() if order.is_live}
        self.office.restart()
        assert {order.id: order for order in self.office.book.all()} == before

    # --- always

    @invariant()
    def each_order_is_as_the_model_says(self) -> None:
        if not hasattr(self, "office"):
            return
        for name, one in self.plain.items():
            order = self.office.book.get(name)
            if order is None:
                assert self.office.stored["order", name].state == one.state
                continue
            assert order.state == one.state
            assert (order.pause is not None) is (one.paused is not None)
            assert (order.holder is not None) is bool(one.holder)
            assert order.assigned == (one.holder or one.to)
            self.possible(order)

    @staticmethod
    def possible(order: Order) -> None:
        moments = [step.at for step in order.steps]
        assert moments == sorted(moments)
        assert order.steps[0].act is Act.REGISTERED
        ends = [pause.to for pause in order.pauses]
        assert all(end is not None for end in ends[:-1])
        assert all(pause.to is None or pause.from_ <= pause.to for pause in order.pauses)
        assert len(order.told) == len(set(order.told))
        if order.state in {"on_site", "done", "verified"}:
            assert order.holder is not None

    @invariant()
    def nothing_is_told_twice_and_upkeep_has_one_open_order(self) -> None:
        if hasattr(self, "office"):
            timed = [one.key for one in self.office.concerns if one.key.endswith((":near", ":over"))]
            assert len(timed) == len(set(timed))
            orders = self.office.book.all()
            assert sum(order.upkeep == "hours" and not order.is_over for order in orders) <= 1


# Should it fail, the steps are made few before they are shown: that takes longer than a test is given.

TestOrders = Orders.TestCase
TestOrders.settings = sized(0.6, long=0.01, stateful_step_count=40)
