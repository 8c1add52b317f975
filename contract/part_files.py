"""The parts that a site's files bind, from its YAML and from the lists beside it; every mistake with its line."""

import functools
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from contract.part_book import BoundPart, PartBook, doubles
from contract.part_list import part_mistakes, read_part_list
from contract.problems import Problem
from contract.site import Device, PartFile, SiteFile
from contract.yamlfile import FieldPath, unknown_name

Place = Callable[[FieldPath, str], Problem]
"""A mistake at a field of the merged files, with its file and line."""


def part_books(model: SiteFile, directory: Path, place: Place) -> tuple[dict[str, PartBook], list[Problem]]:
    """By device that binds any, its parts; and what is wrong with them."""
    books: dict[str, PartBook] = {}
    problems: list[Problem] = []
    zones = _Zones(model)
    for index, device in enumerate(model.devices):
        if not device.parts:
            continue
        bound, mistakes = _bound(device, ("devices", index, "parts"), directory, place)
        mistakes += zones.mistakes(bound)
        problems += mistakes
        if not mistakes:
            books[device.id] = PartBook(bound)
    return books, problems


def _bound(
    device: Device, at: FieldPath, directory: Path, place: Place
) -> tuple[Sequence[BoundPart], list[Problem]]:
    if isinstance(device.parts, PartFile):
        path = directory / device.parts.file
        if ".." in Path(device.parts.file).parts:
            return (), [place((*at, "file"), "expected a file within the site's directory")]
        if not path.is_file():
            lists = [one.name for one in directory.glob("*.csv")]
            return (), [place((*at, "file"), unknown_name("file", device.parts.file, lists))]
        found = read_part_list(path)
        return found.bound, list(found.problems)
    bound: list[BoundPart] = []
    problems: list[Problem] = []
    for number, one in enumerate(device.parts):
        here = place((*at, number), "")
        entry = BoundPart(
            part=str(one.part),
            zone=one.zone,
            zh=one.name.zh,
            en=one.name.en,
            file=here.file,
            line=here.line,
            field=here.field,
        )
        mistakes = list(part_mistakes(entry))
        problems += mistakes
        if not any(mistake.field.endswith(".part") for mistake in mistakes):
            bound.append(entry)
    return bound, [*problems, *doubles(bound)]


class _Zones:
    """Which zones there are; what no zone is called is looked for once."""

    def __init__(self, model: SiteFile) -> None:
        self._known = {zone.id for zone in model.zones}
        self._by_name = {name: z.id for z in model.zones for name in (z.name.zh, z.name.en) if name}
        self._unknown = functools.cache(self._said)

    def mistakes(self, bound: Sequence[BoundPart]) -> Iterator[Problem]:
        for one in bound:
            if one.zone is not None and one.zone not in self._known:
                field = f"{one.field}.zone" if one.field else "zone"
                yield Problem(one.file, one.line, field, self._unknown(one.zone))

    def _said(self, zone: str) -> str:
        if zone in self._by_name:
            return f"no zone {zone!r}: a zone's id is expected, here {self._by_name[zone]!r}"
        return unknown_name("zone", zone, self._known)


_PLACE: Final = re.compile(r"\{(\w+)[^}]*\}")
"""A counter in the name of a point, such as `{address:03}`."""


def addressed_points(profile: Mapping[str, Any]) -> Iterator[str]:
    """Patterns of the points of a profile file that stand for a loop and an address; a module's has a group `module`."""
    points = profile.get("points")
    for point in points if isinstance(points, list) else ():
        name = point.get("name") if isinstance(point, dict) else None
        if isinstance(name, str) and sorted(_PLACE.findall(name)) == ["address", "loop"]:
            data = point.get("data")
            module = isinstance(data, dict) and data.get("device_kind") == "module"
            literal = [
                re.escape(one) if place % 2 == 0 else rf"(?P<{one}>\d+)"
                for place, one in enumerate(_PLACE.split(name))
            ]
            yield "".join(literal) + ("(?P<module>)" if module else "")
