"""Where a verdict belongs: the zone and the device of its key."""

from contract.site import Device, Site
from contract.site_parts import bound_zone


def device_of(site: Site, key: str) -> Device | None:
    """The device that a key names, itself or a part of it."""
    return site.devices.get(key.partition(":")[0])


def zone_of_key(site: Site, key: str) -> str:
    """The zone that a key lies in; empty where it lies in none, such as a round."""
    if key in site.zones:
        return key
    device = device_of(site, key)
    if device is None:
        return ""
    return bound_zone(site, device.id, key.partition(":")[2]) or device.zone or ""
