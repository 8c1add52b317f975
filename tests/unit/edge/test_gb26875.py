"""GB/T 26875.3: frames out of any stream, both kinds of time labels, and what the reports mean."""

import datetime as dt
import zoneinfo

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from contract.parts import is_reset_with, part_name, reset_name
from edge.gb26875.frame import CONFIRM, Frame, FrameReader, confirmation, encode
from edge.gb26875.label import Form, label_ms
from edge.gb26875.transmitter import Transmitter
from edge.parts import PartNames
from edge.ports import Covered, Measured
from tests.bus import coverage, events, kinds, measured

# The published vector of codec_gb26875_3_2011: component status, fire, address 0x000600d9.
PUBLISHED = bytes.fromhex(
    "40 40 00 00 01 01 18 0d 11 16 0a 14 00 00 00 00 00 00 06 05 04 03 02 01 30 00 02 02 01 01 "
    "03 00 d9 00 06 00 02 00 a3 c1 c7 f8 a3 b1 b2 e3 df c8 b2 b8 d7 df c0 c8 00 00 00 00 00 00 "
    "00 00 00 00 00 00 00 00 00 30 12 13 01 08 14 68 23 23 "
)
SHANGHAI = zoneinfo.ZoneInfo("Asia/Shanghai")
NOW = 1_790_000_000_000
LABEL = bytes([30, 15, 8, 22, 11, 26])


def transmitter(form: Form = "auto") -> Transmitter:
    return Transmitter("gst-1", form, SHANGHAI, silent_after_ms=300_000)


def report(kind: int, *objects: bytes, sequence: int = 7) -> Frame:
    return Frame(
        sequence=sequence,
        version=b"\1\1",
        time=LABEL,
        source=b"\1\2\3\4\5\6",
        destination=bytes(6),
        command=2,
        data=bytes([kind, len(objects)]) + b"".join(objects),
    )


def component(status: int, address: int = 5, text: str = "烟感", system: tuple[int, int] = (1, 3)) -> bytes:
    raw = text.encode("gb18030")
    return (
        bytes([*system, 40])
        + address.to_bytes(4, "little")
        + status.to_bytes(2, "little")
        + raw.ljust(31, b"\0")
        + LABEL
    )


def system(status: int) -> bytes:
    return bytes([1, 3]) + status.to_bytes(2, "little") + LABEL


# --- frames


def test_the_published_frame_is_a_fire_at_its_address() -> None:
    (frame,) = FrameReader().feed(PUBLISHED)
    assert (frame.sequence, frame.command, frame.destination) == (0, 2, bytes([6, 5, 4, 3, 2, 1]))
    (fire,) = events(transmitter().hears(frame, 1_000, NOW))
    assert fire.type == "fire.alarm"
    assert fire.data["component_address"] == 0x000600D9
    assert fire.data["text"] == "Ａ区１层呷哺走廊"
    assert fire.data["state"] == "active"


def test_a_frame_is_written_as_it_was_read() -> None:
    (frame,) = FrameReader().feed(PUBLISHED)
    assert encode(frame) == PUBLISHED


def test_a_confirmation_repeats_the_sequence_the_other_way_round() -> None:
    frame = report(2, component(2))
    (answer,) = FrameReader().feed(encode(confirmation(frame)))
    assert (answer.sequence, answer.command, answer.data) == (7, CONFIRM, b"")
    assert (answer.source, answer.destination) == (frame.destination, frame.source)


frames = st.lists(st.binary(max_size=30), min_size=1, max_size=4).map(
    lambda bodies: [report(200, body) for body in bodies]
)


@given(
    sent=frames,
    noise=st.lists(st.binary(max_size=12).filter(lambda raw: b"@" not in raw), min_size=4, max_size=4),
    cuts=st.lists(st.integers(1, 60), max_size=20),
)
def test_frames_come_through_whatever_lies_between_them_and_however_they_are_cut(
    sent: list[Frame], noise: list[bytes], cuts: list[int]
) -> None:
    stream = b"".join(garbage + encode(frame) for garbage, frame in zip(noise, sent, strict=False))
    reader, found = FrameReader(), []
    for cut in cuts:
        found += reader.feed(stream[:cut])
        stream = stream[cut:]
    assert [*found, *reader.feed(stream)] == sent
    assert reader.skipped == sum(map(len, noise[: len(sent)]))


