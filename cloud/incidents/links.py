"""The links that are down: agents that fell silent, numbers missing or lost, full disks, one identity twice. Pure.

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


IDENTITY_MS: Final = 600_000
"""So long after it was seen last, a doubled identity, or telling of others' devices, is no trouble any more."""

TWO_AGENTS: Final = "two agents speak with one identity"
FULL: Final = "its disk is full: it keeps taking alarms, but refuses the rest"
OLD_SPOOL: Final = "an older copy of its spool was put back, or a second agent has its identity"


_SPOOL: Final = "/spool"
_DEVICES: Final = "/devices"
_LOST: Final = "/lost"
_DISK: Final = "/disk"
_EPOCHS: Final = 16


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
        self._epochs: dict[str, list[int]] = {}
        self._seen = {
            subject: (OLD_SPOOL if subject.endswith(_SPOOL) else "", now, now)
            for subject in self._down
            if subject.endswith((_SPOOL, _DEVICES, _LOST, _DISK))
        }
        """By subject, what nothing tells the end of: why, since when, and when it was seen last."""

    def heard(self, agent: str, now: int) -> None:
        """An agent said something."""
        self._heard[agent] = now

    def spoke(self, agent: str, epoch: int, now: int, *, is_fork: bool) -> None:
        """An agent sent a batch of one of its spools.

        A spool is left for good when another is begun: one that is heard of again is a second agent's.
        """
        epochs = self._epochs.setdefault(agent, [])
        if is_fork:
            self._note(f"{agent}{_SPOOL}", OLD_SPOOL, now)
        if epochs and epochs[-1] == epoch:
            return
        if epoch in epochs:
            epochs.remove(epoch)
            self._note(f"{agent}{_SPOOL}", TWO_AGENTS, now)
        epochs.append(epoch)
        del epochs[:-_EPOCHS]

    def lost(self, agent: str, lane: str, numbers: Iterable[tuple[int, int]], now: int) -> None:
        """The spool of an agent was damaged: rows of these numbers are lost."""
        ranges = ", ".join(f"{first}-{last}" if first < last else f"{first}" for first, last in numbers)
        self._note(f"{agent}/{lane}{_LOST}", f"numbers {ranges} are lost: its spool was damaged", now)

    def full(self, agent: str, now: int, *, is_full: bool) -> None:
        """The disk of an agent is full, or is no more."""
        if is_full:
            self._note(f"{agent}{_DISK}", FULL, now)
        else:
            self._seen.pop(f"{agent}{_DISK}", None)

    def told_not_its_own(self, agent: str, why: str, now: int) -> None:
        """An agent told what only others may tell."""
        self._note(f"{agent}{_DEVICES}", why, now)

    def _note(self, subject: str, cause: str, now: int) -> None:
        cause, since, _ = self._seen.get(subject, (cause, now, now))
        self._seen[subject] = (cause, since, now)

    @property
    def next_check(self) -> int | None:
        """When an agent that is well would have been silent for too long."""
        wanted = [at + SILENT_MS for agent, at in self._heard.items() if agent not in self._down]
        wanted += [last + IDENTITY_MS for _, _, last in self._seen.values()]
        return min(wanted, default=None)

    def check(self, gaps: Iterable[MissingNumbers], now: int) -> tuple[list[Trouble], list[str]]:
        """What went down, and the subjects that are well again, since the last check."""
        self._seen = {name: seen for name, seen in self._seen.items() if now - seen[2] < IDENTITY_MS}
        found = [*_troubles(self._heard, gaps, now)]
        found += [Trouble(subject, cause, since) for subject, (cause, since, _) in self._seen.items()]
        there = {trouble.subject: trouble for trouble in found}
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
