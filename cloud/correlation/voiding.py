"""Which events make an obligation void (`void_when`), for which keys, and which devices tell of them."""

from collections.abc import Callable, Iterable
from functools import cache

from cloud.correlation.rules import Response, VoidWhen
from cloud.correlation.sources import OPERATOR, Keys, Sources
from contract.site import Site


class Voiding:
    """Answers for one version of a response rule at one site. An event relates to the trigger that opened."""

    def __init__(self, wanted: VoidWhen, rule: Response, site: Site, sources: Sources) -> None:
        self.wanted = wanted
        self._site = site
        self._sources = sources
        self._match = "site" if rule.pair else wanted.match or rule.match
        self._by_zone = rule.per == "trigger" and rule.match in {"zone", "escape_route"}
        self._by_device = rule.per == "trigger" and rule.match == "device"
        self._emitting = frozenset(one.id for one in site.file.devices if site.emits(one) & wanted.types)
        declared = all(name.startswith("operator.") for name in wanted.types)
        self._everywhere = frozenset({OPERATOR}) if declared else frozenset()
        self.keys: Callable[[str, str | None], Keys] = cache(self._keys)
        self.telling: Callable[[str, str], frozenset[str]] = cache(self._telling)

    @property
    def asks_zone(self) -> bool:
        """Whether it matters in which zone the trigger was."""
        return self._match in {"zone", "escape_route"}

    def relates(self, trigger: tuple[str, str], device: str, zone: str) -> bool:
        """Whether an event of a device in a zone makes void what a trigger, `(device, zone)`, opened."""
        match self._match:
            case "zone":
                return zone in self._site.answering_zones.get(trigger[1], frozenset())
            case "escape_route":
                return device in self._route(trigger[1])
            case "device":
                return device == trigger[0]
            case "group":
                return device in self._group_of(trigger[0])
            case _:
                return True

    def _telling(self, device: str, zone: str) -> frozenset[str]:
        """The devices that can tell of the end of what a device opened in a zone."""
        if self._everywhere:
            return self._everywhere
        match self._match:
            case "zone":
                zones = self._site.answering_zones.get(zone, frozenset())
                seen = self._site.zones_seen_by
                return frozenset(one for one in self._emitting if seen.get(one, frozenset()) & zones)
            case "escape_route":
                return self._emitting & self._route(zone)
            case "device":
                return self._emitting & {device}
            case "group":
                return self._emitting & self._group_of(device)
            case _:
                return self._emitting

    def telling_of(self, key: str) -> frozenset[str]:
        """The devices that can tell of the end of anything that opens under a key, or more than those."""
        if self._by_zone and self.asks_zone:
            return self._telling("", key)
        if self._by_device and not self.asks_zone:
            return self._telling(key, "")
        return self._everywhere or self._emitting

    def _keys(self, device: str, zone: str | None) -> Keys:
        """The keys under which an event may make something void; which triggers it relates to shows later."""
        zones = self._trigger_zones(device, zone)
        if self._by_zone:
            return tuple(sorted(zones))
        triggers = self._trigger_devices(device)
        return tuple(
            sorted(
                {key for one in triggers for place in zones for key in self._sources.trigger_keys(one, place)}
            )
        )

    def _trigger_zones(self, device: str, zone: str | None) -> set[str]:
        match self._match:
            case "zone":
                found = self._site.zones.get(zone or "")
                return {found.id, *found.covers} if found else set()
            case "escape_route":
                return {one.id for one in self._site.file.zones if device in one.escape_route}
            case _:
                return {"", *self._site.zones}

    def _trigger_devices(self, device: str) -> Iterable[str]:
        match self._match:
            case "device":
                return (device,)
            case "group":
                return self._group_of(device)
            case _:
                return self._sources.all_triggering

    def _route(self, zone: str) -> frozenset[str]:
        found = self._site.zones.get(zone)
        return frozenset(found.escape_route) if found else frozenset()

    def _group_of(self, device: str) -> frozenset[str]:
        groups = self._site.groups_of.get(device, ())
        return frozenset(one for group in groups for one in self._site.groups[group].devices)
