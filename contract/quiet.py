"""How long a device that is well may say nothing: by its own heartbeat, or by how often it is asked. Pure."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

import msgspec

from contract.duration import parse_duration
from contract.profile.expand import DEFAULT_POLL_MS
from contract.profile.model import (
    HEARD_DAILY,
    HttpProfile,
    MeterProfile,
    ModbusProfile,
    MqttProfile,
    Profile,
    TransmitterProfile,
)
from contract.site import Device, ProfileHead, Site

NORMAL: Final = "normal"
_READS: Final = 2
"""What is read each so often may answer at the second time only."""


def silence_of(profile: Mapping[str, Any]) -> int:
    """For how long (ms) a kind of device may be silent by its own word; 0 where it has none, or has mistakes."""
    match _read(profile):
        case MqttProfile(silent_after=span, topics=topics):
            says_presence = any(topic.availability is not None for topic in topics)
            return _ms(span or ("0s" if says_presence else HEARD_DAILY))
        case HttpProfile(silent_after=span) | TransmitterProfile(silent_after=span):
            return _ms(span)
        case _:
            return 0


def polls_of(profile: Mapping[str, Any]) -> dict[str, int]:
    """The paces (ms) at which what a kind of device does is asked for, by name; empty for one that is not asked."""
    found = _read(profile)
    if not isinstance(found, ModbusProfile | MeterProfile):
        return {}
    paces = {NORMAL: DEFAULT_POLL_MS} | {name: _ms(span) for name, span in found.polls.items()}
    return {name: paces[name] for name in {NORMAL, *_telling(found)} if name in paces}


def _telling(profile: ModbusProfile | MeterProfile) -> Iterator[str]:
    """The paces of what tells events, or may be told of another device."""
    if isinstance(profile, MeterProfile):
        yield from (block.poll for block in profile.blocks if any(item.states for item in block.points))
        return
    inputs = {name for derived in profile.derived for name in derived.of}
    for point in profile.points:
        if point.states or point.bound_only or point.name in inputs:
            yield point.poll


def quiet_ms(site: Site) -> dict[str, int]:
    """How long (ms) each device of the site may say nothing though all is well: itself, and what tells of it."""
    found: dict[str, int] = {}
    for device in site.file.devices:
        quiet = _quiet(site, device)
        for told in {device.id, *(binding.device or device.id for binding in device.points.values())}:
            found[told] = max(found.get(told, 0), quiet)
    return found


def _quiet(site: Site, device: Device) -> int:
    head = site.profiles.get(device.profile or "", _NOTHING)
    polls = head.polls_ms | ({NORMAL: _ms(device.poll)} if device.poll and head.polls_ms else {})
    return max(head.silent_after_ms, _READS * max(polls.values(), default=0))


_NOTHING: Final = ProfileHead(profile="none")


def _read(profile: Mapping[str, Any]) -> object:
    try:
        return msgspec.convert(profile, Profile)
    except msgspec.ValidationError:
        return None


def _ms(span: str) -> int:
    return parse_duration(span).ms
