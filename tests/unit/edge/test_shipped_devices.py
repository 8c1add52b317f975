"""Real devices by their profiles: published frames, and the traps that each of them sets."""

import struct

import pytest

from contract.events import Quality
from contract.problems import ConfigError
from contract.profile.expand import binding_mistakes
from contract.profile.model import ModbusProfile
from contract.site import Device
from tests.bus import Hand, blind, coverage, events, kinds, measured, on_site, readings, shipped, written


def hand(name: str, **points: dict[str, object]) -> Hand:
    return Hand(shipped(name), on_site(name, **points))


def words_of(held: Hand, point: str, **values: int) -> list[int]:
    """The answer to the request that reads `point`: the raw words of some points, zeros elsewhere."""
    request = held.request(point)
    words = [0] * request.count
    for one in request.points:
        for place in range(one.width):
            raw = values.get(one.name, 0)
            shift = place if one.low_first else one.width - 1 - place
            words[one.address - request.address + place] = raw >> (16 * shift) & 0xFFFF
    return words


def say(held: Hand, at: int, point: str, **values: int) -> list[str]:
    """What is told when the request that reads `point` brings these values."""
    return kinds(held.answers(held.request(point), words_of(held, point, **values), at))


def test_the_published_frame_of_a_pzem_016_reads_as_its_source_says() -> None:
    # 01 04 14 08D1 006C 0000 00F4 0000 0026 0000 01F4 0064 0000, CRC 5134 (ESPHome, pzemac.cpp)
    frame = bytes.fromhex("08D1006C000000F400000026000001F400640000")
    meter = hand("pzem-016")
    seen = readings(meter.answers(meter.request("voltage"), struct.unpack(">10H", frame), 0))
    assert {name: one.value for name, one in seen.items()} == {
        "voltage": 225.7,
        "current": 0.108,
        "active_power": 0.0244,
        "energy": 0.038,
        "frequency": 50.0,
        "power_factor": 1.0,
        "alarm": 0.0,
    }


def test_an_sdm630_is_read_as_floats_high_register_first() -> None:
    meter = hand("eastron-sdm630")
    raw = int.from_bytes(struct.pack(">f", 231.5), "big")
    request = meter.request("voltage_l1")
    seen = readings(meter.answers(request, words_of(meter, "voltage_l1", voltage_l1=raw), 0))
    assert seen["voltage_l1"].value == 231.5


def test_a_sunspec_meter_says_by_itself_where_the_decimal_points_are() -> None:
    meter = hand("sunspec-meter-203")
    said = {
        "voltage_l1": 2304, "voltage_exponent": 0xFFFF, "current_l2": 0xFB2E, "current_exponent": 0xFFFE,
        "active_power_total": 0xFFF6, "power_exponent": 1, "energy_exponent": 0, "frequency": 0x8000,
    }  # fmt: skip
    seen = readings(meter.answers(meter.request("voltage_l1"), words_of(meter, "voltage_l1", **said), 0))
    told = {
        name: seen[name].value for name in ("voltage_l1", "current_l2", "active_power_total", "frequency")
    }
    assert told == {"voltage_l1": 230.4, "current_l2": -12.34, "active_power_total": -0.1, "frequency": None}


def test_a_meter_behind_transformers_is_read_in_the_values_before_them() -> None:
    text = """
protocol: modbus
profile: m
ratios: {ct: 1, pt: 1}
points:
  - {name: current, function: 3, address: 0, scale: 0.001, times: [ct], max: 6}
  - {name: power, function: 3, address: 1, times: [ct, pt]}
"""
    device = Device(id="dev", profile="m", ratios={"ct": 40, "pt": 100})
    held = Hand(written(text), device)
    seen = readings(held.answers(held.request("current"), [4321, 7], 0))
    assert (seen["current"].value, seen["power"].value) == (172.84, 28_000)
    wrong = Device(id="dev", profile="m", ratios={"cd": 40})
    assert binding_mistakes(written(text), wrong)[0][1].startswith("no ratio of m 'cd'")


# --- generators


STANDBY, RUNNING = 0, 9


def hgm() -> Hand:
    held = hand("smartgen-hgm6120n")
    say(held, 0, "engine_state", engine_state=STANDBY)
    say(held, 100, "mains_normal", mains_normal=1, auto_mode=1, gen_undervoltage=1, gen_underfrequency=1)
    return held


