"""Coverage: what is not known is said, from the first moment until the cloud has heard it."""

from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contract.batch import Coverage
from contract.causes import Cause, because
from edge.clockmap import ClockMap, Sample
from edge.coverage import LINGER_MS, MAX_SPANS, Change, CoverageTracker, packed, unpacked
from edge.ports import Covered, Failed

CLOUD = 1_764_547_200_000
NOW = ClockMap().booted("boot", 0, 0).with_sample(Sample(0, CLOUD, 0))
"""Cloud time is boot time plus CLOUD; away from 0 the map's own error shows in the bounds."""


def covered(since: int, to: int, device: str = "panel") -> Covered:
    return Covered(devices=(device,), since=since, to=to)


def failed(at: int, device: str = "panel") -> Failed:
    return Failed(devices=(device,), at=at, why=because(Cause.NO_ANSWER))


def said(tracker: CoverageTracker, device: str = "panel") -> Coverage:
    return near(tracker.statement(NOW))[device]


def near(sources: Mapping[str, Coverage]) -> dict[str, Coverage]:
    """Statements in boot time, rounded to seconds, so that the clock's error of some ms does not show."""
    return {
        device: Coverage(second(one.complete_to), [(second(start), second(end)) for start, end in one.blind])
        for device, one in sources.items()
    }


def second(cloud: int) -> int:
    return round((cloud - CLOUD) / 1_000) * 1_000 if cloud else 0


@pytest.fixture
def tracker() -> CoverageTracker:
    return CoverageTracker("boot")


def test_a_good_poll_covers_up_to_when_it_was_asked(tracker: CoverageTracker) -> None:
    tracker.covered(covered(1_000, 1_000))
    tracker.covered(covered(1_000, 3_000))
    assert said(tracker) == Coverage(3_000)


def test_a_statement_never_claims_more_than_the_clock_knows(tracker: CoverageTracker) -> None:
    tracker.covered(covered(0, 3_600_000))
    error = 3_600_000 * 500 // 1_000_000
    assert tracker.statement(NOW)["panel"].complete_to == CLOUD + 3_600_000 - error


def test_nothing_is_said_before_the_time_is_known(tracker: CoverageTracker) -> None:
    tracker.covered(covered(1_000, 3_000))
    assert tracker.statement(ClockMap().booted("boot", 0, 0)) == {}


def test_a_device_that_never_answered_is_blind_since_it_was_first_asked(tracker: CoverageTracker) -> None:
    for at in range(1_000, 6_000, 1_000):
        tracker.failed(failed(at))
    assert said(tracker) == Coverage(5_000, [(1_000, 5_000)])


def test_one_failed_poll_is_no_blindness_yet(tracker: CoverageTracker) -> None:
    tracker.covered(covered(0, 1_000))
    assert tracker.failed(failed(2_000)) == []
    assert said(tracker) == Coverage(1_000)
    tracker.covered(covered(1_000, 3_000))
    assert said(tracker) == Coverage(3_000)


def test_a_device_that_fails_for_a_few_polls_is_blind_up_to_the_last_of_them(
    tracker: CoverageTracker,
) -> None:
    tracker.covered(covered(0, 1_000))
    changes = [tracker.failed(failed(at)) for at in (2_000, 3_000, 4_000, 5_000)]
    assert changes == [
        [],
        [],
        [Change(device="panel", online=False, at=4_000, why=because(Cause.NO_ANSWER))],
        [],
    ]
    assert said(tracker) == Coverage(5_000, [(1_000, 5_000)])


def test_the_span_ends_where_it_answers_again(tracker: CoverageTracker) -> None:
    tracker.covered(covered(0, 1_000))
    for at in (2_000, 3_000, 4_000):
        tracker.failed(failed(at))
    back = tracker.covered(covered(6_000, 6_000))
    assert back == [Change(device="panel", online=True, at=6_000, blind_ms=5_000)]
    assert said(tracker) == Coverage(6_000, [(1_000, 6_000)])


