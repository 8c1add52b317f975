"""Which links are down: agents that fell silent, and numbers that never came. Pure.

Judged by when *we* heard something, not by what stands in the database: after a restart of the cloud, or behind
a backlog, an agent is given `SILENT_MS` to be heard before anybody is alarmed.
"""

from collections.abc import Iterable, Mapping
from typing import Final

import msgspec

SILENT_MS: Final = 30_000
"""An agent says something every 5 s; site link loss is to be shown within 30 s."""

GAP_MS: Final = 60_000
"""Numbers missing for longer than this are an incident."""


class MissingNumbers(msgspec.Struct, frozen=True):
    """`first..last` of a queue of an agent are missing, noticed at `since`."""

    agent: str
    lane: str
    first: int
    last: int
    since: int


class Trouble(msgspec.Struct, frozen=True):
    """A link that is down: what about (an agent, or one of its queues), why in words, and since when."""

    subject: str
    cause: str
    since: int


class Links:
    """The links of one site. `expected` are the agents of its model: one never heard of is silent too."""

    def __init__(self, expected: Iterable[str], down: Iterable[str], now: int) -> None:
        self._heard = dict.fromkeys(expected, now)
        self._down = set(down)

    def heard(self, agent: str, now: int) -> None:
        """An agent said something."""
        self._heard[agent] = now

    @property
    def next_check(self) -> int | None:
        """When an agent that is well would have been silent for too long."""
        well = [at for agent, at in self._heard.items() if agent not in self._down]
        return min(well) + SILENT_MS if well else None

    def check(self, gaps: Iterable[MissingNumbers], now: int) -> tuple[list[Trouble], list[str]]:
        """What went down, and the subjects that are well again, since the last check."""
        there = {trouble.subject: trouble for trouble in _troubles(self._heard, gaps, now)}
        new = [trouble for subject, trouble in there.items() if subject not in self._down]
        well = sorted(self._down - there.keys())
        self._down = set(there)
        return new, well


def _troubles(heard: Mapping[str, int], gaps: Iterable[MissingNumbers], now: int) -> list[Trouble]:
    found = [Trouble(agent, "silent", at) for agent, at in sorted(heard.items()) if now - at >= SILENT_MS]
    found += [
        Trouble(f"{gap.agent}/{gap.lane}", f"numbers {gap.first} to {gap.last} are missing", gap.since)
        for gap in gaps
        if now - gap.since >= GAP_MS
    ]
    return found
