"""Work orders from the call to the call-back: who may do what, what is refused and in which words."""

from collections.abc import Callable
from typing import Any

import pytest

from cloud.errors import RefusedError
from cloud.operations import command as do
from cloud.operations.order import Act
from tests.orders import DAY, MONDAY, SHA, H, M, Office, S


@pytest.fixture
def office() -> Office:
    return Office()


def refused(office: Office, act: Callable[[], object]) -> tuple[str, str]:
    """The problem and the English words; nothing has changed."""
    before = {order.id: order for order in office.book.all()}
    with pytest.raises(RefusedError) as caught:
        act()
    assert {order.id: order for order in office.book.all()} == before
    assert not office.effects.take_deeds()
    assert not office.effects.take_concerns()
    assert not office.book.take_records()
    assert caught.value.zh
    return caught.value.problem, caught.value.en


def test_a_repair_at_home_goes_all_the_way(office: Office) -> None:
    name = office.open("home_repair", zone="flat")
    states = [office.order(name).state]
    for person, action in [
        ("wu", do.AcceptOrder(order=name)),
        ("wu", do.ArriveAtOrder(order=name)),
        ("wu", do.FinishOrder(order=name)),
        ("boss", do.VerifyOrder(order=name, good=True)),
        ("boss", do.CloseOrder(order=name)),
        ("boss", do.CallBack(order=name, satisfied=5)),
    ]:
        office.now += 1 * M
        order = office.do(person, action)
        states.append(order.state)
    assert [state.value for state in states] == [
        "registered",
        "accepted",
        "on_site",
        "done",
        "verified",
        "closed",
        "called_back",
    ]
    assert not order.is_live


def test_the_rules_are_told_each_step_in_their_words(office: Office) -> None:
    name = office.finished("home_repair", zone="flat")
    office.do("boss", do.VerifyOrder(order=name, good=True))
    office.do("boss", do.CloseOrder(order=name))
    office.do("boss", do.CallBack(order=name, satisfied=4))
    said = {deed.type: (deed.zone, deed.person, deed.data["kind"]) for deed in office.deeds}
    assert said == {
        "request.opened": ("flat", "boss", "repair"),
        "request.accepted": ("flat", "wu", "home_repair"),
        "request.done": ("flat", "wu", "home_repair"),
        "request.closed": ("flat", "boss", "home_repair"),
        "request.called_back": ("flat", "boss", "home_repair"),
    }
    assert {deed.data["request"] for deed in office.deeds} == {name}
    assert {deed.data["urgency"] for deed in office.deeds} == {"normal"}


def test_a_complaint_is_answered_and_closed_without_work(office: Office) -> None:
    name = office.open("complaint", urgency="urgent")
    assert refused(office, lambda: office.do("boss", do.CloseOrder(order=name))) == (
        "conflict",
        "answer it first",
    )
    office.do("boss", do.AnswerOrder(order=name, text="the music is off"))
    assert office.do("boss", do.CloseOrder(order=name)).state == "closed"
    assert office.told("request.answered") == [{"request": name, "kind": "complaint", "urgency": "urgent"}]


def test_whoever_accepts_second_is_told_who_has_it(office: Office) -> None:
    name = office.accepted()
    found = refused(office, lambda: office.do("he", do.AcceptOrder(order=name)))
    assert found == ("conflict", "Wu Gang has this order")


def test_an_order_for_one_person_is_not_taken_by_another(office: Office) -> None:
    name = office.open(assigned="he")
    assert refused(office, lambda: office.do("wu", do.AcceptOrder(order=name)))[0] == "conflict"
    office.do("he", do.AcceptOrder(order=name))


def test_a_guard_does_not_take_repairs(office: Office) -> None:
    name = office.open()
    assert refused(office, lambda: office.do("guard", do.AcceptOrder(order=name)))[0] == "not_allowed"


@pytest.mark.parametrize(
    ("person", "words"), [("stranger", "no person stranger works here"), ("gone", "gone has left")]
)
def test_who_is_not_on_site_or_has_left_is_refused(office: Office, person: str, words: str) -> None:
    name = office.open()
    assert refused(office, lambda: office.do(person, do.AcceptOrder(order=name))) == ("not_allowed", words)
    assert refused(office, lambda: office.open(person=person))[0] == "not_allowed"


