"""How busy a line and its devices are, pauses counted, and what would be enough."""

import pytest

from contract.profile.expand import device_map
from edge.busload import Load, Overload, loads, overloads
from edge.plan import Request
from tests.bus import on_site, shipped


def load(every_ms: int, takes_ms: float = 20, pause_ms: int = 0, device: str = "dev") -> Load:
    request = Request(function=3, address=0, count=1, poll="p", optional=False, points=())
    return Load(device=device, request=request, every_ms=every_ms, takes_ms=takes_ms, pause_ms=pause_ms)


def test_a_device_that_keeps_its_pace_is_not_named() -> None:
    assert overloads([load(1_000)] * 13) == []


def test_pauses_count_for_their_own_device_only() -> None:
    found = overloads([load(1_000, pause_ms=480)] * 3 + [load(1_000, device="other")])
    assert found == [Overload(device="dev", factor=1.5, quickest_ms=1_000, enough_ms=2_000)]
    assert not found[0].is_blind


def test_a_full_line_slows_all_its_devices() -> None:
    found = overloads([load(1_000, 300, device=f"d{n}") for n in range(10)])
    assert [(one.device, round(one.factor, 3), one.is_blind) for one in found] == [
        (f"d{n}", 3.0, True) for n in range(10)
    ]
    assert {one.enough_ms for one in found} == {3_000}


def test_the_shipped_comap_is_named_with_what_would_be_enough() -> None:
    comap = "comap-intelilite4"
    (found,) = overloads(loads([device_map(shipped(comap), on_site(comap))], None))
    assert found.factor > 1
    assert not found.is_blind
    slower = device_map(
        shipped(comap), on_site(comap).__class__(id="d", profile=comap, poll=f"{found.enough_ms}ms")
    )
    assert overloads(loads([slower], None)) == []


@pytest.mark.parametrize("every_ms", [1_000, 5_000])
def test_what_is_enough_is_enough(every_ms: int) -> None:
    own = [load(every_ms, pause_ms=480)] * 9 + [load(30_000, pause_ms=480)] * 20
    for found in overloads(own):
        assert overloads([load(found.enough_ms, pause_ms=480)] * 9 + own[9:]) == []
