"""One device of a shipped profile, played through a random history and read by the agent's own decisions.

The truth is the simulator's: which inputs are on at the end, when each changed, and while the device was out of reach.
"""

import zoneinfo
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from random import Random
from typing import Final

import msgspec

from contract.events import LASTING, Event, Phase, part_of, phase_of, raw_data
from contract.profile.expand import device_map
from contract.profile.load import load_profile
from contract.profile.meter import meter_map
from contract.profile.model import (
    HttpProfile,
    MeterProfile,
    ModbusProfile,
    MqttProfile,
    Profile,
    TransmitterProfile,
)
from contract.site import Binding, Device
from edge.coverage import CoverageTracker
from edge.parts import PartNames
from edge.ports import Covered, Failed, Happened, Measured, Observation
from sitewarden.rehearsal.lines import (
    AskedBus,
    Doorway,
    MeterBus,
    ModbusBus,
    MqttBus,
    Switchboard,
    VirtualLine,
)

PROFILES: Final = Path(__file__).parents[2] / "config" / "profiles"
ZONE: Final = zoneinfo.ZoneInfo("Asia/Shanghai")
EPOCH: Final = 1_764_547_200_000
QUIET_MS: Final = 90_000
"""Longer than the longest pause after failures: at the end everything has been read again, twice where polls are slow."""
Value = float | bool | str
Standing = Mapping[tuple[str, str, str], str]
"""By device, state and part, the word for what is so."""

BOUND: Final[Mapping[str, Mapping[str, Binding]]] = {
    "notifier-modbus-gw": {name: Binding(zone="z") for name in ("l1d001", "l1d002", "l1m001")},
    "waveshare-relay-d": {
        "di_1": Binding(device="gate", on="gate.released", off="gate.locked"),
        "di_2": Binding(device="door", on="door.opened", off="door.closed"),
    },
    "eletechsup-pta8d08": {name: Binding(zone="z") for name in ("temperature_1", "temperature_2")},
    "advantech-adam6050": {"di_0": Binding(device="gate", on="gate.released", off="gate.locked")},
}
"""What a site has to say of the points of a profile that mean nothing by themselves."""


def profiles() -> list[str]:
    """The shipped profiles whose devices speak for themselves."""
    speaking = ModbusProfile | MeterProfile | MqttProfile | HttpProfile | TransmitterProfile
    found = {path.stem: load_profile(path) for path in sorted(PROFILES.glob("*.yaml"))}
    return [name for name, profile in found.items() if isinstance(profile, speaking)]


def device_of(name: str) -> Device:
    """The device of a site."""
    address = {"gb26875-transmitter": "010203040506", "dlt645-2007": "161"}.get(name)
    return Device(id="dev", profile=name, zone="z", address=address, points=dict(BOUND.get(name, {})))


def line_of(profile: Profile, device: Device) -> VirtualLine:
    """A line with that one device."""
    match profile:
        case ModbusProfile():
            return ModbusBus([(device, profile)])
        case MeterProfile():
            return MeterBus([(device, profile)])
        case MqttProfile():
            return MqttBus([(device, profile)], frozenset(), EPOCH)
        case HttpProfile():
            return Doorway([(device, profile)], EPOCH, ZONE)
        case TransmitterProfile():
            return Switchboard([(device, profile)], ZONE, EPOCH)
        case _:
            raise TypeError(profile)


class Played:
    """A line in virtual time, and all that was seen on it."""

    def __init__(self, profile: Profile, device: Device) -> None:
        self.line = line_of(profile, device)
        self.now = 0
        self.seen: list[Observation] = []

    def until(self, end: int) -> None:
        """Let time pass."""
        while self.line.due < end:
            self.now = max(self.now, self.line.due)
            self.seen += self.line.live(self.now)
        self.now = end

    def put(self, values: Mapping[str, Value]) -> None:
        """Something happens to the device now."""
        self.seen += self.line.takes(self.now, "dev", values)


