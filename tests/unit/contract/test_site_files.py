"""A site directory: what a person wrote is loaded, and each of their mistakes is named with its line."""

from pathlib import Path

import pytest

from contract.problems import ConfigError
from contract.site_files import load_site

GOOD = """\
site: demo
timezone: Asia/Shanghai
name: {zh: 示例小区, en: Demo Estate}
zones:
  - {id: b1, name: {zh: 一号楼大堂, en: Block 1 lobby}, covers: [b1-f2], escape_route: [gate-n]}
  - {id: b1-f2}
  - {id: gate}
devices:
  - {id: cp-b1-03, zone: b1, emits: [checkpoint.scan]}
  - {id: gate-n, zone: gate, emits: [gate.released]}
"""
PEOPLE = """\
people:
  - id: p-007
    cards: ["card:8812331"]
    roles: [rescue]
    qualifications: [{name: fire_control, from: 2025-01-01, to: 2027-12-31}]
"""


def write(directory: Path, **files: str) -> Path:
    """A site directory with those files."""
    for name, text in files.items():
        (directory / f"{name}.yaml").write_text(text, "utf-8")
    return directory


def messages(directory: Path) -> list[str]:
    """What loading says, with the directory's own path taken off."""
    with pytest.raises(ConfigError) as caught:
        load_site(directory)
    return [str(problem).replace(f"{directory}/", "") for problem in caught.value.problems]


def test_sections_may_stand_in_any_file_of_the_directory(tmp_path: Path) -> None:
    site = load_site(write(tmp_path, site=GOOD, people=PEOPLE))
    assert site.people["card:8812331"] is site.people["p-007"]
    assert site.answering_zones["b1-f2"] == {"b1", "b1-f2"}
    assert site.emits(site.devices["gate-n"]) == {"gate.released"}


def test_every_mistake_is_named_at_once_with_file_and_line(tmp_path: Path) -> None:
    bad = GOOD.replace("covers: [b1-f2]", "covers: [b1-f3]").replace("zone: gate,", "zoen: gate,")
    people = PEOPLE.replace("2025-01-01", "soon").replace("roles: [rescue]", "roles: rescue")
    assert messages(write(tmp_path, site=bad, people=people)) == [
        "people.yaml:4: people[0].roles: expected array, got str, found 'rescue'",
        "people.yaml:5: people[0].qualifications[0].from: invalid RFC3339 encoded date, found 'soon'",
        "site.yaml:10: devices[1].zoen: unknown field; did you mean zone?",
    ]


def test_names_that_do_not_exist_are_found_once_the_shape_is_right(tmp_path: Path) -> None:
    bad = GOOD.replace("covers: [b1-f2]", "covers: [b1-f3]").replace("zone: gate,", "zone: gates,")
    bad = bad.replace("Asia/Shanghai", "Asia/Shanghia")
    assert messages(write(tmp_path, site=bad)) == [
        "site.yaml:2: timezone: expected a time zone such as Asia/Shanghai, found 'Asia/Shanghia'",
        "site.yaml:5: zones[0].covers[0]: no zone 'b1-f3'; did you mean 'b1-f2'?",
        "site.yaml:10: devices[1].zone: no zone 'gates'; did you mean 'gate'?",
    ]


def test_a_mistake_in_a_second_file_is_named_by_its_place_there(tmp_path: Path) -> None:
    more = "devices:\n  - {id: a, zone: b1}\n\n  - {id: b, zone: nowhere}\n"
    assert messages(write(tmp_path, site=GOOD, more=more)) == [
        "more.yaml:4: devices[1].zone: no zone 'nowhere'",
    ]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("site: demo\nsite: other\n", 'site.yaml:2: found duplicate key "site"'),
        ("site: demo\nzones: [\n", "site.yaml:3: expected a value or a closing bracket"),
        ("site: demo\nzones: lobby\n", "site.yaml:2: zones: expected array, got str, found 'lobby'"),
        ("site: demo\nzones:\n  - lobby\n", "site.yaml:3: zones[0]: expected fields (id, name"),
        (
            "site: de mo\n",
            "site.yaml:1: site: expected letters, digits, - and _; at most 64 of them, found 'de mo'",
        ),
        ("zones: []\n", "site: expected one file that names the site, found none"),
        ("site: x\ndevices:\n  - {zone: a}\n", "site.yaml:3: devices[0]: id is missing"),
        ("site: x\ndevices:\n  - {id: a, profile: patrol-raeder}\n", "no profile 'patrol-raeder'"),
        ("site: x\nzones:\n  - {id: a}\n  - {id: a}\n", "'a' is already the id of another in zones"),
    ],
)
def test_a_mistake_is_told_in_the_words_of_who_made_it(tmp_path: Path, text: str, expected: str) -> None:
    assert any(expected in message for message in messages(write(tmp_path, site=text)))


