"""Answers become events, readings and coverage; the unknown is never taken for normal."""

import pytest

from firmware_sim.device.dse7320 import GeneratorController
from firmware_sim.device.inputs8 import InputModule
from firmware_sim.device.notifier import FirePanel
from tests.bus import Hand, blind, coverage, events, kinds, measured, on_site, readings, shipped, written

NORMAL, FIRE, PREALARM, TROUBLE, NOT_PROGRAMMED = 0x1400, 0x0C10, 0x5400, 0x3400, 0x00FF


def panel_hand() -> Hand:
    site = on_site("notifier-modbus-gw", l1d001={"zone": "b1"})
    return Hand(shipped("notifier-modbus-gw"), site)


def loop_words(**points: int) -> list[int]:
    """The first request of the panel: detectors 1 to 100 of loop 1, programmed as given."""
    words = [NOT_PROGRAMMED] * 100
    for name, word in ({"l1d001": NORMAL} | points).items():
        words[int(name[3:]) - 1] = word
    return words


def module_hand() -> Hand:
    site = on_site(
        "waveshare-relay-d",
        di_1={"on": "gate.released", "off": "gate.locked", "device": "gate-n", "zone": "north"},
        di_2={"on": "door.opened", "off": "door.closed", "device": "door-1", "invert": True},
    )
    return Hand(shipped("waveshare-relay-d"), site)


# --- what is so, and what is not


def test_a_fire_is_told_with_its_zone_and_its_point() -> None:
    hand = panel_hand()
    request = hand.request("l1d001")
    hand.answers(request, loop_words(), 1_000)
    (fire,) = events(hand.answers(request, loop_words(l1d001=FIRE), 2_000))
    assert (fire.device, fire.type, fire.zone) == ("dev", "fire.alarm", "b1")
    assert fire.data == {"loop": 1, "address": 1, "device_kind": "detector", "point": "l1d001"}


def test_a_change_is_dated_by_the_earliest_moment_that_it_can_have_been() -> None:
    hand = panel_hand()
    request = hand.request("l1d001")
    hand.answers(request, loop_words(), 1_000)
    (fire,) = events(hand.answers(request, loop_words(l1d001=FIRE), 2_000))
    assert (fire.at, fire.error_ms, fire.observed_at) == (1_000, 1_020, 2_020)


def test_a_fire_is_told_once_however_often_it_is_read() -> None:
    hand = panel_hand()
    request = hand.request("l1d001")
    for at in range(1_000, 9_000, 1_000):
        hand.answers(request, loop_words(l1d001=FIRE), at)
    assert kinds(hand.told) == ["fire.alarm"]


def test_a_reset_is_told_when_the_point_is_quiet_again() -> None:
    hand = panel_hand()
    request = hand.request("l1d001")
    hand.answers(request, loop_words(l1d001=FIRE), 1_000)
    assert kinds(hand.answers(request, loop_words(), 2_000)) == ["fire.reset"]


def test_an_alarm_that_was_there_at_the_first_read_is_marked_and_dated_when_found() -> None:
    hand = panel_hand()
    (fire,) = events(hand.answers(hand.request("l1d001"), loop_words(l1d001=FIRE), 1_000))
    assert fire.data["initial"] is True
    assert (fire.at, fire.error_ms) == (1_020, 0)


def test_nothing_is_told_of_a_normal_state_at_the_first_read() -> None:
    hand = panel_hand()
    assert events(hand.answers(hand.request("l1d001"), loop_words(), 1_000)) == []


def test_conditions_of_one_point_combine() -> None:
    hand = panel_hand()
    request = hand.request("l1d001")
    hand.answers(request, loop_words(), 1_000)
    seen = hand.answers(request, loop_words(l1d001=FIRE | 0x2000), 2_000)
    assert kinds(seen) == ["fire.alarm", "fire.fault"]


def test_a_co_and_fire_alarm_is_both() -> None:
    hand = panel_hand()
    request = hand.request("l1d001")
    hand.answers(request, loop_words(), 1_000)
    seen = events(hand.answers(request, loop_words(l1d001=0x0C00 | 234), 2_000))
    assert {(event.type, event.data.get("kind")) for event in seen} == {
        ("fire.alarm", None),
        ("emergency.call", "carbon_monoxide"),
    }


