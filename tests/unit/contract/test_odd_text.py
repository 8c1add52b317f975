"""Letters that look like others: told where a machine reads them, left where people or devices have the word."""

import re
import unicodedata
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contract.odd_text import odd_mistake, plain_form
from contract.yamlfile import check, load_yaml, parse_yaml

ROOT = Path(__file__).parents[3]
WIDE = "".join(chr(code) for code in (*range(0xFF10, 0xFF1A), *range(0xFF21, 0xFF3B), *range(0xFF41, 0xFF5B)))
ODD = "“”‘’＂「」：；，＠－\u3000\u200b\ufeff" + WIDE
MACHINE = ("devices", 3, "address")


@given(before=st.from_regex("[a-z0-9]{1,5}", fullmatch=True), odd=st.sampled_from(ODD))
def test_an_odd_letter_is_told_and_what_is_to_be_written_passes(before: str, odd: str) -> None:
    for text in (f"{before}{odd}{before}", f"{odd}{before}", f"{before}{odd}"):
        said = odd_mistake(text, MACHINE)
        assert said
        written = re.search('write "(.*)"$', said)
        assert written is not None
        assert odd_mistake(written[1], MACHINE) == ""


@given(text=st.text(st.sampled_from(WIDE), min_size=1))
def test_the_plain_form_is_what_unicode_calls_compatible(text: str) -> None:
    assert plain_form(text) == unicodedata.normalize("NFKC", text)


@pytest.mark.parametrize(
    "path",
    [
        ("zones", 0, "name", "zh"),
        ("people", 1, "note"),
        ("topics", 0, "where", "状态"),
        ("rows", 0, "columns", 2),
    ],
)
def test_words_of_people_and_of_devices_have_any_letter(path: tuple[str | int, ...]) -> None:
    assert odd_mistake("“东门”：０８", path) == ""


def test_chinese_brackets_stand_in_names_of_devices() -> None:
    assert odd_mistake("大门（东）", MACHINE) == ""


def test_a_password_is_not_shown() -> None:
    assert "geheim" not in odd_mistake("mqtt://u:geheim@host：1883", ("agents", 0, "lines", 0, "endpoint"))


def test_every_odd_value_of_a_file_is_told_at_once() -> None:
    located = parse_yaml("a: [“1”, 2]\nb: {c: ｄ, e: f}\n", "x.yaml")
    told = check(located, dict[str, list[str] | dict[str, int]])
    assert [(one.line, one.field) for one in told] == [(1, "a[0]"), (2, "b.c"), (1, "a[1]"), (2, "b.e")]
    assert [one.field for one in check(located, dict[str, int], ("b",))] == ["b.c", "b.e"]


def test_nothing_that_ships_has_any() -> None:
    for file in (ROOT / "config").rglob("*.yaml"):
        assert load_yaml(file).odd == {}, file


def test_no_pattern_takes_digits_of_other_scripts() -> None:
    """A backslash d matches every digit of Unicode, and what is made of ０８ is not what was meant."""
    for folder in ("contract", "cloud", "edge", "sitewarden", "firmware-sim"):
        for file in (ROOT / folder).rglob("*.py"):
            if "node_modules" not in file.parts:
                assert not re.search(r"Meta\([^)]*pattern=[^)]*\\d", file.read_text("utf-8")), file
