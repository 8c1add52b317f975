"""What the messages of one device told already: each is told once, and nonsense is told until there is sense. Pure."""

import copy
from collections.abc import Callable, Iterable, Mapping
from typing import Final

import structlog

from edge.decode.fields import FieldMemory, doubt, follow_fields
from edge.ports import Data, Happened, Observation
from edge.said import Nonsense, Told, Values
from edge.sightings import Sightings

REMEMBERED: Final = 4_096
"""Messages of a device that are known again: more than a terminal keeps of an hour without the agent."""

log = structlog.get_logger("edge.messages")


class Messages:
    """The messages of a device. Times are boot clock ms. `cards`: those that the site knows."""

    def __init__(self, device: str, cards: frozenset[str] = frozenset()) -> None:
        self._device = device
        self._fields = FieldMemory()
        self._read: dict[str, None] = {}
        self._count = 0
        self._sightings = Sightings(cards)
        self._is_nonsense = False
        self._bad: dict[str, str] = {}
        self._unknown: set[str] = set()
        self._unread: set[str] = set()

    @property
    def is_blind(self) -> bool:
        """What it said last can't be read, or tells nothing of one of its states: what it does is not known.

        A number that can't be used blinds nobody: only its own reading is bad.
        """
        return self._is_nonsense or bool(self._unknown)

    def remember(self, message: str) -> None:
        """A message was read before, in an earlier life."""
        self._keep(message)

    def _keep(self, message: str) -> None:
        if message not in self._read:
            self._count += 1
        self._read[message] = None
        while len(self._read) > REMEMBERED:
            del self._read[next(iter(self._read))]

    def as_it_was(self) -> Callable[[], None]:
        """What puts all of it back to now: for a message that the disk refused, and that will come again."""
        fields, count = self._fields, self._count
        nonsense, unknown, sightings = self._is_nonsense, set(self._unknown), copy.deepcopy(self._sightings)
        bad, unread = dict(self._bad), set(self._unread)

        def back() -> None:
            self._fields = fields
            while self._count > count:
                self._count -= 1
                if self._read:
                    self._read.popitem()
            self._is_nonsense, self._unknown, self._sightings = nonsense, unknown, sightings
            self._bad, self._unread = bad, unread

        return back

    def doubt(self) -> None:
        """From now on anything may change unheard."""
        self._fields = doubt(self._fields)

    def told(self, said: Told) -> list[Observation]:
        """An event; nothing if its message was read before, or is to be repeated first."""
        now = said.event.observed_at
        sense = self.makes_sense(now)
        confirmed = said.confirm is None or self._sightings.counts(
            said.confirm, said.event.person or "", now, near=said.near
        )
        if not confirmed or self._is_known(said.once):
            return sense
        return [*sense, said.event, *self._judge(set(said.event.data) | set(said.bad), said.bad, now)]

    def values(self, said: Values, now: int, *, retained: bool = False) -> list[Observation]:
        """Values of the device; nothing if their message was read before.

        `retained`: the broker kept the message. What is so may be so still; what happened with it is long past.
        """
        if self._is_known(said.once):
            return []
        self._fields, seen, trouble = follow_fields(self._fields, said.values, now)
        for point, _ in said.values:
            self._unknown.discard(point.name)
            if point.states and point.name in trouble:
                self._unknown.add(point.name)
        self._note(said.unread)
        judged = self._judge({point.name for point, _ in said.values}, trouble, now)
        return [*seen, *(() if retained else said.presses), *self.makes_sense(now), *judged]

    def _judge(self, names: Iterable[str], trouble: Mapping[str, str], now: int) -> list[Observation]:
        """Each value by itself: told when it begins to be bad, with the reason, and when it is good again."""
        told: list[Observation] = []
        for name in sorted(names):
            why = trouble.get(name)
            if why is None and self._bad.pop(name, None) is not None:
                told.append(self._fault(now, {"state": "cleared", "point": name}))
            elif why is not None and name not in self._bad:
                told.append(self._fault(now, {"state": "active", "point": name, "why": why}))
            if why is not None:
                self._bad[name] = why
        return told

    def _note(self, unread: str) -> None:
        """Parts of messages that nobody knows are noted once: a newer firmware says more than its profile."""
        if unread and unread not in self._unread and len(self._unread) < REMEMBERED:
            self._unread.add(unread)
            log.info("a part of a message is not known", action="unread", device=self._device, what=unread)

    def nonsense(self, said: Nonsense, now: int) -> list[Observation]:
        """A message that can't be read: told once, until the next one that can."""
        if self._is_nonsense:
            return []
        self._is_nonsense = True
        return [self._fault(now, {"state": "active", "why": said.why})]

    def _is_known(self, message: str | None) -> bool:
        if message is None:
            return False
        if message in self._read:
            return True
        self._keep(message)
        return False

    def makes_sense(self, now: int) -> list[Observation]:
        """A message could be read."""
        if not self._is_nonsense:
            return []
        self._is_nonsense = False
        return [self._fault(now, {"state": "cleared"})]

    def _fault(self, now: int, data: Data) -> Happened:
        return Happened(device=self._device, type="device.fault", at=now, observed_at=now, data=data)
