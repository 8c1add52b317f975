"""The pages' words: whole in both languages, and there is one for whatever the API can say."""

import json
import re
from pathlib import Path

import pytest

from cloud.store.base import IncidentKind
from cloud.web.health import DeviceState
from contract.causes import ENGLISH, Cause
from contract.events import KNOWN_TYPES
from contract.profile.load import load_profile
from contract.profile.model import ModbusProfile

SOURCE = Path(__file__).parents[3] / "cloud" / "ui" / "src"
FILES = sorted((SOURCE / "words").glob("*.json"))
WORDS = {name: texts for file in FILES for name, texts in json.loads(file.read_text("utf-8")).items()}
GENERATED = "schema.d.ts"
CODE = [
    path for path in sorted(SOURCE.rglob("*")) if path.suffix in {".svelte", ".ts"} and path.name != GENERATED
]
BEFORE_WORDS = {"client.ts", "act.ts"}
"""They say what the server can't, in both languages, wherever they are used."""


@pytest.mark.parametrize("name", sorted(WORDS))
def test_a_word_is_there_in_both_languages_with_the_same_gaps(name: str) -> None:
    zh, en = WORDS[name]
    assert zh.strip()
    assert en.strip()
    assert set(re.findall(r"{\w+}", zh)) == set(re.findall(r"{\w+}", en))


def test_no_word_is_in_two_files() -> None:
    assert len(WORDS) == sum(len(json.loads(file.read_text("utf-8"))) for file in FILES)


PROFILES = sorted((SOURCE.parents[2] / "config" / "profiles").glob("*.yaml"))
ALSO_TOLD = {
    Cause.FILE_REFUSED: {"line", "column", "lines"},
    Cause.LINES_LEFT_OUT: {"line", "column", "lines"},
    Cause.DAMAGED_RECORDS: {"count"},
}
"""What events tell beside what fills the gaps of the English."""


@pytest.mark.parametrize(
    "name",
    [
        *(f"event.{kind}" for kind in sorted(KNOWN_TYPES)),
        *(f"state.{state}" for state in DeviceState),
        *(f"kind.{kind}" for kind in IncidentKind),
    ],
)
def test_what_the_api_can_say_has_a_word(name: str) -> None:
    assert name in WORDS


def gaps_of(text: str) -> set[str]:
    return set(re.findall(r"{(\w+)}", text))


@pytest.mark.parametrize("cause", Cause)
def test_every_reason_that_an_agent_can_give_has_words_with_gaps_that_it_fills(cause: Cause) -> None:
    assert gaps_of("".join(WORDS[f"why.{cause}"])) <= gaps_of(ENGLISH[cause]) | ALSO_TOLD.get(cause, set())


@pytest.mark.parametrize("path", PROFILES, ids=lambda path: path.stem)
def test_every_value_that_is_none_in_a_shipped_profile_has_words(path: Path) -> None:
    profile = load_profile(path)
    if isinstance(profile, ModbusProfile):
        named = {word for codes in profile.sentinels.values() for word in codes.values()}
        named |= {word for point in profile.points for word in (point.na or {}).values()}
        assert [word for word in sorted(named) if f"why.{word}" not in WORDS] == []


@pytest.mark.parametrize("path", CODE, ids=lambda path: path.name)
def test_s35_nothing_makes_markup_of_data(path: Path) -> None:
    text = path.read_text("utf-8")
    for way in (
        "{@html",
        "innerHTML",
        "outerHTML",
        "insertAdjacentHTML",
        "document.write",
        "eval(",
        "new Function",
    ):
        assert way not in text


@pytest.mark.parametrize(
    "path",
    [path for path in CODE if path.name not in BEFORE_WORDS and not path.name.endswith(".test.ts")],
    ids=lambda path: path.name,
)
def test_no_page_carries_chinese_words_of_its_own(path: Path) -> None:
    assert not re.search(r"[\u4e00-\u9fff]", path.read_text("utf-8"))
