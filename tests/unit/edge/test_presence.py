"""Who is there on an MQTT line, and up to when all is known, in virtual time."""

import itertools

from hypothesis import given
from hypothesis import strategies as st

from contract.causes import Cause, Why, because
from edge.messages import REMEMBERED
from edge.ports import Covered, Failed, Happened, Observation
from edge.presence import LAG_MS, REDELIVERY_MS, LinePresence, Signs
from edge.said import Heard, Nonsense, Presence, Told, Values


def line(
    *, with_presence: bool = True, buffers: bool = False, remembered: tuple[str, ...] = ()
) -> LinePresence:
    names = frozenset({"cp-1"})
    return LinePresence(
        ["cp-1"],
        signs=Signs(own=names if with_presence else frozenset()),
        buffering=names if buffers else frozenset(),
        remembered=[("cp-1", key) for key in remembered],
    )


def online(now: int, presence: LinePresence) -> list[Observation]:
    return presence.presence(Presence("cp-1", online=True), now)


def offline(now: int, presence: LinePresence) -> list[Observation]:
    return presence.presence(Presence("cp-1", online=False), now)


def covered(since: int, to: int) -> list[Observation]:
    return [Covered(devices=("cp-1",), since=since, to=to)]


def failed(at: int, why: Why) -> list[Observation]:
    return [Failed(devices=("cp-1",), at=at, why=why)]


def scan(key: str | None = "1", at: int = 0) -> Told:
    return Told(Happened(device="cp-1", type="checkpoint.scan", at=at, observed_at=at), key)


def test_a_line_that_is_down_is_said_to_be() -> None:
    assert line().look_around(1_000) == failed(1_000, because(Cause.LINE_DOWN, detail="broker"))


def test_a_reader_is_covered_from_when_it_came_up_to_when_the_line_was_surely_alive() -> None:
    reader = line()
    reader.connected(1_000, remembered=False)
    online(1_100, reader)
    assert reader.look_around(1_100 + LAG_MS - 1) == []
    assert reader.look_around(1_100 + LAG_MS) == covered(1_100, 1_100)
    assert reader.look_around(3_000 + LAG_MS) == covered(1_100, 3_000)


def test_a_device_without_a_presence_topic_is_there_while_the_line_is() -> None:
    button = line(with_presence=False)
    button.connected(1_000, remembered=False)
    assert button.look_around(1_000 + LAG_MS) == covered(1_000, 1_000)


def test_a_reader_nobody_ever_heard_of_is_reported_after_a_while() -> None:
    reader = line()
    reader.connected(0, remembered=False)
    assert reader.look_around(2 * LAG_MS) == []
    assert reader.look_around(2 * LAG_MS + 1) == failed(2 * LAG_MS + 1, because(Cause.NO_WORD_YET))


def test_a_reader_that_went_is_covered_anew_only_from_its_return() -> None:
    reader = line()
    reader.connected(0, remembered=False)
    online(0, reader)
    reader.look_around(10_000)
    offline(11_000, reader)
    assert reader.look_around(12_000) == failed(12_000, because(Cause.OFFLINE))
    online(60_000, reader)
    assert reader.look_around(61_000) == []
    assert reader.look_around(60_000 + LAG_MS) == covered(60_000, 60_000)


def test_a_reader_that_keeps_its_scans_is_covered_throughout_once_it_told_them() -> None:
    reader = line(buffers=True)
    reader.connected(0, remembered=False)
    online(0, reader)
    reader.look_around(10_000)
    offline(11_000, reader)
    online(60_000, reader)
    assert reader.look_around(60_000 + LAG_MS) == covered(10_000 - LAG_MS, 60_000)


def test_after_a_reconnect_without_a_session_coverage_begins_anew() -> None:
    reader = line()
    reader.connected(0, remembered=False)
    online(0, reader)
    reader.look_around(10_000)
    reader.disconnected()
    reader.connected(20_000, remembered=False)
    assert reader.look_around(20_000 + LAG_MS) == covered(20_000, 20_000)


def test_after_a_reconnect_to_a_kept_session_coverage_goes_on_once_all_has_been_given_again() -> None:
    reader = line()
    reader.connected(0, remembered=False)
    online(0, reader)
    reader.look_around(10_000)
    reader.disconnected()
    reader.connected(20_000, remembered=True)
    assert reader.look_around(20_000 + REDELIVERY_MS) == []
    done = 20_000 + REDELIVERY_MS + LAG_MS
    assert reader.look_around(done) == covered(10_000 - LAG_MS, done - LAG_MS)


def test_the_retained_word_of_presence_does_not_cut_that_wait_short() -> None:
    reader = line()
    reader.connected(0, remembered=True)
    online(100, reader)
    assert reader.look_around(REDELIVERY_MS) == []


def test_a_message_that_comes_twice_is_one_event() -> None:
    reader = line()
    assert reader.told(scan("1")) == [scan("1").event]
    assert reader.told(scan("1")) == []
    assert reader.told(scan("2")) == [scan("2").event]


