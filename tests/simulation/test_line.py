"""T38: the whole line in virtual time under seeded faults; whatever fails, the record ends up right."""

import os
from pathlib import Path

import msgspec
import pytest

from cloud.correlation.rule_files import load_rules
from cloud.correlation.verdict import Episode, Outcome, Verdict
from contract.site_files import load_site
from tests.simulation.line import Result, play

RULES = Path(__file__).resolve().parents[2] / "config/rules"
SITE = load_site(RULES / "tests/site")
BOOK = load_rules(RULES, SITE)
LONG_SEEDS = int(os.environ.get("SITEWARDEN_SEEDS", "2000"))


def told(verdicts: dict[Episode, Verdict]) -> dict[Episode, Verdict]:
    """As the record has them: without what joined, what may still end in time, and what did but not yet for sure."""
    return {
        name: msgspec.structs.replace(one, joined=())
        for name, one in verdicts.items()
        if not (is_early(one) and one.kind in {"duration", "staffing"})
    }


def is_early(one: Verdict) -> bool:
    """Whether nothing is said of a state yet."""
    return (one.outcome is Outcome.PENDING and not one.overdue) or one.is_kept > one.final


def check(result: Result) -> None:
    """Nothing lost, nothing doubled, nobody alarmed twice, and the record as if all had come at once."""
    assert result.stored == result.happened
    assert len(result.alerts) == len(set(result.alerts))
    standing, replayed = told(result.standing), told(result.replayed)
    assert standing.keys() == replayed.keys()
    assert [one for name, one in standing.items() if one != replayed[name]] == []


@pytest.mark.timeout(600)
@pytest.mark.parametrize("seed", range(6))
def test_whatever_fails_the_record_ends_up_right(seed: int) -> None:
    result = play(seed, SITE, BOOK)
    assert len(result.standing) > 20
    check(result)


def test_a_seed_plays_again_to_the_last_byte() -> None:
    assert play(3, SITE, BOOK).digest == play(3, SITE, BOOK).digest


@pytest.mark.long
@pytest.mark.timeout(36_000)
def test_thousands_of_seeds() -> None:
    for seed in range(1_000, 1_000 + LONG_SEEDS):
        check(play(seed, SITE, BOOK))
