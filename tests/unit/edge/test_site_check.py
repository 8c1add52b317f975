"""What a site asks of its profiles is checked before anything starts, each mistake with its file and line."""

from pathlib import Path

from contract.profile.site_check import site_problems
from contract.site_files import load_site

ROOT = Path(__file__).resolve().parents[3]
SITE = """\
site: s
zones: [{id: a}]
agents:
  - {id: gw, lines: [{id: bus, endpoint: "modbus-tcp://127.0.0.1:1"}, {id: air, endpoint: "mqtt://127.0.0.1"}]}
"""


def problems(folder: Path, devices: str) -> list[tuple[str, int, str, str]]:
    (folder / "site.yaml").write_text(SITE, "utf-8")
    (folder / "devices.yaml").write_text(devices, "utf-8")
    found = site_problems(load_site(folder), folder)
    return [(Path(problem.file).name, problem.line, problem.field, problem.message) for problem in found]


def test_the_demo_site_asks_nothing_that_can_not_be_done() -> None:
    folder = ROOT / "config" / "sites" / "demo"
    assert site_problems(load_site(folder), folder) == []


def test_a_point_that_the_profile_does_not_have_is_named_where_it_stands(tmp_path: Path) -> None:
    devices = """\
devices:
  - id: io
    profile: waveshare-relay-d
    line: bus
    points:
      di_1: {zone: a}
      di_9: {zone: a}
"""
    assert problems(tmp_path, devices) == [
        (
            "devices.yaml",
            7,
            "devices[0].points.di_9",
            "no point of waveshare-relay-d 'di_9'; did you mean 'di_8'?",
        )
    ]


def test_two_devices_can_not_share_a_unit_of_a_line(tmp_path: Path) -> None:
    devices = """\
devices:
  - {id: t-1, profile: xy-md02, line: bus}
  - {id: t-2, profile: xy-md02, line: bus, unit: 1}
"""
    assert problems(tmp_path, devices) == [
        ("devices.yaml", 3, "devices[1].unit", "unit 1 of line bus is t-1 already")
    ]


def test_a_device_must_speak_its_lines_language(tmp_path: Path) -> None:
    devices = """\
devices:
  - {id: t-1, profile: xy-md02, line: air}
  - {id: cp-1, profile: patrol-reader, line: bus, address: cp-1}
"""
    assert [(line, message) for _, line, _, message in problems(tmp_path, devices)] == [
        (2, "xy-md02 speaks modbus, line air is mqtt://127.0.0.1"),
        (3, "patrol-reader speaks mqtt, line bus is modbus-tcp://127.0.0.1:1"),
    ]


def test_mistakes_of_a_profile_of_the_site_itself_are_found(tmp_path: Path) -> None:
    (tmp_path / "profiles").mkdir()
    (tmp_path / "profiles" / "own.yaml").write_text(
        "profile: own\nprotocol: modbus\npoints:\n  - {name: a, function: 3, address: 0, type: bool}\n",
        "utf-8",
    )
    assert problems(tmp_path, "devices:\n  - {id: x, profile: own}\n") == [
        ("own.yaml", 4, "points[0].type", "expected bool for functions 1 and 2, and only for them")
    ]


def test_the_points_of_a_device_that_publishes_may_be_bound_by_their_names(tmp_path: Path) -> None:
    devices = """\
devices:
  - {id: door, profile: shelly-gen2, line: air, address: s, points: {input_0: {on: door.opened, off: door.closed}}}
  - {id: gate, profile: shelly-gen2, line: air, address: t, points: {input_9: {on: gate.released}}}
"""
    ((_, line, _, message),) = problems(tmp_path, devices)
    assert line == 3
    assert message.startswith("no point of shelly-gen2 'input_9'; did you mean 'input_")
