"""What drivers saw, made into rows."""

import msgspec
import pytest

from contract.events import Event, Quality, is_dated
from edge.ports import Happened, Measured, Order
from edge.stamp import MAX_DATA_BYTES, DeviceClocks, is_undated, reading_row

CLOUD = 1_764_547_200_000


def test_an_event_keeps_what_the_driver_knew_of_its_moment() -> None:
    seen = Happened(device="panel", type="fire.alarm", at=950, observed_at=1_000, error_ms=50, zone="b1")
    row = DeviceClocks().event_row(seen, None)
    assert (row.device, row.type, row.at, row.observed_at, row.error_ms) == (
        "panel",
        "fire.alarm",
        950,
        1_000,
        50,
    )
    assert (row.zone, row.person, row.data) == ("b1", None, b"{}")


def test_the_devices_own_stamp_stays_in_the_data() -> None:
    seen = Happened(
        device="cp-1", type="checkpoint.scan", at=1_000, observed_at=1_000, device_at=CLOUD, data={"n": 1}
    )
    row = DeviceClocks().event_row(seen, CLOUD)
    assert msgspec.json.decode(row.data) == {"n": 1, "device_at": CLOUD}


def test_an_impossible_stamp_is_marked_and_the_moment_of_reading_used() -> None:
    seen = Happened(device="cp-1", type="checkpoint.scan", at=1_000, observed_at=1_000, device_at=0)
    row = DeviceClocks().event_row(seen, CLOUD)
    assert row.at == 1_000
    assert msgspec.json.decode(row.data) == {"clock": "impossible", "device_at": 0}


@pytest.mark.parametrize(("type_", "is_known"), [("checkpoint.scan", False), ("fire.alarm", True)])
def test_an_event_of_nobody_knows_when_is_undated_unless_lives_depend_on_it(
    type_: str, is_known: bool
) -> None:
    seen = Happened(device="cp-1", type=type_, at=1_000, observed_at=1_000, device_at=0)
    row = DeviceClocks(keeping=frozenset({"cp-1"})).event_row(seen, CLOUD)
    assert is_undated(row) is not is_known
    assert is_dated(Event(seq=1, at=1, device="cp-1", type=type_, data=msgspec.Raw(row.data))) is is_known


def test_each_device_has_a_clock_of_its_own() -> None:
    clocks = DeviceClocks()

    def scan(device: str, boot: int, stamp: int) -> int:
        seen = Happened(device=device, type="checkpoint.scan", at=boot, observed_at=boot, device_at=stamp)
        return clocks.event_row(seen, CLOUD + boot).at

    assert scan("slow", 0, CLOUD - 30_000) == 0
    assert scan("good", 0, CLOUD) == 0
    assert scan("slow", 10_000, CLOUD - 20_000) == 10_000
    assert scan("good", 10_000, CLOUD + 5_000) in range(5_000, 5_010)


def test_a_buffering_device_is_taken_at_its_word() -> None:
    seen = Happened(
        device="wand", type="checkpoint.scan", at=9_000, observed_at=9_000, device_at=CLOUD - 3_600_000
    )
    row = DeviceClocks(frozenset({"wand"})).event_row(seen, CLOUD + 9_000)
    assert row.at == -3_600_000


def test_data_without_measure_is_cut() -> None:
    seen = Happened(device="d", type="input.on", at=0, observed_at=0, data={"noise": "x" * MAX_DATA_BYTES})
    assert len(DeviceClocks().event_row(seen, None).data) < 50


def test_a_bad_reading_has_no_value() -> None:
    seen = Measured(device="t-1", point="temperature", at=5, value=24.0, quality=Quality.BAD)
    assert (reading_row(seen).value, reading_row(seen).quality) == (None, Quality.BAD)
    nothing = Measured(device="t-1", point="temperature", at=5, value=None)
    assert (reading_row(nothing).value, reading_row(nothing).quality) == (None, Quality.BAD)
    good = Measured(device="t-1", point="temperature", at=5, value=24.0)
    assert (reading_row(good).value, reading_row(good).quality) == (24.0, Quality.GOOD)


@pytest.mark.parametrize(("device_at", "least"), [(1_764_547_201_000, 1_000), (1_764_547_201_250, 0)])
def test_a_stamp_of_whole_seconds_says_no_more_than_that(device_at: int, least: int) -> None:
    seen = Happened(
        device="d", type="fire.alarm", at=1_000, observed_at=1_000, device_at=device_at, order=Order.LIVE
    )
    skew = abs(1_764_547_201_000 - device_at)
    assert DeviceClocks().event_row(seen, 1_764_547_201_000).error_ms == least + skew
