"""One transmitter followed through its frames: what is so, what happened, and up to when it is known. Pure.

A state that is so is told once, for transmitters repeat themselves. It is told anew once that could be another time:
after a reset of the panel, which ends all that stood there without a word per part, and after a silence in which a
reset may have gone unheard. A reset itself may come twice, where its confirmation was lost.

Times are boot clock ms, but for `wall`, which only helps to read labels.
"""

import zoneinfo
from collections.abc import Iterator, Mapping

import msgspec

from edge.gb26875.frame import SEND_DATA, Frame
from edge.gb26875.label import Form, label_ms
from edge.gb26875.report import (
    OPERATION_BITS,
    RESET,
    SYSTEM_RESET_BIT,
    TRANSMITTER,
    Analog,
    Operation,
    Status,
    read_report,
)
from edge.ports import Covered, Happened, Measured, Observation

_TEST_WHEN_CLEAR = 1
"""Bit 0 of a status: 1 normal, 0 under test."""


_FIRE_BIT = 1
_MOST_RESETS = 16

Key = tuple[str, int]
"""A state within a transmitter: the place and the bit."""


class Known(msgspec.Struct, frozen=True, kw_only=True):
    """What is remembered.

    `so`: by state, whether it was so, in earnest or under test; `again`: states to be told as if nothing were known;
    `heard`: when the transmitter was heard last, None once its connection ended, `last` even then; `resets`: what the
    latest resets were known by.
    """

    so: Mapping[Key, str] = {}
    again: frozenset[Key] = frozenset()
    heard: int | None = None
    last: int | None = None
    nonsense: bool = False
    resets: tuple[tuple[object, ...], ...] = ()


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
        self.known = msgspec.structs.replace(self.known, heard=None)

    def is_silent(self, now: int) -> bool:
        """Whether it has not been heard for so long that nothing is known of it."""
        return self.known.heard is None or now - self.known.heard > self._silent_after_ms

    def hears(self, frame: Frame, now: int, wall: int) -> list[Observation]:
        """What a frame tells, taken in at `now`; coverage last. Any frame shows that it is there."""
        seen: list[Observation] = []
        if self.known.last is not None and now - self.known.last > self._silent_after_ms:
            self._doubt(frozenset(self.known.so))
        if frame.command == SEND_DATA:
            try:
                objects = read_report(frame.data)
            except ValueError as error:
                seen += self._nonsense(str(error), now)
            else:
                seen += self._sense(now)
                for one in objects:
                    seen += self._told(one, frame.sequence, now, wall)
        since = now if self.is_silent(now) else self.known.heard
        self.known = msgspec.structs.replace(self.known, heard=now, last=now)
        return [*seen, Covered(devices=(self.device,), since=now if since is None else since, to=now)]

    def _told(
        self, one: Status | Operation | Analog, sequence: int, now: int, wall: int
    ) -> Iterator[Observation]:
        match one:
            case Status():
                if self._is_reset(one):
                    yield from self._reset(one, sequence, now, wall)
                yield from self._status(one, now, wall)
            case Operation():
                for bit, (type_, what) in OPERATION_BITS.items():
                    if one.flags >> bit & 1 and type_ == RESET:
                        yield from self._reset(one, sequence, now, wall)
                    elif one.flags >> bit & 1:
                        yield self._event(type_, {**one.data, "what": what}, one.label, now, wall)
            case Analog():
                point = f"{one.name}_{one.place}"
                yield Measured(device=self.device, point=point, at=now, value=one.value)

    def _is_reset(self, one: Status) -> bool:
        """Whether a status tells of a reset; where a panel leaves the bit set, a fire after it is none."""
        is_left = self.known.so.get((one.place, SYSTEM_RESET_BIT)) == _SO
        return one.reset and not (is_left and one.status >> _FIRE_BIT & 1)

    def _reset(self, one: Status | Operation, sequence: int, now: int, wall: int) -> Iterator[Observation]:
        """A reset, told unless it was before; whatever it ended is told anew when it stands again."""
        known_by = (one.place, one.label, sequence)
        if known_by not in self.known.resets:
            resets = (*self.known.resets, known_by)[-_MOST_RESETS:]
            self.known = msgspec.structs.replace(self.known, resets=resets)
            yield self._event(RESET, {**one.data, "what": "reset"}, one.label, now, wall)
        self._doubt(frozenset(key for key in self.known.so if key[0] != TRANSMITTER))

    def _doubt(self, keys: frozenset[Key]) -> None:
        self.known = msgspec.structs.replace(self.known, again=self.known.again | keys)

    def _status(self, one: Status, now: int, wall: int) -> Iterator[Observation]:
        so = {**self.known.so, (one.place, SYSTEM_RESET_BIT): _SO if one.reset else _NOT_SO}
        is_test = not one.status & _TEST_WHEN_CLEAR
        for bit, (type_, what) in one.bits.items():
            key, is_so = (one.place, bit), bool(one.status >> bit & 1)
            before = so.get(key)
            so[key] = (_IN_TEST if is_test else _SO) if is_so else _NOT_SO
            if so[key] == (before or _NOT_SO) and (key not in self.known.again or not is_so):
                continue
            data = {**one.data, "what": what, "state": "active" if is_so else "cleared"}
            if is_test:
                data["test"] = True
            if type_ == "fire.mode":
                data["mode"] = what if is_so else "auto"
            if before is None:
                data["initial"] = True
            yield self._event(type_, data, one.label, now, wall)
        again = self.known.again - {(one.place, bit) for bit in one.bits}
        self.known = msgspec.structs.replace(self.known, so=so, again=again)

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
        )

    def _nonsense(self, why: str, now: int) -> list[Observation]:
        """A report that can't be read: told once, until the next one that can."""
        if self.known.nonsense:
            return []
        self.known = msgspec.structs.replace(self.known, nonsense=True)
        return [self._fault(now, {"state": "active", "why": why})]

    def _sense(self, now: int) -> list[Observation]:
        if not self.known.nonsense:
            return []
        self.known = msgspec.structs.replace(self.known, nonsense=False)
        return [self._fault(now, {"state": "cleared"})]

    def _fault(self, now: int, data: Mapping[str, str | int | bool]) -> Happened:
        return Happened(device=self.device, type="device.fault", at=now, observed_at=now, data=data)
