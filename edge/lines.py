"""The drivers of an agent's lines, from the site's files."""

import random
import urllib.parse
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence

from contract.duration import parse_duration
from contract.site import Agent, Device, Site
from contract.site_files import find_profile
from edge.drivers import mqtt
from edge.drivers.gb26875 import TransmitterDriver, parse_listener
from edge.drivers.modbus import modbus_driver
from edge.errors import SettingsError
from edge.gb26875.transmitter import Transmitter
from edge.mqtt import Endpoint
from edge.ports import Driver
from edge.presence import LinePresence
from edge.profile.load import load_profile
from edge.profile.model import ModbusProfile, MqttProfile, Profile, TransmitterProfile
from edge.settings import Settings
from edge.topicmap import TopicMap

Kept = Callable[[], Awaitable[None]]
"""Waits until what was put to the sink is on disk."""
Recent = Iterable[tuple[str, str]]
"""Devices, with keys of messages that were read before."""
Build = Callable[[Kept, Recent], Driver]
Devices = Sequence[tuple[Device, Profile]]


def buffering(site: Site) -> frozenset[str]:
    """The devices that keep events by themselves while they are away."""
    heads = site.profiles
    return frozenset(d.id for d in site.file.devices if d.profile in heads and heads[d.profile].buffers)


def lines_of(site: Site, agent: Agent, settings: Settings) -> dict[str, Build]:
    """How to make the driver of each line of an agent, by line id. Endpoints of the settings go before the site's.

    Raises:
        ConfigError: A profile has mistakes.
        SettingsError: A line is named that the agent does not have, or can't carry one of its devices.
    """
    unknown = sorted(settings.lines.keys() - {line.id for line in agent.lines})
    if unknown:
        raise SettingsError(f"agent {agent.id} has no line {', '.join(unknown)}")
    profiles = _profiles(site, agent, settings)
    builds: dict[str, Build] = {}
    for line in agent.lines:
        endpoint = settings.lines.get(line.id, line.endpoint)
        devices = [(d, profiles[d.profile]) for d in site.file.devices if d.line == line.id and d.profile]
        scheme = urllib.parse.urlsplit(endpoint).scheme
        if scheme == "gb26875":
            builds[line.id] = _transmitter_line(line.id, endpoint, devices, site)
        elif scheme in {"mqtt", "mqtts"}:
            own = mqtt.Line(
                id=line.id,
                endpoint=Endpoint.parse(endpoint),
                client_id=f"sitewarden-{site.id}-{agent.id}-{line.id}",
            )
            builds[line.id] = _mqtt_line(own, devices, buffering(site))
        else:
            builds[line.id] = _modbus_line(line.id, endpoint, devices)
    return builds


def _profiles(site: Site, agent: Agent, settings: Settings) -> Mapping[str, Profile]:
    lines = {line.id for line in agent.lines}
    names = {device.profile for device in site.file.devices if device.line in lines and device.profile}
    paths = {name: find_profile(name, settings.site_dir) for name in sorted(names)}
    return {name: load_profile(path) for name, path in paths.items() if path is not None}


def _mqtt_line(line: mqtt.Line, devices: Devices, buffers: frozenset[str]) -> Build:
    mapped = [(device, profile) for device, profile in devices if isinstance(profile, MqttProfile)]
    if len(mapped) < len(devices):
        raise SettingsError(f"line {line.id} speaks MQTT; not every device on it does")
    topics = TopicMap(mapped)

    def build(kept: Kept, recent: Recent) -> Driver:
        presence = LinePresence(
            topics.devices, with_presence=topics.tells_presence, buffering=buffers, remembered=recent
        )
        return mqtt.MqttDriver(line, topics, presence, kept=kept, random_source=random.SystemRandom())

    return build


def _transmitter_line(line: str, endpoint: str, devices: Devices, site: Site) -> Build:
    where = parse_listener(endpoint)
    callers: dict[str, Transmitter] = {}
    for device, profile in devices:
        if not isinstance(profile, TransmitterProfile):
            raise SettingsError(f"line {line} is for fire transmitters; {device.id} is none")
        silent_after_ms = parse_duration(profile.silent_after).ms
        address = (device.address or "").lower()
        callers[address] = Transmitter(device.id, profile.time, site.timezone, silent_after_ms)
    return lambda kept, _recent: TransmitterDriver(line, where, callers, kept)


def _modbus_line(line: str, endpoint: str, devices: Devices) -> Build:
    mapped = [(device, profile) for device, profile in devices if isinstance(profile, ModbusProfile)]
    if len(mapped) < len(devices):
        raise SettingsError(f"line {line} speaks Modbus; not every device on it does")
    driver = modbus_driver(line, endpoint, mapped)
    return lambda _kept, _recent: driver
