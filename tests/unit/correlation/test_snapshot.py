"""What the engine remembers over a restart, and that it writes only what changed."""

import pytest

from cloud.correlation.rules import By, RuleBook, RuleVersion
from cloud.correlation.verdict import Outcome
from contract.site import Device, Site, SiteFile, Zone
from tests.scene import T0, H, M, Story, book, patrol, reach


def everything() -> RuleBook:
    return book(patrol(), reach(by=By(role="rescue"), presence_ttl="30m"), reach(id="ER-2", match="site"))


@pytest.mark.parametrize("keep_ms", [None, 26 * H])
def test_a_restart_after_every_step_changes_nothing(keep_ms: int | None) -> None:
    plain, broken = Story(everything(), keep_ms=keep_ms), Story(everything(), keep_ms=keep_ms)
    for told in (plain, broken):
        for step in range(40):
            at = step * 7 * M
            if step % 5 == 0:
                told.alarm(at - (M if step % 2 else 0))
            if step % 3:
                told.scan(at, ("cp-hall", "cp-gatehouse")[step % 2], person=("wang", "li")[step % 4 == 0])
            if step % 4 == 1:
                told.known(at - 2 * M, blind=[(at - 3 * M, at - 2 * M)] if step % 8 == 1 else [])
            told.settle(at + 1)
            if told is broken:
                told.restart()
    assert broken.last() == plain.last()
    assert broken.alerts == plain.alerts


def test_t37_a_thousand_deadlines_each_fire_once_over_a_restart() -> None:
    model = Site(
        SiteFile(
            site="demo",
            zones=tuple(Zone(id=f"z{number}") for number in range(1_000)),
            devices=tuple(
                Device(id=f"panel-{number}", zone=f"z{number}", emits=("fire.alarm", "checkpoint.scan"))
                for number in range(1_000)
            ),
        )
    )
    told = Story(book(reach()), keep_ms=26 * H, model=model)
    for number in range(1_000):
        told.alarm(number, f"panel-{number}")
    told.settle(M)
    told.restart()
    assert told.engine.next_deadline() == T0, "at once: what is open must be looked at"
    told.settle(3 * M + 500)
    told.restart()
    told.settle(4 * M)
    told.restart()
    told.settle(5 * M)
    assert sorted(alert.episode.key for alert in told.alerts) == sorted(f"z{n}" for n in range(1_000))


def test_a_commit_writes_only_what_changed() -> None:
    told = Story(everything(), keep_ms=26 * H)
    told.alarm(0)
    told.scan(M, person="wang")
    told.known(M)
    told.settle(M)
    told.commit()
    assert told.engine.dirty_cells() == {}
    told.scan(2 * M, "cp-gatehouse")
    told.settle(2 * M + 1)
    assert sorted(told.engine.dirty_cells()) == ["latest", "rec|PT-1|1|cp-gatehouse", "rsp|ER-2|demo"]


def test_revision_numbers_go_on_after_a_restart() -> None:
    told = Story(book(reach()), keep_ms=26 * H)
    told.alarm(0)
    told.settle(4 * M)
    told.restart()
    told.scan(M)
    told.settle(5 * M)
    assert [(revised.revision, revised.cleared) for revised in told.said] == [(1, False), (2, True)]


def test_cells_of_a_rule_that_is_no_more_go() -> None:
    told = Story(everything(), keep_ms=26 * H)
    told.alarm(0)
    told.settle(M)
    told.commit()
    told.rules = book(reach())
    told.restart()
    told.settle(2 * M)
    told.commit()
    assert {name.split("|")[1] for name in told.cells if name.startswith(("rsp", "rec"))} == {"ER-1"}


def test_a_rule_that_gets_a_new_version_keeps_what_is_open() -> None:
    told = Story(book(reach()), keep_ms=26 * H)
    told.alarm(0)
    told.settle(M)
    told.commit()
    told.rules = RuleBook(
        (RuleVersion(reach(), 0, T0 + H), RuleVersion(reach(version=2, within="1m"), T0 + H, None))
    )
    told.restart()
    told.scan(2 * M)
    told.settle(2 * M + 1)
    assert (told.verdict().outcome, told.verdict().version) == (Outcome.MET, 1)
