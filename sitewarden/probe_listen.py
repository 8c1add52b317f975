"""`sitewarden edge probe` for a device that speaks by itself: each message as it comes, and what to check when none does."""

import asyncio
import contextlib
import json
import logging
from collections.abc import Coroutine, Iterator
from typing import Any, Final

import msgspec
import structlog
import typer

from contract.duration import parse_duration
from contract.profile.model import HttpProfile, PublishingProfile
from contract.site import Device, Site
from contract.yamlfile import unknown_name
from edge.clock import boot_ms, wall_ms
from edge.drivers.http import parse_doorway
from edge.errors import BrokerLost, LineLost, SettingsError
from edge.listening import Heard, MqttListener, PostListener
from edge.mqtt import Endpoint
from edge.overheard import awaited, others
from edge.parts import PartNames
from edge.ports import Happened, Measured
from edge.topicmap import TopicMap
from sitewarden.on_site import NOBODY, errors, refused
from sitewarden.probe_text import told

ALSO_S: Final = 1.0
"""After the first message of a device, how long to listen for those that come with it."""
ALL_S: Final = 3.0
"""How long to listen to all that a broker has, where nothing came of the device."""
MOST_TOPICS: Final = 20


class Listening(msgspec.Struct, frozen=True, kw_only=True):
    """How to listen: where, how long at most, only until the device was heard, and whether to print JSON."""

    url: str
    wait_s: int
    once: bool
    as_json: bool


def listen(site: Site, device: Device, profile: PublishingProfile, how: Listening) -> None:
    """Show each message of a device as it comes."""
    watch = _Watch(site, device, profile, how)
    try:
        with _unlogged():
            asyncio.run(watch.run())
    except (BrokerLost, LineLost) as error:
        raise refused(watch.lost(str(error))) from error
    except SettingsError as error:
        raise refused(str(error)) from error
    except KeyboardInterrupt:
        watch.say_if_silent()
    if how.as_json:
        typer.echo(json.dumps([watch.built(one) for one in watch.heard], ensure_ascii=False))
    if not watch.is_heard:
        raise typer.Exit(NOBODY)


