"""The agent, wired: device → driver → intake → spool → uplink, each part under the supervisor."""

import asyncio
import contextlib
import functools
import importlib.metadata
import random
import signal
from collections.abc import Mapping
from pathlib import Path

import msgspec
import structlog

from contract.batch import Lane
from contract.problems import ConfigError
from contract.profile.site_check import site_problems
from contract.site import Agent, Site
from contract.site_files import load_site
from contract.topics import Address
from contract.yamlfile import reading_once
from edge import clock
from edge.agent import supervise
from edge.coverage import BootTime, CoverageTracker
from edge.coverage import unpacked as coverage_from
from edge.doors import Doors
from edge.drivers.sharing import sharing
from edge.errors import SettingsError, SpoolDamaged, SpoolForked
from edge.intake import Intake
from edge.lines import Build, faces_of, keeping_of, lines_of
from edge.lostrows import lost_spans
from edge.parts import PartNames
from edge.ports import Services
from edge.recent import recent_messages
from edge.settings import Settings
from edge.sharing.board import DeviceFace
from edge.spool.base import Damage
from edge.spool.desk import Desk
from edge.spool.sqlite import SqliteSpool, open_spool
from edge.stamp import DeviceClocks
from edge.timekeeper import Timekeeper
from edge.together import together
from edge.uplink.machine import Machine
from edge.uplink.uplink import Route, Uplink

CHECKPOINT_S = 5.0
DOORS_S = 1.0
STOP_S = 1.5

_NOT_RELOADED = "the new files have mistakes; the old ones stay in force"

log = structlog.get_logger("edge.app")


def run(settings: Settings) -> int:
    """Run the agent until SIGTERM or SIGINT; the exit status. SIGHUP reads the site's files anew.

    Raises:
        ConfigError: The site's files have mistakes.
        SettingsError: The settings don't fit the site.
        SpoolError: The spool failed; what it holds is safe.
    """
    asyncio.run(_until_signalled(settings, prepare(settings)))
    return 0


class Prepared(msgspec.Struct, frozen=True):
    """An agent ready to begin: nothing of the site's files is read again."""

    site: Site
    agent: Agent
    lines: Mapping[str, Build]
    faces: Mapping[str, DeviceFace]
    keeping: frozenset[str]


def prepare(settings: Settings) -> Prepared:
    """Read the site's files, and look at all that can be wrong with them and the settings.

    Raises:
        ConfigError: The site's files have mistakes.
        SettingsError: The settings don't fit the site.
    """
    with reading_once():
        return _prepare(settings)


def _prepare(settings: Settings) -> Prepared:
    site = load_site(settings.site_dir)
    problems = site_problems(site, settings.site_dir)
    if problems:
        raise ConfigError(problems)
    agent = site.agents.get(settings.agent)
    if agent is None:
        known = ", ".join(site.agents) or "none"
        raise SettingsError(f"site {site.id} has no agent {settings.agent}; it has {known}")
    return Prepared(
        site,
        agent,
        lines_of(site, agent, settings),
        faces_of(site, agent, settings),
        keeping_of(site, agent, settings),
    )


async def _until_signalled(settings: Settings, prepared: Prepared) -> None:
    stop, reload = asyncio.Event(), asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    loop.add_signal_handler(signal.SIGHUP, reload.set)
    while not stop.is_set():
        end = asyncio.Event()
        life = asyncio.create_task(serve(settings, prepared, end))
        prepared = await _next_site(settings, prepared, stop, reload, life)
        end.set()
        await life


async def _next_site(
    settings: Settings,
    now: Prepared,
    stop: asyncio.Event,
    reload: asyncio.Event,
    life: asyncio.Task[None],
) -> Prepared:
    """Wait for the end, or for files that are right: with a mistake in them the present ones stay in force."""
    waits = [asyncio.create_task(stop.wait()), asyncio.create_task(reload.wait())]
    try:
        while True:
            await asyncio.wait([life, *waits], return_when=asyncio.FIRST_COMPLETED)
            if stop.is_set() or life.done():
                return now
            reload.clear()
            waits[1] = asyncio.create_task(reload.wait())
            try:
                after = await asyncio.to_thread(prepare, settings)
            except (ConfigError, SettingsError) as error:
                log.warning(_NOT_RELOADED, action="not_reloaded", why=str(error))
                continue
            except Exception as error:
                log.exception(_NOT_RELOADED, action="not_reloaded", why=repr(error))
                continue
            log.info("the site's files were read anew", action="reloaded", site=after.site.id)
            return after
    finally:
        for wait in waits:
            wait.cancel()


async def serve(settings: Settings, prepared: Prepared, stop: asyncio.Event) -> None:
    """Run an agent until `stop`; it begins again with a new spool after damage, with new numbers after a fork."""
    while not stop.is_set():
        try:
            await _serve(settings, prepared, stop)
        except SpoolDamaged as damage:
            log.warning("the spool is damaged", action="spool_damaged", why=str(damage))
        except SpoolForked as fork:
            log.warning("the spool begins a new epoch", action="spool_forked", why=str(fork))


