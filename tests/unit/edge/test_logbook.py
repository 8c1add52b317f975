"""Logs kept by hand: every line is what happened, or a mistake that its author understands."""

import datetime as dt
import zoneinfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contract.profile.load import load_profile
from contract.profile.model import CsvProfile
from contract.site import Binding, Device
from edge.logbook import Log, Moment, decoded, file_reader
from tests.bus import PROFILES

CHINA = zoneinfo.ZoneInfo("Asia/Shanghai")
NOW = Moment(5_000_000, round(dt.datetime(2026, 11, 23, 12, tzinfo=CHINA).timestamp() * 1_000))
HEAD = "日期,启动时间,停机时间,带载,油位,记录人\n"
RUN = "2026-11-03,09:00,09:25,是,82,p-021\n"


def read(text: str | bytes, profile: str = "generator-log", **points: Binding) -> Log:
    loaded = load_profile(PROFILES / f"{profile}.yaml")
    assert isinstance(loaded, CsvProfile)
    body = text if isinstance(text, bytes) else text.encode()
    return file_reader(Device(id="dg-2", points=points), loaded, CHINA)(body, NOW)


def at(*parts: int) -> int:
    return round(dt.datetime(*parts, tzinfo=CHINA).timestamp() * 1_000)  # type: ignore[misc,arg-type]


def test_a_run_is_its_start_its_load_and_its_end_by_whom() -> None:
    found = read(HEAD + RUN)
    assert [(e.type, e.device_at, e.person) for e in found.events] == [
        ("generator.started", at(2026, 11, 3, 9, 0), "p-021"),
        ("generator.on_load", at(2026, 11, 3, 9, 0), "p-021"),
        ("generator.stopped", at(2026, 11, 3, 9, 25), "p-021"),
    ]
    assert all(event.error_ms == 60_000 for event in found.events)
    assert [(one.point, one.value) for _, one in found.readings] == [("fuel_level", 82.0)]
    assert found.newest == at(2026, 11, 3, 9, 25)


def test_a_line_reads_the_same_in_whatever_file_it_stands() -> None:
    first, second = read(HEAD + RUN), read(HEAD + "2026-11-01,09:00,09:05,否,80,p-021\n" + RUN)
    assert {e.data["message"] for e in first.events} < {e.data["message"] for e in second.events}


def test_what_a_chinese_spreadsheet_writes_is_read() -> None:
    assert read((HEAD + RUN).encode("gb18030")).events == read("\ufeff" + HEAD + RUN).events


def test_empty_lines_and_empty_cells_tell_nothing() -> None:
    assert len(read(HEAD + ",,,,,\n" + "2026-11-03,09:00,09:25,否,,\n").events) == 2


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("日期,启动时间\n", "line 1, 停机时间: expected this column; there are 日期, 启动时间"),
        (HEAD + "2026-11-03,九点,09:25,是,82,\n", "line 2, 日期 启动时间: expected a time such as"),
        (HEAD + RUN + "2026-11-24,09:00,09:25,是,82,\n", "line 3, 日期 启动时间: 2026-11-24 09:00 lies in the future"),
        (HEAD + "2016-11-03,09:00,09:25,是,82,\n", "is more than 400 days ago"),
        (HEAD + "2026-11-03,09:00,09:25,是,满,\n", "line 2, 油位: expected a number, found '满'"),
        (HEAD + "2026-11-03,09:00\n", "line 2: has more or fewer cells than there are columns"),
        (b"\xff\xfe\x00\xd8", "expected a text in UTF-8 or GB 18030"),
        ("", "expected this column; there are none"),
    ],
)  # fmt: skip
def test_a_mistake_is_told_by_line_and_column_and_nothing_is_taken(text: str | bytes, says: str) -> None:
    found = read(text)
    assert any(says in str(mistake) for mistake in found.mistakes), found.mistakes
    assert not found.events


def test_a_badge_is_the_checkpoint_it_is_bound_to_or_a_mistake() -> None:
    text = "时间,点位,人员\n2026-11-23 02:10:05,{},p-007\n"
    (scan,) = read(text.format("0000F40939"), "wand-export", **{"0000F40939": Binding(device="cp-1")}).events
    assert (scan.device, scan.type, scan.person) == ("cp-1", "checkpoint.scan", "p-007")
    (mistake,) = read(text.format("77"), "wand-export").mistakes
    assert str(mistake) == "line 2, 点位: '77' is no point of dg-2"


@given(st.one_of(st.binary(max_size=400), st.text(max_size=300).map(lambda text: (HEAD + text).encode())))
def test_no_file_breaks_the_reader(body: bytes) -> None:
    found = read(body)
    assert not (found.mistakes and found.events)
    assert decoded(body) is not None or found.mistakes
