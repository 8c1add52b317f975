"""The channels file: the ways that people are told, with their addresses and secrets.

It lies outside the site's files, since it may hold secrets. `{env:NAME}` in a value stands for a variable of the
environment, `{file:/path}` for what a file holds, and `{mail}` in an address for that contact of the person told.
"""

import re
import urllib.parse
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Final, Literal

import apprise
import msgspec
from msgspec import Meta

from cloud.errors import NoContactError
from contract.problems import ConfigError, Problem
from contract.site import Id
from contract.yamlfile import FieldPath, Located, convert, load_yaml

SECRET: Final = re.compile(r"\{(env|file):([^{}]+)\}")
_PLUGINS: Final = apprise.NotificationManager()  # type: ignore[no-untyped-call] # Apprise leaves it untyped
CONTACT: Final = re.compile(r"\{([a-z][a-z0-9_]*)\}")


class Channel(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One way: an address as Apprise knows them, a webhook of ours, a group robot, or the screens themselves.

    `secret` signs the calls of a webhook, and those of a DingTalk or Feishu robot that asks for it. `robot`: the
    address that the service gives for a group; `service` says whose it is. `screen`: people who look at the screens
    are told there, by what they show; nothing is sent. `per_minute`: more than that wait, but for critical ones.
    """

    id: Id
    apprise: str | None = None
    webhook: str | None = None
    robot: str | None = None
    service: Literal["wecom", "dingtalk", "feishu"] | None = None
    screen: bool = False
    secret: str | None = None
    per_minute: Annotated[int, Meta(gt=0)] | None = None


class ChannelsFile(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What the file holds."""

    channels: tuple[Channel, ...]


def load_channels(path: Path, environment: Mapping[str, str]) -> tuple[Channel, ...]:
    """The channels of a file with their secrets in place.

    Raises:
        ConfigError: Every mistake, with file and line; no message shows a secret.
    """
    located = load_yaml(path)
    written = convert(located, ChannelsFile).channels
    problems = [*_doubles(located, written)]
    channels: list[Channel] = []
    for number, channel in enumerate(written):
        try:
            channels.append(_resolved(located, number, channel, environment))
        except ConfigError as error:
            problems += error.problems
    for number, channel in enumerate(channels if not problems else ()):
        problems += _mistakes(located, ("channels", number), channel)
    if problems:
        raise ConfigError(problems)
    return tuple(channels)


def address(template: str, person: str, contacts: Mapping[str, str]) -> str:
    """An address for one person.

    Raises:
        NoContactError: It needs a contact that the person does not have.
    """

    def contact(found: re.Match[str]) -> str:
        if value := contacts.get(found[1]):
            return urllib.parse.quote(value, safe="")
        raise NoContactError(f"{person} has no {found[1]}")

    return CONTACT.sub(contact, template)


def _doubles(located: Located, channels: tuple[Channel, ...]) -> Iterator[Problem]:
    known: set[str] = set()
    for number, channel in enumerate(channels):
        if channel.id in known:
            yield located.problem(("channels", number, "id"), f"another channel is {channel.id} too")
        known.add(channel.id)


def _resolved(located: Located, number: int, channel: Channel, environment: Mapping[str, str]) -> Channel:
    values = {name: getattr(channel, name) for name in ("apprise", "webhook", "robot", "secret")}
    found = {
        name: _with_secrets(located, ("channels", number, name), value, environment)
        for name, value in values.items()
        if value is not None
    }
    return msgspec.structs.replace(channel, **found)


def _with_secrets(located: Located, path: FieldPath, value: str, environment: Mapping[str, str]) -> str:
    """A value with what stands for secrets replaced; within an address they are quoted as addresses need it."""
    whole = SECRET.fullmatch(value) is not None or path[-1] == "secret"

    def secret(found: re.Match[str]) -> str:
        text = environment.get(found[2], "") if found[1] == "env" else _file(located, path, found[2])
        if not text:
            raise ConfigError([located.problem(path, f"{found[1]}:{found[2]} is empty or not there")])
        return text if whole else urllib.parse.quote(text, safe="")

    return SECRET.sub(secret, value)


def _file(located: Located, path: FieldPath, name: str) -> str:
    try:
        return Path(name).read_text("utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError([located.problem(path, f"can't read {name}")]) from error


def _mistakes(located: Located, path: FieldPath, channel: Channel) -> Iterator[Problem]:
    ways = (channel.apprise, channel.webhook, channel.robot, channel.screen or None)
    if sum(way is not None for way in ways) != 1:
        yield located.problem(path, "needs one of apprise, webhook, robot and screen")
    elif (channel.robot is None) != (channel.service is None):
        yield located.problem(path, "a robot needs its service: wecom, dingtalk or feishu")
    elif channel.screen:
        return
    elif channel.robot is not None:
        yield from _no_address(located, (*path, "robot"), channel.robot)
    elif channel.apprise is not None:
        if channel.secret is not None:
            yield located.problem((*path, "secret"), "only a webhook has a secret")
        if not _known_to_apprise(channel.apprise):
            yield located.problem((*path, "apprise"), "is no address that Apprise can use")
    else:
        if channel.secret is None:
            yield located.problem(path, "secret is missing: the calls of a webhook are signed")
        yield from _no_address(located, (*path, "webhook"), channel.webhook or "")


def _no_address(located: Located, path: FieldPath, text: str) -> Iterator[Problem]:
    parts = urllib.parse.urlsplit(text)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        yield located.problem(path, "expected an address such as https://host/path")


def _known_to_apprise(template: str) -> bool:
    """Whether it is an address; of one with contacts in it, only the kind is known before there is a person."""
    if CONTACT.search(template):
        return template.partition("://")[0].lower() in _PLUGINS
    return apprise.Apprise.instantiate(template) is not None
