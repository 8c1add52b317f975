"""Plans: what is drawn, where it stands, and what a site without a drawing gets."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloud.plan.shapes import middle
from cloud.plan.floors import drawings
from contract.site import Binding, Device, Floor, Site, SiteFile, Spot, Text, Zone
from contract.site_files import load_site, shipped_config

SQUARE: tuple[Spot, ...] = ((0, 0), (10, 0), (10, 10), (0, 10))


@st.composite
def sites(draw: st.DrawFn) -> Site:
    """Sites with zones on some floors, ways between them, and any number of devices in them."""
    names = [f"z{n}" for n in range(draw(st.integers(1, 12)))]
    floors = draw(st.lists(st.sampled_from([None, "1", "2"]), min_size=len(names), max_size=len(names)))
    pairs = draw(st.lists(st.tuples(st.sampled_from(names), st.sampled_from(names)), max_size=15))
    near: dict[str, dict[str, int]] = {name: {} for name in names}
    for one, other in pairs:
        if one != other:
            near[one][other] = near[other][one] = 10
    counts = draw(st.lists(st.integers(0, 30), min_size=len(names), max_size=len(names)))
    devices = [
        Device(id=f"{name}-d{n}", zone=name)
        for name, count in zip(names, counts, strict=True)
        for n in range(count)
    ]
    looks_at = {f"p{n}": Binding(zone=name) for n, name in enumerate(names)}
    panel = Device(id="panel", zone=names[0], points=looks_at)
    zones = tuple(
        Zone(id=name, floor=floor, adjacent=near[name]) for name, floor in zip(names, floors, strict=True)
    )
    return Site(SiteFile(site="s", zones=zones, devices=(panel, *devices)))


@given(sites())
def test_a_site_that_nobody_drew_is_drawn_whole_without_anything_on_top_of_another(site: Site) -> None:
    floors = drawings(site)
    assert floors == drawings(site)
    assert sorted(zone.id for floor in floors for zone in floor.zones) == sorted(site.zones)
    placed = [device.id for floor in floors for device in floor.devices if device.kind != "away"]
    assert sorted(placed) == sorted(site.devices)
    assert sum(len(device.parts) for floor in floors for device in floor.devices) == len(site.zones)
    for floor in floors:
        spots = [d.at for d in floor.devices if d.kind != "away"]
        spots += [part.at for device in floor.devices for part in device.parts]
        assert len(set(spots)) == len(spots)
        assert all(0 <= x <= floor.width and 0 <= y <= floor.height for x, y in spots)
        for one, other in itertools.combinations([zone.outline for zone in floor.zones], 2):
            assert (
                one[1][0] < other[0][0]
                or other[1][0] < one[0][0]
                or one[2][1] < other[0][1]
                or other[2][1] < one[0][1]
            )


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
    site = load_site(shipped_config() / "sites" / "demo")
    floors = drawings(site)
    assert all(floor.drawn for floor in floors)
    assert {zone.id for floor in floors for zone in floor.zones} == set(site.zones)
    assert {device.id for floor in floors for device in floor.devices} == set(site.devices)
    assert {way.zone for floor in floors for way in floor.ways} == {
        zone.id for zone in site.zones.values() if zone.escape_route
    }


@pytest.mark.parametrize(
    ("outline", "centre"),
    [(SQUARE, (5, 5)), (((0, 0), (6, 0), (0, 6)), (2, 2)), (((1, 1), (1, 1), (1, 1)), (1, 1))],
)
def test_a_name_stands_in_the_middle(outline: tuple[Spot, ...], centre: Spot) -> None:
    assert middle(outline) == centre


def test_a_schematic_says_which_floor_it_is() -> None:
    site = Site(SiteFile(site="s", zones=(Zone(id="a", floor="7", name=Text(en="Attic")),)))
    assert drawings(site)[0].name == Text(zh="7层", en="Floor 7")
