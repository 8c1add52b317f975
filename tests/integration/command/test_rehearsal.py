"""`sitewarden sim run` and `sim serve`: scenarios in other people's CI."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest
from typer.testing import CliRunner

from contract.profile.load import site_profiles
from contract.site_files import load_site, shipped_config
from firmware_sim.scenario_file import load_scenario
from sitewarden.rehearsal.play import Rehearsal
from sitewarden.sim_cli import app
from tests.waiting import PATIENCE_S

EXPECTATIONS = shipped_config() / "expectations"
EPOCH = 1_780_279_200_000
SITE = """\
site: doors
zones: [{id: lobby, adjacent: {roof: 30}}, {id: roof, adjacent: {lobby: 30}}, {id: plant}]
people: [{id: p-1, cards: ["card:1"], roles: [guard, engineer]}]
agents:
  - id: gw
    lines:
      - {id: bus, endpoint: "modbus-rtu:///dev/ttyUSB0?baudrate=9600"}
      - {id: meters, endpoint: "dlt645:///dev/ttyUSB2"}
      - {id: air, endpoint: "mqtt://127.0.0.1:1883"}
      - {id: posts, endpoint: "http://0.0.0.0:8081"}
      - {id: fire, endpoint: "gb26875://0.0.0.0:5200"}
      - {id: dock, endpoint: "jwm:///dev/ttyUSB1"}
      - {id: inbox, endpoint: "csv:///var/lib/sitewarden/inbox"}
devices:
  - {id: dg, zone: plant, profile: smartgen-hgm6120n, line: bus, unit: 1}
  - {id: atys, zone: plant, profile: socomec-atys-pm, line: bus, unit: 5}
  - {id: meter, zone: plant, profile: pzem-016, line: bus, unit: 9}
  - {id: kwh, zone: plant, profile: dlt645-2007, line: meters, address: "161", ratios: {ct: 40}}
  - {id: reader, zone: lobby, profile: patrol-reader, line: air, address: lobby}
  - {id: contact, zone: lobby, profile: zigbee2mqtt-contact, line: air, address: front}
  - {id: face, zone: lobby, profile: hikvision-access, line: posts, address: k1}
  - {id: panel, zone: lobby, profile: gb26875-transmitter, line: fire, address: "010203040506"}
  - {id: wand, zone: lobby, profile: jwm-wm5000t, line: dock, points: {f40939: {device: cp-roof}}}
  - {id: cp-roof, zone: roof}
  - {id: log, zone: plant, profile: generator-log, line: inbox}
routes: [{id: round, checkpoints: [{device: reader}, {device: cp-roof}]}]
"""
SCENARIO = """\
scenario: doors
seed: 7
people: [{person: p-1, at: lobby, route: round}]
steps:
  - {do: mains-failure, at: 1m, lasts: 1m, answered: false}
  - {do: set-inputs, at: 30s, device: panel, inputs: {fire: true, bcd: true}}
  - {do: set-inputs, at: 40s, device: face, inputs: {access.granted: p-1}}
  - {do: set-inputs, at: 50s, device: contact, inputs: {contact: false}}
  - {do: set-inputs, at: 70s, device: kwh, inputs: {current_l1: -1.234, voltage_l2: missing}}
  - {do: device-fault, at: 5m, device: meter, fault: silence, lasts: 2m}
  - {do: set-inputs, at: 5m, device: kwh, inputs: {online: false}}
  - {do: set-inputs, at: 7m, device: kwh, inputs: {online: true}}
  - {do: device-fault, at: 6m, device: dg, fault: restart, lasts: 20s}
