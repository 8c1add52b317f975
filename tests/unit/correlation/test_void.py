"""`void_when`: what opened an obligation is over before it was due, so nothing is owed (verdicts.md section 6)."""

from typing import Any

import pytest

from cloud.correlation.rules import EventFilter, Response, VoidWhen
from cloud.correlation.verdict import Outcome, Reason, Verdict
from contract.events import raw_data
from tests.scene import H, M, S, Story, book

KEEP = 26 * H


def transfer(**more: Any) -> Response:
    """The generator carries the load within ten seconds, unless the mains are back."""
    fields: dict[str, Any] = {
        "id": "GE-3",
        "on": EventFilter("mains.lost"),
        "expect": EventFilter("generator.on_load"),
        "within": "10s",
        "match": "group",
        "void_when": VoidWhen("mains.restored", match="group"),
    }
    return Response(**fields | more)


def lost(*, keep_ms: int | None = KEEP, **rule: Any) -> Story:
    told = Story(book(transfer(**rule)), keep_ms=keep_ms)
    told.event(0, "mains.lost", "ats")
    return told


def judged(told: Story, opened_at: int = 0) -> Verdict:
    return told.verdict("power", opened_at, "GE-3")


def test_mains_that_come_back_while_nobody_was_told_are_told_of_as_void() -> None:
    told = lost()
    told.event(S, "mains.restored", "ats")
    told.settle(2 * S)
    verdict = judged(told)
    assert (verdict.outcome, verdict.reason, verdict.elapsed_ms) == (Outcome.VOID, Reason.NO_LONGER_DUE, S)
    assert (told.alerts, verdict.final) == ([], False)
    told.known(H)
    told.settle(H)
    assert judged(told).final


@pytest.mark.parametrize("restart", [False, True])
@pytest.mark.parametrize("known_to", [10 * S, 2 * H])
def test_an_alert_is_withdrawn_when_the_end_arrives_late(*, restart: bool, known_to: int) -> None:
    told = lost()
    told.known(known_to)
    told.settle(30 * S)
    told.settle(3 * H)
    assert len(told.alerts) == 1
    if restart:
        told.restart()
    told.event(9 * S, "mains.restored", "ats")
    told.settle(3 * H)
    last = told.last()["GE-3", "power", 0]
    assert (last.verdict.outcome, last.cleared) == (Outcome.VOID, True)
    told.settle(4 * H)
    assert len([one for one in told.said if one.cleared]) == 1


def test_a_transfer_that_arrives_late_makes_a_void_obligation_met() -> None:
    told = lost()
    told.event(5 * S, "mains.restored", "ats")
    told.known(2 * H)
    told.settle(2 * H)
    told.event(5 * S, "generator.on_load", "genset")
    told.settle(3 * H)
    assert judged(told).outcome is Outcome.MET


@pytest.mark.parametrize(
    ("ends_join", "outcomes"),
    [(False, {0: Outcome.VOID}), (True, {0: Outcome.VOID, 2 * S: Outcome.BREACHED})],
)
@pytest.mark.parametrize("late", [False, True])
def test_what_begins_again_joins_unless_the_end_ends_it(
    *, ends_join: bool, outcomes: dict[int, Outcome], late: bool
) -> None:
    told = lost(void_when=VoidWhen("mains.restored", match="group", ends_join=ends_join))
    told.event(2 * S, "mains.lost", "ats")
    if late:
        told.known(2 * H)
        told.settle(2 * H)
    told.event(S, "mains.restored", "ats")
    told.known(3 * H)
    told.settle(3 * H)
    assert {at: judged(told, at).outcome for at in outcomes} == outcomes
    assert len(told.last()) == len(outcomes)


@pytest.mark.parametrize("restart", [False, True])
@pytest.mark.parametrize("decided_for_good", [False, True])
def test_what_is_no_longer_due_joins_what_began_earlier_and_is_told_of_late(
    *, restart: bool, decided_for_good: bool
) -> None:
    told = Story(book(transfer()), keep_ms=KEEP)
    told.event(2 * S, "mains.lost", "ats")
    told.event(3 * S, "mains.restored", "ats")
    if decided_for_good:
        told.known(2 * H)
    told.settle(2 * H)
    before = judged(told, 2 * S)
    assert (before.reason, before.final) == (Reason.NO_LONGER_DUE, decided_for_good)
    if restart:
        told.restart()
    told.event(0, "mains.lost", "ats")
    told.known(3 * H)
    told.settle(3 * H)
    joined, whole = judged(told, 2 * S), judged(told)
    assert (joined.outcome, joined.reason, joined.final) == (Outcome.VOID, Reason.JOINED_ANOTHER, True)
    assert (whole.outcome, whole.reason, whole.elapsed_ms) == (Outcome.VOID, Reason.NO_LONGER_DUE, 3 * S)
    revisions = len(told.said)
    told.settle(4 * H)
    assert len(told.said) == revisions


def test_another_group_another_device_or_another_request_voids_nothing() -> None:
    for match in ("device", "zone"):
        told = lost(void_when=VoidWhen("mains.restored", match=match))
        told.event(S, "mains.restored", "genset")
        told.known(2 * H)
        told.settle(2 * H)
        assert judged(told).outcome is Outcome.BREACHED
    asked = Response(
        id="WO-2",
        on=EventFilter("request.opened"),
        expect=EventFilter("request.done"),
        within="24h",
        horizon="72h",
        pair="request",
        void_when=VoidWhen("request.closed"),
    )
    told = Story(book(asked), keep_ms=KEEP)
    for name in ("R-1", "R-2"):
        told.event(0, "request.opened", "panel", data=raw_data({"request": name}))
    told.event(M, "request.closed", "panel", data=raw_data({"request": "R-2"}))
    told.known(99 * H)
    told.settle(99 * H)
    found = {key: last.verdict.outcome for (_, key, _), last in told.last().items()}
    assert found == {"R-1": Outcome.UNKNOWN, "R-2": Outcome.VOID}
