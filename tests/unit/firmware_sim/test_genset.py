"""The simulated generator: starts, takes the load, gives it back, and shows it in its registers."""

import itertools

import pytest

from firmware_sim.device import Image
from firmware_sim.device.dse7320 import ALARMS, GeneratorController
from firmware_sim.device.genset import Timings

ENGINE_SPEED, GENERATOR_BREAKER, MAINS_BREAKER = 1030, 48646, 48647
SHORT = Timings()


def history(controller: GeneratorController, until: int, step: int = 100, start: int = 0) -> dict[int, Image]:
    return {now: controller.update(now, {}) for now in range(start, until, step)}


def first(images: dict[int, Image], address: int, value: int) -> int | None:
    return next((now for now, image in images.items() if image.holding_registers[address] == value), None)


def after_mains_loss(**inputs: float | bool | str) -> tuple[GeneratorController, dict[int, Image]]:
    controller = GeneratorController()
    controller.update(0, {"mains": False, **inputs})
    return controller, history(controller, 60_000)


def test_the_load_is_on_the_generator_within_ten_seconds_of_losing_the_mains() -> None:
    """GE-3 of the rule catalogue."""
    _, images = after_mains_loss()
    closed = first(images, GENERATOR_BREAKER, 1)
    assert closed is not None
    assert 5_000 < closed < 10_000


def test_never_are_both_breakers_closed() -> None:
    controller, images = after_mains_loss()
    controller.update(60_000, {"mains": True})
    images |= history(controller, 120_000, start=60_000)
    both = [
        i
        for i in images.values()
        if i.holding_registers[GENERATOR_BREAKER] and i.holding_registers[MAINS_BREAKER]
    ]
    assert both == []


def test_the_starter_turns_the_engine_before_it_runs() -> None:
    _, images = after_mains_loss()
    speeds = [image.holding_registers[ENGINE_SPEED] for image in images.values()]
    assert [speed for n, speed in enumerate(speeds) if n == 0 or speed != speeds[n - 1]] == [
        0,
        220,
        750,
        1500,
    ]


def test_when_the_mains_return_the_load_goes_back_and_the_engine_cools_down_before_it_stops() -> None:
    controller, _ = after_mains_loss()
    controller.update(60_000, {"mains": True})
    images = history(controller, 120_000, start=60_000)
    back, stopped = first(images, MAINS_BREAKER, 1), first(images, ENGINE_SPEED, 0)
    assert back == 60_000 + SHORT.return_delay
    assert stopped == back + SHORT.cool_down


def test_a_short_return_of_the_mains_changes_nothing() -> None:
    controller, _ = after_mains_loss()
    controller.update(60_000, {"mains": True})
    controller.update(65_000, {"mains": False})
    images = history(controller, 90_000, start=65_000)
    assert all(image.holding_registers[GENERATOR_BREAKER] for image in images.values())


def test_it_does_not_matter_how_often_it_is_updated() -> None:
    rare, often = GeneratorController(), GeneratorController()
    rare.update(0, {"mains": False})
    often.update(0, {"mains": False})
    last = history(often, 40_001, step=50)[40_000]
    assert rare.update(40_000, {}) == last


def test_in_manual_mode_nothing_starts() -> None:
    _, images = after_mains_loss(mode="manual")
    assert first(images, ENGINE_SPEED, 220) is None
    assert images[0].holding_registers[772] == 2


def test_a_test_off_load_runs_without_taking_the_load_until_it_is_ended() -> None:
    controller = GeneratorController()
    controller.update(0, {"mode": "test_off_load"})
    images = history(controller, 900_000, step=1_000)
    assert images[899_000].holding_registers[ENGINE_SPEED] == 1500
    assert first(images, GENERATOR_BREAKER, 1) is None
    controller.update(900_000, {"mode": "auto"})
    assert controller.update(960_000, {}).holding_registers[ENGINE_SPEED] == 0


def test_a_test_on_load_takes_it() -> None:
    controller = GeneratorController()
    controller.update(0, {"mode": "test_on_load", "load_kw": 100})
    image = controller.update(30_000, {})
    assert image.holding_registers[GENERATOR_BREAKER] == 1
    assert image.holding_registers[1558] == 500  # 50.0 % of 200 kW


def alarm(image: Image, name: str) -> int:
    register, place = divmod(ALARMS.index(name), 4)
    return image.holding_registers[39425 + register] >> (12 - 4 * place) & 0xF


def test_an_engine_that_will_not_start_is_tried_three_times_and_locked_out() -> None:
    controller, images = after_mains_loss(fails_to_start=True)
    cranks = [image.holding_registers[ENGINE_SPEED] for image in images.values()]
    assert sum(now == 220 and before == 0 for before, now in itertools.pairwise(cranks)) == 3
    image = controller.update(60_000, {})
    assert alarm(image, "fail_to_start") == 3
    assert alarm(controller.update(61_000, {"reset": True, "fails_to_start": False}), "fail_to_start") == 1


def test_a_breaker_that_sticks_is_an_electrical_trip() -> None:
    _, images = after_mains_loss(breaker_stuck=True)
    assert alarm(images[59_900], "generator_fail_to_close") == 4
    assert first(images, GENERATOR_BREAKER, 1) is None


def test_low_fuel_is_a_warning() -> None:
    assert alarm(GeneratorController().update(0, {"fuel_level": 19}), "low_fuel_level") == 2


def test_what_is_not_fitted_reads_the_sentinel_of_its_type() -> None:
    registers = GeneratorController().update(0, {}).holding_registers
    assert registers[1026] == 0x7FFF  # oil temperature, int16
    assert (registers[1290], registers[1291]) == (0xFFFF, 0xFFFF)  # fuel consumption, uint32
    assert registers[39444] == 0xFFFF  # alarms beyond the last


def test_what_is_reserved_is_refused_with_exception_12() -> None:
    assert GeneratorController().update(0, {}).refused[1100] == 12


def test_every_register_of_the_instruments_page_is_there() -> None:
    registers = GeneratorController().update(0, {}).holding_registers
    assert all(address in registers for address in range(1024, 1090))
    assert all(0 <= word <= 0xFFFF for word in registers.values())


def test_an_input_that_it_does_not_have_is_refused() -> None:
    with pytest.raises(KeyError):
        GeneratorController().update(0, {"mians": False})
