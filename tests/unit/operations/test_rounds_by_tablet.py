"""A guard with a tablet alone, and the words that a missed round is closed with."""

import msgspec
import pytest

from cloud.operations import command as do
from cloud.operations.life import Phase
from cloud.operations.miss_book import Miss
from cloud.operations.order import Act, Order
from cloud.operations.record import RecordKind
from cloud.operations.tags import Tag, read_tag
from contract.events import Event, event_data
from contract.site import Leg
from tests.house import H, House, M, S, demo, variant


@pytest.fixture
def house() -> House:
    return House()


def scans(house: House) -> list[Event]:
    """What the desk told of scans."""
    groups = [group for commit in house.store.partitions[0].commits for group in commit.events]
    return [one for group in groups for one in group.events if one.type == "checkpoint.scan"]


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


@pytest.mark.parametrize(
    ("device", "tag", "said"),
    [
        (
            "cp-club",
            "/t/demo/cp-power",
            "this tag is that of Switch room checkpoint, not of Clubhouse checkpoint",
        ),
        ("cp-club", "/t/demo/plaza", "this tag is that of Central plaza, not of Clubhouse checkpoint"),
        ("cp-club", "/t/demo/nothing", "this tag is that of nothing, not of Clubhouse checkpoint"),
        ("cp-nowhere", "", "no checkpoint cp-nowhere"),
        ("", " ", "scan a checkpoint's tag"),
        ("", "/t/demo/b1-f2", "not just one checkpoint"),
        ("", "x" * 201, "scan a checkpoint's tag"),
    ],
)
def test_a_tag_of_another_place_is_named(house: House, device: str, tag: str, said: str) -> None:
    answer = house.do("p-007", do.Scan(device=device, tag=tag))
    assert answer.problem
    assert said in answer.en


@pytest.mark.parametrize(
    "scan",
    [
        do.Scan(device="cp-club", tag="/t/demo/cp-club"),
        do.Scan(device="cp-club", tag="SW1:demo:club"),
        do.Scan(device="cp-club"),
        do.Scan(tag="/t/demo/club"),
    ],
)
def test_a_checkpoint_is_scanned_by_its_own_tag_or_that_of_its_zone(house: House, scan: do.Scan) -> None:
    assert house.do("p-007", scan).target == "cp-club"
    (told,) = scans(house)
    assert (told.device, told.zone, told.person) == ("cp-club", "club", "p-007")
    assert event_data(told) == {"by": "tablet", "tag": scan.tag}


@pytest.mark.parametrize(
    ("ahead", "error_ms", "problem"),
    [(4 * S, 0, ""), (6 * S, 0, "unusable"), (5 * M, 6 * M, ""), (7 * M, 6 * M, "unusable")],
)
def test_a_scan_can_lie_ahead_by_no_more_than_its_clock_may_be_wrong(
    house: House, ahead: int, error_ms: int, problem: str
) -> None:
    answer = house.do("p-007", do.Scan(tag="cp-club", error_ms=error_ms), at=house.now + ahead)
    assert answer.problem == problem
    assert ("future" in answer.en) == bool(problem)
    assert all(told.at <= house.now + 5 * S for told in scans(house))


def test_a_tablet_says_nothing_of_how_the_reader_does(house: House) -> None:
    house.happen("cp-club", "checkpoint.scan", person="card:8812331")
    heard = house.now
    house.wait(10 * M)
    house.do("p-007", do.Scan(tag="cp-club"))
    (reader,) = [row for row in house.devices() if row.device == "cp-club"]
    assert (reader.agent, reader.last_at, reader.last_seen) == ("gw-1", heard, heard)


def test_a_scan_with_reader_and_tablet_at_once_owes_one_round_more(house: House) -> None:
    begun = house.now
    house.happen("cp-club", "checkpoint.scan", person="card:8812331")
    house.wait(30 * S)
    house.do("p-007", do.Scan(tag="cp-club"))
    house.pass_to(begun + 3 * H)
    judged = [(opened_at, outcome) for opened_at, outcome in verdicts(house, "PT-1", "cp-club")]
    assert [opened_at for opened_at, outcome in judged if outcome == "breached"] == [begun + 30 * S]
    assert (begun, "met") in judged


def test_a_tablet_lights_what_was_blind(house: House) -> None:
    begun = house.now
    house.happen("cp-club", "checkpoint.scan", person="card:8812331")
    house.pass_to(begun + 1 * H)
    house.lose_sight("cp-club", begun + 30 * M)
    house.pass_to(begun + 3 * H)
    assert verdicts(house, "PT-1", "cp-club")[-1] == (begun, "unknown")
    house.do("p-007", do.Scan(tag="cp-club", error_ms=500), at=begun + 40 * M)
    house.wait(1 * M)
    assert (begun, "met") in verdicts(house, "PT-1", "cp-club")


