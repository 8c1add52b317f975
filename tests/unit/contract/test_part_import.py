"""An export of a panel's software becomes a list of parts."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from contract.part_import import import_parts
from contract.part_list import parse_part_list
from contract.site import Text, Zone

ZONES = (Zone(id="b3-f3", name=Text(zh="三号楼三层", en="Block 3 floor 3")),)
ROWS = [(3, 12, "三层走廊烟感"), (3, 13, "三层会议室温感"), (4, 1, "四层手报")]


def parts(raw: bytes | str, possible: frozenset[str] | None = None) -> list[tuple[str, str | None, str, str]]:
    found = import_parts(raw.encode() if isinstance(raw, str) else raw, ZONES, possible)
    return [(one.part, one.zone, one.zh, one.en) for one in found.bound]


@pytest.mark.parametrize("codec", ["utf-8", "utf-8-sig", "gbk", "gb18030", "utf-16"])
@pytest.mark.parametrize("separator", [",", "\t", ";"])
@pytest.mark.parametrize("title", ["", "某小区消防主机部件表\n\n"])
def test_an_export_is_read_whatever_its_encoding_and_separator(
    codec: str, separator: str, title: str
) -> None:
    lines = [("回路号", "地址", "安装位置", "分区"), *((str(a), str(b), c, "三号楼三层") for a, b, c in ROWS)]
    raw = (title + "\n".join(separator.join(line) for line in lines)).encode(codec)
    assert parts(raw) == [(f"{loop}-{address}", "b3-f3", name, "") for loop, address, name in ROWS]


@pytest.mark.parametrize(
    ("head", "row", "part"),
    [
        ("Loop,Address,Description", "3,012,Smoke", "3-12"),
        ("LOOP NO.,ADDR,LABEL", "L03,12,Smoke", "3-12"),
        ("编码,描述", "003-012,烟感", "3-12"),
        ("部件编号,名称", "3回路12号,烟感", "3-12"),
        ("地址,描述", "L3D012,烟感", "3-12"),
        ("地址,描述", "３－１２,烟感", "3-12"),
        ("地址,描述", "132,烟感", "132"),
        ("机号,回路,地址,描述", "2,3,12,烟感", "2/3-12"),
        ("机号,回路,地址,描述", "1,3,12,烟感", "3-12"),
        ("部件,描述", "main_power,主电", None),
    ],
)
def test_an_address_is_read_in_the_forms_that_panels_write(head: str, row: str, part: str | None) -> None:
    found = [one[0] for one in parts(f"{head}\n{row}\n")]
    assert found == ([part] if part else [])


def test_a_module_is_a_part_of_its_own_where_the_panel_counts_them_so() -> None:
    possible = frozenset({"3-12", "3-M12"})
    text = "回路,地址,类型,描述\n3,12,感烟探测器,烟感\n3,12,输入模块,水流指示器\n9,1,,不存在\n"
    found = import_parts(text.encode(), ZONES, possible)
    assert [one.part for one in found.bound] == ["3-12", "3-M12"]
    assert [(left.line, left.why) for left in found.left] == [(4, "the device has no part 9-1")]


def test_every_row_that_is_not_taken_says_why() -> None:
    found = import_parts("表\n回路,地址,描述\n3,12,a\n3,12,b\n3,,c\n3,x y,d\n".encode(), ZONES)
    assert [(left.line, left.why) for left in found.left] == [
        (1, "stands before the names of the columns"),
        (4, "3-12 stands at line 3 already"),
        (5, "says no address"),
        (6, "'x y' is no address"),
    ]


@pytest.mark.parametrize(
    ("raw", "why"),
    [
        (b"PK\x03\x04....", "is a spreadsheet (xlsx): save it as CSV first"),
        (b"\xd0\xcf\x11\xe0", "is a spreadsheet (xls): save it as CSV first"),
        (b"", "found nothing"),
        (b"a,b\n1,2\n", "found a | b"),
        (b"\xff\xff\xff", "neither UTF-8 nor GBK"),
    ],
)
def test_what_is_no_export_is_refused_with_what_was_found(raw: bytes, why: str) -> None:
    with pytest.raises(ValueError, match=r"found|save|neither") as caught:
        import_parts(raw, ZONES)
    assert why in str(caught.value)


_CELLS = st.text(st.characters(blacklist_categories=("Cs",), blacklist_characters="\0"), max_size=12)


@example([(0, 0, ",,")])
@given(st.lists(st.tuples(st.integers(0, 300), st.integers(0, 300), _CELLS), max_size=20))
def test_what_was_taken_is_a_list_without_mistakes_but_for_what_has_no_zone(
    rows: list[tuple[int, int, str]],
) -> None:
    text = "loop\taddress\tdescription\n" + "".join(
        f'{loop}\t{address}\t"{name.replace(chr(34), "")}"\n' for loop, address, name in rows
    )
    found = import_parts(text.encode(), ZONES)
    assert {one.part for one in found.bound} == {f"{loop}-{address}" for loop, address, _ in rows}
    mistakes = parse_part_list(found.text().encode("utf-8-sig"), "parts.csv").problems
    assert all("neither a zone nor a name" in problem.message for problem in mistakes)