class _Watch:
    """One device listened to."""

    def __init__(self, site: Site, device: Device, profile: PublishingProfile, how: Listening) -> None:
        self._site = site
        self._device = device
        self._profile = profile
        self._how = how
        self._parts = PartNames(site)
        self._topics = TopicMap([(device, profile)], site.timezone)
        self._came = asyncio.Event()
        self._all = self._is_said = False
        self._since = boot_ms()
        self._elsewhere: dict[str, None] = {}
        self.heard: list[Heard] = []
        cards = frozenset(name for person in site.file.people for name in (person.id, *person.cards))
        if isinstance(profile, HttpProfile):
            silent = {device.id: parse_duration(profile.silent_after).ms}
            self._listener: MqttListener | PostListener = PostListener(
                self._topics, silent, cards, self._hear
            )
        else:
            self._listener = MqttListener(self._topics, cards, self._hear)

    @property
    def is_heard(self) -> bool:
        """Whether the device was."""
        return self._came.is_set()

    async def run(self) -> None:
        """Listen as long as asked.

        Raises:
            BrokerLost: The broker can't be reached, or ended the connection.
            LineLost: The port can't be listened on.
            SettingsError: The endpoint is none.
        """
        errors.print(f"listening to {self._device.id} on {_without_password(self._how.url)} …")
        listening = asyncio.ensure_future(self._start())
        try:
            await self._or_end(listening, self._until_heard())
            if not self._how.once:
                await listening
        finally:
            listening.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await listening

    async def _start(self) -> None:
        if isinstance(self._listener, MqttListener):
            await self._listener.run(Endpoint.parse(self._how.url))
        else:
            await self._listener.run(parse_doorway(self._how.url))

    async def _or_end(self, listening: "asyncio.Future[None]", waiting: Coroutine[None, None, None]) -> None:
        """Wait, unless the listening ends before: its error is raised."""
        task = asyncio.ensure_future(waiting)
        await asyncio.wait({listening, task}, return_when=asyncio.FIRST_COMPLETED)
        if listening.done():
            task.cancel()
            await listening
        await task

    async def _until_heard(self) -> None:
        try:
            async with asyncio.timeout(self._how.wait_s):
                await self._came.wait()
        except TimeoutError:
            await self._say_nothing_came()
            return
        await asyncio.sleep(ALSO_S)

    def _hear(self, heard: Heard) -> None:
        is_foreign = not heard.message.rules and not heard.method
        if is_foreign or (self._all and not heard.is_ours):
            self._elsewhere.setdefault(heard.message.topic)
            return
        self.heard.append(heard)
        if not self._how.as_json:
            typer.echo("\n".join(told(self._site, heard, self._events(heard), wall_ms())))
        if heard.is_ours:
            self._came.set()

    def _events(self, heard: Heard) -> list[Happened | Measured]:
        named = self._parts.all_named(heard.told)
        return [one for one in named if isinstance(one, Happened | Measured)]

    def built(self, heard: Heard) -> dict[str, Any]:
        """A message as plain values for JSON."""
        seen = self._events(heard)
        return {
            **msgspec.to_builtins(heard.message),
            "retained": heard.retained,
            "method": heard.method,
            "events": [msgspec.to_builtins(one) for one in seen if isinstance(one, Happened)],
            "readings": [msgspec.to_builtins(one) for one in seen if isinstance(one, Measured)],
        }

    # --- when nothing comes

    async def _say_nothing_came(self) -> None:
        self._all = True
        if isinstance(self._listener, MqttListener):
            self._listener.listen_to_all()
            await asyncio.sleep(ALL_S)
        self.say_if_silent()

    def say_if_silent(self) -> None:
        """Say what was waited for and what to check, once, where the device was not heard."""
        lines = [] if self.is_heard or self._is_said else list(self._why_nothing())
        self._is_said = True
        for line in lines:
            errors.print(line)

    def _why_nothing(self) -> Iterator[str]:
        own = self._device.address or self._device.id
        waited_s = round((boot_ms() - self._since) / 1_000)
        yield f"nothing was heard of {self._device.id} in {waited_s} s; waited for:"
        for one in awaited(self._device, self._profile):
            yield f"  {one.topic} ({one.rule}: {one.of})"
        topics = list(dict.fromkeys([*(heard.message.topic for heard in self.heard), *self._elsewhere]))
        near = others(self._profile, [topic.strip("/") for topic in topics])
        for address in near[:MOST_TOPICS]:
            yield f"  heard of another such device: address {address}"
        if near and (hint := unknown_name("device of address", own, near)) and "did you mean" in hint:
            yield hint
        if isinstance(self._listener, MqttListener):
            yield from _check_broker(topics, is_denied=self._listener.is_denied)
        else:
            yield from _check_port(topics)
        if why := self._listener.reach():
            yield f"the agent would say of it: {why}"

    def lost(self, why: str) -> str:
        """Why there is nothing to listen to, with what to do."""
        if isinstance(self._listener, PostListener):
            return (
                f"can't listen on {self._how.url}: {why}; if the agent does, stop it meanwhile, or let the device post to "
                "another port and name that with --endpoint"
            )
        if self._listener.is_up:
            return f"{why}: does another program use the same name there?"
        return (
            f"{why}: is the broker running there, may this machine reach it, and does it want a name and password "
            "(--endpoint mqtt://name:password@host:1883)?"
        )


def _check_broker(topics: list[str], *, is_denied: bool) -> Iterator[str]:
    if is_denied:
        yield "the broker denies a topic: may this user read it?"
    shown = ", ".join(topics[:MOST_TOPICS])
    yield (
        f"meanwhile the broker gave {shown}"
        if shown
        else ("the broker gave no message at all: does any device publish there, and may this user read?")
    )
    yield (
        "check: is it powered and joined to its bridge or network; one with a battery speaks only when something "
        "happens, so open, press or warm it; is `address` its name in the topic, capital letters too; does it "
        "publish to this broker"
    )


def _check_port(topics: list[str]) -> Iterator[str]:
    if topics:
        yield f"meanwhile calls came to {', '.join(topics[:MOST_TOPICS])}: is the path in the device's settings right?"
    yield (
        "check: the address of this machine and this port in the device's settings; a firewall between them; name "
        "and password, where the line has any (others are answered 401, and not shown); let something happen at it"
    )


def _without_password(url: str) -> str:
    scheme, found, rest = url.partition("://")
    return f"{scheme}{found}{rest.rpartition('@')[2]}"


@contextlib.contextmanager
def _unlogged() -> Iterator[None]:
    """What the agent's parts would log is shown already, and must not stand in the JSON."""
    before = structlog.get_config()["wrapper_class"]
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    try:
        yield
    finally:
        structlog.configure(wrapper_class=before)
