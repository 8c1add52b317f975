"""`sitewarden edge probe` for a device that speaks by itself: each message as it comes, and what to check when none does."""

import asyncio
import contextlib
import json
from collections.abc import Coroutine, Iterator
from typing import Any, Final

import msgspec
import typer

from contract.duration import parse_duration
from contract.profile.model import HttpProfile, PublishingProfile
from contract.site import Device, Site
from contract.yamlfile import unknown_name
from edge.clock import wall_ms
from edge.drivers.http import parse_doorway
from edge.errors import BrokerLost, LineLost, SettingsError
from edge.listening import Heard, MqttListener, PostListener
from edge.localtime import wall_clock
from edge.mqtt import Endpoint
from edge.overheard import Rule, awaited, others
from edge.parts import PartNames
from edge.ports import Happened, Measured
from edge.shown import Shown, digits
from edge.topicmap import TopicMap
from sitewarden.on_site import NOBODY, errors, refused

ALSO_S: Final = 1.0
"""After the first message of a device, how long to listen for those that come with it."""
ALL_S: Final = 3.0
"""How long to listen to all that a broker has, where nothing came of the device."""
MOST_TOPICS: Final = 20
LONGEST_SHOWN: Final = 4_000


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
        asyncio.run(watch.run())
    except (BrokerLost, LineLost) as error:
        raise refused(watch.lost(str(error))) from error
    except SettingsError as error:
        raise refused(str(error)) from error
    except KeyboardInterrupt:
        pass
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
        self._all = False
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
        if self._all and not heard.message.rules:
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
        for line in self._why_nothing():
            errors.print(line)

    def _why_nothing(self) -> Iterator[str]:
        own = self._device.address or self._device.id
        yield f"nothing was heard of {self._device.id} in {self._how.wait_s} s; waited for:"
        for one in awaited(self._device, self._profile):
            yield f"  {one.topic} ({one.rule}: {one.of})"
        topics = [heard.message.topic for heard in self.heard] + list(self._elsewhere)
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


def told(site: Site, heard: Heard, seen: list[Happened | Measured], at: int) -> Iterator[str]:
    """A message that came at `at` (ms since the epoch), line by line."""
    how = f"{heard.method} " if heard.method else ""
    kept = "  (retained: kept by the broker, nobody knows since when)" if heard.retained else ""
    yield f"{wall_clock(at, site.timezone):%H:%M:%S}  {how}{heard.message.topic}{kept}"
    payload = heard.message.payload
    yield f"  {payload[:LONGEST_SHOWN]}" + (" …" if len(payload) > LONGEST_SHOWN else "")
    if not heard.message.rules:
        yield "  no rule of the profile is for it"
    for rule in heard.message.rules:
        yield from _rule(rule)
    if heard.message.left:
        yield f"  nothing takes: {', '.join(heard.message.left)}"
    for one in seen:
        yield f"  comes out: {_happened(site, one) if isinstance(one, Happened) else _measured(one)}"
    if heard.message.rules and not seen:
        yield "  comes out: nothing that was not told before"


def _rule(rule: Rule) -> Iterator[str]:
    element = "" if rule.element is None else f", element {rule.element}"
    head = f"  {rule.rule}{element} ({rule.of})"
    if not rule.is_ours and rule.online is None:
        yield f"{head}: not for it: {rule.why}"
        return
    if rule.online is not None:
        yield f"{head}: {'online' if rule.online else 'offline'}"
        return
    yield f"{head}: not understood: {rule.why}" if rule.why else head
    for name, value in (rule.event or {}).items():
        yield f"    {name}: {value}"
    for one in rule.takes:
        yield f"    {_value(one)}"


def _value(one: Shown) -> str:
    mark = "" if one.verified else " ?"
    where = f"{one.path} = {one.found}" if one.found else one.path
    if one.value is None:
        return f"{one.name}{mark}: {one.why} ({where})"
    value = f"{digits(one.value)} {one.unit}".rstrip()
    means = f": {one.word}" if one.word else ""
    return f"{one.name}{mark}: {value}{means} ({where})" if where else f"{one.name}{mark}: {value}{means}"


def _happened(site: Site, one: Happened) -> str:
    zone = one.zone or (known.zone if (known := site.devices.get(one.device)) else None)
    data = "".join(f", {name} {value}" for name, value in one.data.items())
    return f"{one.type} of {one.device}{f' in {zone}' if zone else ''}{_person(site, one.person)}{data}"


def _person(site: Site, said: str | None) -> str:
    if said is None:
        return ""
    known = site.people.get(said)
    return (
        f" by {said} ({known.id})" if known is not None else f" by {said} (nobody of the site has that card)"
    )


def _measured(one: Measured) -> str:
    value = "no value, bad" if one.value is None else digits(one.value)
    return f"{one.point} of {one.device} is {value}"


def _without_password(url: str) -> str:
    scheme, found, rest = url.partition("://")
    return f"{scheme}{found}{rest.rpartition('@')[2]}"