def test_what_somebody_did_before_they_left_still_counts(office: Office) -> None:
    week = 14 * DAY
    name = office.open(at=MONDAY - week)
    assert office.do("gone", do.AcceptOrder(order=name), at=MONDAY - week + M).assigned == "gone"


@pytest.mark.parametrize(
    "more",
    [
        {"kind": "opera"},
        {"title": "  "},
        {"urgency": "invalid"},
        {"zone": "moon"},
        {"device": "x"},
        {"checklist": "x"},
        {"assigned": "x"},
        {"assigned": "gone"},
    ],
    ids=str,
)
def test_an_order_of_what_does_not_exist_is_refused(office: Office, more: dict[str, Any]) -> None:
    assert refused(office, lambda: office.open(**more))[0] in {"unknown", "unusable"}


def test_an_order_is_where_its_device_is(office: Office) -> None:
    assert office.order(office.open(device="genset")).zone == "plant"


def test_an_order_goes_to_somebody_else_with_a_reason(office: Office) -> None:
    name = office.accepted()
    assert refused(office, lambda: office.do("boss", do.ReassignOrder(order=name, to="he", reason=" ")))
    order = office.do("boss", do.ReassignOrder(order=name, to="he", reason="ill"))
    assert (order.state, order.assigned) == ("registered", "he")
    assert refused(office, lambda: office.do("wu", do.FinishOrder(order=name)))[1] == "accept the order first"
    assert office.do("he", do.AcceptOrder(order=name)).state == "accepted"
    assert [one.people for one in office.concerns if "given" in one.key][-1] == ("he",)


@pytest.mark.parametrize("to", ["x", "gone", "wu"])
def test_an_order_does_not_go_to_nobody(office: Office, to: str) -> None:
    name = office.accepted()
    refused(office, lambda: office.do("boss", do.ReassignOrder(order=name, to=to, reason="why")))


def test_only_whoever_has_it_arrives_and_finishes(office: Office) -> None:
    name = office.accepted()
    for action in (do.ArriveAtOrder(order=name), do.FinishOrder(order=name)):
        found = refused(office, lambda action=action: office.do("he", action))
        assert found == ("not_allowed", "Wu Gang has this order")


def test_a_scan_where_it_is_to_be_done_proves_the_arrival(office: Office) -> None:
    name = office.accepted(zone="flat")
    office.now += 5 * M
    office.scan("cp-hall", "card:1", seq=77)
    step = office.order(name).step(Act.ON_SITE)
    assert step is not None
    assert (step.how, step.evidence, step.at) == ("evidence", ("cp-hall", 77), MONDAY + 5 * M)


@pytest.mark.parametrize(
    ("device", "person", "after"),
    [("cp-plant", "wu", M), ("cp-hall", "he", M), ("cp-hall", "wu", -M), ("cp-hall", "stranger", M)],
    ids=["elsewhere", "somebody else", "before it was accepted", "nobody known"],
)
def test_no_other_scan_does(office: Office, device: str, person: str, after: int) -> None:
    name = office.open(zone="flat")
    office.now += 10 * M
    office.do("wu", do.AcceptOrder(order=name))
    office.now += 10 * M
    office.scan(device, person, at=MONDAY + 10 * M + after)
    assert office.order(name).state == "accepted"


def test_evidence_replaces_what_was_declared_and_the_earliest_counts(office: Office) -> None:
    name = office.accepted(zone="hall")
    office.now += 10 * M
    office.do("wu", do.ArriveAtOrder(order=name))
    for at, seq in ((9 * M, 2), (7 * M, 1), (8 * M, 3)):
        office.scan("cp-hall", "wu", at=MONDAY + at, seq=seq)
    steps = [step for step in office.order(name).steps if step.act is Act.ON_SITE]
    assert [(step.at, step.how, step.evidence) for step in steps] == [
        (MONDAY + 7 * M, "evidence", ("cp-hall", 1))
    ]
    assert refused(office, lambda: office.do("wu", do.ArriveAtOrder(order=name)))[0] == "conflict"


