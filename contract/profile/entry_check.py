"""What points and fields say that can't be meant: too many, all by one name, an empty range, a pattern without an end."""

import math
import re
import string
from collections.abc import Iterator
from typing import Final

from contract.profile.messages import Field
from contract.profile.model import Item, ModbusProfile, Point, Profile, PublishingProfile
from contract.profile.words import MOST_POINTS
from contract.yamlfile import FieldPath

Mistake = tuple[FieldPath, str]
_QUANTIFIER: Final = re.compile(r"[*+?]|\{(\d*)(,?)(\d*)\}")
_FEW: Final = 8
"""So often something may be repeated within what is repeated; beyond it the ways to match a text are past counting."""


def count_mistakes(profile: Profile) -> Iterator[Mistake]:
    """Repeats that make more points than a device has, told before any of them is made; and counters that count nothing."""
    total = 0
    for path, entry in _repeated(profile):
        total += math.prod(repeat.count for repeat in entry.repeat)
        if total > MOST_POINTS:
            yield (*path, "repeat"), f"makes {total} points; expected at most {MOST_POINTS} for a device"
            return
        yield from _counter_mistakes(entry, path)


def _repeated(profile: Profile) -> Iterator[tuple[FieldPath, Point | Field]]:
    if isinstance(profile, ModbusProfile):
        yield from ((("points", index), point) for index, point in enumerate(profile.points))
    if isinstance(profile, PublishingProfile):
        for index, topic in enumerate(profile.topics):
            yield from (
                (("topics", index, "fields", place), field) for place, field in enumerate(topic.fields)
            )


def _counter_mistakes(entry: Point | Field, path: FieldPath) -> Iterator[Mistake]:
    if len({repeat.name for repeat in entry.repeat}) != len(entry.repeat):
        yield (*path, "repeat"), "two counters have one name"
        return
    used = _names_in(entry.name)
    for place, repeat in enumerate(entry.repeat):
        here: FieldPath = (*path, "repeat", place, "as")
        # A pattern with other mistakes is told by itself.
        if used is not None and repeat.name not in used:
            yield here, f"expected {{{repeat.name}}} in the name: all {repeat.count} would have one name"
        elif isinstance(entry, Field) and not re.search(rf"\{{{repeat.name}(\.index)?\}}", entry.path):
            yield here, f"expected {{{repeat.name}}} in the path: all {repeat.count} would be one value"


def _names_in(pattern: str) -> set[str] | None:
    try:
        return {name for _, name, _, _ in string.Formatter().parse(pattern) if name is not None}
    except ValueError:
        return None


def range_mistakes(entry: Point | Field | Item, path: FieldPath) -> Iterator[Mistake]:
    """A range in which no value is, and a scale that makes all values one."""
    if entry.min is not None and entry.max is not None and entry.min > entry.max:
        yield (*path, "min"), "is above max"
    if not entry.scale:
        yield (*path, "scale"), "expected a number other than 0: every value would be read as the same"


def pattern_mistakes(pattern: str, path: FieldPath) -> Iterator[Mistake]:
    """A pattern that is none, has no number, or that a text could keep busy for ever."""
    try:
        groups = re.compile(pattern).groups
    except re.error as error:
        yield path, f"is no regular expression: {error}"
        return
    if groups != 1:
        yield path, "expected one group in brackets: the number"
    if endless := _endless(pattern):
        yield path, f"{endless} may run for ever: expected no repeat or | within what is repeated"


def _endless(pattern: str) -> str:
    """The first group that is repeated and in which something varies, as it is written; empty where there is none."""
    begun: list[tuple[int, bool]] = []
    varies = False
    place = 0
    while place < len(pattern):
        piece = _piece(pattern, place)
        after = place + len(piece)
        often = _QUANTIFIER.match(pattern, after) if piece not in {"(", "|"} else None
        if piece == "(":
            begun.append((place, varies))
            varies = False
            # The question mark of (?: and the like repeats nothing.
            after += pattern[after : after + 1] == "?"
        elif piece == "|":
            varies = True
        elif piece == ")":
            start, outer = begun.pop()
            if varies and often is not None and _most(often) > _FEW:
                return pattern[start : often.end()]
            varies = varies or outer
        if often is not None:
            varies = varies or not _is_fixed(often)
            after = often.end() + (pattern[often.end() : often.end() + 1] in {"?", "+"})
        place = after
    return ""


def _piece(pattern: str, place: int) -> str:
    """A sign, with what belongs to it: an escaped one, a class in brackets."""
    if pattern[place] == "\\":
        return pattern[place : place + 2]
    if pattern[place] != "[":
        return pattern[place]
    found = re.compile(r"\[\^?\]?(?:\\.|[^\]\\])*\]", re.DOTALL).match(pattern, place)
    return found[0] if found is not None else pattern[place:]


def _most(often: re.Match[str]) -> float:
    """How often at most."""
    if often[0] in {"*", "+"}:
        return math.inf
    if often[0] == "?":
        return 1
    low, comma, high = often.groups()
    last = high if comma else low
    return int(last) if last else math.inf


def _is_fixed(often: re.Match[str]) -> bool:
    """Whether there is no choice how often."""
    low, comma, high = often.groups()
    return often[0] not in {"*", "+", "?"} and (not comma or low == high)
