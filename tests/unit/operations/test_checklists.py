"""What is filled in on site: what is an answer, what is bad, which orders open, what the rules are told."""

from pathlib import Path
from typing import Any

import pytest

from cloud.errors import RefusedError
from cloud.operations import command as do
from cloud.operations.checklist import load_checklists
from cloud.operations.order_kinds import load_order_kinds
from cloud.operations.upkeep import load_upkeep
from contract.problems import ConfigError
from contract.site_files import load_site
from tests.orders import MONDAY, SHA, H, Office

CONFIG = Path(__file__).parents[3] / "config"


@pytest.fixture
def office() -> Office:
    return Office()


def sheet(office: Office, **more: Any) -> str:
    """An order with the sheet that somebody has."""
    return office.accepted("defect", checklist="sheet", zone="plant", device="genset", **more)


def fill(office: Office, name: str, item: str, value: float | bool | str, **more: Any) -> Any:
    return office.do("wu", do.FillItem(order=name, item=item, value=value, **more)).filled(item)


@pytest.mark.parametrize(
    ("item", "value", "bad"),
    [
        ("joint", 70.0, False),
        ("joint", 70.1, True),
        ("leaks", False, False),
        ("leaks", True, True),
        ("smoke", "clear", False),
        ("smoke", "black", True),
        ("words", "all well", False),
        ("photo", SHA, False),
        ("signature", SHA, False),
    ],
)
def test_what_is_beyond_its_limits_is_marked(office: Office, item: str, value: Any, bad: bool) -> None:
    assert fill(office, sheet(office), item, value).bad is bad


@pytest.mark.parametrize(
    ("item", "value"),
    [
        ("joint", "hot"),
        ("joint", True),
        ("joint", float("nan")),
        ("joint", float("inf")),
        ("leaks", "no"),
        ("leaks", 0.0),
        ("smoke", "green"),
        ("smoke", True),
        ("words", " "),
        ("photo", "a photo"),
        ("signature", "me"),
        ("nothing", 1.0),
    ],
    ids=str,
)
def test_what_is_no_answer_is_refused_and_changes_nothing(office: Office, item: str, value: Any) -> None:
    name = sheet(office)
    before = office.order(name)
    with pytest.raises(RefusedError):
        fill(office, name, item, value)
    assert office.order(name) == before


def test_what_is_bad_opens_an_order_once_and_hands_on_the_signature(office: Office) -> None:
    name = sheet(office)
    found = fill(office, name, "joint", 92.0, note="phase A")
    opened = office.order(found.opened)
    assert (opened.kind, opened.title, opened.text) == ("defect", "Joint: 92.0 °C", "phase A")
    assert (opened.zone, opened.device, opened.follows) == ("plant", "genset", (name, "joint"))
    assert opened.signed
    assert [item.id for item in office.book.items(opened)] == ["signature"]
    office.now += H
    assert fill(office, name, "joint", 95.0).opened == found.opened
    assert len(office.book.all()) == 2


def test_a_follow_up_stays_when_the_item_is_filled_anew(office: Office) -> None:
    name = sheet(office)
    opened = fill(office, name, "leaks", True).opened
    again = fill(office, name, "leaks", False)
    assert (again.bad, again.opened) == (False, opened)


def test_a_signed_order_is_not_closed_without_its_signature(office: Office) -> None:
    name = sheet(office)
    follower = fill(office, name, "leaks", True).opened
    office.do("wu", do.AcceptOrder(order=follower))
    office.do("wu", do.FinishOrder(order=follower))
    with pytest.raises(RefusedError, match="the checklist has holes: Signature"):
        office.do("wu", do.CloseOrder(order=follower))
    fill(office, follower, "signature", SHA)
    assert office.do("wu", do.CloseOrder(order=follower)).state == "closed"