def without_reader() -> House:
    """The clubhouse has a tag on the wall and no reader."""
    devices = [
        msgspec.structs.replace(one, line=None, address=None, profile=None, emits=("checkpoint.scan",))
        if one.id == "cp-club"
        else one
        for one in demo().site.file.devices
    ]
    return House(variant(devices=tuple(devices)))


def test_a_checkpoint_with_no_reader_is_walked_with_the_tablet_alone() -> None:
    house = without_reader()
    begun = house.now
    house.do("p-007", do.Scan(tag="cp-club"))
    house.pass_to(begun + 3 * H)
    assert verdicts(house, "PT-1", "cp-club")[-1] == (begun, "breached")
    house.do("p-007", do.Scan(tag="cp-club", error_ms=2_000), at=begun + 90 * M)
    house.wait(1 * M)
    assert (begun, "met") in verdicts(house, "PT-1", "cp-club")


def test_a_planned_round_that_was_missed_is_met_once_the_tablet_has_a_line_again() -> None:
    routes = [
        msgspec.structs.replace(
            route, starts=("11:00",), checkpoints=tuple(Leg(device=leg.device) for leg in route.checkpoints)
        )
        for route in demo().site.file.routes
        if route.id == "r-grounds"
    ]
    house = House(variant(routes=tuple(routes)))
    planned = house.now + 1 * H
    house.pass_to(planned + 3 * H)
    assert verdicts(house, "PT-4", "r-grounds")[-1] == (planned, "breached")
    for minutes, tag in enumerate(("cp-gate-n", "cp-plaza", "cp-club", "cp-gate-s")):
        house.do("p-008", do.Scan(tag=f"/t/demo/{tag}", error_ms=1_000), at=planned + minutes * 4 * M)
    house.wait(1 * M)
    assert verdicts(house, "PT-4", "r-grounds")[-1] == (planned, "met")


def test_whoever_scans_at_the_fire_is_there(house: House) -> None:
    house.happen("fire-panel", "fire.alarm", zone="club")
    (fire,) = house.emergencies()
    house.wait(40 * S)
    house.do("p-007", do.Scan(tag="/t/demo/cp-club"))
    house.wait(5 * S)
    (fire,) = house.emergencies()
    step = fire.life.step(Phase.ARRIVED)
    assert step is not None
    assert (step.person, step.how) == ("p-007", "evidence")
    assert [revised.verdict.outcome.value for revised in house.verdicts("ER-2")] == ["met"]


def test_a_missed_round_is_answered_for_once_and_its_verdict_stands(house: House) -> None:
    why = do.ExplainMiss(rule="PT-1", key="cp-club", opened_at=7, reason=" the lift was out of order ")
    assert house.do("p-001", why).problem == ""
    house.restart()
    again = house.do("p-002", do.ExplainMiss(rule="PT-1", key="cp-club", opened_at=7, reason="no idea"))
    assert again.problem == "conflict"
    assert "the lift was out of order" in again.en
    assert house.do("p-001", msgspec.structs.replace(why, reason="the lift stood still")).problem == ""
    (miss,) = house.matters(RecordKind.MISS, Miss)
    assert (miss.reason, miss.by, miss.revision) == ("the lift stood still", "p-001", 2)
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
    assert [one.person for one in scans(house)] == ["card:8812351", "p-021"]
    assert (begun, "met") not in verdicts(house, "PT-1", "cp-power"), "an engineer's errand is no patrol"


def test_an_order_is_not_arrived_at_by_a_tag_of_another_site(house: House) -> None:
    order = house.do("p-001", do.OpenOrder(kind="repair", title="Lamp", zone="power")).target
    house.do("p-021", do.AcceptOrder(order=order))
    answer = house.do("p-021", do.ArriveAtOrder(order=order, tag="/t/elsewhere/cp-power"))
    assert "another site" in answer.en
    assert scans(house) == []


def test_a_zones_tag_proves_the_arrival_and_a_scan_where_one_checkpoint_stands(house: House) -> None:
    order = house.do("p-001", do.OpenOrder(kind="repair", title="Lamp", zone="power")).target
    house.do("p-021", do.AcceptOrder(order=order))
    assert house.do("p-021", do.ArriveAtOrder(order=order, tag="/t/demo/power")).problem == ""
    (kept,) = house.matters(RecordKind.ORDER, Order)
    assert [step.how for step in kept.steps if step.act is Act.ON_SITE] == ["evidence"]
    assert [told.device for told in scans(house)] == ["cp-power"]
