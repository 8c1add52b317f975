"""What the devices of a site are to the world: readers to hold a card to, detectors to smoke, locks and doors."""

from collections.abc import Mapping

import msgspec

from contract.events import LOCATION_TYPES
from contract.site import Site
from firmware_sim.world.effects import Inputs


class Contact(msgspec.Struct, frozen=True):
    """The input of a module that shows a state of another device: `closed` while the state holds, in `zone`."""

    module: str
    point: str
    closed: bool
    zone: str | None

    def inputs(self, now: int) -> Inputs:
        """What brings the state about."""
        return Inputs(now, self.module, {self.point: self.closed})


class FirePoint(msgspec.Struct, frozen=True):
    """A detector or call point: a point of a fire panel."""

    panel: str
    point: str


class Field(msgspec.Struct, frozen=True):
    """The things of a site that the world acts upon, found by what the site says that they emit.

    `readers`: zone by reader. `fire_points`: by zone. `contacts`: by device and event type. `at_rest`: by
    module, its bound inputs while nothing is out of the ordinary. `mains`: devices that watch the mains.
    `modbus`: devices on a Modbus line. `simulated`: those on any line.
    """

    readers: Mapping[str, str]
    fire_points: Mapping[str, tuple[FirePoint, ...]]
    contacts: Mapping[tuple[str, str], Contact]
    at_rest: Mapping[str, Mapping[str, bool]]
    mains: tuple[str, ...]
    modbus: frozenset[str]
    simulated: frozenset[str]

    def having(self, event_type: str) -> frozenset[str]:
        """The devices with a contact for that event type, such as the gates for `gate.released`."""
        return frozenset(device for device, told in self.contacts if told == event_type)


def read_field(site: Site) -> Field:
    """The field of a site."""
    devices = site.file.devices
    return Field(
        readers={d.id: d.zone for d in devices if d.zone is not None and site.emits(d) & LOCATION_TYPES},
        fire_points=_fire_points(site),
        contacts=_contacts(site),
        at_rest=_at_rest(site),
        mains=tuple(d.id for d in devices if "mains.lost" in site.emits(d)),
        modbus=_on_lines(site, "modbus"),
        simulated=_on_lines(site, ""),
    )


def _fire_points(site: Site) -> dict[str, tuple[FirePoint, ...]]:
    found: dict[str, tuple[FirePoint, ...]] = {}
    for panel in site.file.devices:
        if "fire.alarm" not in site.emits(panel):
            continue
        for point, binding in panel.points.items():
            if binding.zone is not None:
                found[binding.zone] = (*found.get(binding.zone, ()), FirePoint(panel.id, point))
    return found


def _contacts(site: Site) -> dict[tuple[str, str], Contact]:
    found: dict[tuple[str, str], Contact] = {}
    for module in site.file.devices:
        for point, binding in module.points.items():
            told = site.devices[binding.device or module.id]
            zone = binding.zone or told.zone
            if binding.on is not None:
                found[told.id, binding.on] = Contact(module.id, point, not binding.invert, zone)
            if binding.off is not None:
                found[told.id, binding.off] = Contact(module.id, point, binding.invert, zone)
    return found


def _at_rest(site: Site) -> dict[str, dict[str, bool]]:
    bound = {
        module.id: {
            point: b.invert for point, b in module.points.items() if b.on is not None or b.off is not None
        }
        for module in site.file.devices
    }
    return {module: points for module, points in bound.items() if points}


def _on_lines(site: Site, protocol: str) -> frozenset[str]:
    """The devices on lines whose endpoint begins so."""
    lines = {
        line.id for agent in site.file.agents for line in agent.lines if line.endpoint.startswith(protocol)
    }
    return frozenset(device.id for device in site.file.devices if device.line in lines)
