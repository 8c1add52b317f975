"""A profile is begun from whatever somebody has, and names that are looked for are suggested."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contract.profile.load import read_profile
from contract.profile.model import MqttProfile
from contract.site import Device
from contract.yamlfile import parse_yaml
from edge.said import Values
from edge.topicmap import TopicMap
from sitewarden.errors import CommandError
from sitewarden.names import PAGES, expected_names, hints
from sitewarden.profiles import check_profiles, new_profile
from sitewarden.skeleton import begun_from
from tests.bus import Hand, readings, written

REGISTERS = (
    "名称,地址,类型,系数,单位\n电压 A,0x0000,u16,0.1,V\n电流,40003,int32,0.001,A\n总电能,0008H,float,,kWh\n"
)
UI = Path(__file__).parents[2] / "cloud" / "ui" / "src" / "pages" / "power" / "Generator.svelte"


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gbk", "utf-16"])
def test_a_register_list_is_a_profile_that_reads_them(encoding: str) -> None:
    profile = written(begun_from("acme", "list.csv", REGISTERS.encode(encoding)))
    held = Hand(profile, Device(id="d", profile="acme"))
    found = {point.address: (point.kind.value, point.scale, point.unit) for point in held.sheet.map.points}
    assert found == {0: ("uint16", 0.1, "V"), 2: ("int32", 0.001, "A"), 8: ("float32", 1.0, "kWh")}
    assert {seen.value for seen in readings(held.answers(held.sheet.requests[0], [2304], 0)).values()} == {
        230.4
    }


def test_every_mistake_of_a_register_list_is_told_with_its_line() -> None:
    body = b"name,address,type\nu,x,u16\ni,5,complex\n,7,u16\n"
    with pytest.raises(CommandError) as told:
        begun_from("acme", "list.csv", body)
    assert [line.split(": ")[0] for line in str(told.value).splitlines()] == [
        "list.csv:2",
        "list.csv:3",
        "list.csv:4",
    ]


messages = st.recursive(
    st.booleans() | st.integers(-(10**9), 10**9) | st.floats(-1e9, 1e9) | st.just("21.5") | st.just("on"),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["temp", "Vbat", "di1", "power_L1", "a.b", "值"]), inner, max_size=4
        )
    ),
    max_leaves=8,
)


@given(body=messages.filter(lambda one: isinstance(one, dict | list)))
def test_a_captured_message_is_a_profile_that_reads_all_its_numbers(body: Any) -> None:
    try:
        text = begun_from("acme", "one.json", json.dumps(body).encode())
    except CommandError:
        return  # it has none
    profile = read_profile(parse_yaml(text, "acme.yaml"))
    assert isinstance(profile, MqttProfile)
    topics = TopicMap([(Device(id="d", address="x"), profile)])
    (said,) = topics.read("CHANGE/x/ME", json.dumps(body).encode(), 1)
    assert isinstance(said, Values)
    assert len(said.values) == len(profile.topics[0].fields)
    assert all(value.number is not None for _, value in said.values)


def test_a_profile_may_be_begun_from_a_file_and_never_outside_its_folder(tmp_path: Path) -> None:
    (tmp_path / "list.csv").write_text(REGISTERS, "utf-8")
    made = new_profile("acme", str(tmp_path / "list.csv"), tmp_path / "out")
    again = new_profile("acme-2", str(made), tmp_path / "out")
    assert "profile: acme-2\n" in again.read_text("utf-8")
    assert check_profiles([tmp_path / "out"])[0] == []
    for name in ("../evil", "", "a/b", ".x"):
        with pytest.raises(CommandError, match="expected a name"):
            new_profile(name, "xy-md02", tmp_path)
    with pytest.raises(CommandError, match="no profile 'no-such'"):
        new_profile("fine", "no-such", tmp_path)


def test_names_that_rules_checklists_and_pages_look_for_are_known() -> None:
    names = {(one.label, one.name) for one in expected_names()}
    assert {("mode", "auto"), ("", "fuel_level"), ("", "power_factor_total"), ("", "run_hours")} <= names
    shown = UI.read_text("utf-8")
    assert all(f"'{name}'" in shown for name in PAGES)


def test_a_name_that_is_near_to_one_that_is_looked_for_is_told() -> None:
    profile = written(
        """
protocol: modbus
profile: genset
emits: [generator.mode]
states:
  mode: [{name: mode, mask: "0xFF", in: [0, 1], words: {"0": automatic, "1": manual}, as: mode, on: generator.mode}]
points:
  - {name: level_fuel, function: 3, address: 0}
  - {name: hours_run, function: 3, address: 1}
  - {name: selector, function: 3, address: 2, states: mode, report: false}
  - {name: voltage, function: 3, address: 3}
"""
    )
    told = hints(profile, expected_names())
    assert [hint.split(":")[0] for hint in told] == ["point hours_run", "point level_fuel", "word automatic"]
    assert all("did you mean" in hint for hint in told)
