"""The edges of the kinds by their data tests: rules made for them, at a site made for them."""

from pathlib import Path

import pytest

from sitewarden.rule_tests import Trial, trials

KINDS = Path(__file__).parent / "kinds"


@pytest.mark.parametrize("trial", trials(KINDS, KINDS / "cases"), ids=lambda trial: trial.name)
def test_kind(trial: Trial) -> None:
    assert [str(problem) for problem in trial.differences()] == []