"""


@pytest.fixture
def doors(tmp_path: Path) -> Path:
    (tmp_path / "site").mkdir()
    (tmp_path / "site" / "site.yaml").write_text(SITE, "utf-8")
    return tmp_path / "site"


def recorded(folder: Path) -> list[bytes]:
    site = load_site(folder)
    profiles = site_profiles(site, folder)
    (folder.parent / "doors.yaml").write_text(SCENARIO, "utf-8")
    scenario = load_scenario(folder.parent / "doors.yaml", site, profiles)
    return Rehearsal(site, profiles, scenario, seed=scenario.seed, epoch=EPOCH).record(
        600_000, lambda _: None
    )


def told(lines: list[bytes]) -> list[dict[str, Any]]:
    return [line for line in map(json.loads, lines) if "type" in line]


def test_every_door_of_the_system_is_played_and_the_same_seed_plays_the_same(doors: Path) -> None:
    first = recorded(doors)
    assert first == recorded(doors)
    by_device: dict[str, list[str]] = {}
    for event in (one for one in told(first) if not one["type"].startswith("device.")):
        by_device.setdefault(event["device"], []).append(event["type"])
    assert by_device["dg"][:3] == ["mains.lost", "generator.started", "generator.on_load"]
    assert by_device["atys"][:2] == ["mains.lost", "generator.on_load"]
    assert by_device["panel"] == ["fire.alarm"]
    assert by_device["face"] == ["access.granted"]
    assert by_device["contact"] == ["door.opened"]
    assert set(by_device["reader"]) == set(by_device["cp-roof"]) == {"checkpoint.scan"}


def test_a_meter_is_read_frame_by_frame(doors: Path) -> None:
    lines = [json.loads(line) for line in recorded(doors)]
    told = [line for line in lines if line["device"] == "kwh" and line.get("point") == "current_l1"]
    assert {line["value"] for line in told} == {0.0, -49.36}
    assert not [line for line in lines if line["device"] == "kwh" and line.get("type") == "device.fault"]


@pytest.mark.parametrize(("device", "slowest_ms"), [("meter", 5_000), ("kwh", 60_000)])
def test_what_could_not_be_read_is_blind(doors: Path, device: str, slowest_ms: int) -> None:
    blind = [
        line for line in map(json.loads, recorded(doors)) if line["device"] == device and "blind" in line
    ]
    (start, end) = blind[0]["blind"]
    assert 300_000 - slowest_ms <= start - EPOCH <= 300_000
    assert 420_000 <= end - EPOCH <= 431_000


@pytest.mark.parametrize("name", ["missed-fire", "power-cut"])
def test_what_ships_keeps_its_expectations(name: str, tmp_path: Path) -> None:
    report = tmp_path / "report.xml"
    options = ["run", name, "--expect", str(EXPECTATIONS / f"{name}.yaml"), "--junit", str(report)]
    result = CliRunner().invoke(app, options)
    assert result.exit_code == 0, result.output
    suite = ET.fromstring(report.read_bytes())
    assert suite.get("failures") == "0"
    assert len(suite) >= 3


def test_an_expectation_that_is_not_met_is_a_failed_case(tmp_path: Path) -> None:
    wanted = tmp_path / "wanted.yaml"
    wanted.write_text("for: 3m\nexpect: [{name: a flood, event: {type: water.alarm}}]\n")
    report = tmp_path / "report.xml"
    result = CliRunner().invoke(app, ["run", "quiet", "--expect", str(wanted), "--junit", str(report)])
    assert result.exit_code == 1
    assert "not so: a flood: expected at least 1, found 0" in result.output
    failure = ET.fromstring(report.read_bytes()).find("testcase/failure")
    assert failure is not None
    assert failure.get("message") == "expected at least 1, found 0"


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("expect: [{name: nothing}]", "wanted.yaml:1: expect[0]: expected one of event and verdict"),
        ("expect: [{event: {kind: x}}]", "wanted.yaml:1: expect[0].event.kind"),
    ],
)
def test_a_mistake_in_the_expectations_is_named(text: str, says: str, tmp_path: Path) -> None:
    wanted = tmp_path / "wanted.yaml"
    wanted.write_text(text)
    result = CliRunner().invoke(app, ["run", "quiet", "--expect", str(wanted)])
    assert result.exit_code == 2
    assert says in result.output


def test_serve_tells_where_each_line_is(doors: Path) -> None:
    (doors.parent / "doors.yaml").write_text(SCENARIO, "utf-8")
    command = [
        sys.executable,
        "-m",
        "sitewarden",
        "sim",
        "serve",
        str(doors.parent / "doors.yaml"),
        "--site",
        str(doors),
    ]
    child = subprocess.Popen([*command, "--ports", "free"], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    try:
        assert child.stdout is not None
        said = [json.loads(child.stdout.readline()) for _ in range(4)]
        assert said[3] == {"ready": True}
        endpoints = {one["line"]: one["endpoint"] for one in said[:3]}
        assert endpoints["bus"].startswith("modbus-rtu:///dev/pts/")
        assert Path(endpoints["dock"].removeprefix("jwm://")).exists()
    finally:
        child.terminate()
        child.communicate(timeout=PATIENCE_S)
    assert child.returncode == 0
