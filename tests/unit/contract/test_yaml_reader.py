"""YAML as people write it: what scalars mean, where they stand; and texts that are hostile, wide or in another encoding."""

import datetime as dt
import math
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ruamel.yaml import YAML

from contract.problems import ConfigError
from contract.yaml_reader import MOST_COPIED, MOST_DEPTH
from contract.yamlfile import load_yaml, parse_yaml

ROOT = Path(__file__).parents[3]


def said(text: str) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        parse_yaml(text, "f.yaml")
    return [str(problem) for problem in caught.value.problems]


@pytest.mark.parametrize(
    ("written", "means"),
    [
        ("22:00", "22:00"),
        ("off", "off"),
        ("yes", "yes"),
        ("0x4000", 0x4000),
        ("0o17", 15),
        ("0012", 12),
        ("1_000", 1000),
        ("-7", -7),
        ("1e3", 1000.0),
        ("0.5", 0.5),
        ("-.inf", -math.inf),
        ("~", None),
        ("", None),
        ("True", True),
        ("2026-11-30", dt.date(2026, 11, 30)),
        ("2026-11-30 08:00", dt.datetime.fromisoformat("2026-11-30T08:00")),
        ("2026-11-30T08:00:30", dt.datetime.fromisoformat("2026-11-30T08:00:30")),
        ("'22'", "22"),
        ('"0x10"', "0x10"),
        ("+", "+"),
        ("1.2.3.4", "1.2.3.4"),
    ],
)
def test_a_scalar_means_what_yaml_1_2_says(written: str, means: Any) -> None:
    found = parse_yaml(f"a: {written}\n", "f.yaml").value["a"]
    assert found == means
    assert type(found) is type(means)


def plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {str(key): plain(item) for key, item in value.items()}
    return [plain(item) for item in value] if isinstance(value, list) else value


@pytest.mark.parametrize("path", sorted((ROOT / "config").rglob("*.yaml")), ids=lambda path: path.stem)
def test_shipped_files_are_read_as_another_parser_reads_them(path: Path) -> None:
    assert load_yaml(path).value == (plain(YAML(typ="safe", pure=True).load(path.read_text("utf-8"))) or {})


@given(
    st.recursive(
        st.none()
        | st.booleans()
        | st.integers()
        | st.floats(allow_nan=False)
        | st.text("ab:#-'\"[]{}&*!,. 火", max_size=8),
        lambda inner: (
            st.lists(inner, max_size=4)
            | st.dictionaries(st.text("abc", min_size=1, max_size=3), inner, max_size=4)
        ),
        max_leaves=12,
    )
)
def test_what_another_library_writes_is_read_back(value: Any) -> None:
    import yaml

    written = yaml.safe_dump({"a": value}, allow_unicode=True)
    assert parse_yaml(written, "f.yaml").value == {"a": value}


def test_every_field_has_its_line() -> None:
    found = parse_yaml("a:\n  - x: 1\n    y: &n [1,\n  2]\nb: *n\n", "f.yaml")
    assert found.value == {"a": [{"x": 1, "y": [1, 2]}], "b": [1, 2]}
    assert {found.line(("a",)), found.line(("a", 0)), found.line(("a", 0, "x"))} == {1, 2}
    assert [found.line(path) for path in (("a", 0, "y"), ("a", 0, "y", 1), ("b",), ("b", 0))] == [3, 4, 5, 3]


def test_merged_fields_give_way_to_own_ones() -> None:
    text = "base: &base {a: 1, b: 2}\nown:\n  <<: *base\n  b: 3\nboth: {<<: [{a: 5}, *base]}\n"
    found = parse_yaml(text, "f.yaml").value
    assert found["own"] == {"a": 1, "b": 3}
    assert found["both"] == {"a": 5, "b": 2}


HOSTILE = {
    "5,000 lists in lists": (
        "a: " + "[" * 5_000 + "]" * 5_000,
        f"f.yaml:1: is nested more than {MOST_DEPTH} deep",
    ),
    "5,000 levels of indentation": ("".join(f"{' ' * n}a:\n" for n in range(5_000)), "nested more than"),
    "an alias bomb": (
        "a0: &a0 [1,1,1,1,1,1,1,1,1,1]\n"
        + "".join(f"a{n}: &a{n} [{','.join([f'*a{n - 1}'] * 10)}]\n" for n in range(1, 12)),
        f"aliases may stand for {MOST_COPIED} values",
    ),
    "a bomb of merges": (
        "a0: &a0 {x: [1,1,1,1,1,1,1,1,1,1]}\n"
        + "".join(f"a{n}: &a{n} {{x: *a{n - 1}, y: *a{n - 1}, z: *a{n - 1}}}\n" for n in range(1, 20)),
        "aliases may stand for",
    ),
    "a list within itself": ("a: &a [1, *a]\n", "f.yaml:1: *a stands for itself"),
    "a mapping within itself": ("a: &a\n  b: *a\n", "f.yaml:2: *a stands for itself"),
    "an alias of nothing": ("a: *b\n", "*b stands for nothing"),
    "a program": ("a: !!python/object/apply:os.system [ls]\n", "expected plain values, found the tag"),
    "two documents": ("a: 1\n---\nb: 2\n", "f.yaml:2: expected one document"),
    "a list as a name": ("[1, 2]: a\n", "expected a text as the name of a field"),
    "a field twice": ("a: 1\nb: 2\na: 3\n", 'f.yaml:3: found duplicate key "a"; it is on line 1 already'),
    "a day that is none": ("a: 2026-02-30\n", "2026-02-30 is no day of the calendar"),
    "a bell": ("a: \x07\n", "has a character that no text has"),
    "a tab": ("a:\n\tb: 1\n", "f.yaml:2: found a tab"),
    "a full-width colon": ("zones:\n  - id: a\n    post： guard\n    covers: [b]\n", "has '：': write ':'"),
    "typographic quotes in a list": ("a: [“1, 2”\n", "has '“': write '\"'"),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_or_mistaken_text_is_refused_in_one_sentence(name: str) -> None:
    text, told = HOSTILE[name]
    (message,) = said(text)
    assert told in message
    assert "\n" not in message


@pytest.mark.parametrize(
    ("raw", "told"),
    [
        (
            "name: 消防控制室\n".encode("gb18030"),
            "site.yaml:1: is not UTF-8 text, but GBK: save the file as UTF-8",
        ),
        ("a: 1\nname: 门\n".encode("utf-16"), "is not UTF-8 text, but UTF-16: save the file as UTF-8"),
        (b"a: 1\nb: \xff\n", "site.yaml:2: is not UTF-8 text"),
    ],
)
def test_a_file_in_another_encoding_is_told_with_what_to_do(tmp_path: Path, raw: bytes, told: str) -> None:
    (tmp_path / "site.yaml").write_bytes(raw)
    with pytest.raises(ConfigError) as caught:
        load_yaml(tmp_path / "site.yaml")
    assert told in str(caught.value)


def test_a_mark_of_the_encoding_is_no_part_of_the_text(tmp_path: Path) -> None:
    (tmp_path / "site.yaml").write_bytes("site: a\n".encode("utf-8-sig"))
    assert load_yaml(tmp_path / "site.yaml").value == {"site": "a"}


def test_a_file_that_is_too_big_is_refused_unread(tmp_path: Path) -> None:
    with (tmp_path / "site.yaml").open("wb") as file:
        file.truncate(40 * 1024 * 1024)
    with pytest.raises(ConfigError, match="is 40 MB; expected at most 32 MB"):
        load_yaml(tmp_path / "site.yaml")