def test_a_change_behind_a_gap_is_dated_when_found_and_says_how_long_nothing_was_known() -> None:
    hand = panel_hand()
    request = hand.request("l1d001")
    hand.answers(request, loop_words(), 1_000)
    (fire,) = events(hand.answers(request, loop_words(l1d001=FIRE), 61_000))
    assert (fire.at, fire.error_ms, fire.data["unseen_ms"]) == (61_020, 0, 60_020)


@pytest.mark.parametrize("found_at", [1_000, 61_000], ids=["first read", "behind a gap"])
def test_what_was_found_never_ends_before_it_began(found_at: int) -> None:
    hand = panel_hand()
    request = hand.request("l1d001")
    if found_at > 1_000:
        hand.answers(request, loop_words(), 1_000)
    (fire,) = events(hand.answers(request, loop_words(l1d001=FIRE), found_at))
    (over,) = events(hand.answers(request, loop_words(), found_at + 1_000))
    assert (over.type, over.at, over.error_ms) == ("fire.reset", fire.at, 1_000)


def test_inputs_are_told_of_what_is_wired_to_them() -> None:
    hand = module_hand()
    request = hand.request("di_1")
    closed_door = [0, 1, 0, 0, 0, 0, 0, 0]
    hand.answers(request, closed_door, 1_000)
    seen = events(hand.answers(request, [1, 0, 1, 0, 0, 0, 0, 0], 1_500))
    assert [(e.device, e.type, e.zone) for e in seen] == [
        ("gate-n", "gate.released", "north"),
        ("door-1", "door.opened", None),
        ("dev", "input.on", None),
    ]


# --- words, nibbles, thresholds


def genset_hand() -> Hand:
    return Hand(shipped("dse-7320-mkii"), on_site("dse-7320-mkii"))


def test_a_mode_is_told_by_its_word_and_every_change_of_it() -> None:
    hand = genset_hand()
    request = hand.request("control_mode")
    told = [
        event.data["mode"]
        for at, code in enumerate([1, 2, 0, 1])
        for event in events(hand.answers(request, [code], at * 1_000))
    ]
    assert told == ["manual", "stop", "auto"]


def test_a_mode_that_has_no_word_is_unknown_and_not_normal() -> None:
    hand = genset_hand()
    request = hand.request("control_mode")
    hand.answers(request, [2], 1_000)
    seen = hand.answers(request, [99], 2_000)
    assert kinds(seen) == ["device.fault"]
    assert blind(seen) == {"dev"}
    assert kinds(hand.answers(request, [2], 3_000)) == []


def test_an_alarm_in_a_nibble_is_told_with_its_name_and_severity() -> None:
    hand = genset_hand()
    request = hand.request("alarms_01")
    quiet = [0x1111] * 20
    hand.answers(request, quiet, 1_000)
    (warning,) = events(hand.answers(request, [0x1211, *quiet[1:]], 2_000))
    (worse,) = events(hand.answers(request, [0x1311, *quiet[1:]], 3_000))
    (over,) = events(hand.answers(request, quiet, 4_000))
    assert [event.data["name"] for event in (warning, worse, over)] == ["low_oil_pressure"] * 3
    assert [event.data["severity"] for event in (warning, worse, over)] == [
        "warning",
        "shutdown",
        "not_active",
    ]
    assert [event.data["state"] for event in (warning, worse, over)] == ["active", "active", "cleared"]


def test_alarms_that_are_not_there_are_no_fault() -> None:
    hand = genset_hand()
    assert kinds(hand.answers(hand.request("alarms_01"), [0xFFFF] * 20, 1_000)) == []


def page_four(rpm: int = 0, mains: tuple[int, int, int] = (2300, 2300, 2300)) -> list[int]:
    """Registers 1030 to 1065."""
    volts = [half for volt in mains for half in (volt >> 16, volt & 0xFFFF)]
    return [rpm, 0, *[0] * 12, *[0] * 15, 500, *volts]


def test_mains_are_lost_with_any_phase_and_back_with_all() -> None:
    hand = genset_hand()
    request = hand.request("mains_l1_voltage")
    steps = [
        (2300, 2300, 2300),
        (2300, 0, 2300),
        (0, 0, 0),
        (2300, 0, 2300),
        (2300, 2000, 2300),
        (2300, 2300, 2300),
    ]
    told = [
        kinds(hand.answers(request, page_four(mains=volts), at * 1_000)) for at, volts in enumerate(steps)
    ]
    assert told == [[], ["mains.lost"], [], [], [], ["mains.restored"]]


