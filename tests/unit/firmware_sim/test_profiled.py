"""Every shipped Modbus profile has its device: what is put into it is what the reader takes out of it."""

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from contract.events import Quality
from contract.profile.expand import device_map
from contract.profile.model import Kind, ModbusProfile
from contract.profile.points import Point
from contract.site import Binding, Device
from edge.decode.values import read_value
from edge.ports import Failed, Happened, Measured
from firmware_sim.device.controllers import SetController
from firmware_sim.device.profiled import ProfiledDevice
from tests.bus import MODBUS_PROFILES, SIMULATED, Hand, events, readings, shipped, simulated

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
    if point.scaled_by:
        high = min(high, 30_000 * point.scale)
    low = max(point.low if point.low is not None else 0.0, -100.0)
    steps = round((low + 0.3 * (high - low)) / point.scale)
    return float(f"{steps * point.scale + point.offset:.12g}")


NUMBERS = [kind for kind in Kind if kind not in {Kind.TEXT, Kind.DATE}]


@st.composite
def forms(draw: st.DrawFn) -> dict[str, Any]:
    """How a value stands in its registers, in every combination that a profile may ask for."""
    kind = draw(st.sampled_from(NUMBERS))
    form: dict[str, Any] = {
        "type": kind.value,
        "function": 1 if kind is Kind.BOOL else 3,
        "scale": draw(st.sampled_from([1.0, 0.1, 0.5, 0.001, 100.0])),
        "offset": draw(st.sampled_from([0.0, -40.0])),
        "word_order": draw(st.sampled_from(["high_first", "low_first"])),
        "byte_order": draw(st.sampled_from(["big", "little"])),
    }
    if kind in {Kind.UINT16, Kind.UINT32} and draw(st.booleans()):
        form |= {
            "mask": draw(st.sampled_from(["0xFF00", "0x00FF", "0x0FF0", "0x7FFF"])),
            "signed": draw(st.booleans()),
        }
    if kind is not Kind.BOOL and draw(st.booleans()):
        form |= {draw(st.sampled_from(["decimals_from", "exponent_from", "scale_from"])): "how"}
    if draw(st.booleans()):
        form |= {"times": ["ct"]}
    return form


@given(
    form=forms(),
    steps=st.integers(-30_000, 30_000),
    how=st.integers(1, 3),
    ratio=st.sampled_from([1.0, 40.0]),
)
def test_encoding_is_the_other_way_round_of_decoding(
    form: dict[str, Any], steps: int, how: int, ratio: float
) -> None:
    head = {"protocol": "modbus", "profile": "p", "ratios": {"ct": 1}}
    points = [{"name": "how", "function": 3, "address": 0}, {"name": "v", "address": 1, **form}]
    profile = msgspec.convert({**head, "points": points}, ModbusProfile)
    device = Device(id="d", profile="p", ratios={"ct": ratio})
    played = ProfiledDevice(profile, device)
    factor = {"decimals_from": 10.0**-how, "exponent_from": 10.0**how, "scale_from": float(how)}
    by = next((factor[name] for name in factor if name in form), 1.0) * (ratio if "times" in form else 1.0)
    shift = form["offset"] * (ratio if "times" in form else 1.0)
    value = float(f"{steps * form['scale'] * by + shift:.12g}")
    try:
        image = played.update(0, {"how": how, "v": value})
    except ValueError:
        return  # it does not go in there
    seen = readings(Hand(profile, device).reads(image, 0))
    assert seen["v"].value == pytest.approx(value, rel=1e-6, abs=1e-6)


@given(
    moment=st.integers(946_684_800, 4_102_444_799),
    form=st.sampled_from([("YY MM DD hh mm ss", 3, True), ("YY MM DD hh mm ss", 6, False), ("ss mm hh DD MM YYYY --", 4, False)]),
)  # fmt: skip
def test_a_clock_in_registers_reads_as_it_was_set(moment: int, form: tuple[str, int, bool]) -> None:
    words, count, bcd = form
    assert held({"type": "date", "form": words, "count": count, "bcd": bcd}, moment)["v"].value == moment


@pytest.mark.parametrize("swapped", ["big", "little"])
def test_a_text_in_registers_is_the_number_of_its_word(swapped: str) -> None:
    form = {"type": "text", "count": 4, "codes": {"STOP": 0, "RUNNING": 1}, "byte_order": swapped}
    assert held(form, "RUNNING")["v"].value == 1
    assert held(form, "UPSIDE")["v"].quality is Quality.BAD


def test_digits_beyond_nine_are_no_number() -> None:
    profile = msgspec.convert(
        {
            "protocol": "modbus",
            "profile": "p",
            "points": [{"name": "v", "function": 3, "address": 0, "type": "bcd32"}],
        },
        ModbusProfile,
    )
    hand = Hand(profile, Device(id="d", profile="p"))
    assert readings(hand.answers(hand.request("v"), [0x1234, 0x5678], 0))["v"].value == 12_345_678
    assert readings(hand.answers(hand.request("v"), [0x12A4, 0x5678], 1_000))["v"].value is None


def test_a_counter_of_64_bits_keeps_all_its_digits() -> None:
    seen = held({"type": "uint64", "scale": 0.001}, 9_007_199_254_740.991)
    assert seen["v"].value == 9_007_199_254_740.991


def test_a_value_whose_scale_is_not_known_yet_is_no_value_and_no_fault() -> None:
    points = [
        {"name": "v", "function": 3, "address": 0, "decimals_from": "how"},
        {"name": "how", "function": 3, "address": 50, "max": 3},
    ]
    profile = msgspec.convert({"protocol": "modbus", "profile": "p", "points": points}, ModbusProfile)
    hand = Hand(profile, Device(id="d", profile="p"))
    assert readings(hand.answers(hand.request("v"), [2305], 0))["v"].value is None
    hand.answers(hand.request("how"), [1], 100)
    assert readings(hand.answers(hand.request("v"), [2305], 1_000))["v"].value == 230.5
    hand.answers(hand.request("how"), [2], 1_100)
    assert readings(hand.answers(hand.request("v"), [2305], 2_000))["v"].value == 23.05
    assert not events(hand.told)


def held(form: dict[str, Any], value: float | str) -> dict[str, Measured]:
    """What is read of a device with one point of that form that has that value."""
    point = {"name": "v", "function": 3, "address": 0, **form}
    profile = msgspec.convert({"protocol": "modbus", "profile": "p", "points": [point]}, ModbusProfile)
    device = Device(id="d", profile="p")
    return readings(Hand(profile, device).reads(ProfiledDevice(profile, device).update(0, {"v": value}), 0))


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
