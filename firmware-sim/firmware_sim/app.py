"""The simulators, wired: a scenario and a site → the world → devices and readers on real lines."""

import asyncio
import signal
from collections.abc import Callable, Mapping
from random import Random
from typing import Final, assert_never

import msgspec
import structlog

from contract.profile.load import site_profiles
from contract.profile.model import Profile
from contract.site import Site
from contract.site_files import load_site
from firmware_sim.clock import WorldClock
from firmware_sim.plant import Plant
from firmware_sim.scenario import Scenario
from firmware_sim.scenario_file import load_scenario
from firmware_sim.settings import Settings
from firmware_sim.talkers import Talkers
from firmware_sim.trace import Trace
from firmware_sim.world.effects import Effect, Happened, Inputs, Misbehaves, ReaderState, Swiped
from firmware_sim.world.world import World

TICK_S: Final = 0.1
"""How often devices live on; an event of the world is shown on its line at most this much later."""

Announce = Callable[[Mapping[str, str]], None]
"""Told once all lines are served: their endpoints, by line."""

log = structlog.get_logger("firmware_sim.app")


def run(settings: Settings, announce: Announce) -> int:
    """Run the simulators until SIGTERM or SIGINT; the exit status.

    Raises:
        ConfigError: The site's files or the scenario have mistakes.
        SimError: A device can't be simulated, or a line not be served.
    """
    site = load_site(settings.site_dir)
    profiles = site_profiles(site, settings.site_dir)
    scenario = load_scenario(settings.scenario, site, profiles)
    asyncio.run(_until_signalled(settings, Played(site, scenario, profiles), announce))
    return 0


async def _until_signalled(settings: Settings, played: "Played", announce: Announce) -> None:
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    await Simulation(settings, played).run(stop, announce)


class Played(msgspec.Struct, frozen=True):
    """What is played: a scenario on a site, and the profiles of its devices by name."""

    site: Site
    scenario: Scenario
    profiles: Mapping[str, Profile]


class Simulation:
    """One run of a scenario on a site; its time begins when it is made."""

    def __init__(self, settings: Settings, played: Played) -> None:
        site, scenario = played.site, played.scenario
        seed = scenario.seed if settings.seed is None else settings.seed
        self._settings = settings
        self._clock = WorldClock(settings.speed or scenario.speed)
        self._world = World(site, scenario, Random(seed))
        self._plant = Plant(site, played.profiles)
        self._talkers = Talkers(site, played.profiles, settings.broker, first=self._clock.began_at // 1000)
        self._trace = Trace(settings.trace, self._clock.wall) if settings.trace else None
        log.info("started", action="started", site=site.id, scenario=scenario.scenario, seed=seed)

    async def run(self, stop: asyncio.Event, announce: Announce) -> None:
        """Serve the lines and let the world live until `stop`.

        Raises:
            SimError: A line can't be served.
        """
        self._live()
        try:
            served = await self._plant.serve(self._settings.host, free_ports=self._settings.free_ports)
            announce(served | self._talkers.start())
            await self._live_on(stop)
        finally:
            await self._close()

    async def _live_on(self, stop: asyncio.Event) -> None:
        while not stop.is_set():
            self._live()
            try:
                async with asyncio.timeout(TICK_S):
                    await stop.wait()
            except TimeoutError:
                continue

    def _live(self) -> None:
        now = self._clock.now()
        for effect in self._world.update(now):
            self._apply(effect)
        self._plant.live(self._device_time(now))
        self._talkers.live(self._clock.wall(now))

    def _apply(self, effect: Effect) -> None:
        match effect:
            case Inputs() if effect.device in self._talkers:
                self._talkers.update(self._clock.wall(effect.at), effect.device, effect.values)
            case Inputs():
                self._plant.update(self._device_time(effect.at), effect.device, effect.values)
            case Misbehaves():
                self._plant.misbehave(self._device_time(effect.at), effect.device, effect.fault)
            case Swiped():
                self._talkers.update(self._clock.wall(effect.at), effect.reader, {"card": effect.card})
            case ReaderState():
                self._talkers.update(self._clock.wall(effect.at), effect.reader, effect.changes())
            case Happened():
                if self._trace is not None:
                    self._trace.write(effect)
            case _:
                assert_never(effect)

    def _device_time(self, at: int) -> int:
        """What a Modbus device lives by: ms since the epoch when the world began, and the world's own pace."""
        return self._clock.began_at + at

    async def _close(self) -> None:
        await self._talkers.stop()
        await self._plant.close()
        if self._trace is not None:
            self._trace.close()
        log.info("stopped", action="stopped")