def test_a_phase_that_the_set_does_not_watch_has_no_part_in_it() -> None:
    hand = genset_hand()
    request = hand.request("mains_l1_voltage")
    single = (2300, 0xFFFFFFFF, 0xFFFFFFFF)
    assert kinds(hand.answers(request, page_four(mains=single), 0)) == []
    assert kinds(hand.answers(request, page_four(mains=(0, *single[1:])), 1_000)) == ["mains.lost"]


def test_a_phase_that_can_not_be_measured_leaves_the_mains_unknown() -> None:
    hand = genset_hand()
    request = hand.request("mains_l1_voltage")
    hand.answers(request, page_four(mains=(0, 0, 0)), 0)
    broken = (2300, 0xFFFFFFFC, 2300)
    seen = hand.answers(request, page_four(mains=broken), 1_000)
    assert kinds(seen) == ["device.fault"]
    assert blind(seen) == {"dev"}


def test_an_engine_has_started_once_it_runs_by_itself_and_stopped_once_it_stands() -> None:
    hand = genset_hand()
    request = hand.request("engine_speed")
    told = [
        kinds(hand.answers(request, page_four(rpm=rpm), at * 1_000))
        for at, rpm in enumerate([0, 220, 750, 1500, 400, 0])
    ]
    assert told == [[], [], ["generator.started"], [], [], ["generator.stopped"]]


def test_the_alarms_and_numbers_of_a_simulated_set_read_as_it_has_them() -> None:
    hand = genset_hand()
    controller = GeneratorController()
    hand.reads(controller.update(0, {}), 0)
    seen = hand.reads(controller.update(1_000, {"fuel_level": 12}), 1_000)
    assert kinds(seen) == ["generator.fault"]
    assert readings(seen)["fuel_level"].value == 12
    assert readings(hand.told)["run_hours"].value == 343.0
    assert "oil_temperature" not in readings(hand.told)


# --- nonsense


CLIMATE = "xy-md02"


def climate_hand() -> Hand:
    return Hand(shipped(CLIMATE), on_site(CLIMATE))


def test_nonsense_is_a_bad_reading_and_one_event() -> None:
    hand = climate_hand()
    (request,) = hand.sheet.requests
    hand.answers(request, [215, 450], 0)
    seen = hand.answers(request, [3000, 450], 5_000)
    assert kinds(seen) == ["device.fault"]
    (fault,) = events(seen)
    assert fault.data == {"state": "active", "points": "temperature", "causes": "out_of_range", "count": 1}
    assert (readings(seen)["temperature"].value, readings(seen)["temperature"].quality) == (None, "bad")
    for at in range(10_000, 60_000, 5_000):
        hand.answers(request, [3000, 450], at)
    assert kinds(hand.told) == ["device.fault"]
    assert [one.value for one in measured(hand.told) if one.point == "temperature"] == [21.5, None]


def test_a_fault_is_over_once_the_device_has_made_sense_for_a_while() -> None:
    hand = climate_hand()
    (request,) = hand.sheet.requests
    hand.answers(request, [3000, 450], 0)
    assert kinds(hand.answers(request, [215, 450], 1_000)) == []
    assert kinds(hand.answers(request, [3000, 450], 2_000)) == []
    assert kinds(hand.answers(request, [215, 450], 3_000)) == []
    (over,) = events(hand.answers(request, [215, 450], 8_000))
    assert (over.type, over.data) == ("device.fault", {"state": "cleared"})
    assert kinds(hand.answers(request, [3000, 450], 9_000)) == ["device.fault"]


def test_a_point_that_the_site_binds_is_expected_to_be_programmed() -> None:
    hand = panel_hand()
    seen = hand.answers(hand.request("l1d001"), loop_words(l1d001=NOT_PROGRAMMED), 0)
    assert kinds(seen) == ["device.fault"]
    assert blind(seen) == {"dev"}


def test_a_refusal_of_what_a_device_never_had_is_no_fault_and_holds_up_nothing() -> None:
    hand = panel_hand()
    panel = FirePanel(["l1d001"], loops=1)
    seen = hand.reads(panel.update(0, {}), 0)
    assert kinds(seen) == []
    assert coverage(hand.reads(panel.update(1_000, {}), 1_000))["dev"] == (0, 1_000)