@pytest.mark.parametrize(
    ("since", "to", "back"),
    [
        pytest.param(0, 1_500, 4_000, id="the oldest of its requests was answered before the first failure"),
        pytest.param(0, 3_500, 4_000, id="the oldest of its requests was answered between failures"),
        pytest.param(4_000, 4_000, 4_000, id="at the newest failure"),
        pytest.param(6_000, 6_000, 6_000, id="after the newest failure"),
    ],
)
def test_a_device_is_back_no_earlier_than_its_newest_failure(
    tracker: CoverageTracker, since: int, to: int, back: int
) -> None:
    tracker.covered(covered(0, 1_000))
    for at in (2_000, 3_000, 4_000):
        tracker.failed(failed(at))
    [change] = tracker.covered(covered(since, to))
    assert (change.online, change.at) == (True, back)


def test_a_failure_of_an_earlier_boot_does_not_date_the_return(tracker: CoverageTracker) -> None:
    tracker.covered(covered(0, 1_000))
    for at in (2_000, 3_000, 4_000):
        tracker.failed(failed(at))
    [change] = restarted(tracker, "next boot").covered(covered(500, 500))
    assert change.at == 500


@given(
    st.lists(
        st.one_of(
            st.tuples(st.just("fails"), st.integers(0, 9_000)),
            st.tuples(st.just("answers"), st.integers(0, 90_000)),
            st.tuples(st.just("restarts"), st.just(0)),
        ),
        max_size=40,
    )
)
def test_every_change_is_dated_no_earlier_than_the_one_before(steps: list[tuple[str, int]]) -> None:
    """Failures are told as they come, each up to 9 s after the one before; answers reach up to 90 s back."""
    tracker, now, changes = CoverageTracker("boot"), 100_000, list[Change]()
    for what, ms in steps:
        match what:
            case "fails":
                now += ms
                changes += tracker.failed(failed(now))
            case "answers":
                changes += tracker.covered(covered(now - ms, now - ms))
            case _:
                tracker = restarted(tracker)
    assert [change.online for change in changes] == [bool(number % 2) for number in range(len(changes))]
    assert [change.at for change in changes] == sorted(change.at for change in changes)


def test_a_source_that_kept_its_events_fills_the_hole_itself(tracker: CoverageTracker) -> None:
    tracker.covered(covered(0, 1_000))
    for at in (2_000, 3_000, 4_000):
        tracker.failed(failed(at))
    tracker.covered(covered(1_000, 6_000))
    assert said(tracker) == Coverage(6_000)


def test_a_buffering_source_is_never_blind_only_not_known_yet() -> None:
    wand = CoverageTracker("boot", buffering=frozenset({"wand"}))
    wand.covered(covered(0, 1_000, "wand"))
    for at in (2_000, 3_000, 4_000):
        wand.failed(failed(at, "wand"))
    assert said(wand, "wand") == Coverage(1_000)
    wand.covered(covered(9_000, 9_000, "wand"))
    assert said(wand, "wand") == Coverage(9_000)


def test_coverage_never_steps_back(tracker: CoverageTracker) -> None:
    tracker.covered(covered(0, 5_000))
    tracker.covered(covered(3_000, 4_000))
    assert said(tracker) == Coverage(5_000)


def test_what_the_spool_refused_is_blind(tracker: CoverageTracker) -> None:
    tracker.covered(covered(0, 1_000))
    tracker.lost("panel", 2_500)
    tracker.covered(covered(1_000, 3_000))
    [(_, span)] = tracker.untold()
    assert span.why == "spool_full"
    [(start, end)] = tracker.statement(NOW)["panel"].blind
    assert start == pytest.approx(CLOUD + 1_000, abs=5)
    assert end == pytest.approx(CLOUD + 2_501, abs=5)


def test_a_long_spell_of_refusals_is_one_span(tracker: CoverageTracker) -> None:
    tracker.covered(covered(0, 1_000))
    for at in range(2_000, 9_000, 1_000):
        tracker.lost("panel", at)
    assert len(tracker.untold()) == 1
    assert said(tracker).blind == [(1_000, 8_000)]


def restarted(tracker: CoverageTracker, boot: str = "boot") -> CoverageTracker:
    return CoverageTracker(boot, unpacked(packed(tracker)["coverage"]))


