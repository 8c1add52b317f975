"""What a site asks of its profiles is checked before anything starts, each mistake with its file and line."""

from pathlib import Path

import pytest

from contract.profile.site_check import site_problems, site_warnings
from contract.site_files import load_site

ROOT = Path(__file__).resolve().parents[3]
SITE = """\
site: s
zones: [{id: a}]
agents:
  - {id: gw, lines: [{id: bus, endpoint: "modbus-tcp://127.0.0.1:1"}, {id: air, endpoint: "mqtt://127.0.0.1"}, {id: posts, endpoint: "http://127.0.0.1:8081"}, {id: fire, endpoint: "gb26875://127.0.0.1:5200"}]}
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


OWN = {
    "exact": "topics: [{topic: 'hall/1/{address}', type: x.y}]",
    "open": "topics: [{topic: 'hall/{any}/{address}', type: x.y}]",
    "whole": "topics: [{topic: '{address}', type: x.y}]",
    "read": "topics: [{topic: 'hall/1/{address}', where: {uid: []}, type: x.y}]",
    "one": "topics: [{topic: 'hall/1/{address}', where: {kind: [a]}, type: x.y}]",
    "two": "topics: [{topic: 'hall/1/{address}', where: {kind: [b]}, type: x.y}]",
}


@pytest.mark.parametrize(
    ("first", "second", "topic"),
    [
        (("exact", "a"), ("exact", "a"), "'a' of line"),
        (("exact", "a"), ("open", "a"), "hall/{any}/a of line"),
        (("open", "a"), ("exact", "a"), "hall/1/a of line"),
        (("exact", "a"), ("whole", "hall/1/a"), "hall/1/a of line"),
        (("exact", "a"), ("read", "a"), "hall/1/a of line"),
        (("read", "a"), ("exact", "a"), "hall/1/a of line"),
        (("exact", "a"), ("exact", "b"), None),
        (("exact", "a"), ("open", "b"), None),
        (("one", "a"), ("two", "a"), None),
    ],
)
@pytest.mark.parametrize("protocol", ["mqtt", "http"])
def test_two_devices_can_not_want_the_same_messages(
    tmp_path: Path, protocol: str, first: tuple[str, str], second: tuple[str, str], topic: str | None
) -> None:
    (tmp_path / "profiles").mkdir()
    for name, topics in OWN.items():
        (tmp_path / "profiles" / f"{name}.yaml").write_text(
            f"profile: {name}\nprotocol: {protocol}\nemits: [x.y]\n{topics}\n", "utf-8"
        )
    line = "air" if protocol == "mqtt" else "posts"
    devices = "devices:\n" + "".join(
        f'  - {{id: {id_}, profile: {profile}, line: {line}, address: "{address}"}}\n'
        for id_, (profile, address) in (("d-1", first), ("d-2", second))
    )
    found = [(line, message) for _, line, _, message in problems(tmp_path, devices)]
    if topic is None:
        assert found == []
    else:
        ((at, message),) = found
        assert at == 3
        assert message.startswith(topic)
        assert "d-1 already: d-2 would not be heard" in message


def test_two_devices_of_one_topic_are_told_of_shipped_profiles_and_transmitters(tmp_path: Path) -> None:
    shipped = (ROOT / "config" / "profiles" / "gb26875-transmitter.yaml").read_text("utf-8")
    (tmp_path / "profiles").mkdir()
    (tmp_path / "profiles" / "own.yaml").write_text(
        shipped.replace("profile: gb26875-transmitter", "profile: own"), "utf-8"
    )
    devices = """\
devices:
  - {id: door, profile: zigbee2mqtt-contact, line: air, address: front}
  - {id: front, profile: zigbee2mqtt-lock, line: air}
  - {id: f-1, profile: gb26875-transmitter, line: fire, address: "01020304050a"}
  - {id: f-2, profile: own, line: fire, address: "01020304050A"}
  - {id: relay, profile: tasmota-switch, line: air, address: sonoff}
  - {id: meter, profile: tasmota-energy-3p, line: air, address: sonoff}
  - {id: cards, profile: tasmota-pn532, line: air, address: desk}
  - {id: tags, profile: tasmota-rdm6300, line: air, address: desk}
