"""One transmitter followed through its frames: what is so, what happened, and up to when it is known. Pure.

A state that is so is told once, for transmitters repeat themselves, over a restart of the agent too (`Transmitter.note`).
It is told anew once that could be another time: after a reset of its panel, which ends all that stood there without a
word per part, and nothing of another panel, and after a silence in which a reset may have gone unheard. A reset itself
may come twice, where its confirmation was lost.

Times are boot clock ms, but for `wall`, ms since the epoch, which helps to read labels and to tell how long the agent
was away.
"""

import zoneinfo
from collections.abc import Iterator, Mapping
from typing import Final

import msgspec

from contract.causes import Why
from contract.parts import SYSTEM, reset_name
from edge.errors import why_unusable
from edge.gb26875.frame import SEND_DATA, Frame
from edge.gb26875.label import Form, label_ms
from edge.gb26875.report import (
    ALARM_OVER_FLAG,
    MANUAL_ALARM_FLAG,
    RESET_FLAG,
    Analog,
    Operation,
    Status,
    read_report,
    tells_states,
)
from edge.ports import Covered, Happened, Measured, Observation, Order

_TEST_WHEN_CLEAR = 1
"""Bit 0 of a status: 1 normal, 0 under test."""


_FIRE_BIT: Final = 1
_MODE: Final = "fire.mode"
"""How a panel works is nothing that a reset ends."""
_BY_HAND: Final = -1
"""In place of the bit of a status: an operation said so."""
_RESET: Final = "fire.reset"
_ENDED_BY_RESET: Final = frozenset({"fire.alarm", "fire.fault", "fire.isolated"})
_MOST_RESETS = 16
_IDLE_MS: Final = 5_000
"""What waits is sent as soon as what went before is confirmed."""


class State(msgspec.Struct, frozen=True, array_like=True):
    """A state behind a transmitter, by the system, the place in it, the bit, and the type of its events."""

    system: str
    place: str
    bit: int
    type: str

    def is_reset_with(self, system: str) -> bool:
        """Whether a reset of a system (empty: of all) ends it."""
        return self.type in _ENDED_BY_RESET and system in {"", self.system}


class Reset(msgspec.Struct, frozen=True, array_like=True):
    """By what a reset is known again."""

    system: str
    place: str
    label: bytes
    sequence: int


class Known(msgspec.Struct, frozen=True, kw_only=True):
    """What is remembered.

    `so`: by state, whether it was so, in earnest or under test; `again`: states to be told as if nothing were known;
    `live`: its connection has been idle, so that nothing waits on its side any more; `left`: systems whose status still says that they were reset; `heard`: when the transmitter was heard last, None once
    its connection ended, `last` even then; `resets`: the latest ones; `noted`: what the last note for a restart said.
    """

    so: Mapping[State, str] = {}
    again: frozenset[State] = frozenset()
    left: frozenset[str] = frozenset()
    live: bool = False
    heard: int | None = None
    last: int | None = None
    nonsense: bool = False
    resets: tuple[Reset, ...] = ()
    noted: "Note | None" = None


class Note(msgspec.Struct, frozen=True):
    """What outlives the agent; `wall`: when it was so."""

    so: tuple[tuple[State, str], ...]
    again: tuple[State, ...]
    left: tuple[str, ...]
    resets: tuple[Reset, ...]
    wall: int


_NOT_SO, _SO, _IN_TEST = "", "so", "test"


