"""The drivers of an agent's lines, from the site's files."""

import random
import urllib.parse
from collections.abc import Awaitable, Callable, Iterable, Mapping

from contract.site import Agent, Device, Site
from contract.site_files import find_profile
from edge.drivers import mqtt
from edge.drivers.modbus import modbus_driver
from edge.errors import SettingsError
from edge.mqtt import Endpoint
from edge.ports import Driver
from edge.presence import LinePresence
from edge.profile.load import load_profile
from edge.profile.model import ModbusProfile, MqttProfile, Profile
from edge.settings import Settings
from edge.topicmap import TopicMap

Kept = Callable[[], Awaitable[None]]


def buffering(site: Site) -> frozenset[str]:
    """The devices that keep events by themselves while they are away."""
    heads = site.profiles
    return frozenset(d.id for d in site.file.devices if d.profile in heads and heads[d.profile].buffers)


def drivers_of(
    site: Site, agent: Agent, settings: Settings, *, kept: Kept, recent: Iterable[tuple[str, str]]
) -> dict[str, Driver]:
    """A driver for each line of an agent, by line id. Endpoints of the settings go before the site's.

    Raises:
        ConfigError: A profile has mistakes.
        SettingsError: A line is named that the agent does not have, or can't carry one of its devices.
    """
    unknown = sorted(settings.lines.keys() - {line.id for line in agent.lines})
    if unknown:
        raise SettingsError(f"agent {agent.id} has no line {', '.join(unknown)}")
    profiles = _profiles(site, agent, settings)
    drivers: dict[str, Driver] = {}
    for line in agent.lines:
        endpoint = settings.lines.get(line.id, line.endpoint)
        devices = [(d, profiles[d.profile]) for d in site.file.devices if d.line == line.id and d.profile]
        if urllib.parse.urlsplit(endpoint).scheme in {"mqtt", "mqtts"}:
            own = mqtt.Line(
                id=line.id,
                endpoint=Endpoint.parse(endpoint),
                client_id=f"sitewarden-{site.id}-{agent.id}-{line.id}",
            )
            drivers[line.id] = _mqtt_driver(own, devices, buffering(site), kept, recent)
        else:
            drivers[line.id] = _modbus_driver(line.id, endpoint, devices)
    return drivers


def _profiles(site: Site, agent: Agent, settings: Settings) -> Mapping[str, Profile]:
    lines = {line.id for line in agent.lines}
    names = {device.profile for device in site.file.devices if device.line in lines and device.profile}
    paths = {name: find_profile(name, settings.site_dir) for name in sorted(names)}
    return {name: load_profile(path) for name, path in paths.items() if path is not None}


def _mqtt_driver(
    line: mqtt.Line,
    devices: list[tuple[Device, Profile]],
    buffers: frozenset[str],
    kept: Kept,
    recent: Iterable[tuple[str, str]],
) -> Driver:
    mapped = [(device, profile) for device, profile in devices if isinstance(profile, MqttProfile)]
    if len(mapped) < len(devices):
        raise SettingsError(f"line {line.id} speaks MQTT; not every device on it does")
    topics = TopicMap(mapped)
    presence = LinePresence(
        topics.devices, with_presence=topics.tells_presence, buffering=buffers, remembered=recent
    )
    return mqtt.MqttDriver(line, topics, presence, kept=kept, random_source=random.SystemRandom())


def _modbus_driver(line: str, endpoint: str, devices: list[tuple[Device, Profile]]) -> Driver:
    mapped = [(device, profile) for device, profile in devices if isinstance(profile, ModbusProfile)]
    if len(mapped) < len(devices):
        raise SettingsError(f"line {line} speaks Modbus; not every device on it does")
    return modbus_driver(line, endpoint, mapped)
