"""The cloud's process, wired: broker → workers → store → web, notifier. Everything is made here and handed on."""

import asyncio
import contextlib
import functools
import secrets
import signal
import sys
from collections.abc import Awaitable, Callable, Iterator, Mapping
from pathlib import Path
from typing import Final, TypeVar

import structlog
from prometheus_client import CollectorRegistry

from cloud.broker.client import connect
from cloud.broker.line import BrokerLine
from cloud.broker.post import BrokerPost
from cloud.clock import monotonic_ms, now_ms
from cloud.correlation.engine import Engine
from cloud.correlation.explain import Explainer
from cloud.correlation.rule_files import load_rules
from cloud.correlation.rules import RuleBook
from cloud.errors import TransientError
from cloud.ingest.desk import RuleEngine, SiteSetup
from cloud.ingest.metrics import IngestMetrics
from cloud.ingest.pauses import Pauses
from cloud.ingest.session import Clocks, Surroundings
from cloud.ingest.timeservice import TIME_REQUESTS, TimeService
from cloud.ingest.worker import Worker
from cloud.notify.channels import Channel, load_channels
from cloud.notify.notifier import Notifier
from cloud.operations.setup import OperationsSetup, load_operations
from cloud.operations.telling import channels_of
from cloud.settings import Role, Settings, environment
from cloud.store.files import FileStore
from cloud.store.postgres.hours import HourRoller
from cloud.store.postgres.migrate import migrate
from cloud.store.postgres.outbox import PostgresOutbox
from cloud.store.postgres.reads import PostgresReader
from cloud.store.postgres.writer import PostgresStore
from cloud.supervisor import supervise
from cloud.web.app import create_app
from cloud.web.server import WebServer
from contract.problems import ConfigError, Problem
from contract.site import Site
from contract.site_files import load_site
from contract.topics import PARTITIONS
from contract.yamlfile import unknown_name

T = TypeVar("T")

_log: Final = structlog.get_logger("cloud")
GIL_SWITCH_S: Final = 0.0005
"""A commit's thread waits for the interpreter at every piece it sends: with the default of 5 ms it crawls."""
ROLL_PAUSE_S: Final = 30.0
"""How often the newest hours of curves are worked out anew; in between they are read from the readings."""


def run(settings: Settings) -> int:
    """Run the roles of the settings until SIGTERM or SIGINT; the exit status.

    Raises:
        ConfigError: Files of a site or its rules have mistakes; nothing was started.
        SettingsError: The settings don't fit together; nothing was started.
        MigrationError: The database is not one that this program can work with.
    """
    setups = load_setups(settings)
    sys.setswitchinterval(GIL_SWITCH_S)
    asyncio.run(_until_signalled(settings, setups))
    return 0


def load_setups(settings: Settings) -> dict[str, SiteSetup]:
    """The sites with their rules, by id.

    Raises:
        ConfigError: Every mistake of every file, that of the channels included.
    """
    setups: dict[str, SiteSetup] = {}
    problems: list[Problem] = []
    channels: tuple[Channel, ...] | None = None
    try:
        channels = _channels(settings) if settings.channels else None
    except ConfigError as error:
        problems += error.problems
    for directory in settings.sites:
        try:
            site = load_site(directory)
            rules = load_rules(settings.rules, site)
            people = load_operations(settings.operations, site, secrets.token_hex())
        except ConfigError as error:
            problems += error.problems
            continue
        problems += _unknown_channels(people, channels, directory)
        if site.id in setups:
            problems.append(Problem(str(directory), 1, "site", f"another directory is site {site.id} too"))
        setups[site.id] = SiteSetup(site, rules, make_engine, Explainer(site, rules).sentence, people)
    if problems:
        raise ConfigError(problems)
    return setups


def _channels(settings: Settings) -> tuple[Channel, ...]:
    return load_channels(settings.channels, environment()) if settings.channels else ()