def test_a_refusal_of_what_was_there_is_a_fault() -> None:
    hand = panel_hand()
    request = hand.request("l1d001")
    hand.answers(request, loop_words(), 0)
    seen = hand.refuses(request, 4, 1_000)
    assert kinds(seen) == ["device.fault"]
    assert blind(seen) == {"dev"}


# --- readings


def test_a_number_is_told_when_it_moved_enough_or_a_heartbeat_passed() -> None:
    hand = climate_hand()
    (request,) = hand.sheet.requests
    told = []
    for at, tenths in [(0, 215), (5_000, 216), (10_000, 217), (15_000, 216), (20_000, 214), (400_000, 214)]:
        seen = readings(hand.answers(request, [tenths, 450], at))
        if "temperature" in seen:
            told.append((at, seen["temperature"].value))
    assert told == [(0, 21.5), (10_000, 21.7), (20_000, 21.4), (400_000, 21.4)]


def test_a_steady_number_is_told_again_and_again_by_its_heartbeat_alone() -> None:
    hand = climate_hand()
    (request,) = hand.sheet.requests
    told = [at for at in range(0, 900_000, 5_000) if readings(hand.answers(request, [215, 450], at))]
    assert told == [0, 300_000, 600_000]


# --- coverage


def test_what_lies_between_two_good_reads_is_covered() -> None:
    hand = climate_hand()
    (request,) = hand.sheet.requests
    assert coverage(hand.answers(request, [215, 450], 5_000)) == {"dev": (5_000, 5_000)}
    assert coverage(hand.answers(request, [215, 450], 10_000)) == {"dev": (5_000, 10_000)}


def test_one_missed_read_leaves_no_hole_but_a_longer_silence_does() -> None:
    hand = climate_hand()
    (request,) = hand.sheet.requests
    hand.answers(request, [215, 450], 0)
    assert coverage(hand.answers(request, [215, 450], 10_000)) == {"dev": (0, 10_000)}
    assert coverage(hand.answers(request, [215, 450], 25_000)) == {"dev": (25_000, 25_000)}


def test_a_device_is_covered_only_as_far_as_all_its_events_are_known() -> None:
    hand = genset_hand()
    controller = GeneratorController()
    hand.reads(controller.update(0, {}), 0)
    hand.answers(hand.request("control_mode"), [1], 1_000)
    assert coverage(hand.told)["dev"] == (0, 0)
    hand.answers(hand.request("alarms_01"), [0x1111] * 20, 1_100)
    hand.answers(hand.request("engine_speed"), page_four(), 1_200)
    assert coverage(hand.answers(hand.request("generator_breaker"), [0, 1], 1_300))["dev"] == (0, 1_000)


def test_numbers_that_tell_no_events_do_not_hold_up_coverage() -> None:
    """The slow reads of a generator lag by ten seconds; its events don't."""
    hand = genset_hand()
    assert set(hand.sheet.told["dev"]) == {"3:772+1", "3:1030+36", "3:39425+20", "3:48646+2"}


def test_a_gate_behind_a_module_is_covered_with_its_input() -> None:
    hand = module_hand()
    seen = hand.reads(InputModule().update(0, {}), 1_000)
    assert coverage(seen) == dict.fromkeys(["gate-n", "door-1", "dev"], (1_000, 1_000))


def test_an_unknown_input_leaves_only_its_own_device_blind() -> None:
    profile = written(
        """\
profile: p
protocol: modbus
emits: [input.on]
states: {s: [{name: s, words: {0: "no", 1: "yes"}, in: [1], on: input.on}]}
points:
  - {name: a, function: 3, address: 0, states: s}
  - {name: b, function: 3, address: 1, states: s}
"""
    )
    hand = Hand(profile, on_site("p", a={"device": "gate-a"}, b={"device": "gate-b"}))
    (request,) = hand.sheet.requests
    hand.answers(request, [0, 0], 0)
    seen = hand.answers(request, [7, 0], 1_000)
    assert blind(seen) == {"gate-a"}
    assert coverage(seen) == {"gate-b": (0, 1_000), "dev": (0, 1_000)}


def test_coverage_comes_after_what_it_covers() -> None:
    hand = panel_hand()
    panel = FirePanel(["l1d001"])
    hand.reads(panel.update(0, {}), 0)
    seen = hand.reads(panel.update(1_000, {"l1d001": True}), 1_000)
    assert type(seen[-1]).__name__ == "Covered"