def test_a_card_belongs_to_one_person(tmp_path: Path) -> None:
    two = PEOPLE + '  - {id: p-008, cards: ["card:8812331"]}\n'
    assert messages(write(tmp_path, site=GOOD, people=two)) == [
        "people.yaml:6: people[1].cards[0]: 'card:8812331' is already known as 'p-007'"
    ]


def test_an_empty_directory_says_what_was_expected(tmp_path: Path) -> None:
    assert messages(tmp_path / "none")[0].endswith("expected a site directory with a site.yaml in it")


FLOORS = """\
floors:
  - id: f1
    size: [10, 8]
    zones: {b1: [[0, 0], [4, 0], [4, 4]], nowhere: [[0, 0], [1, 0], [1, 1]], gate: [[0, 0], [1, 1]]}
    devices: {gate-n: [11, 2], cp-b1-03: [1, 1]}
  - id: f2
    size: [10, 0]
    devices: {cp-b1-03: [0, 0]}
"""


def test_mistakes_in_drawings_are_named_where_they_are_drawn(tmp_path: Path) -> None:
    assert messages(write(tmp_path, site=GOOD, floors=FLOORS)) == [
        "floors.yaml:4: floors[0].zones.gate: expected the corners of an area, three or more",
        "floors.yaml:4: floors[0].zones.nowhere: no zone 'nowhere'",
        "floors.yaml:5: floors[0].devices.gate-n: (11, 2) lies outside the drawing, which is 10 by 8 m",
        "floors.yaml:7: floors[1].size: expected a width and a height in metres, both above 0",
        "floors.yaml:8: floors[1].devices.cp-b1-03: 'cp-b1-03' is already drawn on floor 'f1'",
    ]


@pytest.mark.parametrize(
    ("floor", "expected"),
    [
        (
            "size: [10]",
            "3: floors[0].size: expected a width and a height in metres such as [120, 80], found [10]",
        ),
        ("size: [.inf, 8]", "3: floors[0].size: expected a width and a height in metres, both above 0"),
        (
            "size: [9, 9]\n    devices: {gate-n: [1, 2, 3]}",
            "4: floors[0].devices.gate-n: expected a place such as [12, 5.5], found [1, 2, 3]",
        ),
        (
            "size: [9, 9]\n    zones: {b1: [[0, 0], [4, .nan], [4, 4]]}",
            "4: floors[0].zones.b1: (4, nan) lies outside the drawing, which is 9 by 9 m",
        ),
        (
            "size: [9, 9]\n    zones: {b1: [[0, 0], [4, 0], [2, 0]]}",
            "4: floors[0].zones.b1: expected the corners of an area in their order; these enclose nothing",
        ),
        (
            "size: [9, 9]\n    ways: {b1: [[0, 0], [4, 0]]}",
            "4: floors[0].ways.b1: zone 'b1' is not drawn on this floor",
        ),
        (
            "size: [9, 9]\n    walls: [[[0, 0]]]",
            "4: floors[0].walls[0]: expected the points of a line, two or more",
        ),
        (
            "size: [9, 9]\n    devices: {cp-b1-03: [1, 1]}\n  - {id: f2, size: [9, 9], zones: {b1: [[0, 0], [4, 0], [4, 4]]}}",
            "4: floors[0].devices.cp-b1-03: its zone 'b1' is drawn on floor 'f2'",
        ),
        (
            "size: [9, 9]\n  - {id: f1, size: [9, 9]}",
            "4: floors[1].id: 'f1' is already the id of another in floors",
        ),
    ],
)
def test_a_drawing_that_can_not_be_drawn_is_refused(tmp_path: Path, floor: str, expected: str) -> None:
    text = f"floors:\n  - id: f1\n    {floor}\n"
    assert f"floors.yaml:{expected}" in messages(write(tmp_path, site=GOOD, floors=text))