def test_a_checklist_with_holes_is_closed_only_with_a_reason(office: Office) -> None:
    name = sheet(office)
    fill(office, name, "joint", 40.0)
    office.do("wu", do.FinishOrder(order=name))
    with pytest.raises(RefusedError, match="holes: Leaks, Smoke, Signature"):
        office.do("wu", do.CloseOrder(order=name))
    assert office.do("wu", do.CloseOrder(order=name, override="no access")).override == "no access"


def test_a_measurement_by_hand_is_told_to_the_rules_at_what_was_measured(office: Office) -> None:
    name = sheet(office)
    fill(office, name, "joint", 41.0)
    (deed,) = [one for one in office.deeds if one.type == "measurement.recorded"]
    assert (deed.device, deed.person, deed.at) == ("genset", "wu", MONDAY)
    assert deed.data == {"point": "temperature", "value": 41.0, "request": name}


def test_an_older_answer_does_not_replace_a_newer_one(office: Office) -> None:
    name = sheet(office)
    office.now += H
    fill(office, name, "joint", 41.0)
    with pytest.raises(RefusedError, match="filled later"):
        office.do("wu", do.FillItem(order=name, item="joint", value=40.0), at=MONDAY)


def test_a_checklist_waits_until_somebody_has_the_order(office: Office) -> None:
    name = office.open("defect", checklist="sheet")
    with pytest.raises(RefusedError, match="accept the order first"):
        fill(office, name, "joint", 40.0)


# --- files


def test_the_shipped_files_are_right_and_bilingual() -> None:
    checklists = load_checklists(CONFIG / "operations/checklists.yaml")
    kinds = load_order_kinds(CONFIG / "operations/orders.yaml", checklists)
    plans = load_upkeep(load_site(CONFIG / "sites/demo"), kinds, checklists)
    assert {"generator-test", "pump-room", "switch-room", "fire-equipment"} <= checklists.keys()
    named = [*checklists.values(), *kinds.values(), *plans.values()]
    named += [item for one in checklists.values() for item in one.items]
    assert all(one.name.zh and one.name.en for one in named)


LISTS = """checklists:
  - id: a
    name: {en: A}
    items:
      - {id: x, name: {en: X}, kind: reading, least: 5, most: 3}
      - {id: x, name: {en: X}, kind: text, most: 3, opens: repair}
      - {id: y, name: {en: Y}, kind: choice}
      - {id: z, name: {en: Z}, kind: reading, opens: repair}
      - {id: c, name: {en: C}, kind: choice, choices: [{id: k, name: {en: K}}, {id: k, name: {en: K}}]}
  - {id: a, name: {en: A}, items: [{id: x, name: {en: X}, kind: yes_no, opens: opera}]}
"""


def test_mistakes_in_checklists_are_named_with_their_lines(tmp_path: Path) -> None:
    path = tmp_path / "lists.yaml"
    path.write_text(LISTS, "utf-8")
    with pytest.raises(ConfigError) as caught:
        load_checklists(path)
    assert [(problem.line, problem.field, problem.message) for problem in caught.value.problems] == [
        (5, "checklists[0].items[0].most", "expected it not below `least`"),
        (6, "checklists[0].items[1].id", "'x' is already the id of another item"),
        (6, "checklists[0].items[1].most", "expected with a reading, and only there"),
        (6, "checklists[0].items[1].opens", "nothing that is found here can be bad"),
        (7, "checklists[0].items[2].choices", "expected with a choice, and only there"),
        (8, "checklists[0].items[3].opens", "nothing that is found here can be bad"),
        (9, "checklists[0].items[4].choices[1].id", "'k' stands there twice"),
        (10, "checklists[1].id", "'a' is already the id of another checklist"),
    ]


ORDERS = """orders:
  - id: repair
    name: {en: Repair}
    role: engineer
    checklist: sheeet
    done_within: 0h
    accept_within: soon
    answer_within: {urgnt: 2h, urgent: 999wd}
    call_back_within: 1wd
  - {id: repair, name: {en: Again}, role: engineer}
"""


