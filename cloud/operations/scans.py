"""A guard scans a checkpoint's tag with a tablet, perhaps without a network, by the tablet's own clock."""

from typing import Final

from cloud.correlation.rules import SCAN
from cloud.errors import RefusedError
from cloud.operations.command import Scan
from cloud.operations.effects import Deed
from cloud.operations.tags import Tag, check_site, read_tag
from contract.site import Device, Site, Text

MOST_ERROR_MS: Final = 10 * 60_000
"""A clock that may be wrong by more proves nothing of a round."""
_MOST_TAG: Final = 200


def scan(site: Site, action: Scan, person: str, at: int, ahead_ms: int = 0) -> Deed:
    """The event that a scan is told to the rules by, under the checkpoint's own name.

    Its data say that a tablet told it, and by which tag: a code can be photographed, an id can be typed.

    Args:
        site: Where.
        action: What was scanned.
        person: Who scanned it.
        at: When, ms.
        ahead_ms: By how much the tablet's own time lies after that.

    Raises:
        RefusedError: The tag is another site's, another place's or no checkpoint's, or the tablet's clock can't be
            believed.
    """
    if len(action.tag) > _MOST_TAG or not (action.tag.strip() or action.device):
        raise _unusable("请扫描巡更点标签", "scan a checkpoint's tag")
    tag = read_tag(action.tag or action.device)
    check_site(tag, site)
    device = _meant(site, tag, action.device) if action.device else _checkpoint(site, tag)
    if not 0 <= action.error_ms <= MOST_ERROR_MS:
        raise _unusable(
            "平板时钟误差超过10分钟，请联网校时后再打卡",
            "the tablet's clock may be wrong by more than 10 minutes: connect it so that it learns the time",
        )
    if ahead_ms > action.error_ms:
        raise _unusable(
            "打卡时间在将来，请检查平板时钟",
            "this scan lies in the future: look at the tablet's clock",
        )
    return Deed(
        type=SCAN,
        at=at,
        device=device.id,
        person=person,
        zone=device.zone,
        data={"by": "tablet", "tag": action.tag.strip()},
        clock_error_ms=action.error_ms,
    )


def scanned_place(site: Site, text: str) -> Device | None:
    """The checkpoint that a tag of this site proves somebody was at; None where it proves none."""
    tag = read_tag(text)
    found = _named(site, tag)
    if not tag.id or found is None or tag.site not in {None, site.id} or SCAN not in site.emits(found):
        return None
    return found


def _checkpoint(site: Site, tag: Tag) -> Device:
    device = _named(site, tag)
    if device is None and tag.id in site.zones:
        zone = _called(site.zones[tag.id].name, tag.id)
        raise _unusable(
            f"“{zone.zh}”没有唯一的巡更点，请扫描巡更点标签",
            f"{zone.en} has not just one checkpoint: scan the tag of the checkpoint",
        )
    if device is None:
        raise RefusedError("unknown", f"没有巡更点 {tag.id}", f"no checkpoint {tag.id}")
    if SCAN not in site.emits(device):
        name = _called(device.name, device.id)
        raise _unusable(f"“{name.zh}”不是巡更点", f"{name.en} is no checkpoint")
    return device


def _meant(site: Site, tag: Tag, wanted: str) -> Device:
    """The checkpoint that somebody says to be at, where the tag is its own or its zone's."""
    meant = _checkpoint(site, Tag(None, wanted))
    if tag.id in {meant.id, meant.address, meant.zone}:
        return meant
    stands = site.devices.get(tag.id) or site.zones.get(tag.id)
    here = _called(stands.name if stands is not None else Text(), tag.id)
    there = _called(meant.name, meant.id)
    raise _unusable(
        f"此标签是“{here.zh}”，不是“{there.zh}”", f"this tag is that of {here.en}, not of {there.en}"
    )


def _named(site: Site, tag: Tag) -> Device | None:
    """The device that a tag names by its id or address, or the only checkpoint of the zone that it names."""
    if tag.id in site.devices:
        return site.devices[tag.id]
    addressed = [device for device in site.file.devices if device.address == tag.id]
    if addressed or tag.id not in site.zones:
        return next(iter(addressed), None)
    inside = [device for device in site.file.devices if device.zone == tag.id and SCAN in site.emits(device)]
    return inside[0] if len(inside) == 1 else None


def _called(name: Text, identity: str) -> Text:
    return Text(zh=name.in_("zh") or identity, en=name.in_("en") or identity)


def _unusable(zh: str, en: str) -> RefusedError:
    return RefusedError("unusable", zh, en)
