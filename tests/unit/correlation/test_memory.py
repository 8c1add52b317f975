"""What is decided for good is let go: a site that runs for months needs no more memory than one that runs a day."""

import pytest

from cloud.correlation.rules import By, RuleBook
from tests.scene import H, M, Story, book, patrol, reach


def rules() -> RuleBook:
    return book(patrol(), reach(by=By(role="rescue"), presence_ttl="30m"), reach(id="ER-2", match="site"))


def written(days: int, *, lagging: bool = False) -> int:
    """How many bytes a snapshot has after so many days of scans and alarms."""
    told = Story(rules(), keep_ms=26 * H)
    for step in range(days * 24 * 4):
        at = step * 15 * M
        told.scan(at, ("cp-hall", "cp-gatehouse")[step % 2], person=("wang", "li")[step % 4 == 0])
        if step % 40 == 0:
            told.alarm(at + M)
        told.known(at + 2 * M, *(["panel", "panel-c"] if lagging and step % 8 else []))
        told.settle(at + 2 * M)
        told.commit()
    return sum(len(cell) for name, cell in told.cells.items() if not name.startswith("mrk|"))


@pytest.mark.parametrize("lagging", [False, True])
def test_memory_after_a_week_is_that_after_two_days(*, lagging: bool) -> None:
    assert written(7, lagging=lagging) < written(2, lagging=lagging) * 1.2


def test_a_panel_that_is_long_gone_keeps_a_day_of_evidence_and_no_more() -> None:
    def kept(days: int) -> int:
        told = Story(book(reach()), keep_ms=26 * H)
        for step in range(days * 24 * 12):
            told.scan(step * 5 * M)
        told.settle(days * 24 * H)
        told.commit()
        return len(told.cells["rsp|ER-1|hall"])

    assert kept(8) < kept(2) * 2.2


def test_replay_lets_nothing_go() -> None:
    told = Story(rules(), keep_ms=None)
    for step in range(100):
        told.alarm(step * H)
        told.known(step * H + 1)
        told.settle(step * H + 1)
    assert len([verdict for verdict in told.engine.verdicts(200 * H) if verdict.rule == "ER-1"]) == 100
