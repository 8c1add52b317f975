"""Where a part of a device is and what people call it, by the site's files."""

import re
from typing import Final

from contract.events import Event, part_of
from contract.measured import point_name
from contract.parts import part_name
from contract.site import Site, Text

_WORDS: Final = re.compile("[a-z]+(_[a-z0-9]+)*")


def bound_zone(site: Site, device: str, part: str) -> str | None:
    """The zone that the site's files bind a part to; None where they bind it to none."""
    book = site.parts.get(device)
    found = book.find(part) if book is not None and part else None
    return found.zone if found is not None else None


def event_zone(site: Site, event: Event) -> str | None:
    """Where an event happened: in the zone it names, else in that of the part it tells of, else where its device is."""
    if event.zone is not None:
        return event.zone
    if event.device in site.parts and (zone := bound_zone(site, event.device, part_of(event))) is not None:
        return zone
    device = site.devices.get(event.device)
    return device.zone if device is not None else None


def part_of_point(site: Site, device: str, point: str) -> str:
    """The part that a point of a device is: `l1d003` of a panel is `1-3`, others have the point's own name."""
    found = site.devices.get(device)
    head = site.profiles.get(found.profile or "") if found is not None else None
    for pattern in head.addressed if head is not None else ():
        if (place := re.fullmatch(pattern, point)) is not None:
            kind = {"device_kind": "module"} if "module" in place.groupdict() else {}
            return part_name({"loop": int(place["loop"]), "address": int(place["address"]), **kind})
    return point


def part_label(site: Site, device: str, part: str) -> Text:
    """What a part is called in both languages, with what the files don't name as it is.

    By its list, else as a point of the device, else by the names of `config/points.yaml`; a state of a part stands
    behind the part's own name. Where the device has a list, a part in no zone says so: nobody is to be sent to the
    place of the device in good faith.
    """
    book = site.parts.get(device)
    found = book.find(part) if book is not None else None
    whole, _, state = part.rpartition(".") if "." in part.rpartition("/")[2] else (part, "", "")
    if found is not None and (found.zh or found.en):
        name = Text(zh=f"{found.zh or found.en}（{whole}）", en=f"{found.en or found.zh} ({whole})")
    else:
        name = _called(site, device, whole)
    if book is not None and (found is None or found.zone is None) and not _has_point(site, device, whole):
        name = Text(zh=f"{name.in_('zh')}（位置未登记）", en=f"{name.in_('en')} (place not on file)")
    if not state:
        return name
    also = _called(site, device, state)
    return Text(zh=f"{name.in_('zh')} · {also.in_('zh')}", en=f"{name.in_('en')} · {also.in_('en')}")


def _has_point(site: Site, device: str, part: str) -> bool:
    """Whether a part is a point of the device that the site's files bind to a zone."""
    found = site.devices.get(device)
    bound = [name for name, binding in found.points.items() if binding.zone] if found is not None else []
    return any(part_of_point(site, device, name) == part for name in bound)


def _called(site: Site, device: str, name: str) -> Text:
    found = site.devices.get(device)
    head = site.profiles.get(found.profile or "") if found is not None else None
    given = (
        next((one.label for one in head.gives if one.name == name), Text()) if head is not None else Text()
    )
    if given != Text():
        return given
    return point_name(site.point_names, name) if _WORDS.fullmatch(name) else Text(zh=name, en=name)
