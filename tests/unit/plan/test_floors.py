"""Plans: what is drawn, where it stands, and what a site without a drawing gets."""

import itertools
import math
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloud.plan.drawing import Drawing
from cloud.plan.floors import drawings
from cloud.plan.kinds import AWAY, KINDS, kind_of
from cloud.plan.schematic import walk_order
from cloud.plan.shapes import middle, places, within
from contract.site import Binding, Device, Floor, ProfileHead, Site, SiteFile, Spot, Text, Zone
from contract.site_files import load_site, shipped_config

SQUARE: tuple[Spot, ...] = ((0, 0), (10, 0), (10, 10), (0, 10))
ELL: tuple[Spot, ...] = ((0, 0), (10, 0), (10, 1), (1, 1), (1, 10), (0, 10))
DEMO = load_site(shipped_config() / "sites" / "demo")


@st.composite
def sites(draw: st.DrawFn) -> Site:
    """Sites with zones on some floors, some of them drawn, ways between and out of them, and any number of devices."""
    names = [f"z{n}" for n in range(draw(st.integers(1, 12)))]
    some = st.lists(st.sampled_from(names), unique=True)
    floors = draw(st.lists(st.sampled_from([None, "1", "2"]), min_size=len(names), max_size=len(names)))
    pairs = draw(st.lists(st.tuples(st.sampled_from(names), st.sampled_from(names)), max_size=15))
    near: dict[str, dict[str, int]] = {name: {} for name in names}
    for one, other in pairs:
        if one != other:
            near[one][other] = draw(st.integers(1, 90))
    counts = draw(st.lists(st.integers(0, 30), min_size=len(names), max_size=len(names)))
    kinds = itertools.cycle(draw(st.permutations([(), ("gate",), ("door",), ()])))
    devices = [
        Device(id=f"{name}-d{n}", zone=name, tags=next(kinds))
        for name, count in zip(names, counts, strict=True)
        for n in range(count)
    ]
    devices += [Device(id=f"lost{n}") for n in range(draw(st.integers(0, 3)))]
    looks_at = {f"p{n}": Binding(zone=name) for n, name in enumerate(names)}
    panel = Device(id="panel", zone=draw(st.sampled_from([None, names[0]])), points=looks_at)
    out = st.lists(st.sampled_from([device.id for device in devices] or ["panel"]), max_size=3, unique=True)
    zones = tuple(
        Zone(id=name, floor=floor, adjacent=near[name], escape_route=tuple(draw(out)))
        for name, floor in zip(names, floors, strict=True)
    )
    outlines = {
        name: tuple((x + 20 * n, y) for x, y in draw(st.sampled_from([SQUARE, ELL])))
        for n, name in enumerate(draw(some))
    }
    by_hand = {
        device.id: (outlines[device.zone][0][0] + 0.5, 0.5)
        for device in devices
        if device.zone in outlines and device.id.endswith("d0")
    }
    drawn = Floor(id=draw(st.sampled_from(["1", "roof"])), size=(250, 10), zones=outlines, devices=by_hand)
    return Site(
        SiteFile(site="s", zones=zones, devices=(panel, *devices), floors=(drawn,) if outlines else ())
    )


def spots_on(floor: Drawing) -> list[Spot]:
    """The places of all devices and parts of a floor."""
    placed = [device.at for device in floor.devices if device.kind != AWAY]
    return placed + [part.at for device in floor.devices for part in device.parts]


def apart(one: Sequence[Spot], other: Sequence[Spot]) -> bool:
    """Whether the rectangles around two areas have nothing in common."""
    return any(
        max(spot[axis] for spot in a) < min(spot[axis] for spot in b)
        for a, b in ((one, other), (other, one))
        for axis in (0, 1)
    )


@given(sites())
def test_all_of_a_site_is_drawn_once_with_nothing_on_top_of_another(site: Site) -> None:
    floors = drawings(site)
    assert floors == drawings(Site(site.file))
    assert len({floor.id for floor in floors}) == len(floors)
    assert sorted(zone.id for floor in floors for zone in floor.zones) == sorted(site.zones)
    placed = [device.id for floor in floors for device in floor.devices if device.kind != AWAY]
    assert sorted(placed) == sorted(site.devices)
    assert sum(len(device.parts) for floor in floors for device in floor.devices) == len(site.zones)
    for floor in floors:
        spots = spots_on(floor)
        assert len(set(spots)) == len(spots)
        lines = [spot for way in floor.ways for spot in way.line]
        labels = [zone.label for zone in floor.zones]
        assert all(0 <= x <= floor.width and 0 <= y <= floor.height for x, y in spots + lines + labels)
        assert all(within(zone.label, zone.outline) for zone in floor.zones)
        for one, other in itertools.combinations([zone.outline for zone in floor.zones], 2):
            assert apart(one, other)


