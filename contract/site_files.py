"""A site directory read into a checked `Site`: `config/sites/<site>/*.yaml`.

Every YAML file of the directory holds any of the sections of `SiteFile`; one of them (by custom `site.yaml`)
names the site. A profile is looked for in `<site>/profiles`, then in `../../profiles` beside the sites, then
among those that came with the program.
"""

import functools
import importlib.resources
import re
import zoneinfo
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import msgspec

from contract.days import day_mistake, start_mistake
from contract.duration import parse_duration
from contract.floors import floor_mistakes
from contract.measured import given_by
from contract.part_files import addressed_points, part_books
from contract.problems import ConfigError, Problem
from contract.quiet import polls_of, silence_of
from contract.site import Device, ProfileHead, Route, Site, SiteFile, Text
from contract.yamlfile import FieldPath, Located, check, convert, load_yaml, unknown_name

SECTIONS = ("zones", "devices", "groups", "people", "routes", "schedules", "agents", "floors")
OWN_SECTIONS = frozenset({"overlays", "rosters", "checks", "telling", "upkeep", "watch"})
"""Sections that other parts of the system read from the same directory."""


def load_site(directory: Path, *, with_parts: bool = True) -> Site:
    """The site that a directory describes; without the lists of parts where those are still to be made.

    Raises:
        ConfigError: Files are missing or have mistakes; every one is named with its file and line.
    """
    files, problems = _read_all(directory)
    merged, origins = _merge(files, directory, problems)
    if problems:
        raise ConfigError(problems)
    model = msgspec.convert(merged, SiteFile)
    heads, problems = _profile_heads(model, directory, origins)
    problems += _Names(model, origins).problems()
    books, mistakes = part_books(model, directory, origins.problem) if with_parts else ({}, [])
    problems += mistakes
    if problems:
        raise ConfigError(problems)
    own = [one for one in files if isinstance(one.value, dict) and OWN_SECTIONS & one.value.keys()]
    return Site(model, heads, tuple(own), _point_names(), books)


def profile_folders(directory: Path) -> list[Path]:
    """Where the profiles of a site directory are looked for, nearest first."""
    return [directory / "profiles", directory.parent.parent / "profiles", shipped_config() / "profiles"]


def find_profile(name: str, directory: Path) -> Path | None:
    """The file of a profile, or None."""
    for folder in profile_folders(directory):
        if (path := folder / f"{name}.yaml").is_file():
            return path
    return None


def shipped_config() -> Path:
    """The `config/` that came with the program: in the package when installed, beside it in a checkout."""
    packaged = Path(str(importlib.resources.files("sitewarden"))) / "config"
    return packaged if packaged.is_dir() else packaged.parent.parent / "config"


@functools.cache
def _point_names() -> dict[str, Text]:
    """What points are called: `config/points.yaml`."""
    return convert(load_yaml(shipped_config() / "points.yaml"), dict[str, Text])


class _Origins(msgspec.Struct):
    """Which file, and where in it, each item of a merged section stands."""

    whole: Located
    items: dict[tuple[str, int], tuple[Located, int]]

    def problem(self, path: FieldPath, message: str) -> Problem:
        section, index, *rest = (*path, None, None)[: max(2, len(path))]
        found = self.items.get((str(section), index)) if isinstance(index, int) else None
        if found is None:
            return self.whole.problem(path, message)
        located, own = found
        return located.problem((str(section), own, *[step for step in rest if step is not None]), message)


def _read_all(directory: Path) -> tuple[list[Located], list[Problem]]:
    paths = sorted(directory.glob("*.yaml")) if directory.is_dir() else []
    if not paths:
        raise ConfigError(
            [Problem(str(directory), 1, "", "expected a site directory with a site.yaml in it")]
        )
    files: list[Located] = []
    problems = [
        Problem(str(path), 1, "", f"is not read: expected the ending .yaml; rename it to {path.stem}.yaml")
        for path in sorted(directory.glob("*.yml"))
    ]
    for path in paths:
        try:
            files.append(load_yaml(path))
        except ConfigError as error:
            problems += error.problems
    return files, problems


def _merge(files: list[Located], directory: Path, problems: list[Problem]) -> tuple[dict[str, Any], _Origins]:
    merged: dict[str, Any] = {section: [] for section in SECTIONS}
    named = [located for located in files if isinstance(located.value, dict) and "site" in located.value]
    if len(named) != 1 and not problems:
        found = " and ".join(located.file for located in named) or "none"
        problems.append(
            Problem(str(directory), 1, "site", f"expected one file that names the site, found {found}")
        )
    origins = _Origins(named[0] if named else Located(str(directory), {}, {}), {})
    for located in files:
        _merge_file(located, merged, origins, problems, names_site=located in named)
    return merged, origins


