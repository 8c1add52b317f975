"""The site model: what a site is, as every part of the system sees it. All of it is loaded from YAML."""

import datetime as dt
import functools
import zoneinfo
from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Annotated, TypeVar

import msgspec
from msgspec import Meta

from contract.days import Days
from contract.display import Shown
from contract.part_book import PartBook
from contract.written import Address, Card, EndOfDay, Endpoint, Held, Poll, Ratio, TimeOfDay, UnitId
from contract.yamlfile import Located

Id = Annotated[
    str,
    Meta(
        pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$",
        description="letters, digits, - and _; at most 64 of them",
    ),
]


DESK_SIGN = "operator.acknowledged"
"""A device without a line that emits this is a desk."""
_Reading = Annotated[str, Meta(pattern=r"^[a-z0-9_]+$", description="a name such as temperature")]
_Shortest = Annotated[str, Meta(pattern=r"^[0-9]+(ms|s|m|h|d)$", description="a duration such as 200ms")]
START_PATTERN = r"^([a-z,-]+ )?([01][0-9]|2[0-3]):[0-5][0-9]$"
"""When a round starts: `HH:MM`, with days before it as a `Window` has them."""


class Text(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A name or a sentence in Chinese and English; the one that is missing falls back to the other."""

    zh: str = ""
    en: str = ""

    def in_(self, language: str) -> str:
        """The text in `language` (`zh` or `en`), or the other one where it is missing."""
        return (self.zh or self.en) if language == "zh" else (self.en or self.zh)


class Zone(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A part of the site. Evidence in this zone counts for every zone it `covers` (not transitive).

    `escape_route` names the devices (gates, doors) that must release when fire breaks out here. `adjacent`
    names the zones one can walk to, with the seconds it takes. `post`: what kind
    of post it is, such as `guard` or `control-room`, where somebody must be.
    """

    id: Id
    name: Text = Text()
    covers: tuple[Id, ...] = ()
    escape_route: tuple[Id, ...] = ()
    post: Id | None = None
    adjacent: dict[Id, Annotated[int, Meta(gt=0)]] = {}
    floor: str | None = None


class Device(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A thing on site that is read. `emits` defaults to its profile's.

    `line` names the agent's line it hangs on, with `unit` (Modbus unit id) or `address` (the name that the
    device has on its line, such as an MQTT topic part); `points` binds points of the profile to zones and to
    the words of the field; `parts` binds its parts (`contract.parts`) to zones and names, as a list or in a file.
    `ratios`: those of its profile's numbers that are others here, such as the ratio of its current transformers.
    `door`: what of it is wrong when it is a door.
    """

    id: Id
    zone: Id | None = None
    name: Text = Text()
    profile: Id | None = None
    emits: tuple[str, ...] | None = None
    tags: tuple[Id, ...] = ()
    line: Id | None = None
    unit: UnitId | None = None
    address: Address | None = None
    poll: Poll | None = None
    ratios: dict[str, Ratio] = {}
    points: dict[str, "Binding"] = {}
    parts: "tuple[PartBinding, ...] | PartFile" = ()
    door: "Door | None" = None


class PartBinding(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A part, such as `3-12`, or a range, such as `3-1..3-40`: the zone it looks at, and what people call it."""

    part: str | int
    zone: Id | None = None
    name: Text = Text()


class PartFile(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A list of parts in a CSV file beside the site's files: `part,zone,name_zh,name_en`."""

    file: Annotated[str, Meta(pattern=r"^[^/\\][^\\]*\.csv$", description="a file such as panel-parts.csv")]


class Door(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is wrong with a door: open for longer than `held`, or opened while locked and nobody let in (`forced`)."""

    held: Held | None = None
    forced: bool = False


class Binding(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a point of a device stands for on this site.

    `zone` is where it looks at; `on` and `off` name the event types that a two-state point emits when it becomes true
    or false, in place of its profile's; `device` is the device those events and the readings are told of (a gate behind
    an input module, a joint behind a probe), by default the module itself; `reading` is what a reading of it is called
    there, `display` the words in which people are shown its values, in place of the profile's; `shortest` is the
    shortest that what it tells lasts, such as a push of a button.
    """

    zone: Id | None = None
    on: str | None = None
    off: str | None = None
    device: Id | None = None
    reading: _Reading | None = None
    shortest: _Shortest | None = None
    invert: bool = False
    skip: bool = False
    display: dict[Shown, Text] = {}


class Group(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Equipment that works together, such as a transfer switch and its generator."""

    id: Id
    name: Text = Text()
    devices: tuple[Id, ...]


class Qualification(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, rename={"from_": "from"}
):
    """A licence that a person holds, both days included, in the site's time zone; an open end has no limit."""

    name: Id
    from_: dt.date | None = None
    to: dt.date | None = None


Contact = Annotated[
    str,
    Meta(pattern=r"^[a-z][a-z0-9_]*$", description="a kind of contact such as mail or phone"),
]


class Person(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Somebody who works on the site, known by the cards they carry, until the day `until` (included).

    Who left stays in the file: the record still names them.
    `contacts`: how to reach them, such as `{mail: wang@example.org, phone: "13800000000"}`; the channels that the
    cloud tells people through name what they need of it.
    """

    id: Id
    name: Text = Text()
    cards: tuple[Card, ...] = ()
    roles: tuple[Id, ...] = ()
    qualifications: tuple[Qualification, ...] = ()
    until: dt.date | None = None
    contacts: dict[Contact, Annotated[str, Meta(min_length=1)]] = {}


class Leg(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One checkpoint of a route, with the least and most seconds from the one before."""

    device: Id
    min_s: Annotated[int, Meta(ge=0)] | None = None
    max_s: Annotated[int, Meta(gt=0)] | None = None


class Route(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A round: checkpoints in order, when it is planned to start, and what it is for."""

    id: Id
    name: Text = Text()
    checkpoints: tuple[Leg, ...]
    purpose: Id = "patrol"
    starts: tuple[
        Annotated[str, Meta(pattern=START_PATTERN, description="a time such as 08:00 or mon-fri 08:00")], ...
    ] = ()


class Window(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, rename={"from_": "from"}):
    """A window in the site's time zone: `days` such as `mon-fri` or `sat,sun`, `from` and `to` as HH:MM.

    `days` may also be dates, such as `2026-06-07` or `2026-06-07..2026-06-09,2026-06-20`, or a part of every year,
    such as `11-15..03-15`, its first and its last day included. `to` at or before `from` ends on the next day; `24:00` is midnight at the end of the day.
    """

    days: Days = "daily"
    from_: TimeOfDay = "00:00"
    to: EndOfDay = "24:00"


class Schedule(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Named windows, such as a shift, opening hours, a season or the days of an event."""

    id: Id
    name: Text = Text()
    windows: tuple[Window, ...]


class Line(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A wire of an agent that devices hang on.

    `endpoint` is a URL: `modbus-tcp://host:502`, `modbus-rtu-tcp://host:4196`,
    `modbus-rtu:///dev/ttyUSB0?baudrate=9600&parity=N`, `mqtt://host:1883`,
    `dlt645:///dev/ttyUSB0?baudrate=2400&parity=E` or `dlt645-tcp://host:4196` for meters, `gb26875://0.0.0.0:5200` where fire
    transmitters call us, `http://0.0.0.0:8081` where readers post, `jwm:///dev/ttyUSB1` for the dock of a patrol
    wand, or `csv:///var/lib/sitewarden/inbox` for a folder that takes files.
    """

    id: Id
    endpoint: Endpoint


class Agent(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An edge agent of the site and the lines it reads."""

    id: Id
    name: Text = Text()
    lines: tuple[Line, ...] = ()


class Calendar(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which days are worked: Monday to Friday but for the public holidays of `country` (ISO 3166, null for none).

    `holidays` and `workdays` are the site's own, and go before them.
    """

    country: Annotated[str, Meta(pattern="^[A-Z]{2}$", description="a country such as CN")] | None = "CN"
    subdivision: str | None = None
    holidays: tuple[dt.date, ...] = ()
    workdays: tuple[dt.date, ...] = ()


Spot = Annotated[tuple[float, float], Meta(description="a place such as [12, 5.5]")]
"""A place on a floor's drawing: metres to the right and down from its upper left corner."""

Size = Annotated[tuple[float, float], Meta(description="a width and a height in metres such as [120, 80]")]


class Floor(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The drawing of a floor: `size` in metres, outlines of zones, places of devices.

    `walls` are lines that only help the eye. `ways`: by zone, the line that leads out of it. A device of a drawn zone
    that has no place of its own is placed in its zone; zones that no floor draws get a schematic.
    """

    id: Id
    name: Text = Text()
    size: Size
    zones: dict[Id, tuple[Spot, ...]] = {}
    devices: dict[Id, Spot] = {}
    walls: tuple[tuple[Spot, ...], ...] = ()
    ways: dict[Id, tuple[Spot, ...]] = {}


class SiteFile(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What the YAML files of a site directory hold together; each list may stand in any of them."""

    site: Id
    timezone: str = "Asia/Shanghai"
    language: Annotated[str, Meta(pattern="^(zh|en)$", description="zh or en")] = "zh"
    name: Text = Text()
    calendar: Calendar = Calendar()
    zones: tuple[Zone, ...] = ()
    devices: tuple[Device, ...] = ()
    groups: tuple[Group, ...] = ()
    people: tuple[Person, ...] = ()
    routes: tuple[Route, ...] = ()
    schedules: tuple[Schedule, ...] = ()
    agents: tuple[Agent, ...] = ()
    floors: tuple[Floor, ...] = ()


class Given(msgspec.Struct, frozen=True, kw_only=True):
    """A point that a kind of device tells readings of, by its own name.

    `state`: its numbers stand for what is so; `words`: how people are shown them. `bound_only`: read only where bound.
    """

    name: str
    unit: str = ""
    label: Text = Text()
    state: bool = False
    bound_only: bool = False
    words: dict[float, Text] = {}


class ProfileHead(msgspec.Struct, frozen=True, kw_only=True):
    """What everybody needs to know of a device profile; the edge knows the rest.

    `buffers` marks a source that keeps events by itself while it is away (a patrol wand): its coverage advances only
    when it is synced. `measures`: what it gives readings of; names with braces stand for many. `units`: theirs. `gives`:
    those that are really told, each by its own name. `addressed`: patterns of the points that stand for a loop and an
    address. `silent_after_ms`, `polls_ms`: as `contract.quiet` has them.
    """

    profile: Id
    name: Text = Text()
    emits: tuple[str, ...] = ()
    buffers: bool = False
    measures: frozenset[str] = frozenset()
    units: dict[str, str] = {}
    gives: tuple[Given, ...] = ()
    addressed: tuple[str, ...] = ()
    silent_after_ms: int = 0
    polls_ms: dict[str, int] = {}


class Site(msgspec.Struct, frozen=True, dict=True):
    """A checked site: every name it uses exists. Look-ups are by id and never fail for a name in the model."""

    file: SiteFile
    profiles: dict[str, ProfileHead] = {}
    own_sections: tuple[Located, ...] = ()
    """The site's files with sections that others read, such as `overlays`."""
    point_names: dict[str, Text] = {}
    """What points are called, by the names that readings have."""
    parts: dict[str, PartBook] = {}
    """By device, its parts as far as the site's files bind them."""

    @property
    def id(self) -> str:
        """The site's id."""
        return self.file.site

    @functools.cached_property
    def timezone(self) -> zoneinfo.ZoneInfo:
        """The zone of its schedules and calendars; times are stored in UTC all the same."""
        return zoneinfo.ZoneInfo(self.file.timezone)

    @functools.cached_property
    def zones(self) -> Mapping[str, Zone]:
        """Zones by id."""
        return _by_id(self.file.zones)

    @functools.cached_property
    def devices(self) -> Mapping[str, Device]:
        """Devices by id."""
        return _by_id(self.file.devices)

    @functools.cached_property
    def groups(self) -> Mapping[str, Group]:
        """Equipment groups by id."""
        return _by_id(self.file.groups)

    @functools.cached_property
    def groups_of(self) -> Mapping[str, tuple[str, ...]]:
        """The ids of the groups that a device is in, sorted, by device id."""
        found: dict[str, list[str]] = {}
        for group in sorted(self.file.groups, key=lambda g: g.id):
            for device in group.devices:
                found.setdefault(device, []).append(group.id)
        return MappingProxyType({device: tuple(groups) for device, groups in found.items()})

    @functools.cached_property
    def people(self) -> Mapping[str, Person]:
        """People by id and by each of their cards."""
        named = {person.id: person for person in self.file.people}
        carded = {card: person for person in self.file.people for card in person.cards}
        return MappingProxyType(carded | named)

    @functools.cached_property
    def routes(self) -> Mapping[str, Route]:
        """Rounds by id."""
        return _by_id(self.file.routes)

    @functools.cached_property
    def schedules(self) -> Mapping[str, Schedule]:
        """Schedules by id."""
        return _by_id(self.file.schedules)

    @functools.cached_property
    def agents(self) -> Mapping[str, Agent]:
        """Edge agents by id."""
        return _by_id(self.file.agents)

    @functools.cached_property
    def buffering(self) -> frozenset[str]:
        """The devices that keep events by themselves while they are away, and what such a one alone tells of."""
        own = {
            d.id for d in self.file.devices if (head := self.profiles.get(d.profile or "")) and head.buffers
        }
        bound = {b.device for d in self.file.devices if d.id in own for b in d.points.values() if b.device}
        return frozenset(own | bound)

    def is_desk(self, name: str) -> bool:
        """Whether a device stands for people at their screens: it emits what operators do, and no line leads to it."""
        device = self.devices.get(name)
        return device is not None and device.line is None and DESK_SIGN in self.emits(device)

    @functools.cached_property
    def told_by_people(self) -> frozenset[str]:
        """The devices that no agent reads, where people can tell of them: desks, tags without a reader, tablets."""
        if not any(self.is_desk(device.id) for device in self.file.devices):
            return frozenset()
        bound = {b.device for device in self.file.devices for b in device.points.values() if b.device}
        return frozenset(
            device.id for device in self.file.devices if device.line is None and device.id not in bound
        )

    @functools.cached_property
    def answering_zones(self) -> Mapping[str, frozenset[str]]:
        """By zone, the zones in which evidence counts for it: itself, and each that declares to cover it."""
        found = {zone: {zone} for zone in self.zones}
        for zone in self.file.zones:
            for covered in zone.covers:
                found[covered].add(zone.id)
        return MappingProxyType({zone: frozenset(zones) for zone, zones in found.items()})

    def emits(self, device: Device) -> frozenset[str]:
        """The event types a device can emit: its own list, else its profile's, and those bound to its points."""
        if device.emits is not None:
            return frozenset(device.emits)
        return self._emitted_by_profile.get(device.id, frozenset())

    def measures(self, device: Device, point: str) -> bool:
        """Whether readings of a point can be told of a device; of one without a profile, nobody can say no."""
        bound = {b.reading for d in self.file.devices for b in d.points.values() if b.device == device.id}
        point = point.partition(".")[0]
        if device.profile is None:
            return point in bound or not bound - {None}
        own = {b.reading for b in device.points.values() if b.device in {None, device.id}}
        head = self.profiles.get(device.profile)
        return point in bound | own or (head is not None and point in head.measures)

    def unit(self, device: str, point: str) -> str:
        """The unit of a device's readings of a point, as its profile or that of the module behind it says; else empty."""
        name = point.partition(".")[0]
        for module, read_as, told_of in self._readings_bound:
            if told_of == device and read_as[1] == name:
                return self._unit_of(module, read_as[0])
        return self._unit_of(device, name)

    def _unit_of(self, device: str, name: str) -> str:
        found = self.devices.get(device)
        head = self.profiles.get(found.profile or "") if found is not None else None
        return head.units.get(name, "") if head is not None else ""

    @functools.cached_property
    def _readings_bound(self) -> tuple[tuple[str, tuple[str, str], str], ...]:
        """Module, the point's own name and the one it is told by, and the device it is told of."""
        return tuple(
            (device.id, (point, binding.reading), binding.device or device.id)
            for device in self.file.devices
            for point, binding in device.points.items()
            if binding.reading is not None
        )

    @functools.cached_property
    def _emitted_by_profile(self) -> Mapping[str, frozenset[str]]:
        found: dict[str, set[str]] = {}
        for device in self.file.devices:
            head = self.profiles.get(device.profile or "")
            found.setdefault(device.id, set()).update(head.emits if head else ())
            if device.door is not None:
                found[device.id] |= {"door.held"} if device.door.held else set()
                found[device.id] |= {"door.forced"} if device.door.forced else set()
            for binding in device.points.values():
                told = found.setdefault(binding.device or device.id, set())
                told.update({w for w in (binding.on, binding.off) if w} or (head.emits if head else ()))
        return MappingProxyType({device: frozenset(types) for device, types in found.items()})

    @functools.cached_property
    def zones_seen_by(self) -> Mapping[str, frozenset[str]]:
        """By device, the zones its events can lie in: its own, and those its points are bound to."""
        found: dict[str, set[str]] = {
            device.id: {device.zone} if device.zone else set() for device in self.file.devices
        }
        for device in self.file.devices:
            for binding in device.points.values():
                if binding.zone:
                    found[binding.device or device.id].add(binding.zone)
        for name, book in self.parts.items():
            found[name] |= book.zones
        return MappingProxyType({device: frozenset(zones) for device, zones in found.items()})


_Named = TypeVar("_Named", Zone, Device, Group, Route, Schedule, Agent)


def _by_id(items: Iterable[_Named]) -> Mapping[str, _Named]:
    return MappingProxyType({item.id: item for item in items})
