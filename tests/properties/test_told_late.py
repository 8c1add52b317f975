"""What people said only later: the engine equals the slow plain reference, in any order, with restarts."""

import random
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from cloud.correlation.rules import EventFilter, Response, RuleBook, RuleVersion
from cloud.correlation.verdict import Outcome, Reason
from contract.batch import Coverage
from contract.events import Event, raw_data, word_heard_at
from contract.site import Device, Person, Site, SiteFile, Zone
from tests.properties.reference import reference
from tests.properties.test_engine import check_against_reference, lived, plain, replayed
from tests.properties.worlds import START, History

S = 1_000
RULE = Response(
    id="A",
    on=EventFilter("fire.alarm"),
    expect=EventFilter("request.answered"),
    within="30s",
    join="0s",
    horizon="2m",
)
SITE = Site(
    SiteFile(
        site="s",
        zones=(Zone(id="z"),),
        devices=(
            Device(id="panel", zone="z", emits=("fire.alarm",)),
            Device(id="desk", zone="z", emits=("request.answered", "verdict.reviewed")),
        ),
        people=(Person(id="a", roles=("supervisor",)), Person(id="b", roles=("supervisor",)), Person(id="c")),
    )
)
moments = st.builds(
    lambda second, tick: START + second * S + tick,
    st.sampled_from([0, 5, 29, 30, 31, 60, 90, 120, 150]),
    st.sampled_from([0, 0, 1, -1]),
)
people = st.sampled_from(["a", "b", "c"])


@st.composite
def histories(draw: st.DrawFn) -> History:
    """Alarms, answers told at once or later, and reviews of what may or may not have been said."""
    now = START + draw(st.sampled_from([29, 31, 61, 200])) * S
    events = []
    for seq in range(draw(st.integers(0, 8))):
        kind = draw(
            st.sampled_from(["fire.alarm", "request.answered", "request.answered", "verdict.reviewed"])
        )
        at, data = max(START, draw(moments)), dict[str, Any]()
        if kind == "request.answered" and draw(st.booleans()):
            data = {"told_late": at + draw(st.sampled_from([6, 24, 25, 30, 300])) * S}
        if kind == "verdict.reviewed":
            opened_at = max(START, draw(moments))
            data = {"rule": "A", "key": "z", "opened_at": opened_at, "accepts": draw(st.booleans())}
        device = "panel" if kind == "fire.alarm" else "desk"
        error = draw(st.sampled_from([0, 0, S])) if kind == "request.answered" else 0
        person = None if kind == "fire.alarm" else draw(people)
        events.append(
            Event(
                seq=seq,
                at=at,
                device=device,
                type=kind,
                person=person,
                clock_error_ms=error,
                data=raw_data(data),
            )
        )
    statements = []
    for device in draw(st.lists(st.sampled_from(["panel", "desk"]), max_size=4)):
        start = draw(moments)
        blind = [(start, start + draw(st.sampled_from([1, 10 * S])))] if draw(st.booleans()) else []
        statements.append((device, Coverage(draw(st.one_of(moments, st.just(now + 1))), blind)))
    if draw(st.booleans()):
        statements += [(device, Coverage(START + 900 * S)) for device in ("panel", "desk")]
    book = RuleBook((RuleVersion(RULE, 0, None),))
    return History(SITE, book, [one for one in events if one.at <= now], statements, now)


@given(histories())
def test_what_is_told_late_equals_the_slow_plain_reference(history: History) -> None:
    expected = plain(reference(history.site, history.rules, history.known, history.now))
    assert plain(replayed(history)) == expected


@given(histories(), st.randoms(use_true_random=False))
def test_order_batches_and_restarts_change_nothing(history: History, chance: random.Random) -> None:
    assert replayed(history, chance) == replayed(history)
    live = lived(
        history, chance, restarts=chance.random() < 0.5, keep_ms=1_000 * 86_400_000, steps=(0, S, 40 * S)
    )
    check_against_reference(live, history)


@given(histories())
def test_no_word_that_was_heard_behind_the_limit_meets_anything_without_a_review(history: History) -> None:
    events = {(event.device, event.seq): event for event in history.events}
    for verdict in replayed(history):
        if verdict.outcome is Outcome.MET:
            heard = word_heard_at(events[verdict.evidence[-1]])
            assert heard is None or heard <= verdict.due_at or verdict.reason is Reason.REVIEWED