@given(st.lists(st.binary(max_size=200), max_size=30))
def test_any_stream_is_read_within_bounds(pieces: list[bytes]) -> None:
    reader = FrameReader()
    for piece in pieces:
        reader.feed(b"@@" + piece)
        assert len(reader._held) <= 1_100 + 202


@pytest.mark.parametrize("place", [2, 10, 30, len(PUBLISHED) - 3, len(PUBLISHED) - 1])
def test_a_frame_with_a_wrong_byte_is_none_and_the_next_one_comes_through(place: int) -> None:
    broken = bytearray(PUBLISHED)
    broken[place] ^= 0x01
    assert len(FrameReader().feed(bytes(broken) + PUBLISHED)) == 1


# --- time labels


@pytest.mark.parametrize(
    ("label", "form", "expected"),
    [
        (bytes([30, 15, 8, 22, 11, 26]), "binary", "2026-11-22T08:15:30"),
        (bytes.fromhex("301508221126"), "bcd", "2026-11-22T08:15:30"),
        (bytes.fromhex("301508221126"), "auto", "2026-11-22T08:15:30"),
        # 08:15:30 on 22 November as plain numbers; as decimals hour 8, but day 16: the nearer one is meant
        (bytes([30, 15, 8, 22, 11, 26]), "auto", "2026-11-22T08:15:30"),
    ],
)
def test_a_label_is_read_in_either_form(label: bytes, form: Form, expected: str) -> None:
    now = dt.datetime(2026, 11, 22, 8, 20, tzinfo=SHANGHAI).timestamp() * 1_000
    at = label_ms(label, form, SHANGHAI, round(now))
    assert at is not None
    assert dt.datetime.fromtimestamp(at / 1_000, SHANGHAI).strftime("%Y-%m-%dT%H:%M:%S") == expected


@pytest.mark.parametrize("label", [bytes(6), bytes([99] * 6), bytes([0, 0, 0, 31, 2, 26])])
def test_a_label_that_is_no_time_is_none(label: bytes) -> None:
    assert label_ms(label, "binary", SHANGHAI, NOW) is None


# --- what the reports mean


def test_a_component_is_told_when_its_state_changes_and_only_then() -> None:
    sender = transmitter()
    told = [
        kinds(sender.hears(report(2, component(status)), at, NOW))
        for at, status in enumerate((1, 0b11, 0b11, 0b101, 1), 1)
    ]
    assert told == [[], ["fire.alarm"], [], ["fire.alarm", "fire.fault"], ["fire.fault"]]


def test_an_alarm_that_ends_is_told_as_cleared() -> None:
    sender = transmitter()
    sender.hears(report(2, component(0b11)), 1, NOW)
    (event,) = events(sender.hears(report(2, component(1)), 2, NOW))
    assert (event.type, event.data["state"]) == ("fire.alarm", "cleared")


def test_two_components_in_one_report_are_two() -> None:
    found = events(transmitter().hears(report(2, component(3, 5), component(3, 6)), 1, NOW))
    assert [event.data["component_address"] for event in found] == [5, 6]


def test_what_is_under_test_is_marked() -> None:
    (event,) = events(transmitter().hears(report(2, component(0b10)), 1, NOW))
    assert event.data["test"] is True


def test_a_panel_in_manual_and_a_reset_are_told() -> None:
    sender = transmitter()
    assert kinds(sender.hears(report(1, system(1 | 1 << 11)), 1, NOW)) == ["fire.mode"]
    operation = bytes([1, 3, 0b1, 9]) + LABEL
    (reset,) = events(sender.hears(report(4, operation), 2, NOW))
    assert (reset.type, reset.data["operator"]) == ("fire.reset", 9)


# --- a reset ends what stands, with no word per part


RESETS = {"by operation": (4, bytes([1, 3, 0b1, 9]) + LABEL), "by status": (1, system(1 | 1 << 13))}