def test_mistakes_in_kinds_are_named_with_their_lines(tmp_path: Path) -> None:
    path = tmp_path / "orders.yaml"
    path.write_text(ORDERS, "utf-8")
    checklists = {"sheet": load_checklists(CONFIG / "operations/checklists.yaml")["pump-room"]}
    with pytest.raises(ConfigError) as caught:
        load_order_kinds(path, checklists)
    found = [(problem.line, problem.field, problem.message) for problem in caught.value.problems]
    assert found[0][0] == 1
    assert "'defect': checklist pump-room" in found[0][2]
    rest = [one for one in found if one[0] > 1]
    assert rest == [
        (5, "orders[0].checklist", "no checklist 'sheeet'; did you mean 'sheet'?"),
        (6, "orders[0].done_within", "expected more than 0"),
        (
            7,
            "orders[0].accept_within",
            "expected a duration such as 90s, 2m, 24h, 3d or 2wd, found 'soon'",
        ),
        (8, "orders[0].answer_within.urgent", "expected 260 working days at the most"),
        (8, "orders[0].answer_within.urgnt", "no urgency 'urgnt'; did you mean 'urgent'?"),
        (9, "orders[0].call_back_within", "expected only with `call_back: true`"),
        (10, "orders[1].id", "'repair' is already the id of another kind"),
    ]


def test_parts_are_kept_by_name_and_the_last_word_counts(office: Office) -> None:
    name = sheet(office)
    office.do("wu", do.UsePart(order=name, part="oil filter", quantity=1, unit="pc"))
    office.do("wu", do.UsePart(order=name, part="oil", quantity=4.5, unit="l"))
    office.do("wu", do.UsePart(order=name, part=" oil ", quantity=5, unit="l"))
    office.do("wu", do.UsePart(order=name, part="oil filter", quantity=0))
    assert [(one.part, one.quantity, one.unit) for one in office.order(name).parts] == [("oil", 5, "l")]


def test_what_a_tablet_says_late_of_a_part_does_not_replace_what_was_said_later(office: Office) -> None:
    name = sheet(office)
    noted = office.now
    office.wait(60_000)
    office.do("wu", do.UsePart(order=name, part="oil", quantity=5))
    office.do("wu", do.UsePart(order=name, part="oil", quantity=4), at=noted + 1)
    assert [one.quantity for one in office.order(name).parts] == [5]


@pytest.mark.parametrize(
    ("part", "quantity", "person"),
    [
        (" ", 1, "wu"),
        ("x" * 81, 1, "wu"),
        ("oil", -1, "wu"),
        ("oil", 10_001, "wu"),
        ("oil", float("nan"), "wu"),
        ("oil", 1, "boss"),
    ],
)
def test_a_part_that_nobody_can_have_used_is_refused(
    office: Office, part: str, quantity: float, person: str
) -> None:
    name = sheet(office)
    with pytest.raises(RefusedError):
        office.do(person, do.UsePart(order=name, part=part, quantity=quantity))
    assert office.order(name).parts == ()


@pytest.mark.parametrize(
    ("item", "said"),
    [
        ("kind: reading, unit: V, from: {}", "expected `reading` or `run`, one of them"),
        (
            "kind: reading, unit: V, from: {reading: v, run: length}",
            "expected `reading` or `run`, one of them",
        ),
        ("kind: reading, unit: V, from: {run: length}", "expected a unit of time"),
        ("kind: text, from: {reading: v}", "expected with a reading, and only there"),
        ("kind: reading, from: {reading: v, take: mean}", "take"),
    ],
)
def test_a_source_that_gives_nothing_is_named_with_its_line(tmp_path: Path, item: str, said: str) -> None:
    path = tmp_path / "checklists.yaml"
    head = "checklists:\n  - id: test\n    name: {zh: 试, en: T}\n    items:\n      - "
    path.write_text(head + "{id: v, name: {zh: 电压, en: V}, " + item + "}\n", encoding="utf-8")
    with pytest.raises(ConfigError, match=said) as caught:
        load_checklists(path)
    assert f"{path}:5" in str(caught.value)
