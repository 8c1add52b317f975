"""What a site changes of its rules: for good, for a while, or not at all for a device; and what it can't."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from cloud.correlation.replay import replay
from cloud.correlation.rule_files import load_rules
from contract.problems import ConfigError
from contract.site_files import load_site

SITE = """
site: s
zones: [{id: hall}]
devices:
  - {id: cp, zone: hall, emits: [checkpoint.scan]}
  - {id: panel, zone: hall, emits: [fire.alarm, fire.mode]}
people: [{id: boss}]
"""
RULES = """
rules:
  - {id: PT-1, kind: recurrence, expect: {type: checkpoint.scan}, every: 2h}
  - {id: FS-1, kind: duration, while: {type: fire.mode, data: {mode: manual}}, longer_than: 10m}
  - {id: ER-2, kind: response, on: {type: fire.alarm}, expect: {type: checkpoint.scan}, within: 2m}
"""
T0 = 1_780_279_200_000
"""2026-06-01 10:00 in Shanghai."""
HOUR = 3_600_000
Line = dict[str, Any]
Judge = Callable[..., list[Line]]


@pytest.fixture
def judge(tmp_path: Path) -> Judge:
    """The verdicts of a rule over some lines, with what the site changes."""

    def judge(rule: str, overlay: str, *lines: Line, until: int) -> list[Line]:
        folder = tmp_path / "site"
        folder.mkdir(exist_ok=True)
        (folder / "site.yaml").write_text(SITE, "utf-8")
        (folder / "changes.yaml").write_text("overlays:" + overlay, "utf-8")
        (tmp_path / "rules.yaml").write_text(RULES, "utf-8")
        site = load_site(folder)
        book = load_rules(tmp_path / "rules.yaml", site)
        raw = [json.dumps({"site": "s", "seq": seq, **line}).encode() for seq, line in enumerate(lines)]
        found = [json.loads(one) for one in replay(site, book, raw, since=T0, until=until).verdicts]
        return [one for one in found if one["rule"] == rule]

    return judge


PLAN = """
  - id: exam
    kind: plan
    from: 2026-06-01T12:00:00
    to: 2026-06-01T14:00:00
    reason: {zh: 考试期间加强巡逻}
    by: boss
    change: {PT-1: {every: 30m}}
"""
PERMIT = """
  - id: service
    kind: permit
    from: 2026-06-01T11:00:00
    to: 2026-06-01T12:00:00
    reason: {zh: 主机保养, en: service of the panel}
    by: boss
    suspend: {rules: [FS-1, PT-1], devices: [panel, cp]}