@pytest.mark.parametrize("way", RESETS)
def test_after_a_reset_the_same_component_is_a_fire_again(way: str) -> None:
    sender = transmitter()
    frames = [
        report(2, component(3, 132)),
        report(RESETS[way][0], RESETS[way][1]),
        report(2, component(3, 132)),
    ]
    told = [kinds(sender.hears(frame, at, NOW)) for at, frame in enumerate(frames, 1)]
    assert told == [["fire.alarm"], ["fire.reset"], ["fire.alarm"]]


@pytest.mark.parametrize("way", RESETS)
def test_a_reset_is_told_once_and_what_stands_after_it_is_told_anew_once(way: str) -> None:
    sender = transmitter()
    sender.hears(report(2, component(0b111, 132)), 1, NOW)
    reset = report(RESETS[way][0], RESETS[way][1])
    assert kinds(sender.hears(reset, 2, NOW)) == ["fire.reset"]
    assert kinds(sender.hears(reset, 3, NOW)) == [], "sent again, its confirmation was lost"
    standing = report(2, component(0b101, 132))
    assert [(e.type, e.data["state"]) for e in events(sender.hears(standing, 4, NOW))] == [
        ("fire.alarm", "cleared"),
        ("fire.fault", "active"),
    ]
    assert kinds(sender.hears(standing, 5, NOW)) == []


def test_each_of_several_resets_is_told() -> None:
    sender = transmitter()
    operation = bytes([1, 3, 0b1, 9]) + LABEL
    told = [kinds(sender.hears(report(4, operation, sequence=n), n, NOW)) for n in (1, 2)]
    assert told == [["fire.reset"], ["fire.reset"]]


def test_a_status_that_tells_of_reset_and_fire_is_a_fire_after_a_reset() -> None:
    sender = transmitter()
    sender.hears(report(1, system(0b11)), 1, NOW)
    status = report(1, system(0b11 | 1 << 13), sequence=8)
    assert kinds(sender.hears(status, 2, NOW)) == ["fire.reset", "fire.alarm"]


def test_a_reset_bit_that_a_panel_leaves_set_ends_no_later_fire() -> None:
    sender = transmitter()
    sender.hears(report(1, system(1 | 1 << 13), sequence=1), 1, NOW)
    assert kinds(sender.hears(report(1, system(0b11 | 1 << 13), sequence=2), 2, NOW)) == ["fire.alarm"]
    assert kinds(sender.hears(report(1, system(0b11 | 1 << 13), sequence=3), 3, NOW)) == []


def test_a_reset_bit_left_set_beside_a_fault_resets_nothing_when_it_is_said_again() -> None:
    sender = transmitter()
    word = system(0b101 | 1 << 13)
    assert kinds(sender.hears(report(1, word, sequence=1), 1, NOW)) == ["fire.reset", "fire.fault"]
    sender.hears(report(2, component(0b11)), 2, NOW)
    for minute in range(3, 6):
        assert kinds(sender.hears(report(1, word, sequence=minute), minute, NOW)) == []


def test_a_reset_of_the_panel_leaves_the_transmitters_own_faults() -> None:
    sender = transmitter()
    mains_out = report(21, bytes([1 | 1 << 3]) + LABEL)
    sender.hears(mains_out, 1, NOW)
    sender.hears(report(4, bytes([1, 3, 0b1, 9]) + LABEL), 2, NOW)
    assert kinds(sender.hears(mains_out, 3, NOW)) == []


def test_a_fire_after_a_long_silence_is_told_for_a_reset_may_have_gone_unheard() -> None:
    sender = transmitter()
    fire = report(2, component(3))
    sender.hears(fire, 0, NOW)
    sender.away()
    assert kinds(sender.hears(fire, 200_000, NOW)) == [], "one that connects for each report repeats itself"
    assert kinds(sender.hears(fire, 600_001, NOW)) == ["fire.alarm"]


def test_a_fire_in_earnest_is_told_after_one_under_test() -> None:
    sender = transmitter()
    sender.hears(report(2, component(0b10)), 1, NOW)
    (event,) = events(sender.hears(report(2, component(0b11)), 2, NOW))
    assert (event.data["state"], "test" in event.data) == ("active", False)


