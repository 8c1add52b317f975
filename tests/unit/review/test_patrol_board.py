"""The patrol board and search: from verdicts and scans to what a supervisor reads."""

import msgspec
import pytest

from cloud.correlation.rules import RuleBook
from cloud.correlation.verdict import Item, Outcome, Reason, Verdict
from cloud.operations.alarm import Alarm, Priority
from cloud.operations.life import Life
from cloud.operations.order import Order
from cloud.operations.setup import OperationsSetup
from cloud.review.patrol_board import board, state_of
from cloud.review.search import Found, matters, search, things
from contract.events import Event, raw_data
from contract.site import Site, Text
from contract.site_files import load_site, shipped_config
from tests import samples
from tests.house import demo
from tests.samples import NOON

H = 3_600_000
DEMO: Site = load_site(shipped_config() / "sites" / "demo")


def judged(
    outcome: Outcome,
    *,
    key: str = "cp-club",
    opened_at: int = NOON,
    elapsed_ms: int | None = None,
    overdue: bool = False,
    kind: str = "recurrence",
    items: tuple[Item, ...] = (),
) -> Verdict:
    return Verdict(
        rule="PT-1" if kind == "recurrence" else "PT-4",
        version=1,
        kind=kind,
        key=key,
        opened_at=opened_at,
        due_at=opened_at + 2 * H,
        outcome=outcome,
        final=outcome is not Outcome.PENDING,
        reason=Reason.WAITING,
        elapsed_ms=elapsed_ms,
        overdue=overdue,
        items=items,
    )


def scanned(at: int, person: str = "card:8812331", device: str = "cp-club", data: object = None) -> Event:
    return Event(
        seq=1,
        at=at,
        device=device,
        type="checkpoint.scan",
        observed_at=at,
        person=person,
        data=raw_data(data),
    )


@pytest.mark.parametrize(
    ("verdict", "now", "state"),
    [
        (judged(Outcome.PENDING), NOON + H, "due"),
        (judged(Outcome.PENDING), NOON + 2 * H + 1, "missed"),
        (judged(Outcome.PENDING, overdue=True), NOON + H, "missed"),
        (judged(Outcome.MET, elapsed_ms=H), NOON, "on_time"),
        (judged(Outcome.BREACHED, elapsed_ms=3 * H), NOON, "late"),
        (judged(Outcome.BREACHED), NOON, "missed"),
        (judged(Outcome.UNKNOWN), NOON, "unknown"),
    ],
)
def test_each_verdict_has_one_word(verdict: Verdict, now: int, state: str) -> None:
    assert state_of(verdict, now) == state


def test_a_checkpoint_shows_its_day_and_what_it_waits_for() -> None:
    told = [
        judged(Outcome.BREACHED, opened_at=NOON - 3 * H),
        judged(Outcome.PENDING, opened_at=NOON),
    ]
    said = {("PT-1", "cp-club", NOON - 3 * H): "the lift was out of order"}
    found = board(DEMO, told, [scanned(NOON)], said, NOON + H)
    (club,) = [post for post in found.posts if post.device == "cp-club"]
    assert (club.state, club.due_at, club.last_at, club.routes) == ("due", NOON + 2 * H, NOON, ("r-grounds",))
    assert [(span.state, span.reason) for span in club.spans] == [
        ("missed", "the lift was out of order"),
        ("due", ""),
    ]
    assert [post.state for post in found.posts if post.device == "cp-garage"] == ["unknown"]


def test_a_walk_is_told_in_order_whatever_card_was_used_and_says_what_a_tablet_told() -> None:
    scans = [
        scanned(NOON + 5, "card:8812340", "cp-plaza"),
        scanned(NOON, "card:8812332"),
        scanned(NOON + 9, "p-008", "cp-gate-s", {"by": "tablet"}),
    ]
    walk = board(DEMO, [], scans, {}, NOON).walks["p-008"]
    assert [(visit.device, visit.zone, visit.offline) for visit in walk] == [
        ("cp-club", "club", False),
        ("cp-plaza", "plaza", False),
        ("cp-gate-s", "gate-south", True),
    ]