async def _serve(settings: Settings, prepared: Prepared, stop: asyncio.Event) -> None:
    site, agent = prepared.site, prepared.agent
    spool, damage = _open_spool(settings)
    log.info("started", action="started", site=site.id, agent=agent.id, epoch=spool.epoch)
    await Process(settings, prepared, spool, damage).run(stop)
    log.info("stopped", action="stopped", agent=agent.id)


def _open_spool(settings: Settings) -> tuple[SqliteSpool, Damage | None]:
    settings.spool.parent.mkdir(parents=True, exist_ok=True)
    spool, damage = open_spool(
        settings.spool,
        boot=clock.boot_id(),
        limits=settings.limits,
        random_source=random.SystemRandom(),
    )
    if damage is not None:
        log.error(
            "the spool was damaged: what is whole was taken over, the file is kept aside",
            action="spool_salvaged",
            file=str(damage.file),
            rows=damage.saved,
            lost={lane: [f"{first}-{last}" for first, last in gaps] for lane, gaps in damage.lost.items()},
        )
    return spool, damage


def _past_lost(path: Path, note: bytes | None) -> bool:
    """A spool stood here and is lost: what its devices did in it, nobody knows."""
    return note is None and any(path.parent.glob(f"{path.name}.damaged-*"))


class Process:
    """One life of an agent over one spool."""

    def __init__(
        self, settings: Settings, prepared: Prepared, spool: SqliteSpool, damage: Damage | None
    ) -> None:
        site, agent = prepared.site, prepared.agent
        now, boot = clock.boot_ms(), clock.boot_id()
        last = {lane: spool.last(lane) for lane in Lane}
        accepted = {lane: spool.accepted(lane) for lane in Lane}
        coverage = spool.recall("coverage")
        time = Timekeeper(spool.recall("clock"), boot=boot, boot_ms=now, wall_ms=clock.wall_ms())
        tracker = CoverageTracker(
            boot,
            coverage_from(coverage),
            past_lost=_past_lost(settings.spool, coverage),
            buffering=site.buffering,
        )
        for start, end in lost_spans(spool, damage, BootTime(boot, now)) if damage else ():
            tracker.lost_rows(start, end)
        self._desk = Desk(spool)
        self._intake = Intake(
            self._desk,
            tracker,
            DeviceClocks(site.buffering, prepared.keeping),
            time,
            last=last,
            doors=Doors(site.file.devices),
            parts=PartNames(site),
        )
        self._uplink = Uplink(
            Route(
                address=Address(site.id, agent.id),
                endpoint=settings.broker,
                version=importlib.metadata.version("sitewarden"),
                compress=settings.compress,
            ),
            desk=self._desk,
            intake=self._intake,
            tracker=tracker,
            time=time,
            machine=Machine(spool.epoch, accepted, last, now, settings.pace, spool.lineage),
            random_source=random.SystemRandom(),
        )
        self._intake.speak_as(agent.id)
        self._intake.on_kept(self._uplink.rows_changed)
        services = Services(
            kept=self._intake.kept,
            recent=recent_messages(spool),
            wall=lambda: moment.at if (moment := time.now(clock.boot_ms())) else None,
            recall=self._recall,
            remember=self._remember,
        )
        self._drivers = {name: build(services) for name, build in prepared.lines.items()}
        faces = prepared.faces
        self._shares = [sharing(url, site.id, agent.id, faces, clock.wall_ms) for url in settings.share]
        for share in self._shares:
            self._intake.copy_to(share)

    async def run(self, stop: asyncio.Event) -> None:
        """Run every part until `stop`; then put on disk what is under way, and take leave.

        Raises:
            SpoolError: The spool failed.
        """
        lines = [
            asyncio.create_task(supervise(f"line {name}", functools.partial(driver.run, self._intake)))
            for name, driver in self._drivers.items()
        ]
        shares = [asyncio.create_task(supervise(f"share {share.name}", share.run)) for share in self._shares]
        try:
            await together(
                supervise("intake", self._intake.run),
                supervise("uplink", self._uplink.run),
                supervise("checkpoint", self._checkpoints),
                supervise("doors", self._watch_doors),
                self._until(stop, lines),
            )
        finally:
            await _cancelled([*lines, *shares])
            await self._desk.close()

    async def _until(self, stop: asyncio.Event, lines: list[asyncio.Task[None]]) -> None:
        await stop.wait()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(STOP_S):
                await _cancelled(lines)
                await self._intake.kept()
                await self._intake.checkpoint()
                self._uplink.leave()

    async def _recall(self, name: str) -> bytes | None:
        return await self._desk.do(lambda spool: spool.recall(name))

    async def _remember(self, name: str, note: bytes) -> None:
        await self._desk.do(lambda spool: spool.remember({name: note}))

    async def _watch_doors(self) -> None:
        while True:
            await asyncio.sleep(DOORS_S)
            self._intake.look_at_doors()

    async def _checkpoints(self) -> None:
        # Also while nobody listens: a restart goes on from here.
        while True:
            await asyncio.sleep(CHECKPOINT_S)
            await self._intake.checkpoint()


async def _cancelled(tasks: list[asyncio.Task[None]]) -> None:
    for task in tasks:
        task.cancel()
    if tasks:
        await asyncio.wait(tasks)
