"""A guard scans a checkpoint's tag with a tablet, perhaps without a network, by the tablet's own clock."""

from typing import Final

from cloud.errors import RefusedError
from cloud.operations.command import Scan
from cloud.operations.effects import Deed
from cloud.operations.tags import read_tag
from contract.site import Device, Site

SCAN: Final = "checkpoint.scan"
MOST_ERROR_MS: Final = 10 * 60_000
"""A clock that may be wrong by more proves nothing of a round."""


def scan(site: Site, action: Scan, person: str, at: int) -> Deed:
    """The event that a scan is told to the rules by, under the checkpoint's own name.

    Raises:
        RefusedError: The tag is another site's or no checkpoint's, or the tablet's clock can't be believed.
    """
    tag = read_tag(action.tag)
    if tag.site is not None and tag.site != site.id:
        raise RefusedError(
            "unusable", f"该标签属于另一小区 {tag.site}", f"this tag belongs to another site, {tag.site}"
        )
    device = _checkpoint(site, tag.id)
    if not 0 <= action.error_ms <= MOST_ERROR_MS:
        raise RefusedError(
            "unusable",
            "平板时钟误差超过10分钟，请联网校时后再打卡",
            "the tablet's clock may be wrong by more than 10 minutes: connect it so that it learns the time",
        )
    return Deed(
        type=SCAN,
        at=at,
        device=device.id,
        person=person,
        zone=device.zone,
        data={"by": "tablet"},
        clock_error_ms=action.error_ms,
    )


def is_checkpoint(site: Site, name: str) -> bool:
    """Whether a device is one that rounds are proved at."""
    device = site.devices.get(name)
    return device is not None and SCAN in site.emits(device)


def _checkpoint(site: Site, name: str) -> Device:
    device = site.devices.get(name) or next(
        (one for one in site.file.devices if one.address is not None and one.address == name), None
    )
    if device is None:
        raise RefusedError("unknown", f"没有巡更点 {name}", f"no checkpoint {name}")
    if not is_checkpoint(site, device.id):
        zh, en = device.name.in_("zh") or name, device.name.in_("en") or name
        raise RefusedError("unusable", f"“{zh}”不是巡更点", f"{en} is no checkpoint")
    return device
