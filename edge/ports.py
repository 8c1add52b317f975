"""The seam between the drivers that read the field and the agent that keeps and sends what they saw.

Every time here is in ms of the edge's boot clock (`edge.clock.boot_ms`); the agent maps them to cloud time.
"""

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from enum import IntEnum
from typing import Protocol

import msgspec

from contract.causes import Why
from contract.events import Quality

Data = Mapping[str, str | int | float | bool]


class Order(IntEnum):
    """What the order in which a device's events come in says of when they were.

    `IN_ORDER`: each comes after all that was told before, so that a stamp before theirs is one of a clock that was set.
    `LIVE`: so it is, and nothing had waited on the connection before it.
    """

    ANY = 0
    IN_ORDER = 1
    LIVE = 2


class Happened(msgspec.Struct, frozen=True, kw_only=True):
    """A device or a person did something.

    The moment lies in `[at - error_ms, at + error_ms]`; a polled state changed between the two reads that
    differ, `at` being the former. `observed_at` is when the answer came in. `device_at` is the device's own stamp in ms
    since the epoch, by the device's own clock, where it has one: evidence for the agent to correct, not truth.
    `zone` is None for the device's own.
    """

    device: str
    type: str
    at: int
    observed_at: int
    error_ms: int = 0
    zone: str | None = None
    person: str | None = None
    data: Data = {}
    device_at: int | None = None
    order: Order = Order.ANY


class Measured(msgspec.Struct, frozen=True, kw_only=True):
    """A device measured a number. `value` is None exactly when `quality` is `bad`."""

    device: str
    point: str
    at: int
    value: float | None
    quality: Quality = Quality.GOOD


class Covered(msgspec.Struct, frozen=True, kw_only=True):
    """All that `devices` did in `[since, to)` has been put to this sink, in this call or before.

    A hole between two such spans of a device is blind time. `since == to` begins anew: nothing is known of
    the time before it (the first read after a start or after a spell of silence). With `partly`, not all of it could
    be understood: the devices are blind then, those that keep their events too.
    """

    devices: tuple[str, ...]
    since: int
    to: int
    partly: bool = False


class Failed(msgspec.Struct, frozen=True, kw_only=True):
    """`devices` could not be known at `at`; `why` says why. Told again with each attempt that fails."""

    devices: tuple[str, ...]
    at: int
    why: Why


Observation = Happened | Measured | Covered | Failed


class Sink(Protocol):
    """Takes what drivers saw. The observations of one call are kept together, in order, coverage last."""

    def put(self, observations: Sequence[Observation]) -> None:
        """Take observations over; never blocks and never fails for what they contain."""


class Refused:
    """What of that which was put the disk did not take: nothing by default, with None all of it."""

    def __init__(self, seen: Iterable[Observation] | None = ()) -> None:
        self._all = seen is None
        # Kept, so that no other object gets the same identity meanwhile.
        self._seen = list(seen or ())
        self._ids = {id(one) for one in self._seen}

    def has(self, seen: Observation) -> bool:
        """Whether this very observation was refused."""
        return self._all or id(seen) in self._ids

    def any_of(self, seen: Iterable[Observation]) -> bool:
        """Whether one of these was."""
        return any(self.has(one) for one in seen)


class Services(msgspec.Struct, frozen=True, kw_only=True):
    """What the agent does for its drivers.

    `kept` waits until all that was put before it was called is on disk, or was refused: what of that which waited
    then, so it is to be called right after the put; `edge.receipts` says what a driver does with it. `recent`: devices, with keys
    of messages that were read before; `wall` is the time in ms since the epoch, as well as it is known; `recall` and
    `remember` keep a driver's notes over a restart, by name.
    """

    kept: Callable[[], Awaitable[Refused]]
    recent: Sequence[tuple[str, str]]
    wall: Callable[[], int | None]
    recall: Callable[[str], Awaitable[bytes | None]]
    remember: Callable[[str, bytes], Awaitable[None]]


class Driver(Protocol):
    """Reads one line of an agent, with all the devices that hang on it."""

    async def run(self, sink: Sink) -> None:
        """Read until cancelled. Trouble on the line is retried within; what is raised is a programming error."""
