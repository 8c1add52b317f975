"""Reads are planned into the fewest requests that the device can take."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contract.profile.expand import device_map
from contract.profile.model import Kind, Limits
from contract.profile.points import Point, Told
from edge.plan import Request, plan
from tests.bus import MODBUS_PROFILES, on_site, shipped

TOLD = Told(device="dev")
WIDTHS = {1: Kind.UINT16, 2: Kind.UINT32, 4: Kind.UINT64}


def point(
    address: int, width: int = 1, *, function: int = 3, optional: bool = False, poll: str = "normal"
) -> Point:
    return Point(
        name=f"p{address}-{width}",
        told=TOLD,
        function=function,
        address=address,
        width=width,
        kind=WIDTHS[width],
        optional=optional,
        expected=not optional,
        poll=poll,
    )


def keys(requests: tuple[Request, ...]) -> list[str]:
    return [request.key for request in requests]


def fewest(points: list[Point], limits: Limits) -> int:
    """The least number of requests, by trying every way to put sorted points into groups."""
    ordered = sorted(points, key=lambda p: (p.address, p.end))

    def fits(group: list[Point]) -> bool:
        end = group[0].end
        for one in group[1:]:
            if one.address - end > limits.max_gap:
                return False
            end = max(end, one.end)
        return end - group[0].address <= limits.max_registers

    def parts(rest: list[Point]) -> int:
        if not rest:
            return 0
        first, others = rest[0], rest[1:]
        best = len(rest)
        for chosen in range(1 << len(others)):
            group = [first, *(one for i, one in enumerate(others) if chosen >> i & 1)]
            left = [one for i, one in enumerate(others) if not chosen >> i & 1]
            if fits(group):
                best = min(best, 1 + parts(left))
        return best

    return parts(ordered)


points_strategy = st.lists(
    st.builds(point, st.integers(0, 24), st.sampled_from([1, 1, 2, 4])), min_size=1, max_size=6
)
limits_strategy = st.builds(Limits, max_registers=st.integers(4, 12), max_gap=st.integers(0, 4))


@given(points_strategy, limits_strategy)
def test_no_way_of_reading_takes_fewer_requests(points: list[Point], limits: Limits) -> None:
    assert len(plan(points, limits)) == fewest(points, limits)


@given(points_strategy, limits_strategy)
def test_every_point_is_read_whole_once_within_the_limits(points: list[Point], limits: Limits) -> None:
    requests = plan(points, limits)
    assert sorted(p.name for r in requests for p in r.points) == sorted(p.name for p in points)
    for request in requests:
        assert request.count <= limits.max_registers
        for one in request.points:
            assert request.address <= one.address
            assert one.end <= request.address + request.count


@given(points_strategy, limits_strategy)
def test_no_hole_longer_than_the_device_allows_is_read(points: list[Point], limits: Limits) -> None:
    for request in plan(points, limits):
        wanted = {address for one in request.points for address in range(one.address, one.end)}
        run = 0
        for address in range(request.address, request.address + request.count):
            run = 0 if address in wanted else run + 1
            assert run <= limits.max_gap


def test_a_value_of_two_registers_is_never_split() -> None:
    assert keys(plan([point(0), point(1, 2)], Limits(max_registers=2))) == ["3:0+1", "3:1+2"]


def test_holes_are_not_read_along_unless_the_device_answers_them() -> None:
    points = [point(0), point(3)]
    assert keys(plan(points, Limits())) == ["3:0+1", "3:3+1"]
    assert keys(plan(points, Limits(max_gap=2))) == ["3:0+4"]


def test_functions_and_paces_are_not_mixed() -> None:
    points = [point(0), point(1, function=4), point(2, poll="slow")]
    assert len(plan(points, Limits(max_gap=9))) == 3


def test_what_may_be_missing_is_read_apart_where_that_refuses_the_whole_request() -> None:
    points = [point(0), point(1, optional=True)]
    assert [(r.key, r.optional) for r in plan(points, Limits())] == [("3:0+1", False), ("3:1+1", True)]
    assert keys(plan(points, Limits(refuses_missing=False))) == ["3:0+2"]


def fewest_in_a_row(points: list[Point], limits: Limits) -> int:
    """The least number of requests over every way to cut the sorted points into runs."""
    ordered = sorted(points, key=lambda p: (p.address, p.end))
    most = limits.max_bits if ordered[0].function in {1, 2} else limits.max_registers
    best = [0] + [len(ordered)] * len(ordered)
    for start in range(len(ordered)):
        end = ordered[start].end
        for stop, one in enumerate(ordered[start:], start + 1):
            if one.address - end > limits.max_gap:
                break
            end = max(end, one.end)
            if end - ordered[start].address > most:
                break
            best[stop] = min(best[stop], best[start] + 1)
    return best[-1]


@pytest.mark.parametrize("name", MODBUS_PROFILES)
def test_no_shipped_device_is_read_with_more_requests_than_it_takes(name: str) -> None:
    device = device_map(shipped(name), on_site(name))
    groups: dict[object, list[Point]] = {}
    for one in device.points:
        apart = device.limits.refuses_missing and one.optional
        groups.setdefault((one.function, one.poll, apart), []).append(one)
    assert len(plan(device.points, device.limits)) == sum(
        fewest_in_a_row(group, device.limits) for group in groups.values()
    )
