"""The simulated plant: every Modbus device of a site on its line; what nobody plays is named."""

import typing
from pathlib import Path

import pytest

from contract.site import Site
from contract.site_files import load_site
from firmware_sim.adapters.faults import FaultKind
from firmware_sim.errors import SimError
from firmware_sim.plant import Plant
from firmware_sim.scenario import DeviceFault


def test_every_modbus_device_of_the_demo_site_is_played(demo: Site) -> None:
    plant = Plant(demo)
    plant.live(0)
    shown = {
        device for device, unit in plant._units.items() if unit.image.holding_registers or unit.image.coils
    }
    assert shown == {"fire-panel", "io-north", "io-south", "genset-1", "t-power", "t-ups", "t-pump"}


def test_a_device_that_nobody_plays_is_named(tmp_path: Path) -> None:
    (tmp_path / "site.yaml").write_text(
        "site: test\n"
        "agents: [{id: gw, lines: [{id: bus, endpoint: 'modbus-tcp://127.0.0.1:502'}]}]\n"
        "devices: [{id: odd, profile: patrol-reader, line: bus}]\n"
    )
    with pytest.raises(SimError, match="device odd: nothing here plays 'patrol-reader'"):
        Plant(load_site(tmp_path))


def test_a_device_misbehaves_until_it_is_mended(demo: Site) -> None:
    plant = Plant(demo)
    plant.misbehave("t-ups", "garbage")
    fault = plant._units["t-ups"].fault
    assert fault is not None
    assert fault.kind is FaultKind.GARBAGE
    plant.misbehave("t-ups", None)
    assert plant._units["t-ups"].fault is None


def test_a_scenario_can_ask_for_every_fault_that_a_device_can_have() -> None:
    asked = typing.get_args(typing.get_type_hints(DeviceFault)["fault"])
    assert set(asked) == {kind.value for kind in FaultKind}