def standing(seen: Sequence[Observation], names: PartNames) -> Standing:
    """The states that stand after these events, by what the contract says of begin and end."""
    pairs = {**LASTING, "input": ("input.on", "input.off")}
    line_by_type = {kind: (line, kinds) for line, kinds in pairs.items() for kind in kinds}
    found: dict[tuple[str, str, str], str] = {}
    for one in seen:
        if not isinstance(one, Happened):
            continue
        event = as_event(names.named(one))
        line, kinds = line_by_type.get(event.type, (event.type, (event.type,)))
        key = (event.device, line, part_of(event))
        if event.type == "fire.reset":
            # Of a part it ends what stands there, of the whole panel everything.
            ended = part_of(event)
            found = {
                other: word
                for other, word in found.items()
                if not other[1].startswith("fire.") or (ended and other[2] != ended)
            }
        elif phase_of(event) is Phase.ENDS or kinds.index(event.type) > 0:
            found.pop(key, None)
        else:
            found[key] = str(one.data.get("mode", ""))
    return found


def as_event(one: Happened) -> Event:
    """An observation as the event that it becomes."""
    return Event(seq=1, at=one.at, device=one.device, type=one.type, data=raw_data(dict(one.data)))


def readings(seen: Sequence[Observation]) -> Mapping[tuple[str, str], float | None]:
    """The newest reading of each point."""
    return {(one.device, one.point): one.value for one in seen if isinstance(one, Measured)}


def inputs_of(profile: Profile, device: Device) -> dict[str, tuple[Value, ...]]:
    """The inputs of the simulated device that stand for states or numbers, with the values to try."""
    offered, line = dict(_offered(profile, device)), line_of(profile, device)
    return {name: kept for name, values in offered.items() if (kept := _taken(line, name, values))}


def _taken(line: VirtualLine, name: str, values: Sequence[Value]) -> tuple[Value, ...]:
    kept: list[Value] = []
    for value in values:
        try:
            line.takes(0, "dev", {name: value})
        except (KeyError, ValueError, TypeError, msgspec.ValidationError):
            continue
        kept.append(value)
    return tuple(kept) if len(kept) > 1 else ()


def _offered(profile: Profile, device: Device) -> Iterator[tuple[str, tuple[Value, ...]]]:
    match profile:
        case ModbusProfile():
            for point in device_map(profile, device).points:
                words = {word for rule in point.states for word in rule.words.values()}
                if words:
                    yield point.name, tuple(sorted(words))
                elif point.states:
                    yield point.name, (False, True)
                elif point.report:
                    yield point.name, _numbers(point.low, point.high, point.scale)
            yield from ((name, (False, True)) for name in ("mains", "running", "on_load"))
        case MeterProfile():
            for item in meter_map(profile, device, 0).points:
                yield item.name, (*_numbers(item.low, item.high, item.scale), "missing")
        case TransmitterProfile():
            parts = ("", "132.", "133.", "3-12.")
            yield from (
                (f"{part}{state}", (False, True)) for part in parts for state in ("fire", "fault", "isolated")
            )
        case MqttProfile() | HttpProfile():
            for topic in profile.topics:
                for field in topic.fields:
                    words = tuple(field.codes) if field.codes else ()
                    yield field.name, words or (0, 30, 60, 100)
        case _:
            return


def _numbers(low: float | None, high: float | None, scale: float) -> tuple[Value, ...]:
    bottom, top = (0.0 if low is None else low), (100.0 if high is None else high)
    steps = (bottom, bottom + (top - bottom) / 4, bottom + (top - bottom) / 2)
    return tuple(round(step / scale) * scale for step in steps)


