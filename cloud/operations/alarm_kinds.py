"""Which happenings are alarms, and how urgent: `config/operations/alarms.yaml`, checked with file and line."""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final, Literal

import msgspec

from cloud.correlation.each import OLD_EACH, is_old_each, part_told
from cloud.correlation.rules import EventFilter, Names
from cloud.correlation.state_check import mistakes_of_state
from cloud.operations.alarm import Priority
from contract.events import ENDED_BY, KNOWN_TYPES, Event
from contract.problems import ConfigError, Problem
from contract.site import Id, Text
from contract.yamlfile import Located, convert, load_yaml, unknown_name

OVERDUE: Final = "overdue"
LINK: Final = "link"
NOBODY: Final = "nobody"
CHANNEL: Final = "channel"
UNWATCHED: Final = "unwatched"
UNDECIDED: Final = (OVERDUE, LINK, NOBODY, CHANNEL, UNWATCHED)
"""Alarms that no event begins: an obligation nobody met, a link that is down, an escalation that nobody takes, a
message that could not be sent, a manned site that no screen watches."""
_TOLD_OF: Final = frozenset({OVERDUE, LINK, NOBODY, UNWATCHED})


class AlarmKind(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What makes an alarm, what ends it, and what it asks for.

    It ends with the end of what began it (`state: cleared`), whatever `clears` says beside. `each: part`: each part of
    a device (`contract.parts`) has alarms of its own. `emergency`: the kind of emergency it is, whose
    plan is followed; with one it opens an incident. `group`: alarms of one kind within a device, an area (a zone with
    all that it covers) or the site are one group. `hidden_by`: kinds of alarms that hide it, of the same device or of what it is read through;
    `hidden_by_link`: it is hidden while the device's agent is silent.
    """

    id: Id
    name: Text
    on: EventFilter | None = None
    clears: EventFilter | None = None
    each: Names = ()
    priority: Literal["critical", "high", "medium", "low"] = "medium"
    emergency: Id | None = None
    group: Literal["device", "area", "site"] = "device"
    latches: bool = False
    shelvable: bool = True
    hidden_by: tuple[Id, ...] = ()
    hidden_by_link: bool = False

    def part_of(self, event: Event) -> str:
        """The part of its device that an event begins or ends an alarm of; empty for the device as a whole."""
        return part_told(self.each, event)

    @property
    def is_momentary(self) -> bool:
        """Whether no event of another type, nor the cloud itself, tells of its end."""
        return not self.ending and self.id not in _TOLD_OF

    @property
    def ending(self) -> frozenset[str]:
        """The types of other events that end it."""
        begun = self.on.types if self.on else frozenset[str]()
        return (self.clears.types if self.clears else frozenset[str]()).union(
            *(ENDED_BY.get(name, ()) for name in begun)
        ) - begun

    @property
    def urgency(self) -> Priority:
        """The priority as a number: lower comes first."""
        return Priority[self.priority.upper()]


class AlarmsFile(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What the file holds."""

    alarms: tuple[AlarmKind, ...]


class AlarmKinds:
    """The kinds by id, and by the types of the events that begin and end them."""

    def __init__(self, kinds: Iterable[AlarmKind] = ()) -> None:
        self.by_id = {kind.id: kind for kind in kinds}
        self.beginning: dict[str, list[AlarmKind]] = {}
        self.ending: dict[str, list[AlarmKind]] = {}
        self.warnings: tuple[str, ...] = ()
        """What in the files is of an older form, for people."""
        self.hides: dict[str, set[str]] = {}
        """By kind, the kinds that it hides at the same device."""
        for kind in self.by_id.values():
            for name in kind.on.types if kind.on else ():
                self.beginning.setdefault(name, []).append(kind)
            for name in kind.ending:
                self.ending.setdefault(name, []).append(kind)
            for name in kind.hidden_by:
                self.hides.setdefault(name, set()).add(kind.id)

    def get(self, name: str) -> AlarmKind | None:
        """A kind by its id."""
        return self.by_id.get(name)


def load_alarm_kinds(path: Path) -> AlarmKinds:
    """The kinds of a file.

    Raises:
        ConfigError: It has mistakes; every one is named with its line.
    """
    located = load_yaml(path)
    kinds = convert(located, AlarmsFile).alarms
    problems = list(_mistakes(kinds, located))
    if problems:
        raise ConfigError(problems)
    found = AlarmKinds(kinds)
    found.warnings = tuple(
        str(located.problem(("alarms", index, "each"), OLD_EACH))
        for index, kind in enumerate(kinds)
        if is_old_each(kind.each)
    )
    return found


def _mistakes(kinds: tuple[AlarmKind, ...], located: Located) -> Iterator[Problem]:
    names = {kind.id for kind in kinds}
    seen: set[str] = set()
    for index, kind in enumerate(kinds):
        if kind.id in seen:
            yield located.problem(("alarms", index, "id"), f"{kind.id!r} is already the id of another alarm")
        seen.add(kind.id)
        if kind.on is None and kind.id not in UNDECIDED:
            yield located.problem(
                ("alarms", index), f"`on` is missing: only {', '.join(UNDECIDED)} do without"
            )
        for field, wanted in (("on", kind.on), ("clears", kind.clears)):
            for name in wanted.types if wanted else ():
                if name not in KNOWN_TYPES:
                    yield located.problem(
                        ("alarms", index, field), unknown_name("event type", name, KNOWN_TYPES)
                    )
            for place, said in mistakes_of_state(wanted, may_take_both=False) if wanted else ():
                yield located.problem(("alarms", index, field, *place.split(".")), said)
        for name in kind.hidden_by:
            if name not in names:
                yield located.problem(("alarms", index, "hidden_by"), unknown_name("alarm", name, names))
