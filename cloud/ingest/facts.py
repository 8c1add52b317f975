"""What ingest must know of a site model, asked in the form in which the hot path asks it. Pure."""

from collections.abc import Mapping
from typing import Final

from cloud.ingest.speakers import Speakers
from cloud.store.base import Flag
from contract.events import KNOWN_TYPES
from contract.site import Site

# Plain numbers: the arithmetic of enum flags is a hundred times slower, and this is done for every event.
UNKNOWN_DEVICE: Final = int(Flag.UNKNOWN_DEVICE)
UNKNOWN_TYPE: Final = int(Flag.UNKNOWN_TYPE)
_MOST_FAMILIAR: Final = 20_000


class SiteFacts:
    """The facts of one site; of a site without a model (None) every device is unknown."""

    def __init__(self, site: Site | None) -> None:
        self._devices = frozenset(site.devices) if site else frozenset[str]()
        self._types = KNOWN_TYPES | _types_emitted(site)
        self.speakers = Speakers(site)
        """Who may tell of what."""

        self._owned = _owned_devices(site, self.speakers) if site else {}
        self._familiar: dict[str, dict[tuple[str, str], int]] = {}

        self.has_strangers = False
        """Whether any pair met so far has a flag."""

    def familiar(self, agent: str) -> Mapping[tuple[str, str], int]:
        """The flags of the pairs of device and type that an agent told and may tell; `meet` adds to them."""
        return self._familiar.setdefault(agent, {})

    def meet(self, agent: str, device: str, kind: str) -> int:
        """The flags of a pair that an agent may tell, as a number: whether model and field know them."""
        flag = self.device_flag(device) | (0 if kind in self._types else UNKNOWN_TYPE)
        known = self._familiar.setdefault(agent, {})
        if len(known) >= _MOST_FAMILIAR:
            known.clear()
        known[device, kind] = flag
        self.has_strangers = self.has_strangers or flag != 0
        return flag

    def device_flag(self, device: str) -> int:
        """The flag of a device that the model does not know, else 0."""
        return 0 if device in self._devices else UNKNOWN_DEVICE

    def covered_by_default(self, agent: str) -> frozenset[str]:
        """The devices that are covered as far as their agent was heard, unless somebody states otherwise."""
        return self._owned.get(agent, frozenset())


def _types_emitted(site: Site | None) -> frozenset[str]:
    """A site may bind points to words of its own; they are known there."""
    if site is None:
        return frozenset()
    return frozenset(kind for device in site.file.devices for kind in site.emits(device))


def _owned_devices(site: Site, speakers: Speakers) -> dict[str, frozenset[str]]:
    """By agent, those of its devices that no other tells of and that do not buffer."""
    owned: dict[str, set[str]] = {}
    for device in site.file.devices:
        agents = speakers.of(device.id)
        if len(agents) == 1 and device.id not in site.buffering:
            (agent,) = agents
            owned.setdefault(agent, set()).add(device.id)
    return {agent: frozenset(devices) for agent, devices in owned.items()}
