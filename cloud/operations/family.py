"""What on a site stands behind what: doors behind an input module, devices behind an agent, floors under a lobby."""

import functools
from collections.abc import Mapping

from contract.site import Site


class Family:
    """The relations of one site."""

    def __init__(self, site: Site) -> None:
        self._site = site

    @functools.cached_property
    def roots(self) -> Mapping[str, str]:
        """By zone, the zone that covers it, or itself."""
        covered = {inner: zone.id for zone in self._site.file.zones for inner in zone.covers}
        return {zone.id: covered.get(zone.id, zone.id) for zone in self._site.file.zones}

    @functools.cached_property
    def children_of(self) -> Mapping[str, tuple[str, ...]]:
        """By device, those that are told of by its points, such as the doors behind an input module."""
        found = {
            device.id: {one.device for one in device.points.values() if one.device} - {device.id}
            for device in self._site.file.devices
        }
        return {name: tuple(sorted(children)) for name, children in found.items() if children}

    @functools.cached_property
    def parents_of(self) -> Mapping[str, tuple[str, ...]]:
        """By device, those through which it is read."""
        found: dict[str, list[str]] = {}
        for parent, children in self.children_of.items():
            for child in children:
                found.setdefault(child, []).append(parent)
        return {name: tuple(parents) for name, parents in found.items()}

    @functools.cached_property
    def agents_of(self) -> Mapping[str, tuple[str, ...]]:
        """By device, the agents that it is read through."""
        line_of = {line.id: agent.id for agent in self._site.file.agents for line in agent.lines}
        found: dict[str, set[str]] = {}
        for device in self._site.file.devices:
            agent = line_of.get(device.line or "")
            for name in (device.id, *(one.device for one in device.points.values())) if agent else ():
                if name is not None and agent is not None:
                    found.setdefault(name, set()).add(agent)
        return {name: tuple(sorted(agents)) for name, agents in found.items()}