def test_a_tag_at_the_door_proves_it_and_one_from_elsewhere_is_refused(office: Office) -> None:
    name = office.accepted(zone="flat")
    wrong = do.ArriveAtOrder(order=name, tag="cp-plant")
    assert refused(office, lambda: office.do("wu", wrong))[0] == "unusable"
    step = office.do("wu", do.ArriveAtOrder(order=name, tag="tag-17")).step(Act.ON_SITE)
    assert step is not None
    assert (step.how, step.note) == ("evidence", "cp-hall")


def test_what_a_tablet_sends_late_takes_its_place_in_time(office: Office) -> None:
    name = office.accepted(zone="hall")
    office.now += 2 * DAY
    office.do("wu", do.FinishOrder(order=name), at=MONDAY + 3 * H)
    office.scan("cp-hall", "wu", at=MONDAY + 1 * H)
    assert [step.act.value for step in office.order(name).steps] == [
        "registered",
        "accepted",
        "on_site",
        "done",
    ]
    assert office.deeds[-1].at == MONDAY + 3 * H
    kept = {one.name: one.kept for one in office.book.deadlines(office.order(name))}
    assert kept == {"accept_within": True, "arrive_within": False, "done_within": True, "close_within": False}


@pytest.mark.parametrize(
    "action",
    [
        do.AcceptOrder(order="o1"),
        do.AnswerOrder(order="o1", text="x"),
        do.AddNote(matter="order", id="o1", text="x"),
        do.PauseOrder(order="o1", reason="x"),
        do.CancelOrder(order="o1", reason="x"),
        do.ReassignOrder(order="o1", to="he", reason="x"),
    ],
    ids=lambda action: type(action).__name__,
)
def test_nothing_happens_before_the_order_was_opened(office: Office, action: Any) -> None:
    office.open()
    assert refused(office, lambda: office.do("wu", action, at=MONDAY - 1))[0] == "unusable"


def test_bad_work_is_done_again_and_called_rework(office: Office) -> None:
    name = office.finished("home_repair", zone="flat")
    own = do.VerifyOrder(order=name, good=True)
    assert refused(office, lambda: office.do("wu", own)) == ("not_allowed", "nobody looks at their own work")
    assert refused(office, lambda: office.do("boss", do.VerifyOrder(order=name, good=False)))[0] == "unusable"
    assert refused(office, lambda: office.do("boss", do.CloseOrder(order=name)))[0] == "conflict"
    order = office.do("boss", do.VerifyOrder(order=name, good=False, note="it drips"))
    assert order.state == "accepted"
    office.do("wu", do.FinishOrder(order=name))
    assert [one["kind"] for one in office.told("request.done")] == ["home_repair", "rework"]
    assert [one.people for one in office.concerns if "rejected" in one.key] == [("wu",)]


def test_an_order_is_not_closed_while_its_sensor_alarms_unless_somebody_says_why(office: Office) -> None:
    name = office.finished(device="genset")
    office.alarming.add("genset")
    assert refused(office, lambda: office.do("wu", do.CloseOrder(order=name)))[0] == "conflict"
    order = office.do("wu", do.CloseOrder(order=name, override="the sensor is broken"))
    assert (order.state, order.override) == ("closed", "the sensor is broken")
    assert order.steps[-1].person == "wu"
    (concern,) = [one for one in office.concerns if "override" in one.key]
    assert concern.role == "supervisor"
    assert concern.text.en == "Wu Gang closed order 'a lamp is out' all the same: the sensor is broken"


@pytest.mark.parametrize(
    "action",
    [
        do.AcceptOrder(order="o1"),
        do.ReassignOrder(order="o1", to="he", reason="x"),
        do.ArriveAtOrder(order="o1"),
        do.PauseOrder(order="o1", reason="x"),
        do.ResumeOrder(order="o1"),
        do.FillItem(order="o1", item="joint", value=1.0),
        do.FinishOrder(order="o1"),
        do.VerifyOrder(order="o1", good=True),
        do.CloseOrder(order="o1", override="x"),
        do.AnswerOrder(order="o1", text="x"),
        do.CancelOrder(order="o1", reason="x"),
        do.AddNote(matter="order", id="o1", text="x"),
        do.Attach(matter="order", id="o1", sha256=SHA, name="x", type="image/png", size=1),
        do.CallBack(order="o1", satisfied=3),
    ],
    ids=lambda action: type(action).__name__,
)
@pytest.mark.parametrize("ending", ["closed", "cancelled"])
def test_nothing_is_done_to_an_order_that_is_over(office: Office, action: Any, ending: str) -> None:
    name = office.finished() if ending == "closed" else office.open()
    record = do.CloseOrder(order=name) if ending == "closed" else do.CancelOrder(order=name, reason="no")
    office.do("boss", record)
    office.book.recall(office.stored["order", name])
    problem, words = refused(office, lambda: office.do("boss", action))
    assert problem == "conflict"
    if not isinstance(action, do.CallBack):
        assert ending in words


