"""What every rule kind shares: episodes, what was told of them, and what the next look at one waits for."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Protocol

import msgspec

from cloud.correlation.coverage import CoverageBook
from cloud.correlation.verdict import EventId, Outcome, Overdue, Recall, Revised, Verdict
from contract.events import Event


class Told(msgspec.Struct, frozen=True, array_like=True):
    """The last revision of an episode that was told, and whether its overdue alert was raised and withdrawn."""

    verdict: Verdict
    revision: int
    alerted: bool = False
    cleared: bool = False


class Judged(msgspec.Struct, frozen=True, gc=False):
    """A verdict as of now, and what could change it: time reaching `wake`, or a device known beyond `beyond`."""

    verdict: Verdict
    wake: int | None = None
    lagging: str | None = None
    beyond: int = 0


class Late(msgspec.Struct, frozen=True):
    """An event that touches what has been let go: it is judged once its surroundings are recalled.

    Episodes that opened in `[first, last]` may change by it; `identity` is its full sequence number.
    """

    recall: Recall
    event: Event
    identity: int
    first: int
    last: int


class Chain(Protocol):
    """The undecided episodes of one rule and key."""

    name: str
    told: dict[int, Told]

    def judge(self, now: int) -> Iterable[Judged]:
        """The episodes that may have changed since the last call."""
        ...

    def touch(self, opened_at: int) -> None:
        """Look at an episode again, if it is still there."""
        ...

    def let_go(self, opened_at: int) -> None:
        """A final verdict was told: the episode need not be kept."""
        ...

    def vanished(self) -> list[int]:
        """Episodes that were told and turned out to be part of another, since the last call."""
        ...

    def links(self) -> tuple[tuple[str, int], ...]:
        """How far each evidence source is known."""
        ...

    def encode(self) -> bytes | None:
        """All that must survive a restart; None when there is nothing."""
        ...

    def touch_blind(self, start: int, end: int) -> bool:
        """A source was blind in `[start, end)`: look at the episodes it touches; whether there is any."""
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

    def depends(self, chain: Chain, devices: Iterable[str]) -> None:
        """The chain depends on the coverage of these devices."""
        ...

    def recall(self, late: Late) -> None:
        """An event came too late for what is kept."""
        ...


class Machine(Protocol):
    """One rule at one site, all its versions."""

    def routes(self) -> Mapping[str, list[Callable[[Event, int], None]]]:
        """By event type, what to call with an event and its full sequence number."""
        ...

    def begin(self, now: int) -> None:
        """Open what time alone opens."""
        ...

    def next_opening(self) -> int | None:
        """When time alone opens the next episode."""
        ...

    def restore(self, name: str, cell: bytes) -> Chain:
        """A chain as it was.

        Raises:
            KeyError: There is no such chain any more.
        """
        ...

    def chains_of(self, key: str) -> Sequence[Chain]:
        """The chains of a key, one for each version that has its own."""
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
    )


def tell(told: Told | None, verdict: Verdict, now: int) -> tuple[Told, Revised | None]:
    """What is told of an episode now, after what was told last; no revision when nothing changed."""
    if told is not None and not differs(told.verdict, verdict):
        return told, None
    alerted = told is not None and told.alerted and not told.cleared
    cleared = alerted and verdict.outcome in {Outcome.MET, Outcome.VOID}
    revised = Revised(
        verdict=verdict,
        revision=told.revision + 1 if told else 1,
        decided_at=now,
        late_ms=now - told.verdict.due_at if told is not None and told.verdict.final else None,
        cleared=cleared,
    )
    again = Told(
        verdict,
        revised.revision,
        told.alerted if told else False,
        cleared or (told.cleared if told else False),
    )
    return again, revised


def wants_alert(told: Told) -> bool:
    """Whether somebody must look now: nothing is known at the limit, and it was not said yet."""
    verdict = told.verdict
    unanswered = verdict.elapsed_ms is None and verdict.outcome in {Outcome.BREACHED, Outcome.UNKNOWN}
    return not told.alerted and (verdict.overdue or unanswered)


def overdue_of(verdict: Verdict, links: Sequence[tuple[str, int]]) -> Overdue:
    """The alert of an episode."""
    return Overdue(episode=verdict.episode, due_at=verdict.due_at, links=tuple(links))


def sorted_ids(ids: Iterable[tuple[int, str, int]]) -> tuple[EventId, ...]:
    """Identities in the order of `(at, device, seq)`."""
    return tuple((device, seq) for _, device, seq in sorted(ids))
