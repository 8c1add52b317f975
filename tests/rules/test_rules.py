"""Each shipped rule by its data test, as `sitewarden rules test` tries it."""

from pathlib import Path

import pytest

from cloud.correlation.rule_files import load_rules
from contract.site_files import load_site
from sitewarden.rule_tests import Trial, trials, untested

RULES = Path(__file__).resolve().parents[2] / "config/rules"
TESTS = RULES / "tests"
FOUND = trials(RULES, TESTS)


@pytest.mark.parametrize("trial", FOUND, ids=lambda trial: trial.name)
def test_rule(trial: Trial) -> None:
    assert [str(problem) for problem in trial.differences()] == []


@pytest.mark.parametrize("trial", FOUND, ids=lambda trial: trial.name)
def test_without_its_deciding_event_no_verdict_stays_what_it_was(trial: Trial) -> None:
    lines = trial.lines()
    for verdict in trial.judged(lines):
        if verdict["elapsed_ms"] is not None and verdict["evidence"]:
            device, seq = verdict["evidence"][-1]
            fewer = [line for line in lines if (line["device"], line.get("seq")) != (device, seq)]
            assert verdict not in trial.judged(fewer)


def test_every_shipped_rule_has_its_cases_and_rests_nowhere_here() -> None:
    assert untested(RULES, TESTS) == []
    warnings = load_rules(RULES, load_site(TESTS / "site")).warnings
    assert not [warning for warning in warnings if "judges nothing" in warning]


def test_a_case_that_expects_something_else_is_told_with_its_line(tmp_path: Path) -> None:
    (tmp_path / "site").symlink_to(TESTS / "site")
    text = (TESTS / "ER-2.yaml").read_text("utf-8").replace("outcome: met", "outcome: breached", 1)
    (tmp_path / "ER-2.yaml").write_text(text, "utf-8")
    wrong = [problem for trial in trials(RULES, tmp_path) for problem in trial.differences()]
    assert len(wrong) == 1
    assert "expected breached, found met" in str(wrong[0])
    assert "outcome: breached" in text.splitlines()[wrong[0].line - 1]