class History:
    """A random history: what was done, and what the simulator is like at its end."""

    def __init__(self, profile: Profile, device: Device, seed: int) -> None:
        self.profile, self.device = profile, device
        self.played = Played(profile, device)
        self.values: dict[str, Value] = {}
        self.silent: list[tuple[int, int]] = []
        self.moments: set[int] = set()
        self._chance = Random(seed)
        self._inputs = inputs_of(profile, device)
        self._is_bus = isinstance(profile, ModbusProfile | MeterProfile)

    def play(self, steps: int) -> None:
        """Do random things, then leave the device alone and in reach."""
        self._begin()
        for _ in range(steps):
            self._step()
            self.played.until(self.played.now + self._chance.choice((300, 3_000, 20_000)))
        self.played.until(self.played.now + self.quiet_ms)
        if not self._is_bus:
            self.played.put(self.values)
            self.played.until(self.played.now + QUIET_MS)

    @property
    def quiet_ms(self) -> int:
        """How long nothing happens at the end."""
        match self.profile:
            case ModbusProfile():
                polls = device_map(self.profile, self.device).polls
            case MeterProfile():
                polls = meter_map(self.profile, self.device, 0).polls
            case _:
                return QUIET_MS
        return QUIET_MS + 2 * max(polls.values())

    def _begin(self) -> None:
        self.played.until(5_000)
        first = {name: values[0] for name, values in self._inputs.items()}
        self._put(first)
        self.played.until(30_000)

    def _put(self, values: Mapping[str, Value]) -> None:
        self.values |= values
        self.moments.add(self.played.now)
        self.played.put(values)

    def _step(self) -> None:
        names = sorted(self._inputs)
        if not names:
            return
        match self._chance.choice(("set", "set", "set", "several", "repeat", "trouble")):
            case "set":
                name = self._chance.choice(names)
                self._put({name: self._chance.choice(self._inputs[name])})
            case "several":
                chosen = self._chance.sample(names, min(3, len(names)))
                self._put({name: self._chance.choice(self._inputs[name]) for name in chosen})
            case "repeat":
                name = self._chance.choice(names)
                self._put({name: self.values[name]})
            case _:
                self._trouble()

    def _trouble(self) -> None:
        """The device is out of reach, restarts, or says things twice, late, or with a wrong clock."""
        lasts = self._chance.choice((2_000, 20_000, 120_000))
        if isinstance(self.played.line, AskedBus) and self._chance.random() < 0.3:
            self._while_away()
            self.played.line.restart_agent()
            return
        if self._is_bus:
            fault = self._chance.choice(("silence", "late", "bad-crc", "garbage", "wrong-unit", "restart"))
            start = self.played.now
            self.played.line.misbehaves(start, "dev", fault)
            self.played.until(start + lasts)
            self._while_away()
            self.played.line.misbehaves(self.played.now, "dev", None)
            self.silent.append((start, self.played.now))
            return
        odd: dict[str, Value] = {"copies": 2} if self._chance.random() < 0.5 else {"online": False}
        try:
            self.played.put(odd)
        except KeyError:
            return
        self._while_away()
        self.played.until(self.played.now + lasts)
        self.played.put({"copies": 1, "online": True})

    def _while_away(self) -> None:
        """What happens meanwhile is found only afterwards."""
        name = self._chance.choice(sorted(self._inputs) or [""])
        if not name:
            return
        self._put({name: self._chance.choice(self._inputs[name])})


def blind_spans(history: "History") -> list[tuple[int, int]]:
    """The spans in which the agent says that it did not know the device."""
    tracker = CoverageTracker("boot")
    for one in history.played.seen:
        if isinstance(one, Covered):
            tracker.covered(one)
        elif isinstance(one, Failed):
            tracker.failed(one)
    return [(span.start.ms if span.start else 0, span.end.ms) for span in tracker.known["dev"].blind]


def read_fresh(history: History) -> Played:
    """The same device as it is at the end, seen by a reader that knows nothing of its history."""
    fresh = Played(history.profile, history.device)
    if isinstance(fresh.line, AskedBus) and isinstance(history.played.line, AskedBus):
        # The very device: some go on living by themselves, and burn fuel or count hours.
        fresh.line.played = history.played.line.played
    fresh.now = fresh.line.due = history.played.now
    fresh.until(fresh.now + 5_000)
    if not isinstance(fresh.line, AskedBus):
        fresh.put(history.values)
    fresh.until(fresh.now + history.quiet_ms)
    return fresh