def test_messages_without_a_number_are_all_events() -> None:
    reader = line()
    assert reader.told(scan(None)) == reader.told(scan(None)) == [scan(None).event]


def test_a_message_read_before_the_restart_is_known() -> None:
    assert line(remembered=("1",)).told(scan("1")) == []


def test_only_so_many_messages_are_remembered() -> None:
    reader = line()
    for number in range(REMEMBERED + 1):
        reader.told(scan(str(number)))
    assert reader.told(scan("0")) == [scan("0").event]
    assert reader.told(scan(str(REMEMBERED))) == []


def test_nonsense_is_told_once_and_its_end_once() -> None:
    reader = line()
    nonsense = Nonsense("cp-1", because(Cause.MISSING, at="card"))
    [fault] = reader.nonsense(nonsense, 5)
    assert isinstance(fault, Happened)
    assert (fault.type, fault.data) == (
        "device.fault",
        {
            "state": "active",
            "cause": "missing",
            "at": "card",
            "why": "card is missing",
        },
    )
    assert reader.nonsense(nonsense, 6) == []
    cleared, event = reader.told(scan("1", at=7))
    assert isinstance(cleared, Happened)
    assert (cleared.type, cleared.data) == ("device.fault", {"state": "cleared"})
    assert event == scan("1", at=7).event
    assert reader.told(scan("2")) == [scan("2").event]


def test_a_device_that_is_not_understood_is_blind_until_it_is_again() -> None:
    line = LinePresence(["cp-1"], signs=Signs())
    line.connected(0, remembered=False)
    line.nonsense(Nonsense("cp-1", because(Cause.MISSING, at="card")), 20_000)
    assert line.look_around(21_000) == [
        Failed(devices=("cp-1",), at=21_000, why=because(Cause.NOT_UNDERSTOOD))
    ]
    line.told(Told(happened("cp-1", 60_000), None))
    [covered] = line.look_around(70_000)
    assert covered == Covered(devices=("cp-1",), since=60_000, to=70_000 - LAG_MS)


def happened(device: str, at: int) -> Happened:
    return Happened(device=device, type="checkpoint.scan", at=at, observed_at=at)


def test_a_message_read_under_an_earlier_name_of_its_device_is_not_told_again() -> None:
    presence = LinePresence(["cp-new"], signs=Signs(), remembered=[("cp-old", "17/1/card:1")])
    presence.connected(0, remembered=True)
    assert presence.told(Told(happened("cp-new", 5), "17/1/card:1")) == []


# --- known only while it is heard


def sensor(silent_after: int = 60_000) -> LinePresence:
    return LinePresence(["cp-1"], signs=Signs(silent_after={"cp-1": silent_after}))


def test_a_device_that_was_never_heard_is_not_known() -> None:
    line = sensor()
    line.connected(0, remembered=False)
    assert line.look_around(60_000) == []
    assert line.look_around(60_001) == failed(60_001, because(Cause.NOT_HEARD))


def test_it_is_known_up_to_its_last_word() -> None:
    line = sensor()
    line.connected(0, remembered=False)
    for at in (10_000, 50_000, 90_000):
        line.takes(Heard("cp-1"), at, retained=False)
        seen = line.look_around(at + LAG_MS)
        assert seen == covered(max(10_000, at - 40_000), at)
        assert line.look_around(at + LAG_MS + 1) == []


def test_behind_a_silence_it_is_known_anew() -> None:
    line = sensor()
    line.connected(0, remembered=False)
    line.takes(Heard("cp-1"), 10_000, retained=False)
    line.look_around(20_000)
    assert line.look_around(70_001) == failed(70_001, because(Cause.NOT_HEARD))
    line.takes(Heard("cp-1"), 100_000, retained=False)
    assert line.look_around(110_000) == covered(100_000, 100_000)


def test_what_the_broker_kept_is_no_sign_of_life() -> None:
    line = sensor()
    line.connected(0, remembered=False)
    line.takes(Values("cp-1", ()), 10_000, retained=True)
    assert line.look_around(20_000) == []


WORDS = st.lists(st.tuples(st.integers(1, 100_000), st.booleans()), max_size=30)


@given(WORDS)
def test_coverage_is_claimed_only_between_words_that_lie_close_enough(words: list[tuple[int, bool]]) -> None:
    line, at, heard = sensor(), 0, list[int]()
    line.connected(0, remembered=False)
    for pause, speaks in words:
        at += pause
        if speaks:
            line.takes(Heard("cp-1"), at, retained=False)
            heard.append(at)
        for one in line.look_around(at + LAG_MS):
            if isinstance(one, Covered):
                inside = [word for word in heard if one.since <= word <= one.to]
                assert inside[-1] == one.to
                assert one.since == one.to or one.since in heard
                assert all(b - a <= 60_000 for a, b in itertools.pairwise(inside))
