"""The live stream: every change of the store, once, in the order of commits, from any place on.

Each message's id is the reader's place after it (`cloud.web.vector`), so that a client that comes back with the
last id it saw gets what follows: nothing missing, nothing doubled. Of states (`STATES`) it may get the newest
once more. A client that can't keep up is sent away with a word, and comes back the same way.
"""

from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from typing import Final

import msgspec
from fastapi.sse import ServerSentEvent

from cloud.errors import StoreUnavailableError
from cloud.store.reads import STATES, Change, ChangeKind, ChangeQuery
from cloud.web.feed import Feed
from cloud.web.metrics import WebMetrics
from cloud.web.models import Goodbye, Heartbeat, Hello, Model
from cloud.web.vector import Place, Vector, format_vector, is_ahead, is_behind, vector_of
from cloud.web.views import change_message
from contract.site import Site

HEARTBEAT_MS: Final = 5_000
TOO_SLOW_MS: Final = 30_000
"""A client that was up to date and then has been behind for so long is sent away."""
RETRY_MS: Final = 1_000
MOST_COMMITS: Final = 256
_FEW, _MANY = 250, 2_000

Clock = Callable[[], int]


class Clocks(msgspec.Struct, frozen=True):
    """The two clocks a process has, both in ms: `now` by the calendar, `monotonic` for lengths of time."""

    now: Clock
    monotonic: Clock


def no_nonce(_now: int) -> str | None:
    """Nothing is asked."""
    return None


def no_one(_now: int) -> None:
    """Nobody is told."""


class Wish(msgspec.Struct, frozen=True, kw_only=True):
    """What a client wants to hear: of one site or of all, some kinds; `after` None: from now on.

    `nonce(now)` is what it must answer, for a screen; None for others.
    """

    site: str | None = None
    kinds: frozenset[ChangeKind] = frozenset(ChangeKind)
    after: Vector | None = None
    nonce: Callable[[int], str | None] = no_nonce
    sites: Mapping[str, Site] = {}
    """By id, for the names of parts."""
    reached: Callable[[int], None] = no_one
    """Told with each heartbeat what time it is: the client still takes what it is sent."""


class LiveStream:
    """The messages of one client."""

    def __init__(self, feed: Feed, clocks: Clocks, metrics: WebMetrics, wish: Wish) -> None:
        self._feed = feed
        self._clocks = clocks
        self._metrics = metrics
        self._wish = wish
        self._places: dict[int, Place] = {}
        self._step = 1
        self._live = False
        self._up_to_date_at = self._beaten_at = clocks.monotonic()

    async def messages(self) -> AsyncIterator[ServerSentEvent]:
        """Until the process ends, or the client turns out to be too slow."""
        with self._feed.client():
            yield self._greet(self._wish.after)
            while not self._feed.stopping and not self._too_slow():
                positions = self._feed.positions
                if is_ahead(self._places, positions):
                    yield self._greet(None)
                elif is_behind(self._places, positions):
                    async for message in self._catch_up(positions):
                        yield message
                else:
                    await self._rest(positions)
                if self._beat_is_due():
                    yield self._beat()
            yield self._farewell()

    def _greet(self, after: Vector | None) -> ServerSentEvent:
        """Takes the client's own place if it makes sense here, else the present one."""
        resumed = after is not None and not is_ahead(after, self._feed.positions)
        self._places = dict(after if after is not None and resumed else vector_of(self._feed.positions))
        self._beaten_at = self._clocks.monotonic()
        now = self._clocks.now()
        hello = Hello(now=now, resumed=resumed, live=self._feed.live, nonce=self._wish.nonce(now))
        return self._message("hello", hello, retry=RETRY_MS)

    async def _catch_up(self, positions: Mapping[int, int]) -> AsyncIterator[ServerSentEvent]:
        """One step in each partition that is behind."""
        for partition, commit_no in sorted(positions.items()):
            place = self._places.get(partition, Place())
            if place.commit_no >= commit_no:
                continue
            upto = min(place.commit_no + self._step, commit_no)
            try:
                changes = await self._feed.changes(self._query(partition, place, upto))
            except StoreUnavailableError:
                # Not the client's fault: it is not held against it.
                self._up_to_date_at = self._clocks.monotonic()
                await self._rest(positions)
                return
            for change, reached in _reached(changes, place):
                self._places[partition] = reached
                self._metrics.messages.labels(change.kind).inc()
                yield self._message(change.kind, change_message(partition, change, self._wish.sites))
                if self._beat_is_due():
                    yield self._beat()
            self._places[partition] = Place(upto)
            self._adapt_step(len(changes))

    def _query(self, partition: int, place: Place, upto: int) -> ChangeQuery:
        return ChangeQuery(
            partition=partition,
            after=place.commit_no,
            upto=upto,
            kinds=self._wish.kinds,
            site=self._wish.site,
        )

    def _adapt_step(self, found: int) -> None:
        """Reads more commits at a time where they bring little, and fewer where they bring much."""
        if found < _FEW:
            self._step = min(2 * self._step, MOST_COMMITS)
        elif found > _MANY:
            self._step = max(1, self._step // 2)

    async def _rest(self, positions: Mapping[int, int]) -> None:
        if not is_behind(self._places, positions):
            self._live = True
            self._up_to_date_at = self._clocks.monotonic()
        left = self._beaten_at + HEARTBEAT_MS - self._clocks.monotonic()
        await self._feed.wait_beyond(positions, max(0, left) / 1_000)

    def _too_slow(self) -> bool:
        return self._live and self._clocks.monotonic() - self._up_to_date_at > TOO_SLOW_MS

    def _beat_is_due(self) -> bool:
        return self._clocks.monotonic() - self._beaten_at >= HEARTBEAT_MS

    def _beat(self) -> ServerSentEvent:
        self._beaten_at = self._clocks.monotonic()
        now = self._clocks.now()
        self._wish.reached(now)
        beat = Heartbeat(now=now, live=self._feed.live, nonce=self._wish.nonce(now))
        return self._message("heartbeat", beat)

    def _farewell(self) -> ServerSentEvent:
        if self._feed.stopping:
            goodbye = Goodbye(reason="stopping", detail="the server stops; come back with the last id")
        else:
            self._metrics.dropped.inc()
            goodbye = Goodbye(
                reason="too_slow",
                detail=f"behind for more than {TOO_SLOW_MS // 1_000} s; come back with the last id",
            )
        return self._message("goodbye", goodbye)

    def _message(self, event: str, data: Model, retry: int | None = None) -> ServerSentEvent:
        return ServerSentEvent(
            event=event, raw_data=data.model_dump_json(), id=format_vector(self._places), retry=retry
        )


def _reached(changes: Sequence[Change], place: Place) -> Iterator[tuple[Change, Place]]:
    """The changes a client at `place` has not seen, each with its place once it has seen it.

    Only changes that stay what they are count within a commit. States come after them and may move on to a
    later commit, so a client that left among them gets all of them again.
    """
    commit_no, taken = place.commit_no, 0
    for index, change in enumerate(changes):
        if change.commit_no != commit_no:
            commit_no, taken = change.commit_no, 0
        taken += change.kind not in STATES
        if change.commit_no == place.commit_no + 1 and taken <= place.taken and change.kind not in STATES:
            continue
        is_last = index + 1 == len(changes) or changes[index + 1].commit_no != commit_no
        yield change, Place(commit_no) if is_last else Place(commit_no - 1, taken)
