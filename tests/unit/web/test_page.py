"""The page's own files: whole in both languages, and nothing in them takes data for markup."""

import json
import re

import pytest

from cloud.store.base import IncidentKind
from cloud.web.app import STATIC
from cloud.web.health import DeviceState
from contract.events import KNOWN_TYPES

WORDS = json.loads((STATIC / "words.json").read_text("utf-8"))
SCRIPTS = sorted(STATIC.glob("*.js"))


def test_both_languages_have_the_same_words() -> None:
    assert WORDS["zh"].keys() == WORDS["en"].keys()
    assert all(text.strip() for language in WORDS.values() for text in language.values())


def test_both_languages_have_the_same_gaps_to_fill() -> None:
    gaps = {language: {name: set(re.findall(r"{\w+}", text)) for name, text in words.items()}
            for language, words in WORDS.items()}  # fmt: skip
    assert gaps["zh"] == gaps["en"]


@pytest.mark.parametrize(
    "name",
    [
        *(f"event.{kind}" for kind in sorted(KNOWN_TYPES)),
        *(f"state.{state}" for state in DeviceState),
        *(f"kind.{kind}" for kind in IncidentKind),
    ],
)
def test_what_the_api_can_say_has_a_word(name: str) -> None:
    assert name in WORDS["zh"]


def test_every_word_the_page_asks_for_is_there() -> None:
    asked = set(re.findall(r'data-word="(\w+)"', (STATIC / "index.html").read_text("utf-8")))
    for script in SCRIPTS:
        asked |= set(re.findall(r'\bword\("([\w.]+)"', script.read_text("utf-8")))
    assert asked <= WORDS["zh"].keys()


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: path.name)
def test_s35_no_script_makes_markup_of_data(path: object) -> None:
    text = path.read_text("utf-8")  # type: ignore[attr-defined]
    for way in ("innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval(", "new Function"):
        assert way not in text


def test_the_page_has_nothing_inline_and_nothing_from_elsewhere() -> None:
    page = (STATIC / "index.html").read_text("utf-8")
    assert not re.search(r"<style|\sstyle=|\son\w+=|https?://", page)
    assert re.findall(r"<script[^>]*>[^<]+</script>", page) == []