def _unknown_channels(
    people: OperationsSetup, channels: tuple[Channel, ...] | None, directory: Path
) -> Iterator[Problem]:
    """Channels that a site tells people through and the channels file does not have."""
    known = {channel.id for channel in channels or ()}
    for name, where in channels_of(people.telling).items() if channels is not None else ():
        if name not in known:
            yield Problem(str(directory), 1, where, unknown_name("channel", name, known))


def make_engine(site: Site, rules: RuleBook, data_from: int) -> RuleEngine:
    """The live engine of a site whose data begin at `data_from`."""
    return Engine(site, rules, data_from=data_from)


async def _until_signalled(settings: Settings, setups: Mapping[str, SiteSetup]) -> None:
    stop, reread = asyncio.Event(), asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    asyncio.get_running_loop().add_signal_handler(signal.SIGHUP, reread.set)
    await serve_anew(settings, setups, stop, reread)


async def serve_anew(
    settings: Settings,
    setups: Mapping[str, SiteSetup],
    stop: asyncio.Event,
    reread: asyncio.Event,
    on_web: Callable[[str], None] = lambda _: None,
) -> None:
    """Run the roles until `stop` is set; whenever `reread` is, with the sites and rules as their files are then.

    Files with mistakes are told of, and what was in force stays in force. The roles begin anew as after a restart:
    nothing is lost, and nothing is judged twice.

    Raises:
        SettingsError, MigrationError: As `serve`.
    """
    while not stop.is_set():
        ended = asyncio.Event()
        serving = asyncio.create_task(serve(settings, setups, ended, on_web))
        try:
            setups = await _next_setups(settings, setups, serving, stop, reread)
        finally:
            ended.set()
            await serving


async def _next_setups(
    settings: Settings,
    setups: Mapping[str, SiteSetup],
    serving: asyncio.Task[None],
    stop: asyncio.Event,
    reread: asyncio.Event,
) -> Mapping[str, SiteSetup]:
    """The setups to go on with, once there are others, or it is time to end."""
    while True:
        waits = {asyncio.create_task(stop.wait()), asyncio.create_task(reread.wait())}
        await asyncio.wait({serving, *waits}, return_when=asyncio.FIRST_COMPLETED)
        for wait in waits:
            wait.cancel()
        if stop.is_set() or serving.done():
            return setups
        reread.clear()
        try:
            fresh = await asyncio.to_thread(load_setups, settings)
        except ConfigError as error:
            for problem in error.problems:
                _log.error(
                    "a mistake; the old files stay in force", action="reload_refused", why=str(problem)
                )
            continue
        except Exception as error:  # noqa: BLE001 - a supervisor: what no check has foreseen ends no cloud
            _log.exception("a mistake; the old files stay in force", action="reload_refused", why=repr(error))
            continue
        _log.info("sites and rules are read anew", action="reloaded", sites=sorted(fresh))
        return fresh


async def serve(
    settings: Settings,
    setups: Mapping[str, SiteSetup],
    stop: asyncio.Event,
    on_web: Callable[[str], None] = lambda _: None,
) -> None:
    """Run the roles until `stop` is set. `on_web` is told the address of the page.

    Raises:
        SettingsError: The page can't be served as the settings say.
        MigrationError: The database is not one that this program can work with.
    """
    registry = CollectorRegistry()
    parts: list[Awaitable[None]] = []
    if Role.WORKER in settings.roles:
        metrics = IngestMetrics(registry)
        parts.append(supervise("worker", functools.partial(_work, settings, setups, metrics, stop), stop))
        parts.append(supervise("hours", functools.partial(_roll, settings, stop), stop))
    if Role.WEB in settings.roles:
        web = functools.partial(_serve_web, settings, setups, registry, stop, on_web)
        parts.append(supervise("web", web, stop))
    if Role.NOTIFY in settings.roles:
        parts.append(supervise("notify", functools.partial(_notify, settings, setups, stop), stop))
    await asyncio.gather(*parts)


