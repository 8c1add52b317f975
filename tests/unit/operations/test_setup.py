"""What people's matters are set up by: every mistake is named with its file, line and field, all at once."""

from pathlib import Path

import pytest

from cloud.operations.setup import load_operations
from contract.problems import ConfigError
from contract.site_files import load_site
from tests.house import HERE

SITE = """\
site: s
zones: [{id: hall}]
people: [{id: a, roles: [controller]}]
schedules: [{id: day, windows: [{from: "08:00", to: "20:00"}]}]
"""
STEP = "{after: 5s, to: {people: [a]}, through: [w]}"
GOOD = "{id: c, steps: [{after: 0s, to: {duty: controller}, through: [wall]}]}"


def problems(tmp_path: Path, sections: str) -> list[str]:
    folder = tmp_path / "s"
    folder.mkdir()
    (folder / "site.yaml").write_text(SITE)
    (folder / "duty.yaml").write_text(sections)
    with pytest.raises(ConfigError) as caught:
        load_operations(HERE / "config/operations", load_site(folder), "")
    return [str(problem).removeprefix(f"{folder}/") for problem in caught.value.problems]


@pytest.mark.parametrize(
    ("sections", "said"),
    [
        ("rosters: [{id: r, role: guard, schedule: day, teams: [[a]]}]", "a does not have the role guard"),
        ("rosters: [{id: r, role: controller, schedule: night, teams: [[a]]}]", "no schedule 'night'"),
        ("rosters: [{id: r, role: controller, schedule: day, teams: [[b]]}]", "no person 'b'"),
        ("rosters: [{id: r, role: controller, schedule: day, teams: []}]", "at least one team"),
        (
            "rosters: [{id: r, role: controller, schedule: day, teams: [[a], [a]]}]",
            "several teams take turns",
        ),
        ("rosters: [{id: r, role: controller, schedule: day, post: roof, teams: [[a]]}]", "no zone 'roof'"),
        ("checks: [{id: k, post: roof, during: day}]", "no zone 'roof'"),
        ("checks: [{id: k, post: hall, during: night}]", "no schedule 'night'"),
        ("watch: {post: roof, schedule: day}", "no zone 'roof'"),
        ("watch: {post: hall, schedule: night}", "no schedule 'night'"),
        ("watch: {post: hall, schedule: day, within: 14s}", "at least 15s"),
        ("watch: {post: hall, schedule: day, within: soon}", "a duration such as 60s"),
        ("watch: {post: hall, schedule: day, begins: later}", "first-screen"),
        ("telling: {chains: [{id: c, steps: []}]}", "at least one step"),
        (f"telling: {{chains: [{GOOD}, {GOOD}]}}", "already the id of another chain"),
        (
            "telling: {chains: [{id: c, steps: [{after: 0s, to: {role: king}, through: [w]}]}]}",
            "no role 'king'",
        ),
        ("telling: {chains: [{id: c, steps: [{after: 0s, to: {}, through: [w]}]}]}", "duty, role or people"),
        (
            "telling: {chains: [{id: c, steps: [{after: 0s, to: {people: [b]}, through: [w]}]}]}",
            "no person 'b'",
        ),
        ("telling: {chains: [{id: c, steps: [{after: 0s, to: {people: [a]}, through: []}]}]}", "one channel"),
        (
            GOOD.join(["telling: {chains: [", "]}"]).replace("id: c,", "id: c, repeat: 0s,"),
            "such as 10m, more than",
        ),
        (
            f"telling: {{chains: [{{id: c, steps: [{STEP}, {STEP}]}}]}}",
            "later than the step before",
        ),
    ],
)
def test_a_mistake_is_named_in_the_words_of_who_made_it(tmp_path: Path, sections: str, said: str) -> None:
    (found,) = problems(tmp_path, sections + "\n")
    assert found.startswith("duty.yaml:1: ")
    assert said in found


def test_all_mistakes_are_named_at_once(tmp_path: Path) -> None:
    found = problems(
        tmp_path,
        "checks: [{id: k, post: roof, during: day}]\nrosters: [{id: r, role: guard, schedule: day, teams: [[a]]}]\n",
    )
    assert len(found) == 2


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("alarms: [{id: x, name: {en: X}}]", "`on` is missing"),
        ("alarms: [{id: x, name: {en: X}, on: {type: fire.alram}}]", "fire.alram"),
        ("alarms: [{id: x, name: {en: X}, on: {type: fire.alarm}, hidden_by: [y]}]", "no alarm 'y'"),
        ("alarms: [{id: x, name: {en: X}, on: {type: fire.alarm}, priority: loud}]", "priority"),
        ("alarms: [{id: x, name: {en: X}, on: {type: fire.alarm}, emergency: war}]", "no emergency 'war'"),
    ],
)
def test_a_kind_of_alarm_that_makes_no_sense_is_refused(tmp_path: Path, text: str, said: str) -> None:
    folder = tmp_path / "operations"
    folder.mkdir()
    for path in (HERE / "config/operations").glob("*.yaml"):
        (folder / path.name).write_text(path.read_text("utf-8"), "utf-8")
    (folder / "alarms.yaml").write_text(text + "\n")
    with pytest.raises(ConfigError, match=r"alarms\.yaml:1: ") as caught:
        load_operations(folder, load_site(HERE / "config/sites/demo"), "")
    assert said in str(caught.value)
