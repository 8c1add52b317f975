"""What a device looks like on a plan: from its tags, what it emits and what it measures."""

from typing import Final

from contract.site import Device, Site

KINDS: Final = (
    "gate",
    "door",
    "panel",
    "detector",
    "checkpoint",
    "generator",
    "climate",
    "meter",
    "reader",
    "io",
    "call",
    "desk",
    "other",
)
AWAY: Final = "away"
"""In place of a kind: the device stands on another floor, and only parts of it are here."""

_BY_TAG: Final = {kind: kind for kind in KINDS} | {"plant-climate": "climate"}
_OF_A_PANEL: Final = frozenset({"fire.isolated", "fire.mode"})
_BY_EVENT: Final = (
    ("fire.alarm", "detector"),
    ("generator.started", "generator"),
    ("emergency.call", "call"),
    ("checkpoint.scan", "checkpoint"),
    ("access.granted", "reader"),
    ("gate.released", "gate"),
    ("door.opened", "door"),
)
_BY_READING: Final = (
    ("temperature", "climate"),
    ("humidity", "climate"),
    ("energy", "meter"),
    ("power", "meter"),
)


def kind_of(site: Site, device: Device) -> str:
    """One of `KINDS`. A tag that is one of them goes first."""
    if site.is_desk(device.id):
        return "desk"
    for tag in device.tags:
        if tag in _BY_TAG:
            return _BY_TAG[tag]
    if any(binding.device for binding in device.points.values()):
        return "io"
    emits = site.emits(device)
    if "fire.alarm" in emits and (_OF_A_PANEL & emits or any(one.zone for one in device.points.values())):
        return "panel"
    told = next((kind for event, kind in _BY_EVENT if event in emits), None)
    if told is not None:
        return told
    head = site.profiles.get(device.profile or "")
    measures = head.measures if head is not None else frozenset[str]()
    return next((kind for reading, kind in _BY_READING if reading in measures), "other")
