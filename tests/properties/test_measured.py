"""Readings where a measurement is asked for every so often: the engine equals the slow plain reference."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloud.correlation.rules import EventFilter, Recurrence, RuleBook, RuleVersion
from cloud.correlation.verdict import Outcome
from contract.batch import Coverage
from contract.events import Event, Quality, Readings, raw_data
from contract.site import Device, Site, SiteFile, Window
from tests.properties.reference import reference
from tests.properties.test_engine import check_against_reference, lived, plain, replayed
from tests.properties.worlds import START, History

M = 60_000
H = 60 * M
SITE = Site(SiteFile(site="s", devices=(Device(id="room", emits=("measurement.recorded",)),)))
DAYTIME = (Window(from_="09:00", to="21:00"),)
moments = st.builds(
    lambda minutes, tick: START + minutes * M + tick,
    st.one_of(st.sampled_from([0, 59, 60, 61, 119, 120, 180, 300]), st.integers(0, 400)),
    st.sampled_from([0, 0, 1, -1]),
)


def reading(at: int) -> Readings:
    """One good reading of the temperature."""
    return Readings(
        seq=[0], device=["room"], point=["temperature"], at=[at], value=[20.0], quality=[Quality.GOOD]
    )


@st.composite
def histories(draw: st.DrawFn) -> History:
    """Some hours of a room: readings, measurements by hand, blind spans."""
    now = START + draw(st.sampled_from([60, 61, 121, 240, 500])) * M + draw(st.sampled_from([0, 1]))
    by_hand = [
        Event(
            seq=seq,
            at=max(START, draw(moments)),
            device="room",
            type="measurement.recorded",
            data=raw_data({"point": draw(st.sampled_from(["temperature", "temperature", "humidity"]))}),
        )
        for seq in range(draw(st.integers(0, 3)))
    ]
    read = [reading(max(START, draw(moments))) for _ in range(draw(st.integers(0, 8)))]
    statements = []
    for _ in range(draw(st.integers(0, 3))):
        start = draw(moments)
        blind = [(start, start + draw(st.sampled_from([1, M, 90 * M])))] if draw(st.booleans()) else []
        statements.append(("room", Coverage(draw(st.one_of(moments, st.just(now + 1))), blind)))
    rule = Recurrence(
        id="T",
        expect=EventFilter("measurement.recorded", {"point": "temperature"}),
        every=draw(st.sampled_from(["1h", "1h", "45m"])),
        during=draw(st.sampled_from([None, None, DAYTIME])),
    )
    book = RuleBook((RuleVersion(rule, 0, None),))
    seen, heard = [one for one in by_hand if one.at < now], [one for one in read if one.at[0] < now]
    return History(SITE, book, seen, statements, now, heard)


@given(histories())
def test_a_measured_room_equals_the_slow_plain_reference(history: History) -> None:
    expected = plain(reference(history.site, history.rules, history.known, history.now))
    assert plain(replayed(history)) == expected


@given(histories(), st.randoms(use_true_random=False))
def test_order_batches_and_restarts_change_nothing(history: History, chance: random.Random) -> None:
    assert replayed(history, chance) == replayed(history)
    steps = (0, M, 70 * M)
    live = lived(history, chance, restarts=chance.random() < 0.5, keep_ms=1_000 * 24 * H, steps=steps)
    check_against_reference(live, history)


@given(st.lists(moments, max_size=12))
def test_every_gap_that_is_too_long_shows_and_nothing_else(moments: list[int]) -> None:
    at = sorted({max(START, moment) for moment in moments})
    rule = Recurrence(
        id="T", expect=EventFilter("measurement.recorded", {"point": "temperature"}), every="1h"
    )
    now = START + 401 * M
    history = History(
        SITE,
        RuleBook((RuleVersion(rule, 0, None),)),
        [],
        [("room", Coverage(now + 1))],
        now,
        list(map(reading, at)),
    )
    told = [START, *at]
    ends = [*told[1:], now]
    gaps = {start for start, end in zip(told, ends, strict=True) if end - start > H}
    assert {one.opened_at for one in replayed(history) if one.outcome is Outcome.BREACHED} == gaps


@pytest.mark.parametrize("minutes", [1, 10])
def test_a_room_that_is_read_all_day_has_a_few_verdicts_and_no_breach(minutes: int) -> None:
    at = range(START, START + 24 * H, minutes * M)
    rule = Recurrence(
        id="T", expect=EventFilter("measurement.recorded", {"point": "temperature"}), every="6h"
    )
    now = START + 24 * H
    book = RuleBook((RuleVersion(rule, 0, None),))
    found = replayed(History(SITE, book, [], [("room", Coverage(now))], now, list(map(reading, at))))
    assert {one.outcome for one in found} == {Outcome.MET, Outcome.PENDING}
    assert len(found) <= 2 * 5
