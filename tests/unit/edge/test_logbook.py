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
        (HEAD + "2026-11-03,09:25,09:00,是,82,\n", "line 2, 日期 停机时间: 2026-11-03 09:00 lies before the line begins"),
        (HEAD + "2026-11-03,09:00,09:25,是,82,p-021,further\n", "line 2: has more or fewer cells"),
        ("运行记录\n\n" + HEAD + "2026-11-03,九点,09:25,是,82,\n", "line 4, 日期 启动时间: expected a time"),
        (HEAD + "2026-11-03,09:00\n", "line 2: has more or fewer cells than there are columns"),
        (b"\xff\xfe\x00\xd8", "expected a text in UTF-8 or GB 18030"),
        ("", "expected this column; there are none"),
    ],
)  # fmt: skip
def test_a_mistake_is_told_by_line_and_column_and_nothing_of_its_line_is_taken(
    text: str | bytes, says: str
) -> None:
    found = read(text)
    assert any(says in str(mistake) for mistake in found.mistakes), found.mistakes
    assert {event.data["log"] for event in found.events} <= ({2} if RUN in str(text) else set())


def test_a_badge_is_the_checkpoint_it_is_bound_to_or_a_mistake() -> None:
    text = "时间,点位,人员\n2026-11-23 02:10:05,{},p-007\n"
    (scan,) = read(text.format("0000F40939"), "wand-export", **{"0000F40939": Binding(device="cp-1")}).events
    assert (scan.device, scan.type, scan.person) == ("cp-1", "checkpoint.scan", "p-007")
    (mistake,) = read(text.format("77"), "wand-export").mistakes
    assert str(mistake) == "line 2, 点位: '77' is no point of dg-2"


RIGHT = ["0000F40939 2026-11-05 08:03", "0001234567 2026-11-05 08:11"]
SHAPES = {
    "as it should be": "时间,点位,人员\n2026/11/5 8:03,0000F40939,p-007\n2026/11/5 8:11,0001234567,p-007\n",
    "surplus empty cells": "时间,点位,人员\n2026/11/5 8:03,0000F40939,p-007,,\n2026/11/5 8:11,0001234567,p-007,\n",
    "a column without a name": "时间,点位,人员,\n2026/11/5 8:03,0000F40939,p-007,\n2026/11/5 8:11,0001234567,p-007,\n",
    "a title": "巡更记录报表,,\n时间,点位,人员\n2026/11/5 8:03,0000F40939,p-007\n2026/11/5 8:11,0001234567,p-007\n",
    "titles and blanks": "报表\n\n打印:张三,11月\n时间,点位,人员\n2026/11/5 8:03,0000F40939,p-007\n\n2026/11/5 8:11,0001234567,p-007\n",
    "tabs": "时间\t点位\t人员\n2026/11/5 8:03\t0000F40939\tp-007\n2026/11/5 8:11\t0001234567\tp-007\n",
    "semicolons": "时间;点位;人员\r\n2026/11/5 8:03;0000F40939;p-007\r\n2026/11/5 8:11;0001234567;p-007\r\n",
    "further columns": "序号,人员,点位,时间\n1,p-007,0000F40939,2026/11/5 8:03\n2,p-007,0001234567,2026/11/5 8:11\n",
    "one of 2000": "时间,点位,人员\n2026/11/5 8:03,0000F40939,p-007\n2000-01-01 00:00:00,0001234567,p-007\n2026/11/5 8:11,0001234567,p-007\n",
    "one to come": "时间,点位,人员\n2026/11/5 8:03,0000F40939,p-007\n2099-01-01 00:00:00,0001234567,p-007\n2026/11/5 8:11,0001234567,p-007\n",
    "one of no time": "时间,点位,人员\n2026/11/5 8:03,0000F40939,p-007\n2026/11/5 25:03,0001234567,p-007\n2026/11/5 8:11,0001234567,p-007\n",
}
LEFT_OUT = {"one of 2000": 3, "one to come": 3, "one of no time": 3}
BOUND = {"0000F40939": Binding(device="cp-1"), "0001234567": Binding(device="cp-2")}


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030", "utf-16"])
@pytest.mark.parametrize("shape", SHAPES)
def test_of_an_export_the_good_lines_are_taken_and_the_bad_ones_named(shape: str, encoding: str) -> None:
    found = read(SHAPES[shape].encode(encoding), "wand-export", **BOUND)
    devices = {"cp-1": "0000F40939", "cp-2": "0001234567"}
    told = [
        f"{devices[e.device]} {dt.datetime.fromtimestamp((e.device_at or 0) / 1_000, CHINA):%Y-%m-%d %H:%M}"
        for e in found.events
    ]
    assert told == RIGHT
    assert [mistake.line for mistake in found.mistakes] == ([LEFT_OUT[shape]] if shape in LEFT_OUT else [])
    assert found.unknown == (frozenset({"cp-2"}) if shape in LEFT_OUT else frozenset())
    assert not found.unread


def test_a_reading_that_is_no_number_leaves_the_run() -> None:
    found = read(HEAD + "2026-11-03,09:00,09:25,是,满,\n")
    assert [str(mistake) for mistake in found.mistakes] == ["line 2, 油位: expected a number, found '满'"]
    assert (len(found.events), found.readings, found.unknown) == (3, (), frozenset())


MINUTES = st.integers(0, 1_439)


@given(MINUTES, st.integers(1, 12 * 60))
def test_a_run_over_midnight_ends_on_the_next_day(start: int, length: int) -> None:
    """As written by hand: one date, two times of day. Up to twelve hours no other reading makes sense."""
    begun = dt.datetime(2026, 11, 20) + dt.timedelta(minutes=start)  # noqa: DTZ001 - as on paper
    ended = begun + dt.timedelta(minutes=length)
    found = read(HEAD + f"2026/11/20,{begun:%H:%M},{ended:%H:%M},否,80,p-021\n")
    moments = {event.type: event.device_at or 0 for event in found.events}
    assert moments["generator.stopped"] - moments["generator.started"] == length * 60_000


@given(st.one_of(st.binary(max_size=400), st.text(max_size=300).map(lambda text: (HEAD + text).encode())))
def test_no_file_breaks_the_reader(body: bytes) -> None:
    found = read(body)
    assert not (found.unread and found.events)
    assert decoded(body) is not None or found.mistakes
