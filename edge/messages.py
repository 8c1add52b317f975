"""What the messages of one device told already: each is told once, and nonsense is told until there is sense. Pure."""

import copy
from collections.abc import Callable, Iterable, Mapping
from typing import Final

import msgspec
import structlog

from contract.causes import Why
from edge.decode.fields import FieldMemory, doubt, follow_fields
from edge.decode.kept import plain
from edge.ports import Data, Happened, Observation
from edge.said import Nonsense, Told, Values
from edge.sightings import Sightings

REMEMBERED: Final = 4_096
"""Messages of a device that are known again: more than a terminal keeps of an hour without the agent."""

_NOBODY: Final[frozenset[str]] = frozenset()

log = structlog.get_logger("edge.messages")


class Note(msgspec.Struct, frozen=True):
    """What is remembered of a device over a restart: what is so, what its messages lack, and whether they make sense."""

    so: tuple[tuple[str, str, str], ...] = ()
    bad: dict[str, Why] = {}
    unknown: dict[str, str] = {}
    unheard: dict[str, str] = {}
    nonsense: dict[str, Nonsense] = {}
    points: dict[str, dict[str, str]] = {}


class Messages:
    """The messages of a device. Times are boot clock ms. `cards`: those that the site knows."""

    def __init__(self, device: str, cards: frozenset[str] = frozenset()) -> None:
        self._device = device
        self._fields = FieldMemory()
        self._read: dict[str, None] = {}
        self._count = 0
        self._sightings = Sightings(cards)
        self._nonsense: dict[str, Nonsense] = {}
        self._points: dict[str, dict[str, str]] = {}
        self._bad: dict[str, Why] = {}
        self._unknown: dict[str, str] = {}
        self._unheard: dict[str, str] = {}
        self._unread: set[str] = set()

    @property
    def unheard(self) -> frozenset[str]:
        """The devices, of those that it tells of, that may have changed since, when messages were lost."""
        return frozenset(self._unheard.values()) if self._unheard else _NOBODY

    def lost(self) -> None:
        """Messages may have been lost: no state that was told is known until it is told again."""
        for known in self._points.values():
            self._unheard |= known
        self.doubt()

    @property
    def blind(self) -> frozenset[str]:
        """The devices, of those that it tells of, of which is not known what they do.

        What it said last of a state of theirs can't be used, or was in a message that can't be read. A number that
        can't be used blinds nobody: only its own reading is bad.
        """
        if not self._nonsense and not self._unknown:
            return _NOBODY
        others = (said.told for said in self._nonsense.values())
        return frozenset(self._unknown.values()).union(*others)

    def note(self) -> bytes:
        """What is to be remembered over a restart."""
        so = plain(self._fields.active)
        note = Note(
            so=tuple(sorted((*key, word) for key, word in so.items())),
            bad=self._bad,
            unknown=self._unknown,
            unheard=self._unheard,
            nonsense=self._nonsense,
            points=self._points,
        )
        return msgspec.json.encode(note, order="deterministic")

    def recall(self, note: bytes | None) -> None:
        """Go on from the note of an earlier life; what has ended meanwhile is told as over once it is heard."""
        try:
            found = msgspec.json.decode(note or b"{}", type=Note)
        except msgspec.MsgspecError:
            return  # of another version
        # What goes on is not told anew: each beginning would ask people anew for what they did.
        so = {(point, rule): word for point, rule, word in found.so}
        self._fields = FieldMemory(active=so)
        self._bad, self._unknown, self._unheard = found.bad, found.unknown, found.unheard
        self._nonsense, self._points = found.nonsense, found.points

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
        nonsense, unknown, sightings = (
            dict(self._nonsense),
            dict(self._unknown),
            copy.deepcopy(self._sightings),
        )
        bad, unread, unheard = dict(self._bad), set(self._unread), dict(self._unheard)

        def back() -> None:
            self._fields = fields
            while self._count > count:
                self._count -= 1
                if self._read:
                    self._read.popitem()
            self._nonsense, self._unknown, self._sightings = nonsense, unknown, sightings
            self._bad, self._unread, self._unheard = bad, unread, unheard

        return back

    def doubt(self) -> None:
        """From now on anything may change unheard."""
        self._fields = doubt(self._fields)

    def told(self, said: Told) -> list[Observation]:
        """An event; nothing if its message was read before, or is to be repeated first."""
        now = said.event.observed_at
        sense = self.makes_sense(now, said.topic)
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
        known = self._points.setdefault(said.topic, {})
        for point, _ in said.values:
            if not point.states:
                continue
            told = known[point.name] = point.told.device
            self._unknown.pop(point.name, None)
            self._unheard.pop(point.name, None)
            if point.name in trouble:
                self._unknown[point.name] = told
        self._note(said.unread)
        names = {point.name for point, _ in said.values}
        judged = self._judge({*names, *said.bad}, {**said.bad, **trouble}, now)
        return [*seen, *(() if retained else said.presses), *self.makes_sense(now, said.topic), *judged]

    def _judge(self, names: Iterable[str], trouble: Mapping[str, Why | None], now: int) -> list[Observation]:
        """Each value by itself: told when it begins to be bad, with the reason, and when it is good again."""
        told: list[Observation] = []
        for name in sorted(names):
            why = trouble.get(name)
            if why is None and self._bad.pop(name, None) is not None:
                told.append(self._fault(now, {"state": "cleared", "point": name}))
            elif why is not None and name not in self._bad:
                told.append(self._fault(now, {"state": "active", "point": name, **why.data}))
            if why is not None:
                self._bad[name] = why
        return told

    def _note(self, unread: str) -> None:
        """Parts of messages that nobody knows are noted once: a newer firmware says more than its profile."""
        if unread and unread not in self._unread and len(self._unread) < REMEMBERED:
            self._unread.add(unread)
            log.info("a part of a message is not known", action="unread", device=self._device, what=unread)

    def nonsense(self, said: Nonsense, now: int) -> list[Observation]:
        """A message that can't be read: told once, until the next one that can.

        The states that its kind told so far are unknown until each is told again.
        """
        states = self._points.get(said.topic, {})
        is_new = not self._nonsense
        rest = (said.told or {self._device}) - set(states.values())
        self._nonsense[said.topic] = msgspec.structs.replace(said, told=frozenset(rest))
        self._unknown |= states
        self._fields = doubt(self._fields, states)
        return [self._fault(now, {"state": "active", **said.why.data})] if is_new else []

    def _is_known(self, message: str | None) -> bool:
        if message is None:
            return False
        if message in self._read:
            return True
        self._keep(message)
        return False

    def makes_sense(self, now: int, topic: str | None = None) -> list[Observation]:
        """A message of that kind could be read; None: of no kind that tells of states."""
        if not self._nonsense:
            return []
        self._nonsense = {name: said for name, said in self._nonsense.items() if said.lasts and name != topic}
        return [] if self._nonsense else [self._fault(now, {"state": "cleared"})]

    def _fault(self, now: int, data: Data) -> Happened:
        return Happened(device=self._device, type="device.fault", at=now, observed_at=now, data=data)
