"""Who may tell of which device, as the site's files say it: the one place where that is decided. Pure.

An agent tells of the devices on its lines, and of those that a module on its lines is bound to. What people do at
their screens is told by the cloud itself, under the name of a desk: no agent tells of a desk, of a tag that no reader
reads, nor tells what only a desk does.
"""

from collections.abc import Iterable, Mapping
from typing import Final

from contract.site import Device, Site

_NONE: Final = frozenset[str]()


class Speakers:
    """The speakers of one site; of a site without a model (None), whose devices nobody knows, any agent may tell."""

    def __init__(self, site: Site | None) -> None:
        devices = site.file.devices if site else ()
        agents = site.file.agents if site else ()
        self._agents = frozenset(agent.id for agent in agents)
        self._of = _by_device(site) if site else {}
        self._by_people = site.told_by_people if site else _NONE
        self._emits = {device.id: site.emits(device) for device in devices} if site else {}
        self._of_desks = _told_at_desks(site) if site else _NONE

    def of(self, device: str) -> frozenset[str]:
        """The agents that may tell of a device; none for one that only people tell of, or that is unknown."""
        return self._of.get(device, _NONE)

    def problem(self, agent: str, device: str) -> str | None:
        """Why an agent may not tell of a device, in words; None when it may, or nobody knows the device."""
        if self._agents and agent not in self._agents:
            return f"the site has no agent {agent}"
        speakers = self._of.get(device)
        if speakers is None or agent in speakers:
            return None
        if speakers:
            return f"{agent} told of {device}, which is read by {' and '.join(sorted(speakers))}"
        if device in self._by_people:
            return f"{agent} told of {device}, which only people at their screens tell of"
        return f"{agent} told of {device}, which is on no line of any agent"

    def problem_of_type(self, agent: str, device: str, kind: str) -> str | None:
        """The same of an event of a type: what is done at desks no device tells that is not meant to."""
        if (problem := self.problem(agent, device)) is not None:
            return problem
        if kind in self._of_desks and device in self._emits and kind not in self._emits[device]:
            return f"{agent} told {kind} of {device}, which only people at their screens tell"
        return None


def _by_device(site: Site) -> Mapping[str, frozenset[str]]:
    """By device, its agents. Of what is on no line any of the site's agents may tell: a fire is not lost for want of a line.

    A site that names no agents may have any, not at desks.
    """
    if not site.file.agents:
        return {device.id: _NONE for device in site.file.devices if site.is_desk(device.id)}
    agent_of_line = {line.id: agent.id for agent in site.file.agents for line in agent.lines}
    every = frozenset(agent.id for agent in site.file.agents)
    found: dict[str, set[str]] = {}
    for device in site.file.devices:
        for name in _told_of(device):
            found.setdefault(name, set()).update(
                {agent_of_line[device.line]} if device.line in agent_of_line else ()
            )
    people = site.told_by_people
    return {name: frozenset(agents or (_NONE if name in people else every)) for name, agents in found.items()}


def _told_of(device: Device) -> Iterable[str]:
    return device.id, *(binding.device for binding in device.points.values() if binding.device)


def _told_at_desks(site: Site) -> frozenset[str]:
    """The types that the desks of a site tell. Without a desk nothing is known of them."""
    desks = (site.emits(device) for device in site.file.devices if site.is_desk(device.id))
    return frozenset[str]().union(*desks)
