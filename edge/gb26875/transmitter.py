"""One transmitter followed through its frames: what is so, what happened, and up to when it is known. Pure.

Times are boot clock ms, but for `wall`, which only helps to read labels.
"""

import zoneinfo
from collections.abc import Iterator, Mapping

import msgspec

from edge.gb26875.frame import SEND_DATA, Frame
from edge.gb26875.label import Form, label_ms
from edge.gb26875.report import OPERATION_BITS, Analog, Operation, Status, read_report
from edge.ports import Covered, Happened, Measured, Observation

_TEST_WHEN_CLEAR = 1
"""Bit 0 of a status: 1 normal, 0 under test."""


class Known(msgspec.Struct, frozen=True, kw_only=True):
    """What is remembered: by place and bit, whether it was so; when the transmitter was heard last."""

    so: Mapping[tuple[str, int], bool] = {}
    heard: int | None = None
    nonsense: bool = False


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
        if frame.command == SEND_DATA:
            try:
                objects = read_report(frame.data)
            except ValueError as error:
                seen += self._nonsense(str(error), now)
            else:
                seen += self._sense(now)
                for one in objects:
                    seen += self._told(one, now, wall)
        since = now if self.is_silent(now) else self.known.heard
        self.known = msgspec.structs.replace(self.known, heard=now)
        return [*seen, Covered(devices=(self.device,), since=now if since is None else since, to=now)]

    def _told(self, one: Status | Operation | Analog, now: int, wall: int) -> Iterator[Observation]:
        match one:
            case Status():
                yield from self._status(one, now, wall)
            case Operation():
                for bit, (type_, what) in OPERATION_BITS.items():
                    if one.flags >> bit & 1:
                        yield self._event(type_, {**one.data, "what": what}, one.label, now, wall)
            case Analog():
                point = f"{one.name}_{one.place}"
                yield Measured(device=self.device, point=point, at=now, value=one.value)

    def _status(self, one: Status, now: int, wall: int) -> Iterator[Observation]:
        so = dict(self.known.so)
        test = {} if one.status & _TEST_WHEN_CLEAR else {"test": True}
        for bit, (type_, what) in one.bits.items():
            key, is_so = (one.place, bit), bool(one.status >> bit & 1)
            before = so.get(key)
            so[key] = is_so
            if is_so == (before or False):
                continue
            data = {**one.data, **test, "what": what, "state": "active" if is_so else "cleared"}
            if type_ == "fire.mode":
                data["mode"] = what if is_so else "auto"
            if before is None:
                data["initial"] = True
            yield self._event(type_, data, one.label, now, wall)
        self.known = msgspec.structs.replace(self.known, so=so)

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