"""


def test_a_plan_tightens_a_limit_and_ends_by_itself(judge: Judge) -> None:
    found = judge("PT-1", PLAN, until=T0 + 9 * HOUR)
    assert [(one["opened_at"] - T0, one["due_at"] - one["opened_at"]) for one in found] == [
        (0, 2 * HOUR),
        (2 * HOUR, HOUR // 2),
        (4 * HOUR, 2 * HOUR),
    ]


def test_a_permit_excuses_a_state_while_it_lasts_and_not_a_moment_longer(judge: Judge) -> None:
    manual = {"device": "panel", "at": T0 + HOUR + 60_000, "type": "fire.mode", "data": {"mode": "manual"}}
    (found,) = judge("FS-1", PERMIT, manual, until=T0 + 9 * HOUR)
    assert (found["opened_at"], found["due_at"]) == (T0 + 2 * HOUR, T0 + 2 * HOUR + 600_000)
    assert found["outcome"] == "breached"


def test_nothing_falls_due_while_a_permit_lasts_and_all_begins_anew_behind_it(judge: Judge) -> None:
    found = judge("PT-1", PERMIT, until=T0 + 5 * HOUR)
    assert [(one["opened_at"] - T0, one["outcome"]) for one in found] == [(2 * HOUR, "breached")]


@pytest.mark.parametrize(
    ("was", "becomes", "line", "says"),
    [
        ("by: boss", "by: bos", 8, "no person 'bos'; did you mean 'boss'?"),
        ("{zh: 考试期间加强巡逻}", "{}", 7, "expected a reason"),
        ("PT-1: {every: 30m}", "PT-9: {every: 30m}", 9, "no rule 'PT-9'; did you mean 'PT-1'?"),
        ("every: 30m", "everyy: 30m", 9, "no limit 'everyy'; did you mean 'every'?"),
        ("every: 30m", "every: soon", 9, "duration"),
        ("every: 30m", "every: 0s", 9, "expected more than 0"),
        ("    to: 2026-06-01T14:00:00\n", "", 3, "a plan ends by itself"),
        ("T14:00", "T11:00", 6, "expected it after `from`"),
    ],
)
def test_a_change_that_can_not_be_is_refused_with_its_line(
    judge: Judge, was: str, becomes: str, line: int, says: str
) -> None:
    with pytest.raises(ConfigError) as caught:
        judge("PT-1", PLAN.replace(was, becomes), until=T0 + HOUR)
    (problem,) = caught.value.problems
    assert Path(problem.file).name == "changes.yaml"
    assert says in problem.message
    assert abs(problem.line - line) <= 1


def test_a_permit_never_excuses_a_rule_for_people_in_zones(judge: Judge) -> None:
    with pytest.raises(ConfigError, match="ER-2 is about more than devices"):
        judge("PT-1", PERMIT.replace("[FS-1, PT-1]", "[ER-2]"), until=T0 + HOUR)


GATE = """
site: s
zones: [{id: hall}]
devices: [{id: gate, zone: hall, emits: [gate.released], tags: [plan-gate]}]
people: [{id: boss}]
"""
OPENING = """
rules:
  - id: AC-3
    kind: recurrence
    applies: if_equipped
    expect: {type: gate.released}
    every: 10m
    select: {tag: plan-gate}
    during: plan-opening
"""
EXAM = """
overlays:
  - id: exam
    kind: plan
    from: 2026-06-07T00:00:00
    to: 2026-06-09T00:00:00
    reason: {zh: 高考}
    by: boss
    change: {AC-3: {CHANGE}}
"""


def opening(tmp_path: Path, change: str, *lines: Line, rules: str = OPENING) -> list[Line]:
    (tmp_path / "site").mkdir(exist_ok=True)
    (tmp_path / "site/site.yaml").write_text(GATE, "utf-8")
    (tmp_path / "site/plan.yaml").write_text(EXAM.replace("CHANGE", change), "utf-8")
    (tmp_path / "rules.yaml").write_text(rules, "utf-8")
    site = load_site(tmp_path / "site")
    raw = [json.dumps({"site": "s", "seq": seq, **line}).encode() for seq, line in enumerate(lines)]
    book = load_rules(tmp_path / "rules.yaml", site)
    return [json.loads(one) for one in replay(site, book, raw, since=T0, until=T0 + 480 * HOUR).verdicts]


SEVEN_TEN = "during: [{from: '07:05', to: '07:16'}]"


def test_a_plan_wakes_a_rule_that_rests_and_it_judges_on_its_days_alone(tmp_path: Path) -> None:
    first = T0 + (5 * 24 + 21) * HOUR  # 07:00 on 7 June
    opened = {"device": "gate", "type": "gate.released", "at": first + 11 * 60_000}
    found = opening(tmp_path, SEVEN_TEN, opened)
    assert [(one["opened_at"] - first, one["outcome"]) for one in found] == [
        (5 * 60_000, "met"),
        (24 * HOUR + 5 * 60_000, "breached"),
    ]


def test_a_plan_that_leaves_a_rule_resting_says_what_is_missing(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="would rest still: no schedule plan-opening here"):
        opening(tmp_path, "every: 20m")
    with pytest.raises(ConfigError, match="there is no day 2026-06-31"):
        opening(tmp_path, "during: [{days: '2026-06-31'}]")
