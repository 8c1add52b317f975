"""The names of points and words that rules, checklists and pages look for, and what a profile may have meant by others."""

import difflib
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import msgspec

from contract.measured import given_by
from contract.profile.model import Profile
from contract.site_files import shipped_config
from contract.yamlfile import load_yaml

PAGES: Final = ("engine_speed", "active_power", "mains_l1_voltage", "fuel_level", "battery_voltage")
"""What the page of generators shows of each."""
_NEAR: Final = 0.8
_PART: Final = re.compile(r"_(\d+|l[123](_l[123])?|[abc]|total|avg|max|min)$")
_WHERE: Final = ("data", "unless", "where", "with")


class Expected(msgspec.Struct, frozen=True):
    """Who looks for a name of a point, or for a word under a name of an event's data."""

    name: str
    by: tuple[str, ...]
    label: str = ""


def expected_names(config: Path | None = None) -> list[Expected]:
    """Every name that the shipped rules, checklists, plans of upkeep and pages look for, in order."""
    folder = config or shipped_config()
    found: dict[tuple[str, str], set[str]] = {("", name): {"pages"} for name in PAGES}
    for files, who in (
        ("rules/*.yaml", "rules"),
        ("operations/*.yaml", "checklists"),
        ("sites/*/upkeep.yaml", "upkeep"),
    ):
        for path in sorted(folder.glob(files)):
            for label, name, by in _names(load_yaml(path).value, ""):
                found.setdefault((label, name), set()).add(by if who == "rules" and by else who)
    return [Expected(name, tuple(sorted(by)), label) for (label, name), by in sorted(found.items())]


def _names(node: object, owner: str) -> Iterator[tuple[str, str, str]]:
    if isinstance(node, list):
        for one in node:
            yield from _names(one, owner)
    if not isinstance(node, dict):
        return
    here = str(node.get("id", owner))
    point = node.get("point")
    if isinstance(point, str) and point.isidentifier():
        yield "", point, here
    for key in _WHERE:
        facts = node.get(key)
        for label, words in facts.items() if "type" in node and isinstance(facts, dict) else ():
            for word in words if isinstance(words, list) else [words]:
                if isinstance(word, str) and word.isidentifier():
                    yield str(label), word, here
    for value in node.values():
        yield from _names(value, here)


def hints(profile: Profile, expected: list[Expected]) -> list[str]:
    """What of a profile is near to a name that is looked for, and not it: in words for people."""
    raw = msgspec.json.decode(msgspec.json.encode(profile))
    own = {given.name for given in given_by(raw)}
    points = {one.name: one for one in expected if not one.label}
    known = msgspec.convert(load_yaml(shipped_config() / "points.yaml").value, dict[str, Any])
    told: list[str] = []
    for name in sorted(one for one in own - points.keys() if not _is_known(one, known)):
        meant = next((one for one in points if one not in own and _is_near(name, one)), None)
        if meant is not None:
            told.append(f"point {name}: {', '.join(points[meant].by)} look for {meant!r}; did you mean that?")
    return told + list(_word_hints(raw, expected))


def _is_known(name: str, known: Mapping[str, Any]) -> bool:
    """Whether people know what a name says, or what it is a part of."""
    base = _PART.sub("", name)
    return name in known or (base != name and _is_known(base, known))


def _word_hints(raw: Mapping[str, Any], expected: list[Expected]) -> Iterator[str]:
    words: dict[str, dict[str, Expected]] = {}
    for one in expected:
        if one.label:
            words.setdefault(one.label, {})[one.name] = one
    for states in raw.get("states", {}).values():
        for state in states:
            looked_for = words.get(state.get("as", "word"), {})
            said = set(state.get("words", {}).values())
            for word in sorted(said - looked_for.keys()):
                meant = next((one for one in looked_for if one not in said and _is_near(word, one)), None)
                if meant is not None:
                    by = ", ".join(looked_for[meant].by)
                    yield f"word {word}: {by} look for {meant!r}; did you mean that?"


def _is_near(name: str, wanted: str) -> bool:
    parts, others = set(name.split("_")), set(wanted.split("_"))
    if parts == others or parts < others or (len(others) > 1 and others < parts):
        return True
    if len(parts) == len(others) == 1 and name.startswith(wanted):
        return True
    return difflib.SequenceMatcher(None, name, wanted).ratio() >= _NEAR


def names_table(expected: list[Expected]) -> str:
    """The names as a part of a Markdown page."""
    points = [f"| `{one.name}` | {', '.join(one.by)} |" for one in expected if not one.label]
    words = [f"| `{one.label}` | `{one.name}` | {', '.join(one.by)} |" for one in expected if one.label]
    lines = [
        "## Names that are looked for",
        "",
        "A profile that calls its points so is judged and shown. `sitewarden profile check` suggests those that are near.",
        "",
        "| point | looked for by |",
        "|---|---|",
        *points,
        "",
        "| of an event's data | word | looked for by |",
        "|---|---|---|",
        *words,
        "",
    ]
    return "\n".join(lines)
