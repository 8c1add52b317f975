"""A guard with a tablet alone, and the words that a missed round is closed with."""

import pytest

from cloud.operations import command as do
from cloud.operations.tags import Tag, read_tag
from tests.house import H, House, M


@pytest.fixture
def house() -> House:
    return House()


def verdicts(house: House, rule: str, key: str) -> list[tuple[int, str]]:
    """Every revision that was stored of a rule and key: when it began, and its outcome."""
    rows = [row for commit in house.store.partitions[0].commits for row in commit.verdicts]
    found = [row.revised.verdict for row in rows]
    return [(v.opened_at, v.outcome.value) for v in found if v.rule == rule and v.key == key]


@pytest.mark.parametrize(
    ("text", "tag"),
    [
        ("https://wards.example.org/t/demo/cp-club", Tag("demo", "cp-club")),
        ("/t/demo/cp-club", Tag("demo", "cp-club")),
        (" SW1:demo:cp-club ", Tag("demo", "cp-club")),
        ("cp-club", Tag(None, "cp-club")),
        ("https://elsewhere.example.org/menu", Tag(None, "https://elsewhere.example.org/menu")),
    ],
)
def test_a_tag_says_where_it_stands(text: str, tag: Tag) -> None:
    assert read_tag(text) == tag


def test_a_scan_with_a_tablet_counts_as_a_readers_does(house: House) -> None:
    house.happen("cp-club", "checkpoint.scan", person="card:8812331")
    house.pass_to(house.now + 1 * H)
    came = house.now - 5 * M
    answer = house.do("p-007", do.Scan(tag="/t/demo/cp-club", error_ms=900), at=came)
    assert answer.problem == ""
    house.pass_to(house.now + 1 * M)
    first = house.now - 1 * H - 1 * M
    assert (first, "met") in verdicts(house, "PT-1", "cp-club")


def test_a_scan_that_comes_hours_late_amends_what_was_missed(house: House) -> None:
    begun = house.now
    house.happen("cp-club", "checkpoint.scan", person="card:8812331")
    house.pass_to(begun + 3 * H)
    assert verdicts(house, "PT-1", "cp-club")[-1] == (begun, "breached")
    house.do("p-007", do.Scan(tag="SW1:demo:cp-club"), at=begun + 1 * H)
    house.pass_to(house.now + 1 * M)
    assert (begun, "met") in verdicts(house, "PT-1", "cp-club")


@pytest.mark.parametrize(
    ("tag", "error_ms", "said"),
    [
        ("/t/elsewhere/cp-club", 0, "another site"),
        ("cp-nowhere", 0, "no checkpoint cp-nowhere"),
        ("fire-panel", 0, "is no checkpoint"),
        ("cp-club", 700_000, "more than 10 minutes"),
        ("cp-club", -1, "more than 10 minutes"),
    ],
)
def test_a_wrong_tag_or_clock_is_said_plainly(house: House, tag: str, error_ms: int, said: str) -> None:
    answer = house.do("p-007", do.Scan(tag=tag, error_ms=error_ms))
    assert answer.problem
    assert said in answer.en
    assert answer.zh


def test_a_missed_round_is_answered_for_once_and_its_verdict_stands(house: House) -> None:
    why = do.ExplainMiss(rule="PT-1", key="cp-club", opened_at=7, reason=" the lift was out of order ")
    assert house.do("p-001", why).problem == ""
    house.restart()
    again = house.do("p-002", do.ExplainMiss(rule="PT-1", key="cp-club", opened_at=7, reason="no idea"))
    assert again.problem == "conflict"
    assert "the lift was out of order" in again.en
    other = do.ExplainMiss(rule="PT-1", key="cp-club", opened_at=8, reason="\n")
    assert house.do("p-002", other).problem == "unusable"


def test_arriving_at_an_order_by_a_checkpoints_tag_is_a_scan_too(house: House) -> None:
    house.happen("cp-power", "checkpoint.scan", person="card:8812351")
    begun = house.now
    house.pass_to(begun + 30 * M)
    order = house.do("p-001", do.OpenOrder(kind="repair", title="Lamp", zone="power")).target
    house.do("p-021", do.AcceptOrder(order=order))
    house.pass_to(house.now + 1 * M)
    answer = house.do("p-021", do.ArriveAtOrder(order=order, tag="/t/demo/cp-power"))
    assert answer.problem == ""
    house.pass_to(house.now + 1 * M)
    assert (begun, "met") in verdicts(house, "PT-1", "cp-power")
