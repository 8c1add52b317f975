"""Acts that are told later than they were done: bounded by what can be true, and shown with both times."""

from typing import Any

import msgspec
import pytest

from cloud.operations.command import Acknowledge, AddNote, ReviewVerdict, Scan
from cloud.operations.life import Phase
from contract.events import TOLD_LATE, event_data, told_late
from tests.house import House

S = 1_000
MIN = 60 * S
GUARD = "p-002"
BOSS = "p-001"


@pytest.fixture
def house() -> House:
    house = House()
    house.happen("fire-panel", "fire.alarm", zone="b1")
    return house


def fire(house: House) -> Any:
    return house.emergencies()[0]


@pytest.mark.parametrize(
    ("at", "word"),
    [
        (0, "1970-01-01"),
        (5, "1970-01-01"),
        (1_764_547_200, "1970-01-21"),
        (10**15, "lies in the future"),
        ("future", "lies in the future"),
    ],
)
def test_a_moment_that_can_not_be_true_is_refused_in_words(house: House, at: Any, word: str) -> None:
    moment = house.now + MIN if at == "future" else at
    answer = house.do(GUARD, Acknowledge(incident=fire(house).id), at=moment)
    assert answer.problem == "unusable"
    assert word in answer.en
    assert answer.zh
    assert fire(house).life.phase == "detected"


@pytest.mark.parametrize("act", ["acknowledge", "note"])
def test_nothing_is_done_before_the_thing_that_it_is_about(house: House, act: str) -> None:
    identity = fire(house).id
    began = house.now
    house.wait(MIN)
    action = (
        Acknowledge(incident=identity)
        if act == "acknowledge"
        else AddNote(matter="incident", id=identity, text="smoke")
    )
    answer = house.do(GUARD, action, at=began - 10 * MIN)
    assert (answer.problem, "look again" in answer.en) == ("conflict", True)


def test_what_could_have_been_told_at_once_is_not_taken_later(house: House) -> None:
    began, identity = house.now, fire(house).id
    house.wait(10 * MIN)
    answer = house.do(GUARD, Acknowledge(incident=identity), at=began + 5 * S, since=house.now - 90 * S)
    assert answer.problem == "unusable"
    assert "was in contact" in answer.en
    assert "仍在线" in answer.zh


def test_a_late_act_of_a_client_that_was_out_of_reach_is_taken_with_both_times(house: House) -> None:
    began, identity = house.now, fire(house).id
    house.wait(10 * MIN)
    assert not house.do(GUARD, Acknowledge(incident=identity), at=began + 5 * S, since=began).problem
    step = fire(house).life.step(Phase.ACKNOWLEDGED)
    assert (step.at, step.told_at) == (began + 5 * S, house.now)
    told = [one for one in house.events() if one.type == "operator.acknowledged"]
    assert {told_late(one) for one in told} == {house.now}
    assert {one.at for one in told} == {began + 5 * S}


def test_an_act_that_is_told_at_once_is_not_late(house: House) -> None:
    house.do(GUARD, Acknowledge(incident=fire(house).id), at=house.now)
    assert fire(house).life.step(Phase.ACKNOWLEDGED).told_at == 0
    told = [one for one in house.events() if one.type == "operator.acknowledged"]
    assert told
    assert not any(TOLD_LATE in event_data(one) for one in told)


def test_what_the_cloud_itself_needs_makes_nobody_late(house: House) -> None:
    began, identity = house.now, fire(house).id
    house.wait(MIN)
    house.do(GUARD, Acknowledge(incident=identity), at=began + 5 * S, heard_at=began + 5 * S)
    assert fire(house).life.step(Phase.ACKNOWLEDGED).told_at == 0


def test_a_scan_that_is_told_late_says_so(house: House) -> None:
    scanned = house.now
    house.wait(20 * MIN)
    house.do("p-007", Scan(tag="/t/demo/cp-club"), at=scanned)
    (told,) = [one for one in house.events() if one.type == "checkpoint.scan"]
    assert (told.at, told_late(told)) == (scanned, house.now)
    assert msgspec.json.decode(bytes(told.data))["by"] == "tablet"


def test_what_was_said_late_counts_once_another_person_who_is_supervisor_accepts_it(house: House) -> None:
    began, identity = house.now, fire(house).id
    house.wait(10 * MIN)
    house.do(GUARD, Acknowledge(incident=identity), at=began + 5 * S, since=began)
    house.wait(MIN)

    def verdict() -> tuple[str, str]:
        (found,) = [one.verdict for one in house.verdicts("ER-4") if one.verdict.opened_at == began]
        return found.outcome, found.reason

    assert verdict() == ("breached", "late_declared")
    (key,) = [one.verdict.key for one in house.verdicts("ER-4") if one.verdict.opened_at == began]
    review = ReviewVerdict(rule="ER-4", key=key, opened_at=began, accepts=True, note="seen on the recording")
    assert house.do(GUARD, review).problem == "not_allowed"
    assert house.do(BOSS, msgspec.structs.replace(review, note=" ")).problem == "unusable"
    assert verdict() == ("breached", "late_declared")
    assert not house.do(BOSS, review).problem
    house.wait(MIN)
    assert verdict() == ("met", "reviewed")