def _merge_file(
    located: Located, merged: dict[str, Any], origins: _Origins, problems: list[Problem], *, names_site: bool
) -> None:
    if not isinstance(located.value, dict):
        problems.append(located.problem((), "expected sections such as zones: or devices:"))
        return
    own = {key: value for key, value in located.value.items() if key not in OWN_SECTIONS}
    model = SiteFile if names_site else _Part
    problems += check(msgspec.structs.replace(located, value=own), model)
    for key, value in own.items():
        if key not in SECTIONS:
            merged[key] = value
        elif isinstance(value, list):
            for index, item in enumerate(value):
                origins.items[key, len(merged[key])] = (located, index)
                merged[key].append(item)


_Part = msgspec.defstruct(
    "_Part",
    [
        (field.name, field.type, field.default)
        for field in msgspec.structs.fields(SiteFile)
        if field.name in SECTIONS
    ],
    forbid_unknown_fields=True,
)


def _profile_heads(
    model: SiteFile, directory: Path, origins: _Origins
) -> tuple[dict[str, ProfileHead], list[Problem]]:
    heads: dict[str, ProfileHead] = {}
    problems: list[Problem] = []
    known = sorted({path.stem for folder in profile_folders(directory) for path in folder.glob("*.yaml")})
    for index, device in enumerate(model.devices):
        name = device.profile
        if name is None or name in heads:
            continue
        path = find_profile(name, directory)
        if path is None:
            problems.append(
                origins.problem(("devices", index, "profile"), unknown_name("profile", name, known))
            )
            continue
        try:
            located = load_yaml(path)
            problems += check(located, ProfileHead)
            head = msgspec.convert(located.value, ProfileHead)
            units = dict(_measured(located.value))
            told = {point: unit for point, unit in units.items() if unit}
            heads[name] = msgspec.structs.replace(
                head,
                measures=frozenset(units),
                units=told,
                gives=given_by(located.value),
                silent_after_ms=silence_of(located.value),
                polls_ms=polls_of(located.value),
                addressed=tuple(addressed_points(located.value)),
            )
        except ConfigError as error:
            problems += error.problems
        except msgspec.ValidationError:
            continue
    return heads, problems


