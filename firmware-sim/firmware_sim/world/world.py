"""The world of one scenario: what befalls the site, and how its people and its linkage take it.

Sans-io: `World.update(now)` gives the effects up to `now`, each with its own time. They depend on the site, the
scenario and the random source alone, not on how often the world is asked.
"""

from random import Random
from typing import assert_never

from contract.site import Site
from firmware_sim.scenario import (
    AnyStep,
    DeviceFault,
    DoorOpened,
    Fire,
    GateStuck,
    MainsFailure,
    ReaderClock,
    ReaderOffline,
    ReaderRepeats,
    Scenario,
    SetInputs,
    ms,
)
from firmware_sim.world.agenda import Action, Agenda
from firmware_sim.world.effects import Effect, Happened, Inputs, Misbehaves, ReaderState
from firmware_sim.world.field import FirePoint, read_field
from firmware_sim.world.gates import Gates
from firmware_sim.world.graph import Graph
from firmware_sim.world.ground import Ground
from firmware_sim.world.people import Crowd


class World:
    """A simulated estate from time 0 on."""

    def __init__(self, site: Site, scenario: Scenario, rng: Random) -> None:
        self._effects: list[Effect] = []
        self._scenario = scenario
        self._agenda = Agenda()
        self._ground = Ground(
            site=site,
            field=read_field(site),
            graph=Graph(site),
            agenda=self._agenda,
            rng=rng,
            tell=self._effects.append,
        )
        self._burning: dict[str, FirePoint] = {}
        for module, points in self._ground.field.at_rest.items():
            self._ground.tell(Inputs(0, module, points))
        self._gates = Gates(self._ground)
        self._crowd = Crowd(self._ground, scenario)
        for step in scenario.steps:
            self._plan(step, ms(step.at))

    def update(self, now: int) -> list[Effect]:
        """Live until `now` (ms, never going back): what came about since the last call, in order of time."""
        self._agenda.run(now)
        effects = self._effects.copy()
        self._effects.clear()
        return effects

    def next_at(self) -> int | None:
        """When the next effect may come; None when nothing more will happen."""
        return self._agenda.next_at()

    def _plan(self, step: AnyStep, base: int) -> None:
        """Put a step's next time: `base` moved by its jitter; the one after counts from `base` again."""
        moved = self._ground.rng.randint(0, ms(step.jitter))

        def begin(now: int) -> None:
            self._begin(now, step)
            if step.every is not None:
                self._plan(step, base + ms(step.every))

        self._agenda.put(base + moved, begin)

    def _begin(self, now: int, step: AnyStep) -> None:
        match step:
            case Fire():
                self._fire(now, step)
            case MainsFailure():
                self._mains_failure(now, step)
            case GateStuck():
                self._gates.stick(now, step.gate, ms(step.lasts))
            case DoorOpened():
                self._ground.switch(now, step.door, "door.opened")
                self._after(now, step.lasts, lambda then: self._ground.switch(then, step.door, "door.closed"))
            case ReaderOffline() | ReaderClock() | ReaderRepeats() | DeviceFault():
                self._spell(*_trouble(now, step))
            case SetInputs():
                self._ground.tell(Inputs(now, step.device, step.inputs))
            case _:
                assert_never(step)

    def _fire(self, now: int, step: Fire) -> None:
        calm = [zone for zone in step.zones if zone not in self._burning]
        if not calm:
            return
        zone = self._ground.rng.choice(calm)
        point = self._ground.rng.choice(self._ground.field.fire_points[zone])
        self._burning[zone] = point
        self._ground.tell(Inputs(now, point.panel, {point.point: True}))
        self._ground.tell(Happened(now, point.panel, "fire.alarm", zone, data={"point": point.point}))
        self._gates.release_for(now, zone)
        if step.answered:
            self._crowd.call(now, self._scenario.calls.fire, zone)
        self._after(now, step.lasts, lambda then: self._clear(then, zone))

    def _clear(self, now: int, zone: str) -> None:
        point = self._burning.pop(zone)
        self._ground.tell(Inputs(now, point.panel, {point.point: False}))
        self._ground.tell(Happened(now, point.panel, "fire.reset", zone, data={"point": point.point}))
        self._gates.lock_again(now, zone)

    def _mains_failure(self, now: int, step: MainsFailure) -> None:
        self._mains(now, present=False)
        if step.answered:
            watching = [self._ground.site.devices[device].zone for device in self._ground.field.mains]
            for zone in dict.fromkeys(watching):
                if zone is not None:
                    self._crowd.call(now, self._scenario.calls.mains, zone)
        self._after(now, step.lasts, lambda then: self._mains(then, present=True))

    def _mains(self, now: int, *, present: bool) -> None:
        told = "mains.restored" if present else "mains.lost"
        for device in self._ground.field.mains:
            self._ground.tell(Inputs(now, device, {"mains": present}))
            self._ground.tell(Happened(now, device, told, self._ground.site.devices[device].zone))

    def _spell(self, begins: Effect, ends: Effect) -> None:
        self._ground.tell(begins)
        self._agenda.put(ends.at, lambda _: self._ground.tell(ends))

    def _after(self, now: int, lasts: str, action: Action) -> None:
        self._agenda.put(now + ms(lasts), action)


def _trouble(
    now: int, step: ReaderOffline | ReaderClock | ReaderRepeats | DeviceFault
) -> tuple[Effect, Effect]:
    """How a device's trouble begins and how it ends."""
    end = now + ms(step.lasts)
    match step:
        case ReaderOffline(reader=reader):
            return ReaderState(now, reader, online=False, keeps=step.keeps), ReaderState(
                end, reader, online=True
            )
        case ReaderClock(reader=reader):
            return ReaderState(now, reader, off_by_ms=step.seconds * 1000), ReaderState(
                end, reader, off_by_ms=0
            )
        case ReaderRepeats(reader=reader):
            return ReaderState(now, reader, copies=step.copies), ReaderState(end, reader, copies=1)
        case DeviceFault(device=device):
            return Misbehaves(now, device, step.fault), Misbehaves(end, device, None)