class Transmitter:
    """Reads the frames of one device."""

    def __init__(self, device: str, form: Form, zone: zoneinfo.ZoneInfo, silent_after_ms: int) -> None:
        self.device = device
        self._form = form
        self._zone = zone
        self._silent_after_ms = silent_after_ms
        self.known = Known()

    def away(self) -> None:
        """Its connection ended: what it does from here on comes only when it is back."""
        self.known = msgspec.structs.replace(self.known, heard=None, live=False)

    def is_silent(self, now: int) -> bool:
        """Whether it has not been heard for so long that nothing is known of it."""
        return self.known.heard is None or now - self.known.heard > self._silent_after_ms

    def note(self, wall: int) -> bytes | None:
        """What the agent must know of it after a restart; None where the last note says it still."""
        known = self.known
        so = tuple((state, word) for state, word in known.so.items() if word != _NOT_SO)
        again = tuple(state for state, _ in so if state in known.again)
        fresh = Note(so=so, again=again, left=tuple(sorted(known.left)), resets=known.resets, wall=wall)
        old = known.noted
        is_recent = old is not None and 0 <= wall - old.wall < self._silent_after_ms // 2
        if old is not None and is_recent and msgspec.structs.replace(fresh, wall=old.wall) == old:
            return None
        self.known = msgspec.structs.replace(known, noted=fresh)
        return msgspec.json.encode(fresh)

    def recall(self, note: bytes | None, wall: int) -> None:
        """Go on from the note of an earlier life. After a long absence all may have ended and begun again unheard."""
        try:
            found = msgspec.json.decode(note or b"null", type=Note | None)
        except msgspec.MsgspecError:
            return  # of another version
        if found is None:
            return
        so = dict(found.so)
        away = not 0 <= wall - found.wall <= self._silent_after_ms
        again = frozenset(so if away else found.again)
        self.known = Known(so=so, again=again, left=frozenset(found.left), resets=found.resets, noted=found)

    def hears(self, frame: Frame, now: int, wall: int) -> list[Observation]:
        """What a frame tells, taken in at `now`; coverage last. Any frame shows that it is there.

        What happened up to one that can't be read is not all known, unless that told nothing but numbers.
        """
        seen: list[Observation] = []
        partly = False
        if self.known.last is not None and now - self.known.last > self._silent_after_ms:
            self._doubt(frozenset(self.known.so))
        if self.known.heard is not None and now - self.known.heard > _IDLE_MS:
            self.known = msgspec.structs.replace(self.known, live=True)
        if frame.command == SEND_DATA:
            try:
                objects = read_report(frame.data)
            except ValueError as error:
                seen += self._nonsense(why_unusable(error), now)
                partly = tells_states(frame.data)
            else:
                seen += self._sense(now)
                for one in objects:
                    seen += self._told(one, frame.sequence, now, wall)
        since = now if self.is_silent(now) else self.known.heard
        self.known = msgspec.structs.replace(self.known, heard=now, last=now)
        since = now if since is None else since
        return [*seen, Covered(devices=(self.device,), since=since, to=now, partly=partly)]

    def _told(
        self, one: Status | Operation | Analog, sequence: int, now: int, wall: int
    ) -> Iterator[Observation]:
        match one:
            case Status():
                if self._is_reset(one):
                    yield from self._reset(one, sequence, now, wall)
                yield from self._status(one, now, wall)
            case Operation():
                if one.flags >> RESET_FLAG & 1:
                    yield from self._reset(one, sequence, now, wall)
                yield from self._by_hand(one, now, wall)
            case Analog():
                point = f"{one.name}_{one.place}"
                yield Measured(device=self.device, point=point, at=now, value=one.value)

    def _by_hand(self, one: Operation, now: int, wall: int) -> Iterator[Observation]:
        """Each alarm by hand is told; that it is over, where one was so."""
        begins, is_over = (one.flags >> flag & 1 for flag in (MANUAL_ALARM_FLAG, ALARM_OVER_FLAG))
        state = State(one.system, one.place, _BY_HAND, "fire.alarm")
        if not begins and not (is_over and self.known.so.get(state) == _SO):
            return
        self._is_now({state: _SO if begins else _NOT_SO})
        data = {**one.data, "what": "manual_alarm", "state": "active" if begins else "cleared"}
        yield self._event(state.type, data, one.label, now, wall)

    def _is_reset(self, one: Status) -> bool:
        """Whether a status tells of a reset; where a panel leaves the bit set, a fire after it is none.

        Nor is the same word said again while something stands in it: a reset ends what stands, or it comes with a bit
        that was not set before.
        """
        if not one.reset or one.system not in self.known.left:
            return one.reset
        standing = any(
            one.status >> bit & 1 and self.known.so.get(State(one.system, one.place, bit, type_)) == _SO
            for bit, (type_, _) in one.bits.items()
            if type_ != _MODE
        )
        return not (one.status >> _FIRE_BIT & 1 or standing)

    def _reset(self, one: Status | Operation, sequence: int, now: int, wall: int) -> Iterator[Observation]:
        """A reset, told unless it was before; whatever it ended is told anew when it stands again."""
        reset = Reset(one.system, one.place, one.label, sequence)
        if reset not in self.known.resets:
            resets = (*self.known.resets, reset)[-_MOST_RESETS:]
            self.known = msgspec.structs.replace(self.known, resets=resets)
            data = {**one.data, "what": "reset"}
            part = {"part": name} if (name := reset_name(data)) else {}
            yield self._event(_RESET, data | part, one.label, now, wall)
        ended = frozenset(state for state in self.known.so if state.is_reset_with(one.system))
        self._is_now({state: _NOT_SO for state in ended if state.bit == _BY_HAND})
        self._doubt(ended)

    def _is_now(self, so: Mapping[State, str]) -> None:
        if so.items() <= self.known.so.items():
            return
        self.known = msgspec.structs.replace(self.known, so={**self.known.so, **so})

    def _doubt(self, states: frozenset[State]) -> None:
        self.known = msgspec.structs.replace(self.known, again=self.known.again | states)

    def _status(self, one: Status, now: int, wall: int) -> Iterator[Observation]:
        so: dict[State, str] = {}
        is_test = not one.status & _TEST_WHEN_CLEAR
        for bit, (type_, what) in one.bits.items():
            state, is_so = State(one.system, one.place, bit, type_), bool(one.status >> bit & 1)
            before = self.known.so.get(state)
            so[state] = (_IN_TEST if is_test else _SO) if is_so else _NOT_SO
            if so[state] == (before or _NOT_SO) and (state not in self.known.again or not is_so):
                continue
            data = {**one.data, "what": what, "state": "active" if is_so else "cleared"}
            if is_test:
                data["test"] = True
            if type_ == "fire.mode":
                data["mode"] = what if is_so else "auto"
            if before is None:
                data["initial"] = True
            yield self._event(type_, data, one.label, now, wall)
        self._is_now(so)
        left = self.known.left | {one.system} if one.reset else self.known.left - {one.system}
        self.known = msgspec.structs.replace(
            self.known,
            again=self.known.again - so.keys(),
            left=left if one.place == SYSTEM else self.known.left,
        )

    def _event(
        self, type_: str, data: Mapping[str, str | int | bool], label: bytes, now: int, wall: int
    ) -> Happened:
        return Happened(
            device=self.device,
            type=type_,
            at=now,
            observed_at=now,
            data=data,
            device_at=label_ms(label, self._form, self._zone, wall),
            order=Order.LIVE if self.known.live else Order.IN_ORDER,
        )

    def _nonsense(self, why: Why, now: int) -> list[Observation]:
        """A report that can't be read: told once, until the next one that can."""
        if self.known.nonsense:
            return []
        self.known = msgspec.structs.replace(self.known, nonsense=True)
        return [self._fault(now, {"state": "active", **why.data})]

    def _sense(self, now: int) -> list[Observation]:
        if not self.known.nonsense:
            return []
        self.known = msgspec.structs.replace(self.known, nonsense=False)
        return [self._fault(now, {"state": "cleared"})]

    def _fault(self, now: int, data: Mapping[str, str | int | bool]) -> Happened:
        return Happened(device=self.device, type="device.fault", at=now, observed_at=now, data=data)
