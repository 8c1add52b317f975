"""Which batch goes up next, and what to do when nobody answers. Pure: facts and `now` in, actions out.

Times are ms of the boot clock. The machine knows numbers only; the rows stay in the spool.
"""

from collections.abc import Mapping, Sequence
from typing import Final

import msgspec

from contract.batch import HEARTBEAT_MS, Ack, Lane, Opening
from edge.spool.base import BatchName
from edge.uplink.window import SendWindow

LANES: Final = (Lane.LIFE, Lane.MAIN)
"""In the order in which they are served: life safety goes before any backlog."""
MOST_ROWS: Final = 4_000


class Pace(msgspec.Struct, frozen=True, kw_only=True):
    """How long to wait for what, in ms.

    `reconnect_ms` and `fault_ms` are the product's promise: no ack within 60 s while connected, connect anew;
    none within 100 s, raise a local fault (EN 54-21 acknowledges within 100 s). `overtake_ms`: a line that is stuck
    for so long with a backlog before an alarm is given up, and the alarm goes first on the next. Heartbeats take at
    most a quarter of a slow line, but come every `heartbeat_most_ms` at least: an agent is silent after 30 s.
    """

    heartbeat_ms: int = HEARTBEAT_MS
    heartbeat_most_ms: int = 20_000
    time_ms: int = 30_000
    time_again_ms: int = 1_000
    state_ms: int = 30_000
    resend_ms: int = 10_000
    resend_most_ms: int = 60_000
    silence_ms: int = 15_000
    reconnect_ms: int = 60_000
    fault_ms: int = 100_000
    rewind_ms: int = 10_000
    overtake_ms: int = 4_000


class Fetch(msgspec.Struct, frozen=True):
    """Send the rows of a lane after a number, at most so many bytes and rows; answer with `sent` or `nothing`."""

    lane: Lane
    after: int
    max_bytes: int
    max_rows: int = MOST_ROWS


class Beat(msgspec.Struct, frozen=True):
    """Send a heartbeat; answer with `beaten` once the broker has it."""


class AskTime(msgspec.Struct, frozen=True):
    """Send a time request."""


class TellState(msgspec.Struct, frozen=True):
    """Publish the agent's state for people."""


class Reconnect(msgspec.Struct, frozen=True):
    """End this connection and begin another."""

    why: str


class Accept(msgspec.Struct, frozen=True):
    """The cloud has the lane up to a number."""

    lane: Lane
    through: int


class Refuse(msgspec.Struct, frozen=True):
    """The cloud can't read this batch."""

    name: BatchName


class Rewind(msgspec.Struct, frozen=True):
    """The cloud's database lost what came after a number; answer with `rewound`."""

    lane: Lane
    through: int


class BeginEpoch(msgspec.Struct, frozen=True):
    """The cloud took other rows under our numbers: those above `common`, by lane, go up under new ones."""

    common: dict[Lane, int]


class Fault(msgspec.Struct, frozen=True):
    """Raise or clear the local fault: nobody up there has answered since `since`."""

    active: bool
    since: int


Action = Fetch | Beat | AskTime | TellState | Reconnect | Accept | Refuse | Rewind | BeginEpoch | Fault


class Sent(msgspec.Struct, frozen=True):
    """A batch that the cloud has not acknowledged: its name, its digest, and when the broker took it."""

    name: BatchName
    digest: str
    delivered_at: int | None = None


class LaneState:
    """One lane: `accepted` <= `cursor` <= `last`; rows between the first two are on their way.

    `limit`: rows above it are to get other numbers, and wait for them.
    """

    def __init__(self, accepted: int, last: int, window: int) -> None:
        self.accepted = accepted
        self.cursor = accepted
        self.last = last
        self.limit: int | None = None
        self.window = window
        self.on_way: list[Sent] = []
        self.fetching = False
        self.retries = 0
        self.waiting_since: int | None = None
        self.behind_since: int | None = None

    def may_fetch(self) -> bool:
        """Whether another batch may go: after a resend only one at a time, as long as nobody answers."""
        window = 1 if self.retries else self.window
        return self.cursor < self.sendable and len(self.on_way) < window and not self.fetching

    @property
    def sendable(self) -> int:
        """The number of the last row that may go up."""
        return self.last if self.limit is None else min(self.limit, self.last)

    def begin_again(self) -> None:
        """Everything that is not accepted is to be sent anew."""
        self.cursor = self.accepted
        self.on_way.clear()
        self.fetching = False

    def progressed(self, through: int, now: int) -> None:
        """The cloud has everything up to `through`."""
        self.accepted = through
        self.cursor = max(self.cursor, through)
        self.on_way = [sent for sent in self.on_way if sent.name.last > through]
        self.retries = 0
        self.waiting_since = now if self.accepted < self.last else None