def _measured(profile: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """What a profile gives readings of: the names of its points and fields, as its readings are called, with units."""
    topics = profile.get("topics", ())
    parts = [profile, *topics] if isinstance(topics, list) else [profile]
    for part in parts:
        for section in ("points", "fields", "derived", "lapses"):
            entries = part.get(section, ()) if isinstance(part, dict) else ()
            for entry in entries if isinstance(entries, list) else ():
                name = entry.get("reading") or entry.get("name") if isinstance(entry, dict) else None
                if isinstance(name, str):
                    yield name, str(entry.get("unit") or "")


class _Names:
    """Checks that every name which a site uses exists, once."""

    def __init__(self, model: SiteFile, origins: _Origins) -> None:
        self._model = model
        self._origins = origins
        self._zones = {zone.id for zone in model.zones}
        self._devices = {device.id for device in model.devices}
        self._lines = {line.id for agent in model.agents for line in agent.lines}
        self._found: list[Problem] = []

    def problems(self) -> list[Problem]:
        """All of them."""
        self._unique()
        self._timezone()
        self._days()
        self._zone_names()
        for index, device in enumerate(self._model.devices):
            self._device_names(index, device)
        for index, group in enumerate(self._model.groups):
            self._known("device", group.devices, self._devices, ("groups", index, "devices"))
        for index, route in enumerate(self._model.routes):
            self._route(index, route)
        self._cards()
        for path, message in floor_mistakes(self._model):
            self._say(path, message)
        return self._found

    def _say(self, path: FieldPath, message: str) -> None:
        self._found.append(self._origins.problem(path, message))

    def _known(self, what: str, names: Iterable[str], known: set[str], path: FieldPath) -> None:
        for index, name in enumerate(names):
            if name not in known:
                self._say((*path, index), unknown_name(what, name, known))

    def _unique(self) -> None:
        for section in SECTIONS:
            seen: set[str] = set()
            for index, item in enumerate(getattr(self._model, section)):
                if item.id in seen:
                    self._say(
                        (section, index, "id"), f"{item.id!r} is already the id of another in {section}"
                    )
                seen.add(item.id)
        seen = set()
        for index, line in self._all_lines():
            if line in seen:
                self._say(("agents", index, "lines"), f"{line!r} is already the id of another line")
            seen.add(line)

    def _all_lines(self) -> Iterator[tuple[int, str]]:
        for index, agent in enumerate(self._model.agents):
            for line in agent.lines:
                yield index, line.id

    def _timezone(self) -> None:
        if self._model.timezone not in zoneinfo.available_timezones():
            self._say(
                ("timezone",), f"expected a time zone such as Asia/Shanghai, found {self._model.timezone!r}"
            )

    def _days(self) -> None:
        for index, schedule in enumerate(self._model.schedules):
            for place, window in enumerate(schedule.windows):
                if said := day_mistake(window.days):
                    self._say(("schedules", index, "windows", place, "days"), said)

    def _zone_names(self) -> None:
        ways = {zone.id: zone.adjacent for zone in self._model.zones}
        for index, zone in enumerate(self._model.zones):
            self._known("zone", zone.covers, self._zones, ("zones", index, "covers"))
            self._known("device", zone.escape_route, self._devices, ("zones", index, "escape_route"))
            if zone.id in zone.covers:
                self._say(
                    ("zones", index, "covers", zone.covers.index(zone.id)),
                    "a zone covers itself anyway: leave it out",
                )
            for other in zone.adjacent:
                if other == zone.id:
                    self._say(
                        ("zones", index, "adjacent", other), "a zone is not beside itself: leave it out"
                    )
                if other in ways and zone.id not in ways[other]:
                    self._say(
                        ("zones", index, "adjacent", other),
                        f"the way back is missing: write {zone.id} into adjacent of {other} too",
                    )
                if other not in self._zones:
                    self._say(("zones", index, "adjacent", other), unknown_name("zone", other, self._zones))

    def _device_names(self, index: int, device: Device) -> None:
        path: FieldPath = ("devices", index)
        if device.zone is not None and device.zone not in self._zones:
            self._say((*path, "zone"), unknown_name("zone", device.zone, self._zones))
        if device.line is not None and device.line not in self._lines:
            self._say((*path, "line"), unknown_name("line", device.line, self._lines))
        if device.line is not None and device.profile is None:
            self._say((*path, "profile"), "is missing: a device on a line is read by its profile")
        if device.poll is not None:
            self._poll(device.poll, (*path, "poll"))
        for point, binding in device.points.items():
            if binding.zone is not None and binding.zone not in self._zones:
                self._say((*path, "points", point, "zone"), unknown_name("zone", binding.zone, self._zones))
            if binding.on is not None and binding.on == binding.off:
                said = f"{binding.on} can't tell that it began and that it ended: leave one out"
                self._say((*path, "points", point, "off"), said)
            if binding.device is not None and binding.device not in self._devices:
                self._say(
                    (*path, "points", point, "device"), unknown_name("device", binding.device, self._devices)
                )

    def _route(self, index: int, route: Route) -> None:
        legs = [leg.device for leg in route.checkpoints]
        self._known("device", legs, self._devices, ("routes", index, "checkpoints"))
        for place, leg in enumerate(route.checkpoints):
            if leg.min_s is not None and leg.max_s is not None and leg.min_s > leg.max_s:
                here: FieldPath = ("routes", index, "checkpoints", place, "min_s")
                self._say(here, f"{leg.min_s} is more than max_s {leg.max_s}")
        for place, start in enumerate(route.starts):
            days, found, _ = start.rpartition(" ")
            if found and (said := start_mistake(days)):
                self._say(("routes", index, "starts", place), said)

    def _poll(self, text: str, path: FieldPath) -> None:
        try:
            if not parse_duration(text).ms:
                self._say(path, "expected a duration of clock time such as 2s")
        except ValueError as error:
            self._say(path, str(error))

    def _cards(self) -> None:
        ids = {person.id for person in self._model.people}
        for index, person in enumerate(self._model.people):
            for place, one in enumerate(person.qualifications):
                if one.from_ is not None and one.to is not None and one.to < one.from_:
                    self._say(
                        ("people", index, "qualifications", place, "to"), f"{one.to} is before {one.from_}"
                    )
        owners: dict[str, str] = {}
        for index, person in enumerate(self._model.people):
            for number, card in enumerate(person.cards):
                owner = owners.setdefault(card, person.id)
                if re.search("[,;] ", card):
                    each = ", ".join(f'"{one.strip()}"' for one in re.split("[,;]", card))
                    self._say(("people", index, "cards", number), f"expected one card each: write {each}")
                elif card in person.cards[:number]:
                    self._say(("people", index, "cards", number), f"{card!r} is there twice")
                elif owner != person.id or card in ids:
                    self._say(("people", index, "cards", number), f"{card!r} is already known as {owner!r}")
