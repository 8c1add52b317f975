"""The drivers of an agent's lines, from the site's files."""

import random
import urllib.parse
from collections.abc import Callable, Iterator, Mapping, Sequence

from contract.duration import parse_duration
from contract.profile.expand import device_map, field_places
from contract.profile.load import site_profiles
from contract.profile.meter import meter_map
from contract.profile.model import (
    CsvProfile,
    HttpProfile,
    MeterProfile,
    ModbusProfile,
    MqttProfile,
    Profile,
    TransmitterProfile,
    WandProfile,
)
from contract.site import Agent, Device, Site
from edge.drivers import mqtt
from edge.drivers.dlt645 import meter_driver
from edge.drivers.gb26875 import TransmitterDriver, parse_listener
from edge.drivers.http import HttpDriver, parse_doorway
from edge.drivers.inbox import InboxDriver, Read, parse_inbox
from edge.drivers.jwm import WandDriver, parse_dock
from edge.drivers.modbus import modbus_driver
from edge.errors import SettingsError
from edge.gb26875.transmitter import Transmitter
from edge.jwm.wand import Rounds, Wand
from edge.logbook import file_reader
from edge.mqtt import Endpoint
from edge.ports import Driver, Services
from edge.posts import Posts
from edge.presence import LinePresence
from edge.settings import Settings
from edge.sharing.board import DeviceFace
from edge.topicmap import TopicMap

Build = Callable[[Services], Driver]
Devices = Sequence[tuple[Device, Profile]]


def lines_of(site: Site, agent: Agent, settings: Settings) -> dict[str, Build]:
    """How to make the driver of each line of an agent, by line id. Endpoints of the settings go before the site's.

    Raises:
        ConfigError: A profile has mistakes.
        SettingsError: A line is named that the agent does not have, or can't carry one of its devices.
    """
    unknown = sorted(settings.lines.keys() - {line.id for line in agent.lines})
    if unknown:
        raise SettingsError(f"agent {agent.id} has no line {', '.join(unknown)}")
    profiles = site_profiles(site, settings.site_dir)
    builds: dict[str, Build] = {}
    rounds = Rounds(_visits(site, profiles))
    for line in agent.lines:
        endpoint = settings.lines.get(line.id, line.endpoint)
        devices = [(d, profiles[d.profile]) for d in site.file.devices if d.line == line.id and d.profile]
        scheme = urllib.parse.urlsplit(endpoint).scheme
        if scheme == "gb26875":
            builds[line.id] = _transmitter_line(line.id, endpoint, devices, site)
        elif scheme == "http":
            builds[line.id] = _posts_line(line.id, endpoint, devices, site)
        elif scheme in {"dlt645", "dlt645-tcp"}:
            builds[line.id] = _meter_line(line.id, endpoint, devices)
        elif scheme == "csv":
            builds[line.id] = _inbox_line(line.id, endpoint, devices, site)
        elif scheme == "jwm":
            builds[line.id] = _dock_line(line.id, endpoint, devices, site, rounds)
        elif scheme in {"mqtt", "mqtts"}:
            own = mqtt.Line(
                id=line.id,
                endpoint=Endpoint.parse(endpoint),
                client_id=f"sitewarden-{site.id}-{agent.id}-{line.id}",
            )
            builds[line.id] = _mqtt_line(own, devices, site)
        else:
            builds[line.id] = _modbus_line(line.id, endpoint, devices)
    return builds


def keeping_of(site: Site, agent: Agent, settings: Settings) -> frozenset[str]:
    """The devices of an agent that tell later what they could not tell at once: those that post, by their programs."""
    profiles = site_profiles(site, settings.site_dir)
    own = {line.id for line in agent.lines}
    return frozenset(
        device.id
        for device in site.file.devices
        if device.line in own and isinstance(profiles.get(device.profile or ""), HttpProfile)
    )


def faces_of(site: Site, agent: Agent, settings: Settings) -> Mapping[str, DeviceFace]:
    """How others see the devices of an agent, and those that its devices tell of."""
    profiles = site_profiles(site, settings.site_dir)
    own = {line.id for line in agent.lines}
    read = [device for device in site.file.devices if device.line in own]
    units: dict[str, dict[str, str]] = {device.id: {} for device in read}
    for device in read:
        for told, name, unit in _readings(profiles.get(device.profile or ""), device):
            units.setdefault(told, {})[name] = unit
        for binding in device.points.values():
            units.setdefault(binding.device or device.id, {})
    return {
        name: DeviceFace(
            name=found.name.in_(site.file.language) or name,
            profile=found.profile or "",
            emits=tuple(sorted(site.emits(found))),
            units=units[name],
        )
        for name in units
        if (found := site.devices.get(name))
    }


def _readings(profile: Profile | None, device: Device) -> Iterator[tuple[str, str, str]]:
    """The device, the name and the unit of each reading that a device may tell."""
    match profile:
        case ModbusProfile():
            for point in device_map(profile, device).points:
                yield point.told.device, point.reading or point.name, point.unit
        case MeterProfile():
            for point in meter_map(profile, device, 0).points:
                yield point.told.device, point.reading or point.name, point.unit
        case MqttProfile() | HttpProfile():
            for topic in profile.topics:
                for place in field_places(profile, topic, device) if topic.part is None else ():
                    yield place.point.told.device, place.point.reading or place.point.name, place.field.unit
        case _:
            return