@given(sites())
def test_what_nobody_placed_stands_in_its_zone_with_room_around_it_where_that_has_any(site: Site) -> None:
    by_hand = {device for floor in site.file.floors for device in floor.devices}
    for floor in drawings(site):
        outlines = {zone.id: zone.outline for zone in floor.zones}
        for device in floor.devices:
            for part in device.parts:
                assert near(part.at, outlines[part.zone])
            if device.kind != AWAY and device.zone is not None and device.id not in by_hand:
                assert near(device.at, outlines[device.zone])
        if not floor.drawn:
            for one, other in itertools.combinations(spots_on(floor), 2):
                assert math.dist(one, other) > 2


def near(spot: Spot, outline: Sequence[Spot]) -> bool:
    """Whether a place lies in an area, or on its edge where it had no room."""
    xs, ys = [x for x, _ in outline], [y for _, y in outline]
    return min(xs) <= spot[0] <= max(xs) and min(ys) <= spot[1] <= max(ys)


@given(sites())
def test_every_floor_with_a_gate_of_a_way_out_tells_of_it(site: Site) -> None:
    floors = drawings(site)
    for floor in floors:
        here = {zone.id for zone in floor.zones}
        placed = {device.id for device in floor.devices if device.kind != AWAY}
        told = [way.zone for way in floor.ways]
        assert len(set(told)) == len(told)
        for zone in site.zones.values():
            if zone.escape_route and (zone.id in here or placed & set(zone.escape_route)):
                assert zone.id in told
        assert all(way.devices == site.zones[way.zone].escape_route for way in floor.ways)
        assert all(len(way.line) != 1 for way in floor.ways)


def test_a_device_of_a_drawn_zone_that_nobody_placed_stands_in_its_zone() -> None:
    floor = Floor(id="f", size=(10, 10), zones={"a": SQUARE}, devices={"d1": (5, 5)})
    devices = (Device(id="d1", zone="a"), Device(id="d2", zone="a"))
    site = Site(SiteFile(site="s", zones=(Zone(id="a"),), devices=devices, floors=(floor,)))
    (drawing,) = drawings(site)
    placed = {device.id: device.at for device in drawing.devices}
    assert placed["d1"] == (5, 5)
    assert placed["d2"] != (5, 5)
    assert all(0 < c < 10 for c in placed["d2"])


def test_zones_that_a_drawing_leaves_out_get_a_schematic_beside_it() -> None:
    floor = Floor(id="1", size=(10, 10), zones={"a": SQUARE})
    zones = (Zone(id="a", floor="1"), Zone(id="b", floor="1"))
    site = Site(SiteFile(site="s", zones=zones, floors=(floor,)))
    assert [(d.id, d.drawn, [z.id for z in d.zones]) for d in drawings(site)] == [
        ("1", True, ["a"]),
        ("1-rest", False, ["b"]),
    ]


def test_the_way_out_leads_over_the_zones_between_to_the_gate() -> None:
    zones = (
        Zone(id="a", escape_route=("gate",), adjacent={"b": 5}),
        Zone(id="b", adjacent={"a": 5, "c": 5}),
        Zone(id="c", adjacent={"b": 5}),
    )
    site = Site(SiteFile(site="s", zones=zones, devices=(Device(id="gate", zone="c", tags=("gate",)),)))
    (floor,) = drawings(site)
    (way,) = floor.ways
    centres = {zone.id: zone.label for zone in floor.zones}
    (gate,) = floor.devices
    assert way.line == (centres["a"], centres["b"], centres["c"], gate.at)
    assert gate.kind == "gate"


def test_the_demo_estate_is_drawn_by_hand_with_all_that_is_on_it() -> None:
    site = DEMO
    floors = drawings(site)
    assert all(floor.drawn for floor in floors)
    assert {zone.id for floor in floors for zone in floor.zones} == set(site.zones)
    assert {device.id for floor in floors for device in floor.devices} == set(site.devices)
    assert {way.zone for floor in floors for way in floor.ways} == {
        zone.id for zone in site.zones.values() if zone.escape_route
    }


def test_a_way_out_from_an_upper_floor_goes_on_where_one_comes_down() -> None:
    zones = (
        Zone(id="up", floor="2", escape_route=("door", "gate"), adjacent={"hall": 20, "roof": 1}),
        Zone(id="roof", floor="3", adjacent={"far": 1}),
        Zone(id="hall", floor="1", adjacent={"yard": 5}),
        Zone(id="yard", floor="1"),
        Zone(id="far", floor="1", adjacent={"yard": 90}),
    )
    devices = (
        Device(id="gate", zone="yard", tags=("gate",)),
        Device(id="door", zone="hall", tags=("door",)),
    )
    ground, upper, _ = drawings(Site(SiteFile(site="s", zones=zones, devices=devices)))
    (way,) = ground.ways
    at = {zone.id: zone.label for zone in ground.zones} | {device.id: device.at for device in ground.devices}
    assert way.line == (at["hall"], at["door"], at["yard"], at["gate"])
    assert [(way.zone, way.devices, way.line) for way in upper.ways] == [("up", ("door", "gate"), ())]


