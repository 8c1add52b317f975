"""Requests that are paused: the engine equals the slow plain reference, in any order, with restarts."""

import random

from hypothesis import example, given
from hypothesis import strategies as st

from cloud.correlation.rules import EventFilter, Pauses, Response, RuleBook, RuleVersion, VoidWhen
from contract.batch import Coverage
from contract.events import Event, raw_data
from contract.site import Device, Site, SiteFile
from tests.properties.reference import reference
from tests.properties.test_engine import check_against_reference, lived, plain, replayed
from tests.properties.worlds import START, History

M = 60_000
STEPS = ("opened", "paused", "resumed", "done", "closed")
DESKS = ("desk-1", "desk-2")
EMITS = tuple(f"request.{step}" for step in STEPS)
SITE = Site(SiteFile(site="s", devices=tuple(Device(id=name, emits=EMITS) for name in DESKS)))
moments = st.builds(
    lambda minutes, tick: START + minutes * M + tick,
    st.sampled_from([0, 1, 5, 9, 10, 11, 15, 20, 21, 25, 30, 31, 40, 41, 60]),
    st.sampled_from([0, 0, 1, -1]),
)


@st.composite
def rules(draw: st.DrawFn) -> Response:
    """A repair that is due within ten minutes of its own time."""
    void = VoidWhen("request.closed", {"cancelled": True})
    return Response(
        id="W",
        on=EventFilter("request.opened"),
        expect=EventFilter("request.done"),
        pauses=Pauses(EventFilter("request.paused"), EventFilter("request.resumed")),
        pair="request",
        within="10m",
        horizon=draw(st.sampled_from(["10m", "30m"])),
        join=draw(st.sampled_from(["0s", "10m"])),
        void_when=draw(st.sampled_from([None, void])),
    )


@st.composite
def histories(draw: st.DrawFn) -> History:
    """Two requests at two desks, paused at the limits and a millisecond off them."""
    now = START + draw(st.sampled_from([9, 10, 11, 20, 21, 31, 45, 90])) * M + draw(st.sampled_from([0, 1]))
    kinds = st.sampled_from([*EMITS, "request.paused", "request.resumed", "request.opened"])
    events = [
        Event(
            seq=seq,
            at=max(START, draw(moments)),
            device=draw(st.sampled_from(DESKS)),
            type=draw(kinds),
            clock_error_ms=draw(st.sampled_from([0, 0, 0, 1, M])),
            data=raw_data({"request": draw(st.sampled_from(["R1", "R1", "R2"])), "cancelled": True}),
        )
        for seq in range(draw(st.integers(0, 9)))
    ]
    statements = []
    for device in draw(st.lists(st.sampled_from(DESKS), max_size=4)):
        start = draw(moments)
        blind = [(start, start + draw(st.sampled_from([1, M, 9 * M])))] if draw(st.booleans()) else []
        statements.append((device, Coverage(draw(st.one_of(moments, st.just(now + 1))), blind)))
    if draw(st.booleans()):
        statements += [(device, Coverage(START + 2 * 3_600_000)) for device in DESKS]
    book = RuleBook((RuleVersion(draw(rules()), 0, None),))
    return History(SITE, book, [one for one in events if one.at <= now], statements, now)


def opened_before_what_was_cancelled() -> History:
    """A request is cancelled at once; that another desk opened it a millisecond before may come only then."""
    about = raw_data({"request": "R1", "cancelled": True})
    events = [
        Event(seq=0, at=START + M, device="desk-1", type="request.opened", data=about),
        Event(seq=3, at=START + M, device="desk-1", type="request.closed", data=about),
        Event(seq=7, at=START + M - 1, device="desk-2", type="request.opened", data=about),
    ]
    rule = Response(
        id="W",
        on=EventFilter("request.opened"),
        expect=EventFilter("request.done"),
        pauses=Pauses(EventFilter("request.paused"), EventFilter("request.resumed")),
        pair="request",
        within="10m",
        horizon="30m",
        join="10m",
        void_when=VoidWhen("request.closed", {"cancelled": True}),
    )
    statements = [("desk-2", Coverage(START + 9 * M + 1))]
    return History(SITE, RuleBook((RuleVersion(rule, 0, None),)), events, statements, START + 9 * M)


@given(histories())
def test_a_paused_request_equals_the_slow_plain_reference(history: History) -> None:
    expected = plain(reference(history.site, history.rules, history.known, history.now))
    assert plain(replayed(history)) == expected


@given(histories(), st.randoms(use_true_random=False))
@example(opened_before_what_was_cancelled(), random.Random(6))
def test_order_batches_and_restarts_change_nothing(history: History, chance: random.Random) -> None:
    assert replayed(history, chance) == replayed(history)
    live = lived(
        history, chance, restarts=chance.random() < 0.5, keep_ms=1_000 * 86_400_000, steps=(0, M, 10 * M)
    )
    check_against_reference(live, history)