def test_a_restart_is_blind_until_the_first_good_poll(tracker: CoverageTracker) -> None:
    tracker.covered(covered(0, 10_000))
    after = restarted(tracker)
    after.covered(covered(60_000, 60_000))
    assert said(after) == Coverage(60_000, [(10_000, 60_000)])
    assert after.untold()[0][1].why == "silent"


def test_a_restart_of_the_machine_is_blind_over_the_boot(tracker: CoverageTracker) -> None:
    tracker.covered(covered(0, 10_000))
    after = restarted(tracker, "next boot")
    after.covered(covered(5_000, 5_000))
    clock = NOW.booted("next boot", 0, 0).with_sample(Sample(0, CLOUD + 100_000, 0))
    assert near(after.statement(clock))["panel"] == Coverage(105_000, [(10_000, 105_000)])
    assert after.untold()[0][1].why == "restart"


def test_a_device_that_was_offline_stays_so_over_a_restart(tracker: CoverageTracker) -> None:
    tracker.covered(covered(0, 1_000))
    for at in (2_000, 3_000, 4_000):
        tracker.failed(failed(at))
    after = restarted(tracker)
    assert said(after) == Coverage(4_000, [(1_000, 4_000)])
    assert after.failed(failed(9_000)) == []


def test_a_new_device_begins_without_a_blind_past(tracker: CoverageTracker) -> None:
    tracker.covered(covered(5_000, 5_000))
    assert said(tracker) == Coverage(5_000)


def test_after_a_lost_spool_nothing_is_known_of_the_past() -> None:
    tracker = CoverageTracker("boot", past_lost=True)
    tracker.covered(covered(5_000, 5_000))
    assert said(tracker) == Coverage(5_000, [(0, 5_000)])


def with_gap(tracker: CoverageTracker) -> None:
    tracker.covered(covered(0, 1_000))
    tracker.covered(covered(4_000, 5_000))


def test_a_span_is_stated_until_the_cloud_has_the_row_that_tells_of_it(tracker: CoverageTracker) -> None:
    with_gap(tracker)
    [(device, span)] = tracker.untold()
    tracker.told_by(device, span, carrier=17)
    assert tracker.untold() == []
    tracker.acknowledged(16, now=10_000)
    tracker.acknowledged(16, now=10_000_000)
    assert said(tracker).blind == [(1_000, 4_000)]
    tracker.acknowledged(17, now=20_000)
    tracker.acknowledged(17, now=20_000 + LINGER_MS - 1)
    assert said(tracker).blind == [(1_000, 4_000)]
    tracker.acknowledged(17, now=20_000 + LINGER_MS)
    assert said(tracker).blind == []


def test_a_span_nobody_told_of_is_never_let_go(tracker: CoverageTracker) -> None:
    with_gap(tracker)
    tracker.acknowledged(1_000_000, now=10)
    tracker.acknowledged(1_000_000, now=10 * LINGER_MS)
    assert said(tracker).blind == [(1_000, 4_000)]


def test_closed_spans_travel_with_rows_and_claim_nothing_else(tracker: CoverageTracker) -> None:
    tracker.covered(covered(0, 9_000, "door"))
    with_gap(tracker)
    assert near(tracker.unheard(NOW)) == {"panel": Coverage(1_000, [(1_000, 4_000)])}


def test_a_flickering_device_is_rather_said_to_be_blind_for_too_long(tracker: CoverageTracker) -> None:
    for start in range(0, 200_000, 2_000):
        tracker.covered(covered(start, start + 1_000))
    spans = said(tracker).blind
    assert len(spans) == MAX_SPANS
    assert (spans[0][0], spans[-1][1]) == (1_000, 198_000)


def test_what_was_left_out_of_a_log_is_blind_though_its_device_keeps_its_events() -> None:
    tracker = CoverageTracker("boot", buffering=frozenset({"cp-1"}))
    tracker.covered(Covered(devices=("cp-1",), since=0, to=1_000))
    tracker.covered(Covered(devices=("cp-1",), since=5_000, to=9_000, partly=True))
    known = tracker.known["cp-1"]
    assert [(span.start and span.start.ms, span.end.ms, span.why) for span in known.blind] == [
        (5_000, 9_000, "left_out")
    ]
    assert known.complete_to is not None
    assert known.complete_to.ms == 9_000