def test_a_round_shows_each_of_its_checkpoints() -> None:
    items = (
        Item("on_time", "cp-gate-n", NOON + 1),
        Item("too_fast", "cp-plaza", NOON + 2),
        Item("missed", "cp-club"),
    )
    going = judged(Outcome.PENDING, key="r-grounds", kind="tour", items=items)
    (one,) = board(DEMO, [going], [], {}, NOON + H).rounds["r-grounds"]
    assert [stop.state for stop in one.stops] == ["on_time", "late", "due"]
    (over,) = board(DEMO, [going], [], {}, NOON + 3 * H).rounds["r-grounds"]
    assert (over.span.state, [stop.state for stop in over.stops]) == ("missed", ["on_time", "late", "missed"])


def test_a_checkpoint_is_as_the_most_pressing_of_its_rules() -> None:
    soon = msgspec.structs.replace(judged(Outcome.PENDING), rule="AA-1", due_at=NOON + H)
    told = [soon, judged(Outcome.PENDING)]

    def club(now: int) -> tuple[str, int | None]:
        (found,) = [post for post in board(DEMO, told, [], {}, now).posts if post.device == "cp-club"]
        return found.state, found.due_at

    assert club(NOON) == ("due", NOON + H)
    assert club(NOON + H + 1) == ("missed", NOON + H)


def test_who_came_is_named_for_a_checkpoint_and_for_a_round() -> None:
    walked = (Item("on_time", "cp-gate-n", NOON + 60_000), Item("on_time", "cp-club", NOON + 120_000))
    told = [
        judged(Outcome.MET, elapsed_ms=120_000),
        judged(Outcome.MET, key="r-grounds", kind="tour", elapsed_ms=120_000, items=walked),
    ]
    scans = [scanned(NOON + 60_000, "card:8812332", "cp-gate-n"), scanned(NOON + 120_000)]
    found = board(DEMO, told, scans, {}, NOON + H)
    (club,) = [post for post in found.posts if post.device == "cp-club"]
    assert [span.person for span in club.spans] == ["p-007"]
    (one,) = found.rounds["r-grounds"]
    assert (one.span.person, [stop.person for stop in one.stops]) == ("p-007", ["p-008", "p-007"])


def test_only_a_tablet_is_said_to_be_one() -> None:
    scans = [scanned(NOON, data={"note": "tablet found here"}), scanned(NOON + 1, data={"by": "tablet"})]
    (walk,) = board(DEMO, [], scans, {}, NOON).walks.values()
    assert [visit.offline for visit in walk] == [False, True]


@pytest.mark.parametrize(
    ("text", "first"),
    [("会所", "cp-club"), ("CP-CLUB", "cp-club"), ("clubhouse door", "door-club"), ("zhang", "p-007")],
)
def test_anything_is_found_by_what_people_call_it(text: str, first: str) -> None:
    found = search(text, things(DEMO, RuleBook(), OperationsSetup()), 20)
    assert first in {one.id for one in found}


def test_what_is_called_just_so_comes_first_and_then_the_latest() -> None:
    among = [
        Found(kind="order", id="a", title=Text(en="Lamp broken"), at=1),
        Found(kind="order", id="b", title=Text(en="A lamp"), at=9),
        Found(kind="zone", id="lamp", title=Text(en="Store")),
        Found(kind="order", id="c", title=Text(en="A lamp"), at=5),
    ]
    assert [one.id for one in search("lamp", among, 3)] == ["lamp", "a", "b"]
    assert search("lamp nothing", among, 3) == []
    assert search(" ", among, 3) == []


def test_what_people_work_on_is_found_by_its_kind_in_words_and_its_place() -> None:
    setup = demo().operations
    fire = samples.incident("9f1c", subject="b1", life=Life(emergency="fire"))
    order = Order(id="77ab", kind="repair", title="Lamp broken", opened_at=NOON, zone="b1")
    door = Alarm(
        id="c0de", kind="door-held", source="door-b3", opened_at=NOON, group="g", priority=Priority.MEDIUM
    )
    among = [*matters(DEMO, setup, [fire], [door], [order]), *things(DEMO, RuleBook(), setup)]

    def found(text: str) -> set[str]:
        return {one.id for one in search(text, among, 100) if one.kind in {"incident", "order", "alarm"}}

    assert found("一号楼大堂 火灾") == {"9f1c"}
    assert found("lobby LAMP") == {"77ab"}
    assert found("77") == {"77ab"}
    assert "c0de" in found(DEMO.devices["door-b3"].name.en)
    (form,) = [one for one in search(next(iter(setup.checklists)), among, 9) if one.kind == "checklist"][:1]
    assert form.title == next(iter(setup.checklists.values())).name
