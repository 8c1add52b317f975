"""Lists of parts: what they bind, and every mistake with its line."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contract.part_book import BoundPart, PartBook, doubles, gathered, holes, read_span
from contract.part_list import parse_part_list
from contract.problems import ConfigError
from contract.site_files import load_site
from contract.site_parts import part_label

SITE = """\
site: s
zones:
  - {id: control, name: {zh: 消防控制室, en: Control room}}
  - {id: b3-f3, name: {zh: 三号楼三层, en: Block 3 floor 3}}
  - {id: b3-f4}
devices:
  - {id: panel, zone: control, profile: gb26875-transmitter, parts: PARTS}
"""


def site_with(tmp_path: Path, parts: str, body: bytes | None = None) -> Path:
    (tmp_path / "site.yaml").write_text(SITE.replace("PARTS", parts), "utf-8")
    if body is not None:
        (tmp_path / "panel-parts.csv").write_bytes(body)
    return tmp_path


def mistakes(body: bytes | str) -> list[str]:
    raw = body.encode() if isinstance(body, str) else body
    return [
        f"{problem.line}: {problem.field}: {problem.message}"
        for problem in parse_part_list(raw, "parts.csv").problems
    ]


def test_a_list_binds_parts_one_by_one_and_by_range(tmp_path: Path) -> None:
    body = "part,zone,name_zh,name_en\n3-12,b3-f3,三层走廊烟感,Smoke corridor 3F\n\n3-20..3-40,b3-f4,,\n".encode()
    site = load_site(site_with(tmp_path, "{file: panel-parts.csv}", body))
    found = {
        part: bound and bound.zone
        for part in ("3-12", "3-19", "3-20", "3-40", "3-41", "2/3-30.power")
        if (bound := site.parts["panel"].find(part)) or True
    }
    assert found == {
        "3-12": "b3-f3",
        "3-19": None,
        "3-20": "b3-f4",
        "3-40": "b3-f4",
        "3-41": None,
        "2/3-30.power": "b3-f4",
    }
    assert site.zones_seen_by["panel"] == {"control", "b3-f3", "b3-f4"}
    label = part_label(site, "panel", "3-12.power")
    assert (label.zh, label.en) == ("三层走廊烟感（3-12） · 电源", "Smoke corridor 3F (3-12) · Power supply")


def test_parts_stand_in_the_site_s_own_file_too(tmp_path: Path) -> None:
    site = load_site(site_with(tmp_path, "[{part: 132, zone: b3-f3}, {part: 3-1..3-9, zone: b3-f4}]"))
    book = site.parts["panel"]
    assert [one.zone for part in ("132", "3-9") if (one := book.find(part))] == ["b3-f3", "b3-f4"]


def test_every_mistake_of_the_site_s_own_list_is_named(tmp_path: Path) -> None:
    listed = (
        "[{part: ３-１２, zone: b3-f9}, {part: 3-1..2-4, zone: b3-f3}, {part: 3-12, zone: b3-f3}, {part: 7}]"
    )
    with pytest.raises(ConfigError) as caught:
        load_site(site_with(tmp_path, listed))
    said = [problem.message for problem in caught.value.problems]
    assert said == [
        "'３-１２' has full-width characters; write 3-12",
        "no zone 'b3-f9'; did you mean 'b3-f4'?",
        "expected a range within one loop, such as 3-1..3-40, found '3-1..2-4'",
        "part 3-12 is bound already at line 7",
        "part 7 has neither a zone nor a name",
    ]


def test_a_list_that_is_not_there_is_named_where_it_is_asked_for(tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        load_site(site_with(tmp_path, "{file: panel-part.csv}", b"part,zone\n1,b3-f3\n"))
    (problem,) = caught.value.problems
    assert (problem.line, problem.field) == (7, "devices[0].parts.file")
    assert problem.message == "no file 'panel-part.csv'; did you mean 'panel-parts.csv'?"


@pytest.mark.parametrize("form", ["utf-8", "utf-8-sig"])
def test_a_list_in_utf_8_is_right_with_and_without_a_mark(form: str) -> None:
    assert mistakes("part,zone,name_zh\n3-12,b3,烟感\n".encode(form)) == []


@pytest.mark.parametrize(
    ("codec", "name", "line"),
    [
        ("gbk", "GBK", 3),
        ("gb18030", "GBK", 3),
        ("utf-16", "UTF-16", 1),
        ("utf-16-le", "UTF-16", 1),
        ("utf-16-be", "UTF-16", 1),
    ],
)
def test_a_list_in_another_encoding_is_told_with_all_its_other_mistakes(
    codec: str, name: str, line: int
) -> None:
    found = mistakes("part,zone,name_zh\n3-11,b3,\n3-12,b3,烟感\n3-12,b3,温感\n".encode(codec))
    assert found[0].startswith(f"{line}: : is {name} text: save it as UTF-8") or found[-1].startswith("4:")
    assert "4: : part 3-12 is bound already at line 3" in found
    assert len(found) == 2


def test_every_mistake_of_a_list_is_named_at_once() -> None:
    found = mistakes(
        "消防主机导出\n"
        "part,zone,name_zh,floor\n"
        "3-12,b3,烟感,3\n"
        "３－１３,b3,,\n"
        ",b3,温感,\n"
        "3-14,,,\n"
        "3-12,b4,,\n"
        "3-30..3-20,b3,,\n"
        "3-10..3-13,b3,,\n"
        "3/14/15 x,b3,,\n"
    )
    assert found == [
        "1: : stands before the names of the columns; take it out",
        "2: : no column 'floor' (known: part,zone,name_zh,name_en)",
        "4: written: '３－１３' has full-width characters; write 3-13",
        "5: part: is empty: expected a part such as 3-12",
        "6: : part 3-14 has neither a zone nor a name",
        "7: : part 3-12 is bound already at line 3",
        "8: part: expected the lower end first, such as 3-20..3-30, found '3-30..3-20'",
        "9: : 3-10..3-13 overlaps 3-12 at line 3",
        "9: : 3-10..3-13 overlaps 3-13 at line 4",
        "10: part: expected a part such as 3-12, or a range such as 3-1..3-40, found '3/14/15 x'",
    ]


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ("", "1: : expected the columns part,zone,name_zh,name_en, found nothing"),
        ("3-12,b3\n", "1: : expected the columns part,zone,name_zh,name_en, found 3-12,b3"),
        ("part,name_zh\n3-12,x\n", "1: zone: is missing: expected the columns part,zone,name_zh,name_en"),
        ("part;zone\n3-12;b3\n", "1: : has a semicolon between its columns, expected a comma"),
        ("part\tzone\n3-12\tb3\n", "1: : has a tab between its columns, expected a comma"),
        ("part,zone\n3-12,b3,烟感\n", "2: : has more cells than columns: '烟感'"),
        ('part,zone\n3-12,"b3\n', "1: : line 2: unexpected end of data"),
        ("part,zone,zone\n3-12,b3,b3\n", "1: zone: is the name of two columns"),
    ],
)
def test_a_list_of_another_form_says_what_is_expected(body: str, said: str) -> None:
    assert said in mistakes(body)


def test_bytes_that_are_no_text_are_refused_with_their_line() -> None:
    assert mistakes(b"part,zone\n3-12,b3\n\xff\xff\xff,b\n") == [
        "1: : line 3 is neither UTF-8 nor GBK nor UTF-16 text"
    ]


@given(st.binary(max_size=200))
def test_no_bytes_break_the_reader(raw: bytes) -> None:
    parse_part_list(b"part,zone\n" + raw, "parts.csv")


_SPANS = st.tuples(st.sampled_from(["", "1-", "2/1-"]), st.integers(0, 30), st.integers(0, 5))


@given(st.lists(_SPANS, max_size=8))
def test_a_book_finds_what_the_lines_say_and_doubles_are_told(spans: list[tuple[str, int, int]]) -> None:
    bound = [
        BoundPart(part=f"{prefix}{first}..{prefix}{first + more}", zone=str(number), line=number + 1)
        for number, (prefix, first, more) in enumerate(spans)
    ]
    said = [
        {f"{prefix}{number}" for number in range(first, first + more + 1)} for prefix, first, more in spans
    ]
    twice = any(one & other for place, one in enumerate(said) for other in said[:place])
    assert bool(list(doubles(bound))) is twice
    if not twice:
        book = PartBook(bound)
        for number, parts in enumerate(said):
            assert {found.zone for part in parts if (found := book.find(part))} == {str(number)}


def test_holes_and_runs_are_told_in_few_words() -> None:
    bound = [
        BoundPart(part=part, zone="z", line=line)
        for line, part in enumerate(["3-1..3-5", "3-8", "3-500", "4-1"], 2)
    ]
    assert [(one.line, str(span)) for one, span in holes(bound, 100)] == [(2, "3-6..3-7")]
    assert gathered(["1-2", "1-1", "1-3", "1-9", "system"]) == ["1-1..1-3", "1-9", "system"]
    assert str(read_span("3-1 ~ 40")) == "3-1..3-40"


def test_a_list_of_ten_thousand_parts_is_looked_up_at_once() -> None:
    rows = "".join(f"{loop}-{number},b3,烟感,\n" for loop in range(1, 65) for number in range(1, 241))
    found = parse_part_list(f"part,zone,name_zh,name_en\n{rows}".encode(), "parts.csv")
    assert not found.problems
    book = PartBook(found.bound)
    assert all(book.find(f"{loop}-240") for loop in range(1, 65))
    assert book.find("64-241") is None
