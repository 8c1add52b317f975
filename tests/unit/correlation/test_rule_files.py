"""Rules files: what is right in them is taken, what is wrong is named, all of it at once."""

import datetime as dt
import json
from collections.abc import Callable
from pathlib import Path

import jsonschema
import pytest

from cloud.correlation.rule_files import load_rules, rules_schema
from cloud.correlation.rules import Duration, Quota, Recurrence, Response, RuleBook
from contract.problems import ConfigError
from contract.site import Device, Group, Person, Qualification, Schedule, Site, SiteFile, Window, Zone
from contract.site_files import load_site

HERE = Path(__file__).resolve().parents[3]

SITE = Site(
    SiteFile(
        site="s",
        zones=(Zone(id="b1", escape_route=("gate",)), Zone(id="b2"), Zone(id="yard", covers=("b2",))),
        devices=(
            Device(id="panel", zone="b1", emits=("fire.alarm",)),
            Device(id="panel-2", zone="b2", emits=("fire.alarm",)),
            Device(id="cp", zone="b1", emits=("checkpoint.scan",), tags=("checkpoint",)),
            Device(id="gate", zone="yard", emits=("gate.released",)),
            Device(id="pump", zone="yard", emits=("pump.started",)),
        ),
        groups=(Group(id="g", devices=("pump",)),),
        people=(Person(id="p", roles=("rescue",), qualifications=(Qualification(name="fire_control"),)),),
        schedules=(Schedule(id="night", windows=(Window(),)),),
    )
)
SCANNED = ", kind: recurrence, every: 1h, expect: {type: checkpoint.scan}}"
Load = Callable[..., RuleBook]
Refused = Callable[[str], list[tuple[int, str, str]]]
REACH = """
  - id: ER-2
    kind: response
    on: {type: fire.alarm}
    expect: {type: checkpoint.scan}
    within: 2m
"""


@pytest.fixture
def load(tmp_path: Path) -> Load:
    """The book of a rules file with that text."""

    def load(text: str, site: Site = SITE) -> RuleBook:
        file = tmp_path / "rules.yaml"
        file.write_text(text, "utf-8")
        return load_rules(file, site)

    return load


@pytest.fixture
def refused(load: Load) -> Refused:
    """The problems of a text, as (line, field, message)."""

    def refused(text: str) -> list[tuple[int, str, str]]:
        with pytest.raises(ConfigError) as caught:
            load(text)
        return [(problem.line, problem.field, problem.message) for problem in caught.value.problems]

    return refused


def test_a_rule_is_read_with_its_defaults(load: Load) -> None:
    (version,) = load("rules:" + REACH).versions
    rule = version.rule
    assert isinstance(rule, Response)
    assert (rule.id, rule.within, rule.join, rule.horizon, rule.match, rule.per) == (
        "ER-2",
        "2m",
        "10m",
        "1h",
        "zone",
        "trigger",
    )
    assert version.end is None


