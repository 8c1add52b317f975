"""The points that a site's devices give readings of: from its files, its profiles and what is derived of them. Pure."""

from collections.abc import Iterator, Mapping
from typing import Final

import msgspec

from cloud.condition.derivation import OVER_PEERS, RISE, groups_of_joints
from contract.display import words_for
from contract.measured import point_name
from contract.site import Device, Given, Site, Text

_DERIVED: Final = {OVER_PEERS: "K", RISE: "K/min"}
"""Points that the cloud works out, with their units."""


class SitePoint(msgspec.Struct, frozen=True, kw_only=True):
    """A point of a device as it is told, after the site's bindings.

    `words`: those in which people are shown a value, by the value; one that is not there is shown as a number.
    `zone`: where it looks at, as far as is known.
    """

    device: str
    point: str
    name: Text
    unit: str
    state: bool
    zone: str | None
    words: Mapping[float, Text] = {}


def points_of(site: Site) -> Mapping[tuple[str, str], SitePoint]:
    """All of them by device and point, in that order."""
    found = {(one.device, one.point): one for one in (*_derived(site), *_read(site))}
    return {key: found[key] for key in sorted(found)}


def _read(site: Site) -> Iterator[SitePoint]:
    for device in site.file.devices:
        head = site.profiles.get(device.profile or "")
        for given in head.gives if head is not None else ():
            point = _bound(site, device, given)
            if point is not None:
                yield point


def _bound(site: Site, device: Device, given: Given) -> SitePoint | None:
    """A point of a module as the site has it: perhaps of another device, by another name, or not at all."""
    binding = device.points.get(given.name)
    if (binding is None and given.bound_only) or (binding is not None and binding.skip):
        return None
    told_of = (binding.device if binding else None) or device.id
    point = (binding.reading if binding else None) or given.name
    zone = binding.zone if binding else None
    own = given.label if point == given.name else Text()
    known = point_name(site.point_names, point)
    words = words_for(binding.display) if binding else {}
    return SitePoint(
        device=told_of,
        point=point,
        name=Text(zh=own.in_("zh") or known.zh, en=own.in_("en") or known.en),
        unit=given.unit,
        state=given.state or bool(words and not given.unit),
        zone=zone or site.devices[told_of].zone or device.zone,
        words=words or given.words,
    )


def _derived(site: Site) -> Iterator[SitePoint]:
    for members in groups_of_joints(site).values():
        for device in members:
            for point, unit in _DERIVED.items():
                name = point_name(site.point_names, point)
                zone = site.devices[device].zone
                yield SitePoint(device=device, point=point, name=name, unit=unit, state=False, zone=zone)
