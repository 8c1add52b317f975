"""Which keys a response rule has, and which devices can trigger or answer each. All from the site model."""

from collections.abc import Callable, Iterable
from functools import cache
from typing import Final

from cloud.correlation.rules import Response
from contract.events import LOCATION_TYPES
from contract.site import Device, Site

OPERATOR: Final = "operator"
"""The pseudo device of what people declare on a screen: known up to now, always."""

Keys = tuple[str, ...]


class Sources:
    """Answers for one version of a response rule at one site."""

    def __init__(self, rule: Response, site: Site) -> None:
        self._site = site
        self._rule = rule
        self._match = "site" if rule.pair else rule.match
        self._answering = self._emitting(rule.expect.types)
        self.all_triggering = self._triggering = self._emitting(rule.on.types)
        self.locating = self._emitting(LOCATION_TYPES)
        declared = all(name.startswith("operator.") for name in rule.expect.types)
        self._everywhere = frozenset({OPERATOR}) if declared else frozenset()
        self.trigger_keys: Callable[[str, str | None], Keys] = cache(self._trigger_keys)
        self.evidence_keys: Callable[[str, str | None], Keys] = cache(self._evidence_keys)
        self.answering: Callable[[str], frozenset[str]] = cache(self._answering_of)
        self.triggering: Callable[[str], frozenset[str]] = cache(self._triggering_of)

    def zones_of(self, key: str) -> frozenset[str] | None:
        """The zones in which a person is present for a key; None for any zone of the site."""
        if self._match == "site":
            return None
        if self._match == "zone" and self._rule.per == "trigger":
            return self._site.answering_zones.get(key, frozenset())
        return frozenset(
            zone for device in self.answering(key) for zone in self._site.zones_seen_by.get(device, ())
        )

    def _emitting(self, types: Iterable[str]) -> frozenset[str]:
        wanted = frozenset(types)
        return frozenset(device.id for device in self._site.file.devices if self._site.emits(device) & wanted)

    def _trigger_keys(self, device: str, zone: str | None) -> Keys:
        if self._rule.per == "answerer":
            return tuple(sorted(self._answerers(device, zone)))
        return self._shared_keys(device, zone)

    def _shared_keys(self, device: str, zone: str | None) -> Keys:
        match self._match:
            case "zone" | "escape_route":
                return (zone or "",)
            case "device":
                return (device,)
            case "group":
                return self._site.groups_of.get(device, ())
            case "site":
                return (self._site.id,)

    def _answerers(self, device: str, zone: str | None) -> frozenset[str]:
        match self._match:
            case "escape_route":
                found = self._site.zones.get(zone or "")
                return frozenset(found.escape_route) if found else frozenset()
            case "zone":
                return self._in_zones(
                    self._answering, self._site.answering_zones.get(zone or "", frozenset())
                )
            case "device":
                return self._answering & {device}
            case "group":
                members = {member for group in self._groups(device) for member in group}
                return self._answering & members
            case "site":
                return self._answering

    def _evidence_keys(self, device: str, zone: str | None) -> Keys:
        if self._rule.per == "answerer":
            return (device,)
        match self._match:
            case "zone":
                found = self._site.zones.get(zone or "")
                return tuple(sorted({found.id, *found.covers})) if found else ()
            case "escape_route":
                return tuple(zone.id for zone in self._site.file.zones if device in zone.escape_route)
            case "device" | "group" | "site":
                return self._shared_keys(device, zone)

    def _answering_of(self, key: str) -> frozenset[str]:
        return self._everywhere or self._matching(self._answering, key, evidence=True)

    def _triggering_of(self, key: str) -> frozenset[str]:
        if self._rule.per == "answerer":
            return frozenset(device for device in self._triggering if key in self._reach(device))
        return self._matching(self._triggering, key, evidence=False)

    def _reach(self, device: str) -> set[str]:
        """The answerers that a trigger device can call, over all zones that it sees."""
        zones: Iterable[str | None] = self._site.zones_seen_by.get(device) or [None]
        return {answerer for zone in zones for answerer in self._answerers(device, zone)}

    def _matching(self, devices: frozenset[str], key: str, *, evidence: bool) -> frozenset[str]:
        if self._rule.per == "answerer":
            return devices & {key}
        match self._match:
            case "zone":
                zones = self._site.answering_zones.get(key, frozenset()) if evidence else frozenset({key})
                return self._in_zones(devices, zones)
            case "escape_route":
                zone = self._site.zones.get(key)
                route = frozenset(zone.escape_route) if zone else frozenset()
                return devices & route if evidence else self._in_zones(devices, frozenset({key}))
            case "device":
                return devices & {key}
            case "group":
                group = self._site.groups.get(key)
                return devices & frozenset(group.devices if group else ())
            case "site":
                return devices

    def _in_zones(self, devices: frozenset[str], zones: frozenset[str]) -> frozenset[str]:
        seen = self._site.zones_seen_by
        return frozenset(device for device in devices if seen.get(device, frozenset()) & zones)

    def _groups(self, device: str) -> list[tuple[str, ...]]:
        return [self._site.groups[group].devices for group in self._site.groups_of.get(device, ())]


def zone_of(device: Device | None, zone: str | None) -> str | None:
    """The zone of an event: its own, else its device's."""
    return zone or (device.zone if device else None)
