"""A scenario played in virtual time: the world, its lines and the agent's own decisions make a recording. Pure."""

import heapq
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from random import Random
from typing import Any, Final, assert_never

import msgspec

from contract.profile.model import (
    HttpProfile,
    MeterProfile,
    ModbusProfile,
    MqttProfile,
    Profile,
    TransmitterProfile,
    WandProfile,
)
from contract.site import Device, Site
from edge.coverage import Change, CoverageTracker
from edge.doors import Doors
from edge.intake import reach
from edge.jwm.wand import Rounds, Wand
from edge.parts import PartNames
from edge.ports import Covered, Failed, Happened, Measured, Observation
from edge.stamp import DeviceClocks, reading_row
from firmware_sim.scenario import Scenario
from firmware_sim.world.effects import Effect, Inputs, Misbehaves, ReaderState, Swiped
from firmware_sim.world.effects import Happened as Physical
from firmware_sim.world.world import World
from sitewarden.rehearsal.lines import MeterBus, ModbusBus, VirtualLine
from sitewarden.rehearsal.spoken import Dock, Doorway, MqttBus, Switchboard

_BOOT: Final = "rehearsal"
_STEP_MS: Final = 100

Progress = Callable[[int], None]


class Rehearsal:
    """One run of a scenario on a site. `epoch`: what the wall clock shows when it begins, ms since the epoch.

    The same arguments give the same recording, byte for byte.
    """

    def __init__(
        self, site: Site, profiles: Mapping[str, Profile], scenario: Scenario, *, seed: int, epoch: int
    ) -> None:
        self._site = site
        self._epoch = epoch
        self._world = World(site, scenario, Random(seed))
        self._clocks = DeviceClocks(site.buffering)
        self._doors = Doors(site.file.devices)
        self._parts = PartNames(site)
        self._tracker = CoverageTracker(_BOOT, buffering=site.buffering)
        self._lines: list[VirtualLine] = []
        self._on_line: dict[str, VirtualLine] = {}
        self._build(profiles)
        self._numbers: Counter[str] = Counter()
        self._recorded: list[bytes] = []

    def _build(self, profiles: Mapping[str, Profile]) -> None:
        wands = {
            d.id: d for d in self._site.file.devices if isinstance(profiles.get(d.profile or ""), WandProfile)
        }
        visits = {
            name: frozenset(b.device for b in d.points.values() if b.device and not b.skip)
            for name, d in wands.items()
        }
        rounds = Rounds(visits)
        for line in (line for agent in self._site.file.agents for line in agent.lines):
            devices = [
                (d, profiles[d.profile]) for d in self._site.file.devices if d.line == line.id and d.profile
            ]
            if not devices:
                continue
            virtual = self._line(devices, rounds)
            if virtual is None:
                continue
            self._lines.append(virtual)
            self._on_line |= {device.id: virtual for device, _ in devices}
            self._on_line |= {place: virtual for device, _ in devices for place in visits.get(device.id, ())}

    def _line(self, devices: Sequence[tuple[Device, Profile]], rounds: Rounds) -> VirtualLine | None:
        device, first = devices[0]
        match first:
            case ModbusProfile():
                return ModbusBus([(d, p) for d, p in devices if isinstance(p, ModbusProfile)])
            case MeterProfile():
                return MeterBus([(d, p) for d, p in devices if isinstance(p, MeterProfile)])
            case MqttProfile():
                speaking = [(d, p) for d, p in devices if isinstance(p, MqttProfile)]
                return MqttBus(speaking, self._site.buffering, self._epoch)
            case HttpProfile():
                return Doorway(
                    [(d, p) for d, p in devices if isinstance(p, HttpProfile)],
                    self._epoch,
                    self._site.timezone,
                )
            case TransmitterProfile():
                calling = [(d, p) for d, p in devices if isinstance(p, TransmitterProfile)]
                return Switchboard(calling, self._site.timezone, self._epoch)
            case WandProfile():
                places = {b.device: badge for badge, b in device.points.items() if b.device and not b.skip}
                return Dock(
                    Wand(device.id, device.points, {}, self._site.timezone), rounds, places, self._epoch
                )
            case _:
                return None  # a log tells only what people bring

    def record(self, lasts_ms: int, progress: Progress) -> list[bytes]:
        """Play for so long: the lines of a recording, as `sitewarden replay` reads them."""
        agenda = [(line.due, number) for number, line in enumerate(self._lines)]
        heapq.heapify(agenda)
        lived = 0
        self._world_until(0)
        while agenda and agenda[0][0] < lasts_ms:
            now, number = heapq.heappop(agenda)
            if now - lived >= _STEP_MS:
                self._world_until(now)
                progress(now - lived)
                lived = now
            line = self._lines[number]
            self._keep(line.live(now))
            heapq.heappush(agenda, (line.due, number))
        self._world_until(lasts_ms)
        return [*self._recorded, *self._coverage()]

    def _world_until(self, now: int) -> None:
        for effect in self._world.update(now):
            self._apply(effect)
        self._keep(self._doors.look_around(now))

    def _apply(self, effect: Effect) -> None:
        match effect:
            case Inputs():
                self._put(effect.at, effect.device, effect.values)
            case Swiped():
                self._put(effect.at, effect.reader, {"card": effect.card})
            case ReaderState():
                self._put(effect.at, effect.reader, effect.changes())
            case Misbehaves() if effect.device in self._on_line:
                self._on_line[effect.device].misbehaves(effect.at, effect.device, effect.fault)
            case Physical() | Misbehaves():
                pass
            case _:
                assert_never(effect)

    def _put(self, at: int, device: str, inputs: Mapping[str, float | int | bool | str]) -> None:
        if device in self._on_line:
            self._keep(self._on_line[device].takes(at, device, inputs))

    def _keep(self, seen: Sequence[Observation]) -> None:
        for one in [*seen, *self._doors.take(seen)]:
            match one:
                case Happened():
                    self._recorded.append(self._event(one))
                case Covered():
                    self._reach(self._tracker.covered(one))
                case Failed():
                    self._reach(self._tracker.failed(one))
                case Measured():
                    self._recorded.append(self._reading(one))

    def _reach(self, changes: Sequence[Change]) -> None:
        self._recorded += [self._event(reach(change)) for change in changes]

    def _event(self, seen: Happened) -> bytes:
        row = self._clocks.event_row(self._parts.named(seen), self._epoch + seen.observed_at)
        self._numbers[row.device] += 1
        fields: dict[str, Any] = {
            "site": self._site.id,
            "device": row.device,
            "seq": self._numbers[row.device],
            "at": self._epoch + row.at,
            "received_at": self._epoch + row.observed_at,
            "type": row.type,
            "clock_error_ms": row.error_ms,
            "data": msgspec.Raw(row.data),
        }
        zone = row.zone or (device.zone if (device := self._site.devices.get(row.device)) else None)
        fields |= {"zone": zone} if zone else {}
        fields |= {"person": row.person} if row.person else {}
        return msgspec.json.encode(fields)

    def _reading(self, seen: Measured) -> bytes:
        row = reading_row(seen)
        fields = {
            "site": self._site.id,
            "device": row.device,
            "point": row.point,
            "at": self._epoch + row.at,
            "value": row.value,
            "quality": row.quality,
        }
        return msgspec.json.encode(fields)

    def _coverage(self) -> Iterator[bytes]:
        for device, known in sorted(self._tracker.known.items()):
            about = {"site": self._site.id, "device": device}
            for span in known.blind:
                start = 0 if span.start is None else span.start.ms
                yield msgspec.json.encode(
                    {**about, "blind": [self._epoch + start, self._epoch + span.end.ms]}
                )
            if known.complete_to is not None:
                yield msgspec.json.encode({**about, "complete_to": self._epoch + known.complete_to.ms})