def test_an_hgm6120n_that_stands_still_has_no_fault_though_its_under_voltage_bit_is_set() -> None:
    assert kinds(hgm().told) == []


def test_an_hgm6120n_whose_voltage_is_low_in_normal_running_has_one() -> None:
    held = hgm()
    assert say(held, 1_000, "engine_state", engine_state=RUNNING) == ["generator.started"]
    assert say(held, 1_100, "mains_normal", mains_normal=1, auto_mode=1) == []
    low = held.answers(
        held.request("mains_normal"),
        words_of(held, "mains_normal", mains_normal=1, auto_mode=1, gen_undervoltage=1),
        2_000,
    )
    (fault,) = events(low)
    assert (fault.type, fault.data["point"], fault.data["severity"]) == (
        "generator.fault",
        "gen_undervoltage_running",
        "warning",
    )


def test_an_hgm6120n_that_comes_up_is_not_judged_by_the_bit_from_before() -> None:
    held = hgm()
    assert say(held, 1_000, "engine_state", engine_state=RUNNING) == ["generator.started"]


def test_the_under_voltage_is_over_when_the_engine_runs_down() -> None:
    held = hgm()
    say(held, 1_000, "engine_state", engine_state=RUNNING)
    say(held, 1_100, "mains_normal", mains_normal=1, auto_mode=1, gen_undervoltage=1)
    say(held, 2_000, "engine_state", engine_state=STANDBY)
    (over,) = events(
        held.answers(
            held.request("mains_normal"),
            words_of(held, "mains_normal", mains_normal=1, auto_mode=1, gen_undervoltage=1),
            2_100,
        )
    )
    assert over.data["state"] == "cleared"


def test_an_hgm6120n_takes_over_and_says_how_long_the_transfer_took() -> None:
    held = hgm()
    assert say(held, 1_000, "mains_normal", auto_mode=1) == ["mains.lost"]
    for second in range(2, 9):
        assert say(held, 1_000 * second, "mains_normal", auto_mode=1) == []
    seen = held.answers(
        held.request("mains_normal"), words_of(held, "mains_normal", auto_mode=1, gen_on_load=1), 9_000
    )
    assert kinds(seen) == ["generator.on_load"]
    # Each change is dated by the read before it: 100 and 8,000 ms.
    assert readings(seen)["transfer_time"].value == 7.9


def test_a_transfer_that_began_unseen_is_not_timed() -> None:
    held = hand("smartgen-hgm6120n")
    assert say(held, 0, "mains_normal", auto_mode=1) == ["mains.lost"]
    seen = held.answers(
        held.request("mains_normal"), words_of(held, "mains_normal", auto_mode=1, gen_on_load=1), 1_000
    )
    assert "transfer_time" not in readings(seen)


def test_the_no_data_code_of_a_smartgen_is_no_voltage() -> None:
    held = hand("smartgen-hgm6120n")
    seen = readings(
        held.answers(held.request("gen_ua"), words_of(held, "gen_ua", gen_ua=32_766, gen_ub=231), 0)
    )
    assert (seen["gen_ua"].quality, seen["gen_ua"].value) == (Quality.BAD, None)
    assert seen["gen_ub"].value == 231


def test_a_base_10000_counter_is_high_times_ten_thousand_and_low() -> None:
    held = hand("smartgen-hsc941")
    words = words_of(held, "run_hours", run_hours=(2 << 16) | 345)
    assert readings(held.answers(held.request("run_hours"), words, 0))["run_hours"].value == 20_345


def test_a_comap_tells_running_and_load_by_the_engines_state() -> None:
    held = hand("comap-intelilite4")
    told = [
        say(held, at * 1_000, "engine_state", engine_state=state)
        for at, state in enumerate((1, 4, 7, 8, 10, 1))
    ]
    assert told == [
        [],
        [],
        ["generator.started"],
        ["generator.on_load"],
        ["generator.off_load"],
        ["generator.stopped"],
    ]


def test_a_comap_state_that_has_no_word_is_unknown_and_not_stopped() -> None:
    held = hand("comap-intelilite4")
    say(held, 0, "engine_state", engine_state=8)
    seen = held.answers(held.request("engine_state"), [99], 1_000)
    assert kinds(seen) == ["device.fault"]
    assert blind(seen) == {"dev"}


