"""What a profile gives readings of, and what people call it. Pure."""

import itertools
import math
import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

import msgspec

from contract.display import Shown, words_for
from contract.profile.words import MOST_POINTS
from contract.site import Given, Text

_PART: Final = re.compile(r"^(?P<base>.+)_(?P<part>\d+|l[123]|[abc]|total|avg|max|min)$")
_MOST_STATES: Final = 15
"""A whole number without a unit that never gets beyond this is a code."""


class _Repeat(msgspec.Struct, frozen=True, rename={"name": "as"}):
    name: str
    count: int
    first: int = 1


class _Entry(msgspec.Struct, frozen=True):
    """A point, field or lapse of a profile, as far as its readings go; what else it says is the edge's."""

    name: str
    unit: str = ""
    label: Text = Text()
    report: bool = True
    bound_only: bool = False
    type: str = ""
    states: str | None = None
    codes: dict[str, int] = {}
    display: dict[Shown, Text] = {}
    scale: float = 1.0
    max: float | None = None
    repeat: tuple[_Repeat, ...] = ()

    @property
    def is_state(self) -> bool:
        """Whether its numbers are codes."""
        if self.type == "bool" or self.codes or (self.display and not self.unit):
            return True
        few = self.max is not None and self.max <= _MOST_STATES and self.scale == 1
        whole = few and not self.type.startswith("float")
        return not self.unit and (self.states is not None or whole)


def given_by(profile: Mapping[str, Any]) -> tuple[Given, ...]:
    """The points that a profile file tells readings of; an entry with mistakes gives none."""
    listed = [profile.get(section, ()) for section in ("topics", "blocks")]
    parts = [profile, *(part for parts in listed if isinstance(parts, list) for part in parts)]
    # No more than a device may have: what makes more is a mistake, and is told where the profile is read.
    found = list(itertools.islice((given for part in parts for given in _of_part(part)), MOST_POINTS))
    rows = profile.get("rows", ())
    for row in rows if isinstance(rows, list) else ():
        readings = row.get("readings", {}) if isinstance(row, dict) else {}
        found += [Given(name=name) for name in readings if isinstance(name, str)]
    return tuple({given.name: given for given in found}.values())


def _of_part(part: object) -> Iterator[Given]:
    if not isinstance(part, dict):
        return
    for section in ("points", "fields", "lapses"):
        entries = part.get(section, ())
        for raw in entries if isinstance(entries, list) else ():
            try:
                entry = msgspec.convert(raw, _Entry)
                yield from _given(entry, "s" if section == "lapses" else entry.unit)
            except (msgspec.ValidationError, KeyError, IndexError, ValueError):
                continue


def _given(entry: _Entry, unit: str) -> Iterator[Given]:
    """The points that an entry stands for: one, or as many as it is repeated."""
    if not entry.report or math.prod(one.count for one in entry.repeat) > MOST_POINTS:
        return
    for numbers in itertools.product(*(range(one.first, one.first + one.count) for one in entry.repeat)):
        counters = {one.name: number for one, number in zip(entry.repeat, numbers, strict=True)}
        part = "".join(f" {number}" for number in numbers)
        yield Given(
            name=entry.name.format(**counters),
            unit=unit,
            label=Text(
                zh=entry.label.zh and entry.label.zh + part, en=entry.label.en and entry.label.en + part
            ),
            state=entry.is_state,
            bound_only=entry.bound_only,
            words=words_for(entry.display),
        )


def point_name(names: Mapping[str, Text], point: str) -> Text:
    """What people call a point, in both languages: the name known for it, or for what it is a part of, or its own."""
    known = names.get(point)
    if known is not None:
        return known
    part = _PART.match(point)
    if part is None or point.startswith("_"):
        plain = point.replace("_", " ").replace(".", " ")
        return Text(zh=plain, en=plain[:1].upper() + plain[1:])
    base = point_name(names, part["base"])
    shown = part["part"].upper() if len(part["part"]) < 3 else part["part"]
    return Text(zh=f"{base.zh} {shown}", en=f"{base.en} {shown}")
