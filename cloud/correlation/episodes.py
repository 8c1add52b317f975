"""What every rule kind shares: episodes, what was told of them, and what the next look at one waits for."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Final, Protocol

import msgspec
import numpy as np
from numpy.typing import NDArray

from cloud.correlation.coverage import CoverageBook
from cloud.correlation.verdict import Outcome, Overdue, Recall, Revised, Verdict
from contract.events import Event

MARKS_MS: Final = 31 * 86_400_000
"""How long it is remembered which decided episodes late news could change; then it is looked up on suspicion."""
Span = tuple[int, int]
"""From the first moment up to, but not including, the second."""


class Told(msgspec.Struct, frozen=True, array_like=True):
    """The last revision of an episode that was told, and whether its overdue alert was raised and withdrawn."""

    verdict: Verdict
    revision: int
    decided_at: int
    alerted: bool = False
    cleared: bool = False


class Judged(msgspec.Struct, frozen=True, gc=False):
    """A verdict as of now, and what could change it: time reaching `wake`, or a device known beyond `beyond`.

    `answered` is true when evidence is known, also where it came too late. `warn`: somebody must look before the limit.
    `quiet`: nothing is told of it as long as nothing was, such as of a state that may still end in time.
    """

    verdict: Verdict
    wake: int | None = None
    lagging: str | None = None
    beyond: int = 0
    answered: bool = False
    warn: bool = False
    quiet: bool = False


PastReading = tuple[str, str, int, float]
"""`(device, point, at, value)` of a good reading."""
ReadingTaker = Callable[[int, float], None]
"""Takes `(at, value)` of a good reading of one point."""


ColumnTaker = Callable[[NDArray[np.int64], NDArray[np.float64]], None]
"""Takes all good readings of one point at once: times in ms and values, of one length, in any order."""


class Past(msgspec.Struct, frozen=True):
    """What was looked up: events in order, with their full identities, and good readings by time."""

    events: Sequence[Event]
    readings: Sequence[PastReading] = ()


class Chain(Protocol):
    """The undecided episodes of one rule and key."""

    name: str
    key: str

    @property
    def told(self) -> dict[int, Told]:
        """What was told of the episodes that are kept, by when they opened."""
        ...

    def judge(self, now: int) -> Iterable[Judged]:
        """The episodes that may have changed since the last call."""
        ...

    def touch(self, opened_at: int) -> None:
        """Look at an episode again, if it is still there."""
        ...

    def let_go(self, now: int) -> None:
        """Final verdicts were told: what nothing can change need not be kept."""
        ...

    def vanished(self) -> list[int]:
        """Episodes that were told and turned out to be part of another, since the last call."""
        ...

    def links(self) -> tuple[tuple[str, int], ...]:
        """How far each evidence source is known."""
        ...

    def dirty_cells(self) -> dict[str, bytes | None]:
        """By name, all that must survive a restart and may have changed; None when there is nothing any more."""
        ...

    def touch_blind(self, start: int, end: int) -> bool:
        """A source was blind in `[start, end)`: look at the episodes it touches; whether there is any."""
        ...

    def unsettled_by(self, start: int, end: int) -> int | None:
        """A source was blind in `[start, end)`: when the first episode opened that was let go and may change."""
        ...


class Host(Protocol):
    """What the engine gives the machine of a rule."""

    book: CoverageBook
    keep_ms: int | None
    latest: int

    def mark(self, chain: Chain) -> None:
        """The chain wants to be judged."""
        ...

    def changed(self, chain: Chain) -> None:
        """The chain must be kept anew, but there is nothing to judge."""
        ...

    def depends(self, machine: "Machine", chain: Chain, devices: Iterable[str]) -> None:
        """The chain depends on the coverage of these devices."""
        ...

    def recall(self, machine: "Machine", key: str, missing: Span) -> None:
        """Events in the span came too late for what is kept: all of the key from there on is needed again."""
        ...


class Machine(Protocol):
    """One rule at one site, all its versions."""

    def routes(self) -> Mapping[str, list[Callable[[Event, int], None]]]:
        """By event type, what to call with an event and its full sequence number."""
        ...

    def readers(self) -> Mapping[tuple[str, str], list[ReadingTaker]]:
        """By device and point, what to call with each good reading."""
        return {}

    def column_readers(self) -> Mapping[tuple[str, str], list[ColumnTaker]]:
        """The same for all the readings of a point at once, after events and coverage."""
        return {}

    def begin(self, now: int) -> None:
        """Open what time alone opens."""
        ...

    def next_opening(self) -> int | None:
        """When time alone opens the next episode."""
        ...

    def restore(self, name: str, cell: bytes) -> Chain | None:
        """A chain as it was, of cells in the order of their names; None when there is no such chain any more."""
        ...

    @property
    def rule(self) -> str:
        """The rule's id."""
        ...

    def ask(self, key: str, missing: Span) -> Recall:
        """What must be looked up to judge all of a key anew that opened from the span's start on."""
        ...

    def take_back(self, recall: Recall, missing: Span, past: Past, told: Mapping[int, Told]) -> Span | None:
        """Take what was looked up back into the key's chains, to be judged again.

        Returns: What is needed still; None when that was all.
        """
        ...

    def verdicts(self, now: int) -> Iterable[Verdict]:
        """Every episode kept, as of now, judged anew."""
        ...


def differs(one: Verdict, other: Verdict) -> bool:
    """Whether a revision is due: `joined` alone is no reason for one."""
    return (
        one.outcome is not other.outcome
        or one.final is not other.final
        or one.reason is not other.reason
        or one.elapsed_ms != other.elapsed_ms
        or one.evidence != other.evidence
        or one.overdue is not other.overdue
        or one.due_at != other.due_at
        or one.version != other.version
        or one.blind != other.blind
        or one.items != other.items
    )


def tell(told: Told | None, verdict: Verdict, now: int) -> tuple[Told, Revised | None]:
    """What is told of an episode now, after what was told last; no revision when nothing changed."""
    if told is None:
        return Told(verdict, 1, now), Revised(verdict=verdict, revision=1, decided_at=now)
    if not differs(told.verdict, verdict):
        return told, None
    cleared = told.alerted and not told.cleared and verdict.outcome in {Outcome.MET, Outcome.VOID}
    revised = Revised(
        verdict=verdict,
        revision=told.revision + 1,
        decided_at=now,
        late_ms=now - told.decided_at if told.verdict.final else None,
        cleared=cleared,
    )
    return Told(verdict, revised.revision, now, told.alerted, told.cleared or cleared), revised


def told_before(last: Revised) -> Told:
    """What was told of an episode that was let go. An old alert is never raised twice, but can be withdrawn."""
    clear = last.verdict.outcome in {Outcome.MET, Outcome.VOID}
    return Told(last.verdict, last.revision, last.decided_at, alerted=True, cleared=clear)


def wants_alert(told: Told, judged: Judged) -> bool:
    """Whether somebody must look now: nothing is known at the limit, and it was not said yet."""
    verdict = judged.verdict
    overdue = judged.warn or verdict.overdue or verdict.outcome in {Outcome.BREACHED, Outcome.UNKNOWN}
    return overdue and not judged.answered and not told.alerted


def overdue_of(verdict: Verdict, links: Sequence[tuple[str, int]]) -> Overdue:
    """The alert of an episode."""
    return Overdue(episode=verdict.episode, due_at=verdict.due_at, links=tuple(links))