def test_a_transfer_switch_tells_the_loss_of_source_1_and_load_on_source_2() -> None:
    held = hand("socomec-atys-pm")
    say(held, 0, "source_1_state", source_1_state=2)
    say(held, 50, "switch_position", operating_mode=16, switch_position=2)
    assert say(held, 1_000, "source_1_state", source_1_state=0) == ["mains.lost"]
    assert say(held, 6_000, "switch_position", operating_mode=16, switch_position=3) == ["generator.on_load"]


# --- fire, inputs, joints


def test_a_heat_cable_tells_a_fire_by_zone_and_a_fault_apart() -> None:
    held = hand("kidde-alarmline2")
    assert say(held, 0, "zone_1") == []
    assert say(held, 1_000, "zone_1", zone_1=137) == ["fire.alarm"]
    assert events(held.told)[-1].data["loop"] == 1
    assert readings(held.told)["zone_1"].value == 137
    assert say(held, 2_000, "zone_1", zone_1=137, zone_2=0xFFFF) == ["fire.fault"]


def test_only_the_probes_that_the_site_binds_are_read() -> None:
    assert {one.name for one in hand("eletechsup-pta8d08").sheet.map.points} == {
        f"correction_{number}" for number in range(1, 9)
    }
    bound = hand("eletechsup-pta8d08", temperature_3={"device": "joint-l1", "reading": "temperature"})
    (joint,) = measured(bound.answers(bound.request("temperature_3"), [613], 0))
    assert (joint.device, joint.point, joint.value) == ("joint-l1", "temperature", 61.3)


def test_a_joint_is_covered_by_the_reads_of_its_probe() -> None:
    bound = hand("eletechsup-pta8d08", temperature_3={"device": "joint-l1", "reading": "temperature"})
    bound.answers(bound.request("temperature_3"), [613], 0)
    assert coverage(bound.answers(bound.request("temperature_3"), [614], 5_000))["joint-l1"] == (0, 5_000)


def test_an_adam_6050_tells_its_inputs_in_the_words_of_the_site() -> None:
    held = hand("advantech-adam6050", di_0={"on": "door.opened", "off": "door.closed", "device": "door-1"})
    say(held, 0, "di_0")
    assert say(held, 500, "di_0", di_0=1, di_11=1) == ["door.opened", "input.on"]


# --- a device that nobody has heard of

LEVEL = """
profile: pond-level
protocol: modbus
name: {zh: 液位计, en: Pond level}
emits: [device.fault]
states:
  high: [{name: high, above: 2.5, clear: 2.3, on: device.fault, off: device.fault, data: {state: active}, off_data: {state: cleared}}]
points:
  - {name: level, function: 4, address: 7, type: float32, word_order: low_first, unit: m, min: 0, max: 5, states: high}
"""


def test_a_new_device_needs_a_file_and_no_code() -> None:
    profile = written(LEVEL)
    assert isinstance(profile, ModbusProfile)
    held = Hand(profile, on_site("pond-level"))
    (request,) = held.sheet.requests

    def swapped(metres: float) -> tuple[int, int]:
        high, low = struct.unpack(">HH", struct.pack(">f", metres))
        return low, high

    assert readings(held.answers(request, swapped(1.25), 0))["level"].value == 1.25
    assert kinds(held.answers(request, swapped(2.75), 1_000)) == ["device.fault"]


@pytest.mark.parametrize(
    ("line", "field", "message"),
    [
        ("  - {name: x, of: [level], take: highest, states: high, while: {point: leve, in: [1]}}", "point", "no point 'leve'"),
        ("  - {name: x, of: [level], take: highest, states: high, while: {point: level}}", "while", "expected either in or above"),
    ],
)  # fmt: skip
def test_a_condition_that_can_not_be_is_refused(line: str, field: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message) as refused:
        written(f"{LEVEL}derived:\n{line}\n")
    assert field in str(refused.value)


def test_a_lapse_between_events_that_the_device_never_tells_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"mains\.lost is not among what the profile emits"):
        written(f"{LEVEL}lapses: [{{name: x, from: mains.lost, to: device.fault}}]\n")
