"""The simulated plant: every Modbus device of a site on its line; what nobody plays is named."""

import typing
from pathlib import Path

import pytest

from contract.profile.load import site_profiles
from contract.profile.model import Profile
from contract.site import Site
from contract.site_files import load_site
from firmware_sim.adapters.faults import FaultKind
from firmware_sim.errors import SimError
from firmware_sim.plant import FROZEN, RESTART, Plant
from firmware_sim.scenario import DeviceFault


def test_every_modbus_device_of_the_demo_site_is_played(demo: Site, profiles: dict[str, Profile]) -> None:
    plant = Plant(demo, profiles)
    plant.live(0)
    shown = {
        device for device, unit in plant._units.items() if unit.image.holding_registers or unit.image.coils
    }
    assert shown == {"fire-panel", "io-north", "io-south", "genset-1", "t-power", "t-ups", "t-pump"}


def test_a_device_that_is_on_the_wrong_line_is_named(tmp_path: Path) -> None:
    (tmp_path / "site.yaml").write_text(
        "site: test\n"
        "agents: [{id: gw, lines: [{id: bus, endpoint: 'modbus-tcp://127.0.0.1:502'}]}]\n"
        "devices: [{id: odd, profile: patrol-reader, line: bus}]\n"
    )
    site = load_site(tmp_path)
    with pytest.raises(SimError, match="device odd: patrol-reader is no Modbus device"):
        Plant(site, site_profiles(site, tmp_path))


def test_a_device_misbehaves_until_it_is_mended(demo: Site, profiles: dict[str, Profile]) -> None:
    plant = Plant(demo, profiles)
    plant.misbehave(0, "t-ups", "garbage")
    fault = plant._units["t-ups"].fault
    assert fault is not None
    assert fault.kind is FaultKind.GARBAGE
    plant.misbehave(0, "t-ups", None)
    assert plant._units["t-ups"].fault is None


def test_a_scenario_can_ask_for_every_fault_that_a_device_can_have() -> None:
    asked = typing.get_args(typing.get_type_hints(DeviceFault)["fault"])
    assert set(asked) == {kind.value for kind in FaultKind} | {FROZEN, RESTART}


def shown(plant: Plant, device: str) -> int:
    return plant._units[device].image.input_registers[1]


def test_a_frozen_device_shows_what_it_showed_and_one_restarted_has_forgotten(
    demo: Site, profiles: dict[str, Profile]
) -> None:
    plant = Plant(demo, profiles)
    plant.update(0, "t-ups", {"temperature": 31.0})
    before = shown(plant, "t-ups")
    plant.misbehave(0, "t-ups", FROZEN)
    plant.update(1_000, "t-ups", {"temperature": 44.0})
    assert shown(plant, "t-ups") == before
    plant.misbehave(2_000, "t-ups", None)
    plant.live(2_000)
    assert shown(plant, "t-ups") > before
    plant.update(3_000, "genset-1", {"mains": False})
    plant.live(60_000)
    assert plant._units["genset-1"].image.holding_registers[1408] > 0, "the set runs"
    plant.misbehave(60_000, "genset-1", RESTART)
    fault = plant._units["genset-1"].fault
    assert fault is not None
    assert fault.kind is FaultKind.SILENCE
    plant.misbehave(65_000, "genset-1", None)
    assert plant._units["genset-1"].image.holding_registers[1408] <= 1, "it begins anew, the mains still away"