def _cards(site: Site) -> frozenset[str]:
    """What readers may say of the site's people."""
    return frozenset(name for person in site.file.people for name in (person.id, *person.cards))


def _mqtt_line(line: mqtt.Line, devices: Devices, site: Site) -> Build:
    mapped = [(device, profile) for device, profile in devices if isinstance(profile, MqttProfile)]
    if len(mapped) < len(devices):
        raise SettingsError(f"line {line.id} speaks MQTT; not every device on it does")
    topics = TopicMap(mapped, site.timezone)

    def build(services: Services) -> Driver:
        presence = LinePresence(
            topics.devices,
            signs=topics.signs,
            buffering=site.buffering,
            remembered=services.recent,
            told_of=topics.told_of,
            cards=_cards(site),
        )
        return mqtt.MqttDriver(line, topics, presence, services=services, random_source=random.SystemRandom())

    return build


def _posts_line(line: str, endpoint: str, devices: Devices, site: Site) -> Build:
    where = parse_doorway(endpoint)
    posting = [(device, profile) for device, profile in devices if isinstance(profile, HttpProfile)]
    if len(posting) < len(devices):
        raise SettingsError(f"line {line} is for devices that post; not every device on it does")
    topics = TopicMap(posting, site.timezone)
    silent_after = {device.id: parse_duration(profile.silent_after).ms for device, profile in posting}

    def build(services: Services) -> Driver:
        return HttpDriver(line, where, Posts(topics, silent_after, services.recent, _cards(site)), services)

    return build


def _inbox_line(line: str, endpoint: str, devices: Devices, site: Site) -> Build:
    inbox = parse_inbox(endpoint)
    readers: dict[str, Read] = {}
    told_of: dict[str, tuple[str, ...]] = {}
    for device, profile in devices:
        if not isinstance(profile, CsvProfile):
            raise SettingsError(f"line {line} takes files; {device.id} writes none")
        readers[device.id] = file_reader(device, profile, site.timezone)
        told_of[device.id] = (device.id, *sorted({b.device for b in device.points.values() if b.device}))
    return lambda services: InboxDriver(line, inbox, readers, told_of, services)


def _transmitter_line(line: str, endpoint: str, devices: Devices, site: Site) -> Build:
    where = parse_listener(endpoint)
    callers: dict[str, Transmitter] = {}
    for device, profile in devices:
        if not isinstance(profile, TransmitterProfile):
            raise SettingsError(f"line {line} is for fire transmitters; {device.id} is none")
        silent_after_ms = parse_duration(profile.silent_after).ms
        address = (device.address or "").lower()
        callers[address] = Transmitter(device.id, profile.time, site.timezone, silent_after_ms)
    return lambda services: TransmitterDriver(line, where, callers, services)


def _visits(site: Site, profiles: Mapping[str, Profile]) -> Mapping[str, frozenset[str]]:
    """By wand, the checkpoints that its badges are."""
    wands = [d for d in site.file.devices if isinstance(profiles.get(d.profile or ""), WandProfile)]
    return {d.id: frozenset(b.device for b in d.points.values() if b.device and not b.skip) for d in wands}


def _dock_line(line: str, endpoint: str, devices: Devices, site: Site, rounds: Rounds) -> Build:
    port = parse_dock(endpoint)
    wands = [device for device, profile in devices if isinstance(profile, WandProfile)]
    if len(wands) != 1 or len(devices) != 1:
        raise SettingsError(f"line {line} is the dock of one patrol wand; {len(devices)} devices are on it")
    (wand,) = wands
    badges = {name: binding for name, binding in wand.points.items() if not binding.skip}
    people = {
        card.removeprefix("badge:"): person.id
        for person in site.file.people
        for card in person.cards
        if card.startswith("badge:")
    }

    def build(services: Services) -> Driver:
        own = {wand.id, *(binding.device for binding in badges.values())}
        remembered = [key.partition("/")[0] for name, key in services.recent if name in own]
        return WandDriver(
            line, port, Wand(wand.id, badges, people, site.timezone, remembered), rounds, services
        )

    return build


def _meter_line(line: str, endpoint: str, devices: Devices) -> Build:
    meters = [(device, profile) for device, profile in devices if isinstance(profile, MeterProfile)]
    if len(meters) < len(devices):
        raise SettingsError(f"line {line} is of meters by DL/T 645; not every device on it is one")
    return meter_driver(line, endpoint, meters).with_notes


def _modbus_line(line: str, endpoint: str, devices: Devices) -> Build:
    mapped = [(device, profile) for device, profile in devices if isinstance(profile, ModbusProfile)]
    if len(mapped) < len(devices):
        raise SettingsError(f"line {line} speaks Modbus; not every device on it does")
    return modbus_driver(line, endpoint, mapped).with_notes