def test_an_order_that_nobody_knows_is_unknown(office: Office) -> None:
    assert refused(office, lambda: office.do("wu", do.AcceptOrder(order="x"))) == ("unknown", "no order x")


def test_a_cancelled_request_is_told_as_closed(office: Office) -> None:
    name = office.open()
    assert not office.do("boss", do.CancelOrder(order=name, reason="it was a mistake")).is_live
    assert office.told("request.closed")[0]["cancelled"] is True


def test_whoever_asked_is_asked_once_and_a_low_score_is_told(office: Office) -> None:
    name = office.finished("home_repair")
    assert refused(office, lambda: office.do("boss", do.CallBack(order=name, satisfied=6)))[0] == "unusable"
    office.do("boss", do.CallBack(order=name, satisfied=1))
    assert refused(office, lambda: office.do("he", do.CallBack(order=name, satisfied=5)))[0] == "conflict"
    assert [one.role for one in office.concerns if "unsatisfied" in one.key] == ["supervisor"]
    office.do("boss", do.VerifyOrder(order=name, good=True))
    assert office.do("boss", do.CloseOrder(order=name)).state == "called_back"


def test_notes_and_files_are_kept_and_a_note_is_a_follow_up(office: Office) -> None:
    name = office.open()
    office.do("boss", do.AddNote(matter="order", id=name, text="spare part ordered"))
    photo = do.Attach(matter="order", id=name, sha256=SHA, name="lamp.png", type="image/png", size=10)
    assert office.do("wu", photo).files[0].sha256 == SHA
    assert refused(office, lambda: office.do("wu", photo))[0] == "conflict"
    assert len(office.told("request.followed_up")) == 1


@pytest.mark.parametrize(
    "more", [{"sha256": "x"}, {"type": "text/html"}, {"size": 0}, {"size": 1 << 30}], ids=str
)
def test_a_file_that_is_none_is_refused(office: Office, more: dict[str, Any]) -> None:
    name = office.open()
    fields: dict[str, Any] = {"sha256": SHA, "name": "x", "type": "image/png", "size": 1} | more
    action = do.Attach(matter="order", id=name, **fields)
    assert refused(office, lambda: office.do("wu", action))[0] == "unusable"


def test_it_is_all_there_after_a_restart(office: Office) -> None:
    name = office.accepted(zone="hall")
    office.now += 1 * S
    office.do("boss", do.AddNote(matter="order", id=name, text="ladder needed"))
    before = office.order(name)
    office.restart()
    assert office.order(name) == before
    office.scan("cp-hall", "wu")
    assert office.order(name).state == "on_site"


def test_who_may_take_it_is_told_of_a_new_order_and_else_the_supervisor(office: Office) -> None:
    office.open()
    assert office.concerns[-1].people == ("wu", "he")


def test_an_order_is_not_closed_before_what_was_done_last(office: Office) -> None:
    name = office.accepted()
    office.now += 1 * H
    office.do("wu", do.FinishOrder(order=name))
    assert refused(office, lambda: office.do("wu", do.CloseOrder(order=name), at=MONDAY + M))[0] == "unusable"


@pytest.mark.parametrize("action", [do.ArriveAtOrder(order="o1"), do.FinishOrder(order="o1")], ids=str)
def test_nobody_is_there_or_done_before_they_took_it(office: Office, action: Any) -> None:
    office.open()
    office.now += 1 * H
    office.do("wu", do.AcceptOrder(order="o1"))
    assert refused(office, lambda: office.do("wu", action, at=MONDAY + M))[0] == "unusable"
    office.do("wu", action, at=MONDAY + H)
