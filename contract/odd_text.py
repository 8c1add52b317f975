"""Characters that look like others in what people write: full-width ones, typographic quotes, invisible ones. Pure."""

import re
import unicodedata
from collections.abc import Sequence
from typing import Final

_QUOTES: Final = "“”„‟＂「」『』‘’‚‛＇"
_PLAIN: Final = str.maketrans(
    "“”„‟＂「」『』‘’‚‛＇，：；（）［］｛｝、－。", '"""""""""\'\'\'\'\'' + ",:;()[]{},-."
)
_WIDE: Final = "：；，。＠－．＃＆＝＋／＿\u3000\uff10-\uff19\uff21-\uff3a\uff41-\uff5a"
_UNSEEN: Final = "\u00a0\u00ad\u200b-\u200f\u202a-\u202e\u2060\ufeff"
_ODD: Final = re.compile(f"[{_QUOTES}{_WIDE}{_UNSEEN}]")
_INVISIBLE: Final = re.compile(f"[{_UNSEEN}]")
_PROSE: Final = frozenset(
    {"zh", "en", "note", "notes", "source", "sources", "reason", "title", "text", "vendor", "model", "answer"}
)
"""Fields that people read as they are."""
_DEVICES_WORDS: Final = frozenset(
    {
        "where",
        "codes",
        "columns",
        "part",
        "rows",
        "path",
        "data",
        "pattern",
        "online",
        "offline",
        "identity",
        "delimiter",
    }
)
"""Fields that hold what devices say, letter by letter."""
_SECRETS: Final = frozenset({"secret", "apprise", "webhook", "robot", "password"})
_FREE: Final = _PROSE | _DEVICES_WORDS | _SECRETS


def plain_form(text: str) -> str:
    """The text with typewriter quotes and half-width letters and digits, without what can't be seen."""
    return unicodedata.normalize("NFKC", _INVISIBLE.sub("", text).translate(_PLAIN)).strip()


def odd_mistake(text: str, path: Sequence[str | int]) -> str:
    """What of a text in that field can't be meant as it stands, and how to write it; empty where nothing is.

    Fields for people's eyes, and those that hold the words of a device, may have any character.
    """
    if not _FREE.isdisjoint(path):
        return ""
    if text != text.strip() and text.strip():
        return f"begins or ends with a space: write {_shown(text.strip())}"
    found = _ODD.search(text)
    if found is None:
        return ""
    return f"has {_named(found[0])}: write {_shown(plain_form(text).strip(chr(34) + chr(39)))}"


def _named(letter: str) -> str:
    if _INVISIBLE.match(letter):
        return f"a character that can't be seen (U+{ord(letter):04X})"
    if letter == "\u3000":
        return "a full-width space"
    return f"the quote {letter}" if letter in _QUOTES else f"the full-width {letter}"


def _shown(text: str) -> str:
    """How to write it; of an address with a password only that."""
    return "it without" if "://" in text and "@" in text else f'"{text}"'