def test_every_file_of_a_directory_is_read(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text("rules:" + REACH)
    (tmp_path / "b.yaml").write_text("rules:" + REACH.replace("ER-2", "ER-9"))
    (tmp_path / "notes.txt").write_text("not: a rule")
    assert [version.rule.id for version in load_rules(tmp_path, SITE).versions] == ["ER-2", "ER-9"]


def test_an_empty_directory_and_a_missing_file_are_named(tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / "none.yaml"):
        with pytest.raises(ConfigError, match=str(path)):
            load_rules(path, SITE)


def test_mistakes_of_all_files_come_at_once(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text("rules:" + REACH.replace("2m", "two minutes"))
    (tmp_path / "b.yaml").write_text("rules:" + REACH.replace("fire.alarm", "fire.alrm"))
    (tmp_path / "c.yaml").write_text("rules: [")
    with pytest.raises(ConfigError) as caught:
        load_rules(tmp_path, SITE)
    assert [Path(problem.file).name for problem in caught.value.problems] == ["a.yaml", "b.yaml", "c.yaml"]


def test_mistakes_of_all_rules_of_a_file_come_at_once(refused: Refused) -> None:
    text = """
rules:
  - {id: A, kind: tour}
  - {id: B, kind: responze}
  - {id: C}
  - {id: D, kind: response, on: {type: fire.alarm}, expect: {type: checkpoint.scan}, within: soon, within_: 2m}
  - {id: E, kind: recurrence, every: 2h}
  - nothing
extra: 1
"""
    found = refused(text)
    assert [(line, field) for line, field, _ in found] == [
        (3, "rules[0]"),
        (4, "rules[1].kind"),
        (5, "rules[2].kind"),
        (6, "rules[3].within"),
        (6, "rules[3].within_"),
        (7, "rules[4]"),
        (8, "rules[5]"),
        (9, "extra"),
    ]
    messages = {field: message for _, field, message in found}
    assert messages["rules[0]"] == "complete_within is missing"
    assert messages["rules[3].within_"] == "unknown field; did you mean within?"
    assert messages["rules[4]"] == "expect is missing"


@pytest.mark.parametrize(
    ("was", "written", "field", "message"),
    [
        ("type: fire.alarm", "type: fire.alram", "on.type", "did you mean 'fire.alarm'?"),
        ("type: checkpoint.scan", "type: [checkpoint.scn]", "expect.type", "did you mean 'checkpoint.scan'?"),
        ("within: 2m", "within: 0s", "within", "more than 0"),
        ("within: 2m", "within: 999wd", "within", "100 working days at the most"),
        ("within: 2m", "within: 120", "within", "expected a duration"),
        ("within: 2m", "within: 9999d", "within", "ten years"),
        ("within: 2m", "within: 2h\n    horizon: 1h", "horizon", "at least as long"),
        ("within: 2m", "within: 2m\n    match: room", "match", "room"),
        ("within: 2m", "within: 2m\n    by: {role: resque}", "by.role", "did you mean 'rescue'?"),
        ("within: 2m", "within: 2m\n    by: {qualification: x}", "by.qualification", "no qualification 'x'"),
        ("within: 2m", "within: 2m\n    by: {}", "by", "expected a role"),
        ("within: 2m", "within: 2m\n    effective_from: soon", "effective_from", "a date"),
        ("within: 2m", "within: 2m\n    version: 0", "version", "1"),
        ("type: fire.alarm", "type: fire.alarm, data: {day: 2026-01-01}", "on.data.day", "quotes"),
    ],
)
def test_each_mistake_is_named_where_it_stands(
    refused: Refused, was: str, written: str, field: str, message: str
) -> None:
    text = "rules:" + REACH.replace(was, written)
    ((line, where, said),) = refused(text)
    assert where == f"rules[0].{field}"
    assert message in said
    last = field.rsplit(".", maxsplit=1)[-1]
    assert f"{last}:" in text.splitlines()[line - 1]


@pytest.mark.parametrize(
    ("line", "field", "message"),
    [
        ("select: {id: cpp}", "select.id", "no device 'cpp'; did you mean 'cp'?"),
        ("select: {zone: [b1, b9]}", "select.zone", "no zone 'b9'"),
        ("during: nightt", "during", "no schedule 'nightt'; did you mean 'night'?"),
        (
            "during: [{from: '00:00', to: '13:00'}, {from: '12:00', to: '01:00'}]",
            "during",
            "these windows overlap without end",
        ),
    ],
)
def test_names_of_a_recurrence_are_checked(refused: Refused, line: str, field: str, message: str) -> None:
    text = f"""
rules:
  - id: PT-1
    kind: recurrence
    expect: {{type: checkpoint.scan}}
    every: 2h
    {line}
"""
    ((number, where, said),) = refused(text)
    assert (number, where) == (7, f"rules[0].{field}")
    assert said.startswith(message)


def test_a_type_that_only_this_site_knows_may_be_used(load: Load) -> None:
    book = load("rules:" + REACH.replace("checkpoint.scan", "pump.started"))
    assert book.versions[0].rule.expect.types == {"pump.started"}


def test_a_limit_longer_than_an_hour_brings_its_horizon_along(load: Load) -> None:
    (version,) = load("rules:" + REACH.replace("2m", "24h")).versions
    assert isinstance(version.rule, Response)
    assert version.rule.horizon == "24h"


def test_versions_follow_each_other_at_midnight_of_the_site(load: Load) -> None:
    first = REACH + "    effective_from: 2026-01-01\n"
    second = REACH.replace("2m", "1m") + "    effective_from: 2026-07-01\n    version: 2\n"
    book = load("rules:" + second + first)
    july = int(dt.datetime(2026, 6, 30, 16, tzinfo=dt.UTC).timestamp() * 1000)
    assert [(one.rule.version, one.start, one.end) for one in book.versions] == [
        (1, july - 181 * 86_400_000, july),
        (2, july, None),
    ]
    before, after = book.version("ER-2", july - 1), book.version("ER-2", july)
    assert before is not None
    assert after is not None
    assert (before.rule.version, after.rule.version) == (1, 2)


@pytest.mark.parametrize(
    ("second", "field", "message"),
    [
        (REACH, "rules[1].id", "version 1 of ER-2 is written twice"),
        (
            REACH + "    version: 2\n",
            "rules[1].effective_from",
            "another version of ER-2 begins on 1970-01-01",
        ),
        (
            "\n  - {id: ER-2, version: 2, effective_from: 2026-01-01} \n".replace("}", SCANNED),
            "rules[1].kind",
            "the versions of ER-2 are of different kinds",
        ),
    ],
)
def test_versions_that_contradict_each_other_are_refused(
    refused: Refused, second: str, field: str, message: str
) -> None:
    assert [(where, said) for _, where, said in refused("rules:" + REACH + second)] == [(field, message)]


def test_a_zone_without_a_reader_is_a_warning(load: Load) -> None:
    (warning,) = load("rules:" + REACH).warnings
    assert warning == "ER-2: zone b2 will be unknown (no_source): nothing there emits checkpoint.scan"


def test_a_device_that_must_answer_and_cannot_is_a_warning(load: Load) -> None:
    site = Site(
        SiteFile(
            site="s",
            zones=(Zone(id="b1", escape_route=("gate", "door")),),
            devices=(
                Device(id="panel", zone="b1", emits=("fire.alarm",)),
                Device(id="gate", emits=("gate.released",)),
                Device(id="door", emits=("door.opened",)),
            ),
        )
    )
    text = REACH.replace("checkpoint.scan", "gate.released") + "    match: escape_route\n    per: answerer\n"
    (warning,) = load("rules:" + text, site).warnings
    assert warning.startswith("ER-2: device door will be unknown")


def test_a_rule_that_no_device_can_answer_is_refused(refused: Refused) -> None:
    text = "rules:" + REACH.replace("checkpoint.scan", "generator.on_load")
    assert refused(text) == [
        (5, "rules[0].expect", "can never be decided: no device here emits generator.on_load")
    ]


@pytest.mark.parametrize("missing", ["fire.alarm", "checkpoint.scan"])
def test_a_rule_of_a_pack_rests_where_its_equipment_is_missing(load: Load, missing: str) -> None:
    elsewhere = REACH.replace(missing, "mains.lost").replace("2m", "2m\n    by: {role: engineer}")
    book = load("rules:" + elsewhere + "    applies: if_equipped\n")
    assert book.warnings == ("ER-2 judges nothing at s: no device here emits mains.lost",)
    assert book.versions == ()


def test_a_later_version_that_rests_still_ends_the_one_before(load: Load) -> None:
    later = (
        REACH.replace("checkpoint.scan", "mains.lost") + "    version: 2\n    effective_from: 2026-07-01\n"
    )
    (version,) = load("rules:" + REACH + later + "    applies: if_equipped\n").versions
    assert (version.rule.version, version.end is None) == (1, False)


def test_a_recurrence_that_selects_nothing_is_refused_unless_it_may_rest(
    load: Load, refused: Refused
) -> None:
    text = "rules:\n  - {id: PT-2, select: {tag: vault}" + SCANNED
    ((_, field, message),) = refused(text)
    assert (field, message) == (
        "rules[0].expect",
        "can never be decided: no device that it selects emits checkpoint.scan",
    )
    assert load(text.replace("id:", "applies: if_equipped, id:")).versions == ()


def test_a_rule_that_nothing_triggers_is_a_warning(load: Load) -> None:
    book = load("rules:" + REACH.replace("fire.alarm", "mains.lost"))
    assert book.warnings == ("ER-2 judges nothing at s: no device here emits mains.lost",)


def test_what_people_declare_on_a_screen_needs_no_device(load: Load) -> None:
    text = REACH.replace("checkpoint.scan", "operator.acknowledged")
    assert load("rules:" + text).warnings == ()


def test_the_shipped_rules_load_at_the_demo_site() -> None:
    book = load_rules(HERE / "config/rules", load_site(HERE / "config/sites/demo"))
    assert [version.rule.id for version in book.versions] == [
        *(
            "AC-1",
            "ER-1",
            "ER-2",
            "ER-3",
            "ER-4",
            "ER-5",
            "ER-7",
            "FS-2",
            "FS-3",
            "FS-4",
            "FS-5",
            "FS-5T",
            "FS-6",
            "GE-1",
            "GE-2",
            "GE-3",
            "GE-4",
            "GE-5",
            "GE-5B",
            "GE-5F",
        ),
        *("PT-1", "PT-10S", "PT-5H", "PT-7", "TE-3", "TE-3H", "TE-4V"),
        *("WO-1", "WO-2", "WO-4", "WO-4C", "WO-5", "WO-5R", "WO-6", "WO-6I", "WO-6N"),
    ]
    for version in book.versions:
        rule = version.rule
        assert rule.name.zh, rule.id
        assert rule.name.en, rule.id
        assert rule.source.zh, rule.id
        assert rule.source.en, rule.id
        assert isinstance(rule, Response | Recurrence | Duration | Quota)


def test_the_schema_takes_the_shipped_rules_and_refuses_a_misspelt_field() -> None:
    from ruamel.yaml import YAML

    schema = rules_schema()
    jsonschema.Draft202012Validator.check_schema(schema)
    validator = jsonschema.Draft202012Validator(schema)
    for file in sorted((HERE / "config/rules").glob("*.yaml")):
        written = json.loads(json.dumps(YAML(typ="safe").load(file), default=str))
        assert not list(validator.iter_errors(written)), file
        written["rules"][0]["within_"] = "1m"
        assert list(validator.iter_errors(written)), file


@pytest.mark.parametrize(
    ("line", "where", "says"),
    [
        (
            "while: {type: fire.mode, data: {mode: manual}}, longer_than: 0s",
            "longer_than",
            "expected more than 0",
        ),
        (
            "while: {type: fire.mood}, longer_than: 1m",
            "while.type",
            "no event type 'fire.mood'; did you mean",
        ),
        (
            "while: {type: door.opened, until: door.shut}, longer_than: 1m",
            "while.until",
            "no event type 'door.shut'",
        ),
        ("while: {type: door.opened}, longer_than: 1m, select: {id: dor}", "select.id", "no device 'dor'"),
        (
            "while: {type: lift.trapped}, longer_than: 2wd",
            "longer_than",
            "only `within` of a response counts working days",
        ),
        ("while: {point: temperature}, longer_than: 1m", "while", "either above or below"),
        ("while: {type: fire.mode, point: t}, longer_than: 1m", "while", "either type or point"),
        (
            "while: {point: t, above: 40, clear_below: 41}, longer_than: 1m",
            "while.clear_below",
            "near side",
        ),
    ],
)
def test_a_state_that_can_not_be_judged_is_refused(
    refused: Refused, line: str, where: str, says: str
) -> None:
    found = refused(f"rules:\n  - {{id: X, kind: duration, {line}}}")
    assert any(field == f"rules[0].{where}" and says in message for _, field, message in found), found


@pytest.mark.parametrize(
    ("line", "where", "says"),
    [
        ("at_least: 2, per: month", "rules[0]", "expected either count or session"),
        (
            "at_least: 2, per: month, count: {type: fire.drill}",
            "rules[0].count.type",
            "no event type 'fire.drill'",
        ),
        ("at_least: 2, per: moon, count: {type: fire.alarm}", "rules[0].per", "moon"),
        (
            "at_least: 1, per: week, session: {start: {type: door.opened}, stop: {type: door.closed}, length: [9m, 3m]}",
            "rules[0].session.length",
            "expected the shortest first",
        ),
        (
            "at_least: 1, per: week, session: {start: {type: door.opened}, stop: {type: door.closed}, point: load}",
            "rules[0].session.point",
            "with max_below or min_at_least",
        ),
        (
            "at_least: 1, per: week, match: site, session: {start: {type: door.opened}, stop: {type: door.closed}}",
            "rules[0].match",
            "a session begins and ends at one device",
        ),
    ],
)
def test_a_quota_that_can_not_be_judged_is_refused(
    refused: Refused, line: str, where: str, says: str
) -> None:
    found = refused(f"rules:\n  - {{id: X, kind: quota, {line}}}")
    assert any(field == where and says in message for _, field, message in found), found


def test_what_makes_void_is_checked_like_evidence(refused: Refused, load: Load) -> None:
    text = "rules:" + REACH + "    void_when: {type: WANTED}\n"
    ((line, field, message),) = refused(text.replace("WANTED", "fire.rezet"))
    assert (line, field) == (7, "rules[0].void_when.type")
    assert "did you mean 'fire.reset'" in message
    ((line, field, message),) = refused(text.replace("WANTED", "checkpoint.scan"))
    assert "can't both answer" in message
    paired = text.replace("WANTED", "fire.reset, match: site") + "    pair: request\n"
    ((line, field, message),) = refused(paired)
    assert (field, "same request" in message) == ("rules[0].void_when.match", True)
    assert [one for one in load(text.replace("WANTED", "fire.reset")).warnings if "void" in one] == [
        "ER-2 is never void at s: no device here emits fire.reset"
    ]