def test_a_way_that_was_drawn_goes_before_one_that_is_worked_out() -> None:
    """A fire on the third floor shows the way that block 1's lobby was given on the ground floor's drawing."""
    ground, _, third, _ = drawings(DEMO)
    ways = {way.zone: way for way in ground.ways}
    assert ways["b1-f3"].line == ways["b1"].line == DEMO.file.floors[0].ways["b1"]
    assert ways["b1-f3"].devices == ("gate-n", "gate-n-walk", "door-b1")
    assert {way.zone: way.line for way in third.ways}["b1-f3"] == DEMO.file.floors[2].ways["b1-f3"]


def test_a_detector_of_a_panel_is_drawn_where_it_looks_and_the_panel_where_it_stands() -> None:
    ground, second, third, _ = drawings(DEMO)
    panel = next(device for device in ground.devices if device.id == "fire-panel")
    assert (panel.kind, panel.at) == ("panel", (90, 6))
    assert {part.zone for part in panel.parts} == {"b1", "b2", "b3", "club", "control"}
    for floor, zones in ((second, {"b1-f2", "b2-f2", "b3-f2"}), (third, {"b1-f3", "b2-f3"})):
        (away,) = [device for device in floor.devices if device.kind == AWAY]
        assert (away.id, {part.zone for part in away.parts}) == ("fire-panel", zones)
        outlines = {zone.id: zone.outline for zone in floor.zones}
        assert all(within(part.at, outlines[part.zone]) for part in away.parts)


def test_devices_without_a_zone_are_drawn_by_themselves() -> None:
    floor = Floor(id="nowhere", size=(10, 10), zones={"a": SQUARE})
    devices = (Device(id="a1", zone="a"), Device(id="lost"))
    site = Site(SiteFile(site="s", zones=(Zone(id="a"),), devices=devices, floors=(floor,)))
    assert [(d.id, d.drawn, [device.id for device in d.devices]) for d in drawings(site)] == [
        ("nowhere", True, ["a1"]),
        ("nowhere-rest", False, ["lost"]),
    ]


def test_a_site_with_nothing_on_it_has_no_floors() -> None:
    assert drawings(Site(SiteFile(site="s"))) == []


def test_a_schematic_keeps_what_is_near_together() -> None:
    zones = [
        Zone(id="a", adjacent={"far": 90, "b": 5}),
        Zone(id="b", adjacent={"c": 5}),
        Zone(id="c"),
        Zone(id="far"),
    ]
    assert [zone.id for zone in walk_order(zones)] == ["a", "b", "c", "far"]


@pytest.mark.parametrize(
    "outline", [((0, 0), (100, 100), (100, 100.2), (0, 0.2)), ((0, 0), (0.4, 0), (0.4, 0.4))]
)
def test_things_that_have_no_room_stand_along_the_edge(outline: tuple[Spot, ...]) -> None:
    found = places(outline, 40)
    assert len(set(found)) == 40
    assert all(near(spot, outline) for spot in found)


@pytest.mark.parametrize(
    ("device", "kind"),
    [
        (Device(id="d", emits=("fire.alarm", "fire.reset")), "detector"),
        (Device(id="d", emits=("fire.alarm",), points={"l1d001": Binding(zone="a")}), "panel"),
        (Device(id="d", emits=("fire.alarm", "fire.isolated")), "panel"),
        (Device(id="d", emits=("fire.alarm",), tags=("plant", "io")), "io"),
        (Device(id="d", emits=("operator.acknowledged", "staff.on_duty")), "desk"),
        (Device(id="d", emits=("emergency.call",)), "call"),
        (Device(id="d", emits=("access.granted", "door.opened")), "reader"),
        (Device(id="d", emits=("gate.released", "door.opened")), "gate"),
        (Device(id="d", points={"di_1": Binding(device="d2", zone="a")}), "io"),
        (Device(id="d", tags=("plant-climate",)), "climate"),
        (Device(id="d", profile="meter"), "meter"),
        (Device(id="d"), "other"),
    ],
)
def test_a_device_looks_like_what_it_is(device: Device, kind: str) -> None:
    heads = {"meter": ProfileHead(profile="meter", measures=frozenset({"energy"}))}
    devices = (device, Device(id="d2"))
    site = Site(SiteFile(site="s", zones=(Zone(id="a"),), devices=devices), heads)
    assert kind_of(site, device) == kind
    assert kind in KINDS


@pytest.mark.parametrize(
    ("outline", "centre"),
    [
        (SQUARE, (5, 5)),
        (((0, 0), (6, 0), (0, 6)), (2, 2)),
        (((1, 1), (1, 1), (1, 1)), (1, 1)),
        (ELL, (0.65, 0.65)),
    ],
)
def test_a_name_stands_in_the_middle(outline: tuple[Spot, ...], centre: Spot) -> None:
    assert middle(outline) == centre


def test_a_schematic_says_which_floor_it_is() -> None:
    site = Site(SiteFile(site="s", zones=(Zone(id="a", floor="7", name=Text(en="Attic")),)))
    assert drawings(site)[0].name == Text(zh="7层", en="Floor 7")
