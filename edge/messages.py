"""What the messages of one device told already: each is told once, and nonsense is told until there is sense. Pure."""

import copy
from collections import deque
from collections.abc import Callable
from typing import Final

from edge.decode.fields import FieldMemory, doubt, follow_fields
from edge.ports import Data, Happened, Observation
from edge.sightings import Sightings
from edge.topicmap import Nonsense, Told, Values

REMEMBERED: Final = 256


class Messages:
    """The messages of a device. Times are boot clock ms."""

    def __init__(self, device: str) -> None:
        self._device = device
        self._fields = FieldMemory()
        self._read: deque[str] = deque(maxlen=REMEMBERED)
        self._sightings = Sightings()
        self._is_nonsense = False
        self._unknown: set[str] = set()

    @property
    def is_blind(self) -> bool:
        """What it said last can't be read, or tells nothing of one of its states: what it does is not known."""
        return self._is_nonsense or bool(self._unknown)

    def remember(self, message: str) -> None:
        """A message was read before, in an earlier life."""
        self._read.append(message)

    def as_it_was(self) -> Callable[[], None]:
        """What puts all of it back to now: for a message that the disk refused, and that will come again."""
        fields, read = self._fields, self._read.copy()
        nonsense, unknown, sightings = self._is_nonsense, set(self._unknown), copy.deepcopy(self._sightings)

        def back() -> None:
            self._fields, self._read = fields, read
            self._is_nonsense, self._unknown, self._sightings = nonsense, unknown, sightings

        return back

    def doubt(self) -> None:
        """From now on anything may change unheard."""
        self._fields = doubt(self._fields)

    def told(self, said: Told) -> list[Observation]:
        """An event; nothing if its message was read before, or is to be repeated first."""
        now = said.event.observed_at
        sense = self.makes_sense(now)
        if said.confirm is not None and not self._sightings.counts(
            said.confirm, said.event.person or "", now, near=said.near
        ):
            return sense
        return sense if self._is_known(said.once) else [*sense, said.event]

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
        why = said.why or "; ".join(f"{name}: {cause}" for name, cause in trouble.items())
        sense = self.nonsense(Nonsense(self._device, why), now) if why else self.makes_sense(now)
        return [*seen, *(() if retained else said.presses), *sense]

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
        self._read.append(message)
        return False

    def makes_sense(self, now: int) -> list[Observation]:
        """A message could be read."""
        if not self._is_nonsense:
            return []
        self._is_nonsense = False
        return [self._fault(now, {"state": "cleared"})]

    def _fault(self, now: int, data: Data) -> Happened:
        return Happened(device=self._device, type="device.fault", at=now, observed_at=now, data=data)