def test_a_reset_of_the_transmitter_itself_leaves_its_own_faults_and_doubts_all_fires() -> None:
    sender = transmitter()
    mains_out = report(21, bytes([1 | 1 << 3]) + LABEL)
    for at, frame in enumerate([mains_out, report(2, component(3)), report(24, bytes([1, 9]) + LABEL)]):
        sender.hears(frame, at, NOW)
    assert kinds(sender.hears(mains_out, 4, NOW)) == []
    assert kinds(sender.hears(report(2, component(3)), 5, NOW)) == ["fire.alarm"]


def test_an_alarm_by_hand_ends_when_the_operator_says_so_and_not_before_it_began() -> None:
    sender = transmitter()
    said = {"over": 1 << 3, "alarm": 1 << 2, "again": 1 << 2}
    frames = [
        report(24, bytes([said[word], 9]) + LABEL) for word in ("over", "alarm", "again", "over", "over")
    ]
    told = [[e.data["state"] for e in events(sender.hears(f, at, NOW))] for at, f in enumerate(frames)]
    assert told == [[], ["active"], ["active"], ["cleared"], []]


SYSTEMS = {"a": (1, 1), "b": (1, 3), "c": (11, 1)}
STEPS = st.lists(
    st.tuples(
        st.sampled_from(["fire 5", "fire 6", "normal 5", "normal 6", "reset", "status reset", "restart"]),
        st.sampled_from(sorted(SYSTEMS)),
    ),
    max_size=60,
)


def step_at(step: str, name: str, sequence: int) -> tuple[Frame, str, bool]:
    """The frame of a step, the part that it tells of (of a reset, what it resets), and whether that burns now."""
    word, _, number = step.rpartition(" ")
    system, named = SYSTEMS[name], {"system": SYSTEMS[name][0], "system_address": SYSTEMS[name][1]}
    if number.isdigit():
        frame = report(
            2, component(3 if word == "fire" else 1, int(number), system=system), sequence=sequence
        )
        return frame, part_name({**named, "component_address": int(number)}), word == "fire"
    if word == "status":
        body = bytes(system) + (1 | 1 << 13).to_bytes(2, "little") + LABEL
        return report(1, body, sequence=sequence), reset_name(named), False
    return report(4, bytes([*system, 1, 9]) + LABEL, sequence=sequence), reset_name(named), False


def over(parts: set[str], part: str) -> set[str]:
    return {one for one in parts if one != part and not is_reset_with(one, part)}


@given(STEPS)
def test_after_any_history_what_was_told_stands_as_at_the_panels(steps: list[tuple[str, str]]) -> None:
    """A reader that knows only what was told: an alarm begins and ends by its own word or by a reset of its system."""
    sender, note, at_panel, told = transmitter(), None, set[str](), set[str]()
    for at, (step, name) in enumerate(steps, 1):
        if step == "restart":
            note = sender.note(NOW) or note
            sender = transmitter()
            sender.recall(note, NOW)
            continue
        frame, part, burns = step_at(step, name, at)
        at_panel = at_panel | {part} if burns else over(at_panel, part)
        for event in events(PartNames().all_named(sender.hears(frame, at, NOW))):
            if event.type == "fire.reset" or event.data["state"] == "cleared":
                told = over(told, part_name(event.data))
            else:
                assert part_name(event.data) not in told, "nothing is told twice as begun"
                told.add(part_name(event.data))
        assert told == at_panel


def test_what_ended_while_the_agent_was_away_is_told_as_over_once() -> None:
    before, after = transmitter(), transmitter()
    before.hears(report(2, component(0b101), component(3, 6)), 1, NOW)
    after.recall(before.note(NOW), NOW + 60_000)
    again = [events(after.hears(report(2, component(1), component(3, 6)), at, NOW)) for at in (10, 20)]
    assert [
        [(e.type, e.data["part"], e.data["state"]) for e in events(PartNames().all_named(one))]
        for one in again
    ] == [
        [("fire.fault", "3/5", "cleared")],
        [],
    ]


def test_after_a_long_absence_a_fire_is_told_anew_for_a_reset_may_have_gone_unheard() -> None:
    before, after = transmitter(), transmitter()
    before.hears(report(2, component(3)), 1, NOW)
    after.recall(before.note(NOW), NOW + 300_001)
    assert kinds(after.hears(report(2, component(3)), 1, NOW)) == ["fire.alarm"]


