"""The demo estate holds together: ways from both ends, a reader for every zone that can burn, gates that exist."""

import math

from contract.site import Site
from firmware_sim.world.field import read_field
from firmware_sim.world.graph import Graph


def test_every_way_is_written_from_both_ends(demo: Site) -> None:
    for zone in demo.file.zones:
        for other, seconds in zone.adjacent.items():
            assert demo.zones[other].adjacent[zone.id] == seconds


def test_every_zone_can_be_reached_from_every_other(demo: Site) -> None:
    graph = Graph(demo)
    assert all(graph.seconds(a, b) < math.inf for a in demo.zones for b in demo.zones)


def test_a_way_is_walked_leg_by_leg_in_its_least_time(demo: Site) -> None:
    graph = Graph(demo)
    zone, walked = "control", 0
    while (neighbour := graph.step(zone, "b2-f3")) is not None:
        walked += graph.leg(zone, neighbour)
        zone = neighbour
    assert (zone, walked) == ("b2-f3", 20 + 40 + 30 + 20 + 20)
    assert walked == graph.seconds("control", "b2-f3")


def test_every_zone_that_can_burn_is_answered_by_a_reader(demo: Site) -> None:
    field = read_field(demo)
    assert len(field.fire_points) == 13
    for zone in field.fire_points:
        assert demo.answering_zones[zone] & set(field.readers.values()), zone


def test_every_escape_route_is_made_of_locks_that_are_watched(demo: Site) -> None:
    locks = read_field(demo).having("gate.released")
    routes = {zone.id: set(zone.escape_route) for zone in demo.file.zones}
    assert all(routes[zone] for zone in read_field(demo).fire_points)
    assert set().union(*routes.values()) == locks


def test_it_has_the_devices_that_the_demo_shows(demo: Site) -> None:
    profiles = [device.profile for device in demo.file.devices]
    assert {name: profiles.count(name) for name in set(profiles) - {None}} == {
        "notifier-modbus-gw": 1,
        "dse-7320-mkii": 1,
        "xy-md02": 3,
        "waveshare-relay-d": 2,
        "patrol-reader": 12,
    }


def test_every_name_is_there_in_both_languages(demo: Site) -> None:
    named = [*demo.file.zones, *demo.file.devices, *demo.file.people, *demo.file.routes, *demo.file.schedules]
    assert [item.id for item in named if not (item.name.zh and item.name.en)] == []