class Machine:
    """The uplink's decisions. After each fact, `wake` says what to do."""

    def __init__(
        self,
        epoch: int,
        accepted: dict[Lane, int],
        last: dict[Lane, int],
        now: int,
        pace: Pace,
        lineage: Sequence[Opening],
    ) -> None:
        self._epoch = epoch
        self._lineage = list(lineage)
        self._holds = False
        self._left = False
        self._pace = pace
        windows = {Lane.LIFE: 8, Lane.MAIN: 16}
        self._lanes = {lane: LaneState(accepted[lane], last[lane], windows[lane]) for lane in LANES}
        self._window = SendWindow()
        self._connected_at: int | None = None
        self._disconnected_at = now
        self._heard_at = now
        self._clock_known = False
        self._asked_since: int | None = None
        self._next = {"beat": now, "time": now, "state": now}
        self._beating_since: int | None = None
        self._fault = False

    @property
    def connected(self) -> bool:
        """Whether there is a connection to the broker."""
        return self._connected_at is not None

    @property
    def opening(self) -> str:
        """The opening of the spool that every batch names."""
        return self._lineage[0].id

    @property
    def lineage(self) -> list[Opening]:
        """What the next batch says of where the opening comes from; nothing once the cloud has said that it holds."""
        return [] if self._holds else self._lineage

    # --- facts

    def kept(self, last: dict[Lane, int], now: int) -> None:
        """The spool holds rows up to these numbers."""
        for lane, state in self._lanes.items():
            state.last = last[lane]
            if state.waiting_since is None and state.accepted < state.last:
                state.waiting_since = now

    def connect(self, now: int) -> None:
        """A connection stands. Everything unacknowledged goes again: the broker may have lost it."""
        self._connected_at = self._heard_at = now
        self._beating_since = None
        self._holds = False
        self._next = {"beat": now, "time": now, "state": now}
        for state in self._lanes.values():
            state.begin_again()

    def disconnect(self, now: int) -> None:
        """The connection is gone."""
        if self._connected_at is not None:
            self._connected_at = None
            self._disconnected_at = now
            self._window.failed(now)

    def heard(self, now: int) -> None:
        """Something came from the broker."""
        self._heard_at = now

    def time_answered(self, now: int) -> None:
        """The cloud answered a time request: from now on rows can be placed in cloud time."""
        self._clock_known = True
        self._asked_since = None
        self._next["time"] = now + self._pace.time_ms

    def sent(self, name: BatchName, digest: str, size: int, now: int) -> None:
        """The batch of a `Fetch` is on its way, as a message of `size` bytes."""
        state = self._lanes[name.lane]
        state.fetching = False
        self._window.sent(name, size, now)
        # Otherwise the lane was begun anew in the meantime: those rows will be fetched again in their turn.
        if name.first == state.cursor + 1:
            state.cursor = name.last
            state.last = max(state.last, name.last)
            state.on_way.append(Sent(name, digest))

    def nothing(self, lane: Lane) -> None:
        """A `Fetch` came to nothing."""
        self._lanes[lane].fetching = False

    def delivered(self, name: BatchName, now: int) -> None:
        """The broker has a batch: no more than a measure of the line's speed."""
        self._window.taken(name, now)
        state = self._lanes[name.lane]
        for place, sent in enumerate(state.on_way):
            if sent.name == name and sent.delivered_at is None:
                state.on_way[place] = msgspec.structs.replace(sent, delivered_at=now)

    def beaten(self, now: int) -> None:
        """The broker has the heartbeat."""
        if self._beating_since is None:
            return
        rest = min(4 * (now - self._beating_since), self._pace.heartbeat_most_ms)
        self._next["beat"] = max(self._next["beat"], self._beating_since + rest)
        self._beating_since = None

    def rewound(self, lane: Lane, accepted: int, now: int) -> None:
        """The spool took back an acceptance."""
        state = self._lanes[lane]
        state.accepted = accepted
        state.waiting_since = now if accepted < state.last else None
        state.begin_again()

    def acknowledged(self, ack: Ack, now: int) -> list[Action]:
        """The cloud says what is in its database, and what it can't read."""
        if ack.epoch != self._epoch:
            return []
        if (common := ack.forked.get(self.opening)) is not None:
            return self._forked(common, ack.durable, now)
        actions: list[Action] = []
        # An ack without an opening is of a cloud of an earlier version.
        self._holds = ack.opening == self.opening
        if self._holds or not ack.opening:
            if any(number > self._lanes[lane].last for lane, number in ack.durable.items()):
                return self._forked(self._surely_common(), ack.durable, now)
            for lane, durable in ack.durable.items():
                actions += self._durable(lane, durable, now)
        for digest in ack.refused:
            actions += self._refused(digest)
        return actions

    def _surely_common(self) -> dict[Lane, int]:
        """Rows that were there when the spool was opened, or are accepted since, are no other agent's."""
        after = self._lineage[0].after
        return {lane: max(state.accepted, after[lane]) for lane, state in self._lanes.items()}

    def _forked(self, common: Mapping[Lane, int], durable: Mapping[Lane, int], now: int) -> list[Action]:
        """Numbers of ours were taken from another opening: finish what both have, then begin a new epoch.

        What is common and durable is accepted; `wake` begins the epoch once all that is common is.
        """
        actions: list[Action] = []
        for lane, state in self._lanes.items():
            state.limit = min(common[lane], state.last)
            state.begin_again()
            through = min(state.limit, durable.get(lane, 0))
            if through > state.accepted:
                state.progressed(through, now)
                actions.append(Accept(lane, through))
        return actions

    def _durable(self, lane: Lane, through: int, now: int) -> list[Action]:
        state = self._lanes[lane]
        if through < state.accepted:
            return self._behind(state, lane, through, now)
        state.behind_since = None
        if through == state.accepted:
            return []
        state.progressed(through, now)
        return [Accept(lane, through)]

    def _behind(self, state: LaneState, lane: Lane, through: int, now: int) -> list[Action]:
        # One late ack says nothing; a database that was restored says so again and again.
        if state.behind_since is None:
            state.behind_since = now
        if now - state.behind_since < self._pace.rewind_ms:
            return []
        state.behind_since = None
        return [Rewind(lane, through)]

    def _refused(self, digest: str) -> list[Action]:
        for state in self._lanes.values():
            for sent in state.on_way:
                if sent.digest == digest:
                    # From here on again: the spool's reader puts a plain note in place of the refused rows.
                    state.on_way = [other for other in state.on_way if other.name.last < sent.name.first]
                    state.cursor = min(state.cursor, sent.name.first - 1)
                    return [Refuse(sent.name)]
        return []

    # --- decisions

    def wake(self, now: int) -> list[Action]:
        """What to do now. To be called after each fact and several times a second."""
        actions = self._judge_silence(now)
        if any(isinstance(action, Reconnect) for action in actions) or not self.connected:
            return actions
        if (fork := self._new_epoch()) is not None:
            return [*actions, fork]
        if self._clock_known:
            self._resend(now)
            actions += self._fetches()
        return actions + self._routine(now)

    def _new_epoch(self) -> BeginEpoch | None:
        limits = {lane: state.limit for lane, state in self._lanes.items() if state.limit is not None}
        done = all(self._lanes[lane].accepted >= limit for lane, limit in limits.items())
        if self._left or not limits or not done:
            return None
        self._left = True
        return BeginEpoch(limits)

    def _judge_silence(self, now: int) -> list[Action]:
        actions: list[Action] = []
        since = self._silent_since()
        silent = now - since if since is not None else 0
        if self._fault != (silent >= self._pace.fault_ms) and (
            not self._fault or silent < self._pace.reconnect_ms
        ):
            self._fault = not self._fault
            actions.append(Fault(self._fault, since if since is not None else now))
        if self._connected_at is None:
            return actions
        if now - self._heard_at >= self._pace.silence_ms:
            actions.append(Reconnect("the broker is silent"))
        elif since is not None and now - max(since, self._connected_at) >= self._pace.reconnect_ms:
            actions.append(Reconnect("nobody acknowledges"))
        elif (
            stuck := self._window.alarm_waits_since()
        ) is not None and now - stuck >= self._pace.overtake_ms:
            actions.append(Reconnect("an alarm waits behind a backlog that the line does not take"))
        return actions

    def _silent_since(self) -> int | None:
        """Since when an answer is due that has not come; None when nothing is due."""
        waits = [state.waiting_since for state in self._lanes.values()]
        waits.append(self._asked_since)
        waits.append(self._disconnected_at if self._connected_at is None else None)
        return min((wait for wait in waits if wait is not None), default=None)

    def _resend(self, now: int) -> None:
        for state in self._lanes.values():
            patience = min(self._pace.resend_ms << state.retries, self._pace.resend_most_ms)
            # What the broker has yet to take is still in the line: a second copy would only make it longer.
            taken_at = state.on_way[0].delivered_at if state.on_way else None
            if taken_at is not None and now - taken_at >= patience:
                state.begin_again()
                state.retries += 1
                self._window.unanswered()

    def _fetches(self) -> list[Action]:
        actions: list[Action] = []
        for lane in LANES:
            state = self._lanes[lane]
            if state.may_fetch() and self._window.has_room(lane):
                state.fetching = True
                rows = MOST_ROWS if state.limit is None else min(MOST_ROWS, state.limit - state.cursor)
                actions.append(Fetch(lane, state.cursor, self._window.batch_bytes, rows))
        return actions

    def _routine(self, now: int) -> list[Action]:
        actions: list[Action] = []
        if now >= self._next["time"]:
            self._asked_since = self._asked_since if self._asked_since is not None else now
            self._next["time"] = now + self._pace.time_again_ms
            actions.append(AskTime())
        if self._clock_known and now >= self._next["beat"] and self._beating_since is None:
            self._next["beat"] = now + self._pace.heartbeat_ms
            self._beating_since = now
            actions.append(Beat())
        if now >= self._next["state"]:
            self._next["state"] = now + self._pace.state_ms
            actions.append(TellState())
        return actions
