"""Every shipped Modbus profile has its device: what is put into it is what the reader takes out of it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contract.profile.expand import device_map
from contract.profile.model import Kind, ModbusProfile
from contract.profile.points import Point
from contract.site import Binding, Device
from edge.decode.values import read_value
from edge.ports import Failed, Happened
from firmware_sim.device.controllers import SetController
from firmware_sim.device.profiled import ProfiledDevice
from firmware_sim.device.registers import words_of
from tests.bus import MODBUS_PROFILES, SIMULATED, Hand, events, shipped, simulated

OTHERS = [name for name in MODBUS_PROFILES if name not in SIMULATED]


def at_rest(profile: str) -> Hand:
    device = Device(id="d", profile=profile)
    hand = Hand(shipped(profile), device)
    hand.reads(simulated(device).update(0, {}), 0)
    return hand


@pytest.mark.parametrize("profile", OTHERS)
def test_a_device_at_rest_tells_nothing_and_can_be_read_whole(profile: str) -> None:
    hand = at_rest(profile)
    assert [seen for seen in hand.told if isinstance(seen, Happened | Failed)] == []


@pytest.mark.parametrize("profile", OTHERS)
def test_each_value_that_a_device_is_given_is_read_back(profile: str) -> None:
    loaded = shipped(profile)
    device = Device(id="d", profile=profile)
    for point in device_map(loaded, device).points:
        value = sample(point)
        simulator = ProfiledDevice(loaded, device)
        image = simulator.update(0, {point.name: value})
        bank = (image.coils, image.discrete_inputs, image.holding_registers, image.input_registers)
        words = [bank[point.function - 1][address] for address in range(point.address, point.end)]
        assert read_value(point, [int(word) for word in words]).number == pytest.approx(value)


def sample(point: Point) -> float:
    if point.kind is Kind.BOOL:
        return 1.0
    high = min(point.high if point.high is not None else 1_000.0, 1_000.0)
    low = max(point.low if point.low is not None else 0.0, -100.0)
    steps = round((low + 0.3 * (high - low)) / point.scale)
    return float(f"{steps * point.scale + point.offset:.12g}")


@given(
    st.sampled_from(list(Kind)), st.integers(-30_000, 30_000), st.booleans(), st.sampled_from([1.0, 0.1, 0.5])
)
def test_encoding_is_the_other_way_round_of_decoding(
    kind: Kind, steps: int, low_first: bool, scale: float
) -> None:
    from contract.profile.expand import WIDTHS
    from contract.profile.points import Told

    point = Point(
        name="p", told=Told(device="d"), function=3, address=0, width=WIDTHS[kind], kind=kind,
        low_first=low_first, scale=scale,
    )  # fmt: skip
    value = float(f"{steps * scale:.12g}")
    try:
        words = words_of(point, value)
    except ValueError:
        assert steps < 0 or kind is Kind.BOOL
        return
    assert read_value(point, words).number == pytest.approx(value, rel=1e-6)


def cut(profile: str, **points: Binding) -> Hand:
    """The mains fail for 40 s and come back; the device is read each 100 ms."""
    device = Device(id="d", profile=profile, points=points)
    loaded: ModbusProfile = shipped(profile)
    hand, controller = Hand(loaded, device), SetController(loaded, device)
    for now in range(0, 120_000, 100):
        inputs = {5_000: {"mains": False}, 45_000: {"mains": True}}.get(now, {})
        hand.reads(controller.update(now, inputs), now)
    return hand


@pytest.mark.parametrize(
    ("profile", "told"),
    [
        ("smartgen-hgm6120n", ["mains.lost", "generator.started", "generator.on_load", "mains.restored", "generator.off_load", "generator.stopped"]),
        ("dse-73xx-mk1", ["mains.lost", "generator.started", "generator.on_load", "mains.restored", "generator.off_load", "generator.stopped"]),
        ("smartgen-hsc941", ["generator.started", "generator.on_load", "generator.off_load", "generator.stopped"]),
        ("comap-intelilite4", ["generator.started", "generator.on_load", "generator.off_load", "generator.stopped"]),
        ("socomec-atys-pm", ["mains.lost", "generator.on_load", "mains.restored", "generator.off_load"]),
    ],
)  # fmt: skip
def test_a_cut_of_the_mains_is_told_by_each_controller_in_order(profile: str, told: list[str]) -> None:
    hand = cut(profile)
    assert [event.type for event in events(hand.told) if event.type != "generator.fault"] == told
    assert not [event for event in events(hand.told) if event.type == "generator.fault"]


def test_an_input_with_nothing_wired_to_it_reads_as_on_the_real_module() -> None:
    points = {"temperature_1": Binding(reading="joint")}
    device = Device(id="d", profile="eletechsup-pta8d08", points=points)
    image = simulated(device).update(0, {"temperature_1": "open"})
    assert image.holding_registers[0] == 977


def test_a_smartgen_unit_answers_no_hole_and_gencomm_its_sentinel() -> None:
    smartgen = simulated(Device(id="d", profile="smartgen-hgm6120n")).update(0, {})
    assert (smartgen.silent_on_holes, smartgen.holding_registers[40]) == (True, 2)
    assert simulated(Device(id="d", profile="dse-73xx-mk1")).update(0, {}).hole == 0xFFFF
    assert simulated(Device(id="d", profile="comap-intelilite4")).update(0, {}).hole is None
