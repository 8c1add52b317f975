"""Checklists as data: `config/operations/checklists.yaml`; what a value must look like, and when it is bad."""

import math
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Final, Literal

import msgspec
from msgspec import Meta

from cloud.errors import RefusedError
from contract.problems import ConfigError, Problem
from contract.site import Id, Text
from contract.yamlfile import FieldPath, Located, convert, load_yaml

_SHA256: Final = re.compile(r"[0-9a-f]{64}")
SIGNATURE: Final = "signature"
"""The item that every signed order ends with."""


class Choice(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One of the answers; `bad`: it is one that something must be done about."""

    id: Id
    name: Text
    bad: bool = False


class Source(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where a reading can be had from without writing it down: a point of the order's device, or the length of its run.

    `take`: which of a run's readings; `now`: the newest, whether it runs or not.
    """

    reading: (
        Annotated[str, Meta(pattern=r"^[a-z0-9_.]+$", description="a point such as fuel_level")] | None
    ) = None
    run: Literal["length"] | None = None
    take: Literal["now", "last", "least", "most"] = "last"


class Item(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, rename={"source": "from"}):
    """One thing to look at. `least` and `most`: a reading beyond them is bad; so is a yes_no that is not `good`.

    `opens`: the kind of order that a bad answer opens. `point`: the reading is a measurement of that name, which the
    rules are told. `source`: where telemetry knows it from.
    """

    id: Id
    name: Text
    kind: Literal["reading", "choice", "text", "photo", "signature", "yes_no"]
    unit: str = ""
    least: float | None = None
    most: float | None = None
    choices: tuple[Choice, ...] = ()
    good: bool = True
    required: bool = True
    opens: Id | None = None
    point: Annotated[str, Meta(pattern=r"^[a-z0-9_]+$", description="a name such as temperature")] | None = (
        None
    )
    source: Source | None = None


class Checklist(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Items in their order. `signature`: the work is signed, and so is that of each order which it opens."""

    id: Id
    name: Text
    items: Annotated[tuple[Item, ...], Meta(min_length=1)]
    signature: bool = False


class ChecklistsFile(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What the file holds."""

    checklists: tuple[Checklist, ...]


Checklists = Mapping[str, Checklist]
"""By id."""

SIGNED: Final = Item(id=SIGNATURE, name=Text(zh="签字", en="Signature"), kind="signature")
_LIMITED: Final = ("unit", "least", "most", "point", "source")
UNITS: Final[Mapping[str, tuple[str, float]]] = {
    "ms": ("s", 0.001),
    "s": ("s", 1.0),
    "min": ("s", 60.0),
    "h": ("s", 3_600.0),
    "kPa": ("kPa", 1.0),
    "bar": ("kPa", 100.0),
    "MPa": ("kPa", 1_000.0),
    "V": ("V", 1.0),
    "kV": ("V", 1_000.0),
}
"""Units that stand for one another: of what, and how much of it. SI."""


def items_of(checklist: Checklist | None, *, signed: bool) -> tuple[Item, ...]:
    """What is to be filled; a signed order ends with a signature even where its checklist has none."""
    items = checklist.items if checklist is not None else ()
    if signed and not any(item.kind == "signature" for item in items):
        return (*items, SIGNED)
    return items


def is_bad(item: Item, value: float | bool | str) -> bool:
    """Whether something must be done about what was found.

    Raises:
        RefusedError: It is no answer to this item.
    """
    match item.kind:
        case "reading":
            return _beyond(item, value)
        case "yes_no":
            if not isinstance(value, bool):
                raise _unusable(item, "是或否", "yes or no")
            return value is not item.good
        case "choice":
            chosen = next((choice for choice in item.choices if choice.id == value), None)
            if chosen is None:
                names = [choice.id for choice in item.choices]
                raise _unusable(item, "、".join(names), f"one of {', '.join(names)}")
            return chosen.bad
        case "text":
            if not isinstance(value, str) or not value.strip():
                raise _unusable(item, "文字", "words")
        case "photo" | "signature":
            if not isinstance(value, str) or _SHA256.fullmatch(value) is None:
                raise _unusable(item, "已上传的文件", "a file that was uploaded, by its SHA-256")
    return False


def _beyond(item: Item, value: float | bool | str) -> bool:
    if isinstance(value, bool | str) or not math.isfinite(value):
        raise _unusable(item, "数值", "a number")
    return (item.least is not None and value < item.least) or (item.most is not None and value > item.most)


def _unusable(item: Item, zh: str, en: str) -> RefusedError:
    return RefusedError(
        "unusable", f"“{item.name.in_('zh')}”应填写{zh}", f"{item.name.in_('en')!r} takes {en}"
    )


def load_checklists(path: Path) -> Checklists:
    """The checklists of a file.

    Raises:
        ConfigError: It has mistakes; every one is named with its line.
    """
    located = load_yaml(path)
    checklists = convert(located, ChecklistsFile).checklists
    problems = list(_mistakes(checklists, located))
    if problems:
        raise ConfigError(problems)
    return {checklist.id: checklist for checklist in checklists}


def _mistakes(checklists: tuple[Checklist, ...], located: Located) -> Iterator[Problem]:
    seen: set[str] = set()
    for index, checklist in enumerate(checklists):
        if checklist.id in seen:
            path: FieldPath = ("checklists", index, "id")
            yield located.problem(path, f"{checklist.id!r} is already the id of another checklist")
        seen.add(checklist.id)
        items: set[str] = set()
        for number, item in enumerate(checklist.items):
            at: FieldPath = ("checklists", index, "items", number)
            if item.id in items:
                yield located.problem((*at, "id"), f"{item.id!r} is already the id of another item")
            items.add(item.id)
            yield from _item_mistakes(item, located, at)


def _item_mistakes(item: Item, located: Located, at: FieldPath) -> Iterator[Problem]:
    if item.kind != "reading":
        for field in _LIMITED:
            if getattr(item, field) not in {None, ""}:
                shown = "from" if field == "source" else field
                yield located.problem((*at, shown), "expected with a reading, and only there")
    if item.source is not None:
        yield from _source_mistakes(item, item.source, located, at)
    if item.least is not None and item.most is not None and item.least > item.most:
        yield located.problem((*at, "most"), "expected it not below `least`")
    if bool(item.choices) is not (item.kind == "choice"):
        yield located.problem((*at, "choices"), "expected with a choice, and only there")
    names = [choice.id for choice in item.choices]
    for number, name in enumerate(names):
        if name in names[:number]:
            yield located.problem((*at, "choices", number, "id"), f"{name!r} stands there twice")
    if item.opens is not None and not _can_be_bad(item):
        yield located.problem((*at, "opens"), "nothing that is found here can be bad")


def _source_mistakes(item: Item, source: Source, located: Located, at: FieldPath) -> Iterator[Problem]:
    if (source.reading is None) is (source.run is None):
        yield located.problem((*at, "from"), "expected `reading` or `run`, one of them")
    elif source.run is not None and UNITS.get(item.unit, ("", 0.0))[0] != "s":
        yield located.problem((*at, "unit"), "expected a unit of time (s, min, h) for the length of a run")


def converted(value: float, given: str, wanted: str) -> float | None:
    """A value in another unit; None where one does not stand for the other."""
    if given == wanted:
        return value
    known, asked = UNITS.get(given), UNITS.get(wanted)
    if known is None or asked is None or known[0] != asked[0]:
        return None
    return value * known[1] / asked[1]


def _can_be_bad(item: Item) -> bool:
    match item.kind:
        case "reading":
            return item.least is not None or item.most is not None
        case "choice":
            return any(choice.bad for choice in item.choices)
        case "yes_no":
            return True
        case _:
            return False
