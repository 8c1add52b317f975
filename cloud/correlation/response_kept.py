"""What a chain of a response rule keeps over a restart, and what it asks of its rule."""

from collections.abc import Mapping
from typing import Protocol

import msgspec

from cloud.correlation.coverage import CoverageBook
from cloud.correlation.episodes import Told
from cloud.correlation.pausing import PauseMark
from cloud.correlation.response_verdict import Ending, Found, Late, Trigger, VersionOf


class Kept(msgspec.Struct, array_like=True):
    """All of a chain, but for its marks, that must survive a restart.

    `endings`: by version what may make an episode void; `zones`: where triggers were, for versions that ask; `pauses`: by
    version what stops the clock and lets it run again; `late`: by version what was only said, too late; `reviews`: who
    accepted that, by when the episode opened.
    """

    triggers: list[Trigger]
    evidence: dict[int, list[Found]]
    most_error: int
    told: dict[int, Told]
    floor: int
    endings: dict[int, list[Ending]] = {}
    zones: dict[Trigger, str] = {}
    pauses: dict[int, list[PauseMark]] = {}
    late: dict[int, list[Late]] = {}
    reviews: dict[int, list[str]] = {}


class Rule(Protocol):
    """What a chain asks of its rule."""

    @property
    def rule(self) -> str:
        """Its id."""
        ...

    @property
    def book(self) -> CoverageBook:
        """What is known of each device."""
        ...

    @property
    def versions(self) -> Mapping[int, VersionOf]:
        """Its versions by number."""
        ...

    @property
    def horizon(self) -> int:
        """How long after its opening evidence can change an episode, at the most over all versions."""
        ...

    @property
    def early(self) -> int:
        """How long before its opening evidence can meet an episode, at the most over all versions."""
        ...

    def version_at(self, at: int) -> VersionOf | None:
        """The version in force at a moment."""
        ...

    def already_there(self, version: VersionOf, key: str, at: int) -> Trigger | None:
        """The event by which somebody who qualifies is already there at a moment."""
        ...
