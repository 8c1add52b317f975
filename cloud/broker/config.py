"""The configuration of nats-server: allow-lists for every agent, no default secret, everything synced to disk.

Pure text. An agent may publish on its own channels and listen to its own answers, nothing else; what it is not
allowed is not listed, since a deny after a wildcard has been got wrong before (faults.md S18).
"""

import json
from collections.abc import Sequence
from typing import Any, Final

import msgspec

from cloud.errors import SettingsError
from contract.topics import Address

UP_CHANNELS: Final = ("events", "state", "time")
DOWN_CHANNELS: Final = ("ack", "time-reply", "config")
SHORTEST_SECRET: Final = 12
_DEFAULTS: Final = frozenset({"password", "changeme", "change-me", "sitewarden", "secret", "admin"})


class AgentLogin(msgspec.Struct, frozen=True):
    """How one agent signs in: its user name is `{site}.{agent}`."""

    address: Address
    password: str


class FieldLogin(msgspec.Struct, frozen=True):
    """A user of a field line that runs over the same broker: readers that publish, edges that listen.

    `topics` are MQTT topic filters.
    """

    user: str
    password: str
    topics: tuple[str, ...]


class BrokerSettings(msgspec.Struct, frozen=True, kw_only=True):
    """What the broker needs to know. Ports on `host`; `store` is its folder; `tls` names certificate and key."""

    store: str
    cloud_password: str
    agents: Sequence[AgentLogin]
    field: Sequence[FieldLogin] = ()
    host: str = "127.0.0.1"
    nats_port: int = 4222
    mqtt_port: int = 1883
    monitor_port: int | None = None
    tls: tuple[str, str] | None = None


CLOUD_USER: Final = "cloud"


def agent_user(address: Address) -> str:
    """The user name of an agent."""
    return f"{address.site}.{address.agent}"


def render(settings: BrokerSettings) -> str:
    """The configuration file.

    Raises:
        SettingsError: A secret is missing, short, a well-known one, or used twice; a user is named twice.
    """
    _check(settings)
    users = [_user(CLOUD_USER, settings.cloud_password, [">"], [">"])]
    users += [_agent(login) for login in settings.agents]
    users += [_field(login) for login in settings.field]
    body: dict[str, Any] = {
        "server_name": "sitewarden",
        "listen": f"{settings.host}:{settings.nats_port}",
        "max_payload": 1_048_576,
        "jetstream": {"store_dir": settings.store, "sync_interval": "always"},
        "mqtt": {"listen": f"{settings.host}:{settings.mqtt_port}", **_tls(settings)},
        "accounts": {"SITEWARDEN": {"jetstream": "enabled", "users": users}},
        **_tls(settings),
    }
    if settings.monitor_port is not None:
        body["http"] = f"127.0.0.1:{settings.monitor_port}"
    return json.dumps(body, indent=2) + "\n"


def subject_filter(topic: str) -> str:
    """An MQTT topic filter as a NATS subject: `patrol/+/scan` is `patrol.*.scan`."""
    return topic.replace("/", ".").replace("+", "*").replace("#", ">")


def _agent(login: AgentLogin) -> dict[str, Any]:
    up = [login.address.subject(channel) for channel in UP_CHANNELS]
    down = [login.address.subject(channel) for channel in DOWN_CHANNELS]
    return _user(agent_user(login.address), login.password, up, down)


def _field(login: FieldLogin) -> dict[str, Any]:
    subjects = [subject_filter(topic) for topic in login.topics]
    return _user(login.user, login.password, subjects, subjects)


def _user(name: str, password: str, publish: list[str], subscribe: list[str]) -> dict[str, Any]:
    return {
        "user": name,
        "password": password,
        "permissions": {"publish": {"allow": publish}, "subscribe": {"allow": subscribe}},
    }


def _tls(settings: BrokerSettings) -> dict[str, Any]:
    if settings.tls is None:
        return {}
    certificate, key = settings.tls
    return {"tls": {"cert_file": certificate, "key_file": key}}


def _check(settings: BrokerSettings) -> None:
    logins = {CLOUD_USER: settings.cloud_password}
    named = [(agent_user(login.address), login.password) for login in settings.agents]
    for user, password in named + [(login.user, login.password) for login in settings.field]:
        if user in logins:
            raise SettingsError(f"the user {user} is named twice")
        logins[user] = password
    for user, password in logins.items():
        if len(password) < SHORTEST_SECRET or password.lower() in _DEFAULTS:
            raise SettingsError(
                f"the password of {user} needs at least {SHORTEST_SECRET} characters and must not be a well-known one"
            )
    if len(set(logins.values())) < len(logins):
        raise SettingsError("two users share one password; each needs its own")