def test_a_reset_that_is_sent_again_to_the_next_agent_is_told_once() -> None:
    before, after = transmitter(), transmitter()
    reset = report(*RESETS["by operation"])
    assert kinds(before.hears(reset, 1, NOW)) == ["fire.reset"]
    after.recall(before.note(NOW), NOW)
    assert kinds(after.hears(reset, 1, NOW)) == []


def test_a_note_is_made_when_there_is_news_and_now_and_then() -> None:
    sender = transmitter()
    sender.hears(report(2, component(3)), 1, NOW)
    assert [sender.note(NOW + at) is not None for at in (0, 1_000, 149_000, 150_000, 151_000)] == [
        True,
        False,
        False,
        True,
        False,
    ]


@pytest.mark.parametrize("note", [None, b"", b"null", b"[1", b"{}", b'{"so": 7}'])
def test_a_note_that_can_not_be_read_is_none(note: bytes | None) -> None:
    sender = transmitter()
    sender.recall(note, NOW)
    assert kinds(sender.hears(report(2, component(3)), 1, NOW)) == ["fire.alarm"]


def test_the_time_is_the_objects_own() -> None:
    (event,) = events(transmitter("binary").hears(report(2, component(3)), 1, NOW))
    local = dt.datetime(2026, 11, 22, 8, 15, 30, tzinfo=SHANGHAI)
    assert event.device_at == round(local.timestamp() * 1_000)


def test_a_value_is_a_reading() -> None:
    raw = (
        bytes([1, 3, 31]) + (5).to_bytes(4, "little") + bytes([3]) + (-55).to_bytes(2, "little", signed=True)
    )
    (reading,) = measured(transmitter().hears(report(3, raw + LABEL), 1, NOW))
    assert (reading.point, reading.value) == ("temperature_1_3_5", -5.5)


def test_a_report_of_the_wrong_length_is_nonsense_once_and_over_with_the_next() -> None:
    sender = transmitter()
    short = report(2, component(3)[:-1])
    assert [kinds(sender.hears(frame, 1, NOW)) for frame in (short, short, report(2, component(1)))] == [
        ["device.fault"],
        [],
        ["device.fault"],
    ]


@pytest.mark.parametrize(("kind", "partly"), [(2, True), (1, True), (3, False)])
def test_what_a_report_that_can_not_be_read_said_is_not_known(kind: int, partly: bool) -> None:
    sender = transmitter()
    sender.hears(report(2, component(1)), 1_000, NOW)
    cut = msgspec.structs.replace(report(2, component(3)), data=bytes([kind, 1]) + component(3)[:-1])
    spans = [one for one in sender.hears(cut, 2_000, NOW) if isinstance(one, Covered)]
    spans += [one for one in sender.hears(report(2, component(1)), 3_000, NOW) if isinstance(one, Covered)]
    assert [(one.since, one.to, one.partly) for one in spans] == [
        (1_000, 2_000, partly),
        (2_000, 3_000, False),
    ]


def test_any_frame_shows_that_the_transmitter_is_there() -> None:
    sender = transmitter()
    beat = Frame(
        sequence=1, version=b"\1\1", time=LABEL, source=bytes(6), destination=bytes(6), command=CONFIRM
    )
    assert coverage(sender.hears(beat, 1_000, NOW)) == {"gst-1": (1_000, 1_000)}
    assert coverage(sender.hears(beat, 31_000, NOW)) == {"gst-1": (1_000, 31_000)}


def test_behind_a_silence_coverage_begins_anew() -> None:
    sender = transmitter()
    beat = report(200)
    sender.hears(beat, 0, NOW)
    assert coverage(sender.hears(beat, 300_001, NOW)) == {"gst-1": (300_001, 300_001)}
    sender.away()
    assert coverage(sender.hears(beat, 300_002, NOW)) == {"gst-1": (300_002, 300_002)}


@given(data=st.binary(max_size=120))
def test_any_data_are_read_without_failing(data: bytes) -> None:
    frame = Frame(
        sequence=1, version=b"\1\1", time=LABEL, source=bytes(6), destination=bytes(6), command=2, data=data
    )
    seen = transmitter().hears(frame, 1, NOW)
    assert all(one.value is not None for one in seen if isinstance(one, Measured))