"""
    assert [(line, message) for _, line, _, message in problems(tmp_path, devices)] == [
        (3, "zigbee2mqtt/front of line air is read for door already: front would not be heard"),
        (5, "'01020304050a' of line fire is f-1 already: f-2 would not be heard"),
    ]


@pytest.mark.parametrize("address", ["a/+/b", "a/#", "{any}", "a/{any}/b", "/a", "a//b"])
def test_an_address_that_is_a_pattern_is_refused(tmp_path: Path, address: str) -> None:
    devices = f'devices:\n  - {{id: d, profile: tasmota-switch, line: air, address: "{address}"}}\n'
    ((*_, field, message),) = problems(tmp_path, devices)
    assert field == "devices[0].address"
    assert message.startswith("expected a part of a topic")


# --- parts

PARTS_SITE = """
site: s
zones: [{id: control}, {id: b3}]
agents:
  - id: gw
    lines: [{id: fire, endpoint: "gb26875://127.0.0.1:5200"}, {id: bus, endpoint: "modbus-tcp://127.0.0.1:502"}]
devices:
  - {id: panel, zone: control, line: fire, profile: gb26875-transmitter, address: "010203040506", parts: PANEL}
  - {id: nfn, zone: control, line: bus, profile: notifier-modbus-gw, parts: NFN}
"""


def of_parts(tmp_path: Path, panel: str = "[]", nfn: str = "[]") -> tuple[list[str], list[str]]:
    """Mistakes and warnings of a site with a transmitter and a panel."""
    (tmp_path / "site.yaml").write_text(PARTS_SITE.replace("PANEL", panel).replace("NFN", nfn), "utf-8")
    site = load_site(tmp_path)
    mistakes = [f"{one.line}: {one.message}" for one in site_problems(site, tmp_path)]
    return mistakes, [one.rpartition("site.yaml:")[2] for one in site_warnings(site, tmp_path)]


@pytest.mark.parametrize(
    ("panel", "nfn", "mistake"),
    [
        ("[{part: x9, zone: b3}]", "[]", "8: expected a component: its address such as 132"),
        ("[{part: 3-M12, zone: b3}]", "[]", "8: expected a component: its address such as 132"),
        ("[]", "[{part: 12-1, zone: b3}]", "9: no part of notifier-modbus-gw '12-1'; did you mean '2-1'?"),
        (
            "[]",
            "[{part: 1-M300..1-M400, zone: b3}]",
            "9: no part of notifier-modbus-gw is within 1-M300..1-M400",
        ),
    ],
)
def test_a_binding_that_no_part_can_meet_is_a_mistake(
    tmp_path: Path, panel: str, nfn: str, mistake: str
) -> None:
    (found,), _ = of_parts(tmp_path, panel, nfn)
    assert found.startswith(mistake)


def test_parts_that_are_bound_to_nothing_are_told(tmp_path: Path) -> None:
    listed = "[{part: 3-1..3-5, zone: b3}, {part: 3-8, zone: b3}, {part: 2/main_power, name: {en: Mains}}]"
    mistakes, warnings = of_parts(tmp_path, listed, "[{part: 1-1..1-20, zone: b3}, {part: 1-M3, zone: b3}]")
    assert mistakes == []
    assert warnings == [
        "8: devices[0].parts[0]: behind 3-1..3-5, 3-6..3-7 are bound to nothing",
        "8: devices[0]: parts of panel with a name and no zone: 2/main_power",
    ]


def test_a_transmitter_without_a_list_is_told(tmp_path: Path) -> None:
    (warning,) = of_parts(tmp_path)[1]
    assert warning.startswith(
        "8: devices[0]: no part of panel is bound to a zone: all of them count as in zone control"
    )
