"""Verdicts, and what the engine tells the outside about them."""

from enum import StrEnum

import msgspec

EventId = tuple[str, int]
"""`(device, seq)`: with the site, an event's identity."""


class Outcome(StrEnum):
    """The answer for one episode. `void`: nothing was owed, or it was part of another episode."""

    PENDING = "pending"
    MET = "met"
    BREACHED = "breached"
    UNKNOWN = "unknown"
    VOID = "void"


class Reason(StrEnum):
    """Why a verdict is what it is."""

    IN_TIME = "in_time"
    WITHIN_CLOCK_ERROR = "within_clock_error"
    ALREADY_THERE = "already_there"
    WAITING = "waiting"
    WAITING_FOR_COVERAGE = "waiting_for_coverage"
    PAUSED = "paused"
    LATE = "late"
    NO_EVIDENCE = "no_evidence"
    BLIND = "blind"
    NO_SOURCE = "no_source"
    ENOUGH = "enough"
    TOO_FEW = "too_few"
    LASTS = "lasts"
    ENDED_LATE = "ended_late"
    ENDED_IN_TIME = "ended_in_time"
    ALL_ON_TIME = "all_on_time"
    EARLY = "early"
    TOO_FAST = "too_fast"
    IMPOSSIBLE = "impossible"
    OUT_OF_ORDER = "out_of_order"
    MISSED = "missed"
    ALONE = "alone"
    TOO_FEW_PEOPLE = "too_few_people"
    LATE_DECLARED = "late_declared"
    REVIEWED = "reviewed"
    NO_LONGER_DUE = "no_longer_due"
    JOINED_ANOTHER = "joined_another"


class BlindSpan(msgspec.Struct, frozen=True):
    """A device that could not be known for `[start, end)`."""

    device: str
    start: int
    end: int


class Item(msgspec.Struct, frozen=True, array_like=True):
    """One of the things that a verdict is made of: a checkpoint of a round, a run of a generator.

    `word` says what is said of it (`on_time`, `too_short`), `at` when it was or began, `until` when it was over.
    """

    word: str
    device: str
    at: int | None = None
    until: int | None = None


class Verdict(msgspec.Struct, frozen=True, kw_only=True):
    """What the rule says of one episode, given what is known: a pure function of it, with no wall clock in it.

    `evidence` holds the trigger or anchor first (none for a window's start), then the deciding event if there
    is one. `elapsed_ms` is None when there is none. `overdue` is true while pending after `due_at`.
    """

    rule: str
    version: int
    kind: str
    key: str
    opened_at: int
    due_at: int
    outcome: Outcome
    final: bool
    reason: Reason
    elapsed_ms: int | None = None
    evidence: tuple[EventId, ...] = ()
    overdue: bool = False
    joined: tuple[EventId, ...] = ()
    blind: tuple[BlindSpan, ...] = ()
    items: tuple[Item, ...] = ()

    @property
    def is_kept(self) -> bool:
        """Whether a state ended in time: nothing is said of it, but the figures count it as kept."""
        ended = self.outcome is Outcome.VOID and self.reason is Reason.ENDED_IN_TIME
        return ended and self.elapsed_ms is not None

    @property
    def episode(self) -> "Episode":
        """What the verdict is about."""
        return Episode(self.rule, self.key, self.opened_at)


class Episode(msgspec.Struct, frozen=True, order=True):
    """One obligation of one rule and key, named by when it opened."""

    rule: str
    key: str
    opened_at: int


class Revised(msgspec.Struct, frozen=True, kw_only=True, tag="revised"):
    """A verdict that was not there or differs from the last one told. `revision` counts from 1 per episode.

    `late_ms` is how long after a final verdict the evidence came that amended it; None when nothing final was
    amended. `cleared` is true when an alert told earlier no longer holds and must be withdrawn as loudly.
    """

    verdict: Verdict
    revision: int
    decided_at: int
    late_ms: int | None = None
    cleared: bool = False


class Overdue(msgspec.Struct, frozen=True, kw_only=True, tag="overdue"):
    """Operational alert on the clock at `due_at`: no evidence is known. Once per episode; never a verdict.

    `links` says of each evidence source how far it is known: `(device, complete_to)`.
    """

    episode: Episode
    due_at: int
    links: tuple[tuple[str, int], ...] = ()


class Recall(msgspec.Struct, frozen=True, kw_only=True, tag="recall"):
    """The engine needs what it has let go, to judge late evidence.

    Events of `types` in `[start, end)`, and the good readings of `points`, each `(device, point)`: the caller
    reads them from the store and answers with `Engine.on_history`.
    """

    rule: str
    key: str
    types: tuple[str, ...]
    start: int
    end: int
    points: tuple[tuple[str, str], ...] = ()


Effect = Revised | Overdue | Recall
