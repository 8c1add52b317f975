"""The patrol wand's words, its session and what its records mean; vectors of the public protocol reference."""

import datetime as dt
import zoneinfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contract.site import Binding
from edge.errors import WandError
from edge.jwm import words
from edge.jwm.session import Saying, Taken, take, wipe
from edge.jwm.wand import Rounds, Wand
from edge.jwm.words import read_record
from edge.ports import Happened
from firmware_sim.device import wand as simulated


def clock(*parts: int) -> dt.datetime:
    """What a wand's wall clock shows."""
    return dt.datetime(*parts, tzinfo=None)  # type: ignore[misc,arg-type]  # noqa: DTZ001


CHINA = zoneinfo.ZoneInfo("Asia/Shanghai")
NOON = clock(2026, 11, 23, 12, 0, 0)
WALL = round(NOON.replace(tzinfo=CHINA).timestamp() * 1_000)
RECORDS = ("260605134603000000F409393C", "260605134606000000F3F6ADD9")


def said(device: simulated.Wand, saying: Saying[Taken] | Saying[None]) -> Taken | None:
    """What came of a session with a simulated wand."""
    try:
        ask = next(saying)
        while True:
            ask = saying.send(device.hears(ask.send))
    except StopIteration as end:
        return end.value


def events(taken: Taken, set_at: int | None = WALL - 86_400_000) -> list[Happened]:
    wand = Wand("wand-1", {"f40939": Binding(device="cp-roof")}, {"f3f6ad": "p-007"}, CHINA)
    return [seen for seen in wand.tells(taken, 1_000, WALL, set_at) if isinstance(seen, Happened)]


@pytest.mark.parametrize(
    ("made", "published"),
    [(words.STATUS, "15 EA 01 E9"), (words.DOWNLOAD, "25 DA 01 D9"), (words.CLOSE, "55 AA 01 A9")],
)
def test_commands_are_those_of_the_reference(made: bytes, published: str) -> None:
    assert made == bytes.fromhex(published)


def test_published_records_are_read() -> None:
    first, second = (read_record(b"\0" + bytes.fromhex(raw)) for raw in RECORDS)
    assert (first.badge, first.local) == ("f40939", clock(2026, 6, 5, 13, 46, 3))
    assert (second.badge, second.local) == ("f3f6ad", clock(2026, 6, 5, 13, 46, 6))


def test_a_session_sets_the_clock_and_takes_everything_without_wiping() -> None:
    device = simulated.Wand(map(bytes.fromhex, RECORDS))
    taken = said(device, take(NOON))
    assert taken is not None
    assert [record.badge for record in taken.records if record] == ["f40939", "f3f6ad"]
    assert (device.set_to, len(device.records), device.wipes) == (NOON, 2, 0)
    said(device, wipe(NOON))
    assert (device.records, device.wipes) == ([], 1)


def test_a_damaged_record_is_named_and_the_others_are_taken() -> None:
    broken = bytes.fromhex(RECORDS[0])[:-1] + b"\0"
    taken = said(simulated.Wand([broken, bytes.fromhex(RECORDS[1])]), take(NOON))
    assert taken is not None
    assert [record.badge if record else None for record in taken.records] == [None, "f3f6ad"]
    assert len(taken.damaged) == 1


def test_behind_a_damaged_record_nobody_is_named() -> None:
    person, checkpoint = (read_record(b"\0" + bytes.fromhex(raw)) for raw in reversed(RECORDS))
    scan, _ = events(Taken((person, None, checkpoint), ("damaged",)))
    assert scan.person is None


@given(st.binary(min_size=14, max_size=14))
def test_no_bytes_make_a_record_that_does_not_check(answer: bytes) -> None:
    try:
        found = read_record(answer)
    except WandError:
        return
    assert words.check_of(answer[1:13]) == answer[13]
    assert found.badge == answer[10:13].hex()


def test_a_badge_is_its_checkpoint_and_a_persons_badge_names_who_walked() -> None:
    person, checkpoint = (read_record(b"\0" + bytes.fromhex(raw)) for raw in reversed(RECORDS))
    (scan,) = events(Taken((person, checkpoint)))
    assert (scan.device, scan.type, scan.person) == ("cp-roof", "checkpoint.scan", "p-007")
    assert scan.device_at == WALL_OF_FIRST + 500


WALL_OF_FIRST = round(dt.datetime(2026, 6, 5, 13, 46, 3, tzinfo=CHINA).timestamp() * 1_000)


def test_a_badge_that_nobody_knows_is_kept_as_what_it_is() -> None:
    (scan,) = events(Taken((read_record(b"\0" + simulated.record(b"\1\2\3", NOON)),)))
    assert (scan.device, scan.type, scan.data["badge"]) == ("wand-1", "checkpoint.unknown", "010203")


def test_a_clock_set_a_day_ago_may_be_off_by_its_drift_and_one_never_set_by_a_day() -> None:
    taken = Taken((read_record(b"\0" + simulated.record(bytes.fromhex("f40939"), NOON)),))
    assert [scan.error_ms for scan in events(taken)] == [500 + 86_400_000 * 200 // 1_000_000]
    assert [scan.error_ms for scan in events(taken, None)] == [500 + 86_400_000]


def test_what_was_kept_is_not_told_again_and_what_was_refused_is() -> None:
    wand = Wand("wand-1", {"f40939": Binding(device="cp-roof")}, {}, CHINA)
    taken = Taken((read_record(b"\0" + bytes.fromhex(RECORDS[0])),))
    assert wand.tells(taken, 0, WALL, None)
    assert wand.tells(taken, 0, WALL, None), "the disk refused it"
    wand.kept(taken)
    assert not wand.tells(taken, 0, WALL, None)


def test_a_checkpoint_is_known_up_to_the_wand_that_was_read_longest_ago() -> None:
    rounds = Rounds({"w1": frozenset({"roof"}), "w2": frozenset({"roof", "cellar"})})
    assert rounds.read("w1", 100) == {"w1": 100}
    assert rounds.read("w2", 200) == {"w2": 200, "roof": 100, "cellar": 200}
    assert rounds.read("w1", 300) == {"w1": 300, "roof": 200}