async def _serve_web(
    settings: Settings,
    setups: Mapping[str, SiteSetup],
    registry: CollectorRegistry,
    stop: asyncio.Event,
    on_web: Callable[[str], None],
) -> None:
    rules = {name: setup.rules for name, setup in setups.items()}
    sites = [setup.site for setup in setups.values()]
    people = {name: setup.operations for name, setup in setups.items()}
    reader = PostgresReader(settings.database)
    post = BrokerPost(settings.broker)
    files = FileStore(settings.files) if settings.files is not None else None
    app = create_app(
        reader,
        sites,
        settings.web,
        post=post,
        rules=rules,
        operations=people,
        files=files,
        registry=registry,
    )
    server = WebServer(app)
    _log.info("the page is served", action="serving", address=server.address)
    on_web(server.address)
    serving = asyncio.create_task(server.run_until_stopped())
    stopping = asyncio.create_task(stop.wait())
    await asyncio.wait([serving, stopping], return_when=asyncio.FIRST_COMPLETED)
    stopping.cancel()
    server.stop()
    await serving
    await post.close()


async def _notify(settings: Settings, setups: Mapping[str, SiteSetup], stop: asyncio.Event) -> None:
    contacts = {
        (name, person.id): person.contacts
        for name, setup in setups.items()
        for person in setup.site.file.people
    }
    outbox = PostgresOutbox(settings.database)
    try:
        await Notifier(outbox, _channels(settings), contacts).run(stop)
    finally:
        outbox.close()


def _migrate(settings: Settings) -> None:
    """Bring the database up to date, as the owner of its tables."""
    if settings.database_owner:
        migrate(settings.database_owner, program=settings.database)
    else:
        migrate(settings.database)


async def _work(
    settings: Settings, setups: Mapping[str, SiteSetup], metrics: IngestMetrics, stop: asyncio.Event
) -> None:
    """The worker's role: migrate, connect, own partitions, tell the time."""
    await patiently(lambda: asyncio.to_thread(_migrate, settings), stop)
    broker = await patiently(lambda: connect(settings.broker, _say_broker), stop)
    if broker is None:
        return
    try:
        line = BrokerLine(broker, settings.stream_bytes, settings.stream_s)
        await broker.subscribe(TIME_REQUESTS, TimeService(line, now_ms).handle, queue="time")
        around = Surroundings(
            line=line, sites=setups, clocks=Clocks(now_ms, monotonic_ms), counted=metrics.counted
        )
        await _own_partitions(settings, around, stop)
    finally:
        await broker.close()


async def _own_partitions(settings: Settings, around: Surroundings, stop: asyncio.Event) -> None:
    store = PostgresStore(settings.database)
    workers = [Worker(partition, store, around) for partition in settings.partitions or range(PARTITIONS)]
    async with asyncio.TaskGroup() as group:
        for worker in workers:
            group.create_task(worker.run())
        await stop.wait()
        for worker in workers:
            worker.stop()


async def _roll(settings: Settings, stop: asyncio.Event) -> None:
    """The worker's role beside its stream: roll the readings of its partitions up by the hour."""
    await patiently(lambda: asyncio.to_thread(_migrate, settings), stop)
    roller = HourRoller(settings.database)
    partitions = settings.partitions or range(PARTITIONS)
    try:
        while not stop.is_set():
            more = await patiently(lambda: asyncio.to_thread(roller.step, partitions), stop)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(0 if more else ROLL_PAUSE_S):
                    await stop.wait()
    finally:
        roller.close()


async def patiently(attempt: Callable[[], Awaitable[T]], stop: asyncio.Event) -> T | None:
    """What an attempt gives once it succeeds, tried again with growing pauses; None when stopped before."""
    pauses = Pauses()
    while not stop.is_set():
        try:
            found = await attempt()
        except TransientError as error:
            pause_s, first = pauses.failed()
            if first:
                _log.warning("waits", action="waiting", why=str(error))
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(pause_s):
                    await stop.wait()
        else:
            if pauses.succeeded():
                _log.info("works again", action="recovered")
            return found
    return None


def _say_broker(what: str) -> None:
    _log.warning(what, action="broker")
