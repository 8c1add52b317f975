"""What a site measures, and how a curve of it is cut."""

import zoneinfo

import pytest

from cloud.review.curves import DAY_MS, merged, origin_for, step_within
from cloud.review.points import points_of
from cloud.store.reads import HOUR_MS
from contract.site import Binding, Device, Given, Group, ProfileHead, Site, SiteFile, Text, Zone

RELAY = {0.0: Text(zh="断开", en="off"), 1.0: Text(zh="接通", en="on")}
MODULE = ProfileHead(
    profile="module",
    gives=(
        Given(name="temperature_1", unit="°C", bound_only=True),
        Given(name="temperature_2", unit="°C", bound_only=True),
        Given(name="voltage", unit="V", label=Text(en="Supply")),
        Given(name="relay_1", state=True, words=RELAY),
    ),
)
NAMES = {"temperature": Text(zh="温度", en="Temperature"), "relay": Text(zh="继电器", en="Relay")}


def site(**bindings: Binding) -> Site:
    """A module whose probes sit on three joints."""
    joints = tuple(Device(id=f"joint-{n}", zone="room", tags=("joint",)) for n in (1, 2, 3))
    module = Device(id="module", zone="plant", profile="module", points=bindings)
    return Site(
        SiteFile(
            site="demo",
            zones=(Zone(id="room"), Zone(id="plant"), Zone(id="roof")),
            devices=(module, *joints),
            groups=(Group(id="board", devices=tuple(one.id for one in joints)),),
        ),
        {"module": MODULE},
        point_names=NAMES,
    )


def test_a_point_is_told_of_the_device_that_the_site_binds_it_to_with_the_modules_unit() -> None:
    bound = site(temperature_1=Binding(device="joint-1", reading="temperature"))
    point = points_of(bound)["joint-1", "temperature"]
    assert (point.name.zh, point.unit, point.state, point.zone) == ("温度", "°C", False, "room")
    assert ("module", "temperature_1") not in points_of(bound)


def test_what_is_read_only_where_it_is_bound_is_nowhere_else_and_what_is_skipped_is_not_there() -> None:
    own = {point for device, point in points_of(site(relay_1=Binding(skip=True))) if device == "module"}
    assert own == {"voltage"}


def test_the_profiles_own_label_goes_before_the_common_name_and_fills_both_languages() -> None:
    point = points_of(site())["module", "voltage"]
    assert point.name == Text(zh="Supply", en="Supply")


def test_the_profiles_words_for_values_go_with_the_point_and_the_sites_replace_them() -> None:
    assert points_of(site())["module", "relay_1"].words == RELAY
    told = points_of(site(relay_1=Binding(device="joint-1", reading="breaker")))
    assert told["joint-1", "breaker"].words == RELAY
    own = Binding(device="joint-1", reading="breaker", display={"1": Text(zh="合闸", en="closed")})
    assert points_of(site(relay_1=own))["joint-1", "breaker"].words == {1.0: Text(zh="合闸", en="closed")}


def test_words_of_the_site_make_a_state_of_a_number_without_a_unit_only() -> None:
    words = {"0": Text(zh="无", en="none")}
    points = points_of(site(voltage=Binding(display=words)))
    assert (points["module", "voltage"].state, points["module", "voltage"].words) == (
        False,
        {0.0: words["0"]},
    )


def test_a_binding_says_where_a_point_looks_at() -> None:
    point = points_of(site(relay_1=Binding(zone="roof")))["module", "relay_1"]
    assert (point.zone, point.state, point.name.en) == ("roof", True, "Relay 1")


def test_what_the_cloud_works_out_of_joints_is_measured_too_in_its_own_units() -> None:
    found = points_of(site())
    assert found["joint-2", "temperature.over_peers"].unit == "K"
    assert found["joint-2", "temperature.rise"].unit == "K/min"
    assert list(found) == sorted(found)


@pytest.mark.parametrize(
    ("zone", "step", "after_midnight"),
    [
        ("Asia/Shanghai", 60_000, 0),
        ("Asia/Shanghai", DAY_MS, 0),
        ("Asia/Kolkata", 60_000, 0),
        ("Asia/Kolkata", HOUR_MS, -HOUR_MS // 2),
    ],
)
def test_bins_begin_at_the_sites_midnight_or_the_whole_hour_before(
    zone: str, step: int, after_midnight: int
) -> None:
    noon = 1_764_547_200_000
    offset = {"Asia/Shanghai": 8 * HOUR_MS, "Asia/Kolkata": 11 * HOUR_MS // 2}[zone]
    midnight = (noon + offset) // DAY_MS * DAY_MS - offset
    assert origin_for(noon, step, zoneinfo.ZoneInfo(zone)) == midnight + after_midnight


@pytest.mark.parametrize("most", [10, 600, 2_000])
@pytest.mark.parametrize("span", [1_000, 61_000, DAY_MS + 1, 366 * DAY_MS, 7_300 * DAY_MS])
def test_a_period_never_touches_more_bins_than_were_asked_for(span: int, most: int) -> None:
    step = step_within(span, most)
    worst = (step - 1 + span + step - 1) // step
    assert worst <= most


@pytest.mark.parametrize(
    ("spans", "found"),
    [
        ([(5, 9), (0, 3)], [(1, 3), (5, 8)]),
        ([(0, 4), (4, 6), (2, 3)], [(1, 6)]),
        ([(0, 1), (8, 20)], []),
        ([(0, 99)], [(1, 8)]),
    ],
)
def test_gaps_are_told_in_order_without_overlaps_within_the_period(
    spans: list[tuple[int, int]], found: list[tuple[int, int]]
) -> None:
    assert merged(spans, 1, 8) == found
