"""Profiles: the shipped ones say what they mean; a wrong one is refused with every mistake named."""

from pathlib import Path

import pytest

from contract.measured import given_by
from contract.problems import ConfigError
from contract.profile.entry_check import pattern_mistakes
from contract.profile.expand import binding_mistakes, device_map
from contract.profile.load import load_profile, read_profile
from contract.profile.model import Kind, ModbusProfile, MqttProfile
from contract.site import Binding, Device, ProfileHead, Text
from contract.yamlfile import convert, load_yaml, parse_yaml
from edge.decode.body import number
from tests.bus import MODBUS_PROFILES, PROFILES, on_site, shipped, written


@pytest.mark.parametrize("path", sorted(PROFILES.glob("*.yaml")), ids=lambda path: path.stem)
def test_every_shipped_profile_loads_and_is_named_as_its_file(path: Path) -> None:
    profile = load_profile(path)
    assert profile.profile == path.stem
    assert profile.name.zh
    assert profile.name.en


@pytest.mark.parametrize("path", sorted(PROFILES.glob("*.yaml")), ids=lambda path: path.stem)
def test_the_cloud_reads_the_head_of_the_same_file(path: Path) -> None:
    head = convert(load_yaml(path), ProfileHead)
    assert head.emits == load_profile(path).emits


@pytest.mark.parametrize("name", MODBUS_PROFILES)
def test_a_modbus_profile_names_where_its_facts_come_from(name: str) -> None:
    assert shipped(name).sources


def test_a_fire_panel_has_a_point_per_detector_and_module_of_ten_loops() -> None:
    points = {
        p.name: p for p in device_map(shipped("notifier-modbus-gw"), on_site("notifier-modbus-gw")).points
    }
    assert len(points) == 10 * 159 * 2 + 1
    assert points["l1d001"].address == 0
    assert points["l1m159"].address == 358
    assert points["l2d001"].address == 400
    assert points["l10m159"].address == 3958
    assert points["l10m159"].told.data == {
        "loop": 10,
        "address": 159,
        "device_kind": "module",
        "point": "l10m159",
    }


def test_the_generator_names_eighty_alarms_four_to_a_register() -> None:
    points = device_map(shipped("dse-7320-mkii"), on_site("dse-7320-mkii")).points
    alarms = [rule for point in points if point.name.startswith("alarms_") for rule in point.states]
    assert len(alarms) == 80
    first = next(point for point in points if point.name == "alarms_01")
    assert [(rule.name, rule.shift) for rule in first.states] == [
        ("emergency_stop.alarm", 12),
        ("low_oil_pressure.alarm", 8),
        ("high_coolant_temperature.alarm", 4),
        ("low_coolant_temperature.alarm", 0),
    ]


def test_what_one_weak_source_supports_is_marked() -> None:
    weak = {point.name for point in shipped("dse-7320-mkii").points if not point.verified}
    assert weak == {"generator_breaker", "mains_breaker"}


def test_temperature_is_signed() -> None:
    assert {p.name: p.type for p in shipped("xy-md02").points}["temperature"] is Kind.INT16


def test_a_patrol_reader_maps_its_topics() -> None:
    profile = load_profile(PROFILES / "patrol-reader.yaml")
    assert isinstance(profile, MqttProfile)
    assert [topic.type for topic in profile.topics] == ["checkpoint.scan", None]


def test_the_site_may_set_unit_and_pace() -> None:
    device = on_site("xy-md02", unit=7)
    assert device_map(shipped("xy-md02"), device).unit == 7
    quick = on_site("xy-md02").__class__(id="dev", profile="xy-md02", poll="250ms")
    assert device_map(shipped("xy-md02"), quick).polls["normal"] == 250


def test_a_binding_puts_the_sites_words_in_place_of_the_profiles() -> None:
    device = on_site(
        "waveshare-relay-d",
        di_1={"on": "gate.released", "off": "gate.locked", "device": "gate-n", "zone": "north"},
        di_2={"skip": True},
    )
    points = {p.name: p for p in device_map(shipped("waveshare-relay-d"), device).points}
    assert points["di_1"].told.device == "gate-n"
    assert points["di_1"].told.zone == "north"
    assert (points["di_1"].states[0].on, points["di_1"].states[0].off) == ("gate.released", "gate.locked")
    assert (points["di_3"].states[0].on, points["di_3"].told.device) == ("input.on", "dev")
    assert "di_2" not in points


def test_a_binding_of_a_point_that_is_not_there_is_a_mistake() -> None:
    device = on_site("waveshare-relay-d", di_9={"zone": "a"}, relay_1={"on": "gate.released"})
    assert binding_mistakes(shipped("waveshare-relay-d"), device) == [
        (("points", "di_9"), "no point of waveshare-relay-d 'di_9'; did you mean 'di_8'?"),
        (("points", "relay_1"), "has no state that could be told"),
    ]


WRONG = """\
profile: wrong
protocol: modbus
emits: [fire.alarm]
limits: {max_registers: 2}
states:
  a:
    - {name: one, in: [1], on: fire.alarm}
    - {name: one, above: 3, clear: 5, on: fire.alarm}
    - {name: two, off: fire.reset}
points:
  - {name: x, function: 3, address: 1, type: bool}
  - {name: x, function: 3, address: 2, poll: quick}
  - {name: y, function: 3, address: 65535, type: uint64, states: b}
  - {name: z, function: 4, address: 1, nibbles: [a, b], min: 3, max: 2}
derived:
  - {name: low, of: [x, q], take: lowest, states: a}
"""


def test_every_mistake_of_a_profile_is_named_with_its_line() -> None:
    with pytest.raises(ConfigError) as caught:
        read_profile(parse_yaml(WRONG, "wrong.yaml"))
    found = {(problem.line, problem.field) for problem in caught.value.problems}
    assert found == {
        (6, "states.a"),  # two states named one
        (8, "states.a[1].clear"),
        (9, "states.a[2]"),  # no condition
        (9, "states.a[2].off"),  # not emitted
        (11, "points[0].type"),
        (12, "points[1].name"),
        (12, "points[1].poll"),
        (13, "points[2].address"),
        (13, "points[2].type"),
        (13, "points[2].states"),
        (14, "points[3].nibbles"),
        (14, "points[3].min"),
        (16, "derived[0].of[1]"),
    }


SHOWN = """\
profile: shown
protocol: modbus
points:
  - {name: a, function: 3, address: 1, display: {1: {zh: 合}, "0x1": {zh: 合闸}}}
  - {name: b, function: 3, address: 2, report: false, display: {1: {zh: 合}}}
  - {name: c, function: 3, address: 3, max: 2, display: {3: {zh: 合}, -1: {en: off}}}
"""


def test_words_that_nobody_would_see_are_mistakes() -> None:
    with pytest.raises(ConfigError) as caught:
        read_profile(parse_yaml(SHOWN, "shown.yaml"))
    assert [(problem.line, problem.field) for problem in caught.value.problems] == [
        (4, "points[0].display.0x1"),
        (5, "points[1].display"),
        (6, "points[2].display.3"),
    ]


@pytest.mark.parametrize("key", ["on", "1.5", "--1", ""])
def test_words_stand_by_whole_numbers(key: str) -> None:
    text = f'profile: p\nprotocol: modbus\npoints:\n  - {{name: x, function: 3, address: 1, display: {{"{key}": {{en: a}}}}}}\n'
    with pytest.raises(ConfigError, match="a value such as 1, -1 or 0x10"):
        read_profile(parse_yaml(text, "p.yaml"))


@pytest.mark.parametrize("span", ["0s", "0ms", "00m", "2wd"])
@pytest.mark.parametrize("key", ["polls: {fast: SPAN}", "silent_after: SPAN"])
def test_a_time_between_two_reads_or_messages_is_above_nothing(key: str, span: str) -> None:
    protocol = "modbus" if key.startswith("polls") else "http"
    text = f"profile: p\nprotocol: {protocol}\n{key.replace('SPAN', span)}\n"
    with pytest.raises(ConfigError, match="a duration above nothing such as"):
        read_profile(parse_yaml(text, "p.yaml"))


def test_a_scale_of_nothing_is_refused() -> None:
    text = "profile: p\nprotocol: modbus\npoints:\n  - {name: x, function: 3, address: 1, scale: 0}\n"
    with pytest.raises(ConfigError, match="scale"):
        read_profile(parse_yaml(text, "p.yaml"))


POLLED = "profile: p\nprotocol: modbus\npoints:\n  - {name: NAME, function: 3, address: 1, MORE}\n"
SPOKEN = "profile: p\nprotocol: mqtt\ntopics:\n  - {topic: 'x/{address}', fields: [{name: NAME, MORE}]}\n"


def refused(text: str, name: str, more: str) -> list[tuple[str, str]]:
    made = text.replace("NAME", name).replace("MORE", more)
    with pytest.raises(ConfigError) as caught:
        read_profile(parse_yaml(made, "p.yaml"))
    return [(problem.field.rpartition("].")[2], problem.message) for problem in caught.value.problems]


@pytest.mark.parametrize("text", [POLLED, SPOKEN])
def test_more_points_than_a_device_has_are_refused_before_they_are_made(text: str) -> None:
    repeat = (
        "repeat: [{as: a, count: 10000}, {as: b, count: 10000}, {as: c, count: 10000}, {as: d, count: 10000}]"
    )
    path = 'path: "x.{a}.{b}.{c}.{d}", ' if text is SPOKEN else ""
    ((field, message),) = refused(text, '"p{a}_{b}_{c}_{d}"', path + repeat)
    assert (field, message) == (
        "repeat",
        "makes 10000000000000000 points; expected at most 100000 for a device",
    )


def test_what_a_site_reads_of_a_profile_makes_no_more_than_that_either() -> None:
    repeat = [{"as": name, "count": 10_000} for name in "ab"]
    assert given_by({"points": [{"name": "p{a}_{b}", "repeat": repeat}]}) == ()
    one = {"name": "p{a}", "repeat": repeat[:1]}
    assert len(given_by({"points": [one | {"name": f"p{n}_{{a}}"} for n in range(30)]})) == 100_000


@pytest.mark.parametrize(
    ("text", "name", "more", "field", "message"),
    [
        (POLLED, "x", "repeat: [{as: n, count: 9}]", "as", "expected {n} in the name: all 9 would have one name"),
        (POLLED, '"x{n}"', "repeat: [{as: n, count: 9}, {as: n, count: 2}]", "repeat", "two counters have one name"),
        (SPOKEN, "x", 'path: "a.{n}", repeat: [{as: n, count: 9}]', "as", "expected {n} in the name"),
        (SPOKEN, '"x{n}"', "path: a, repeat: [{as: n, count: 9}]", "as", "expected {n} in the path"),
        (SPOKEN, "x", "path: a, min: 3, max: 2", "min", "is above max"),
        (SPOKEN, "x", "path: a, scale: 0", "scale", "expected a number other than 0"),
        (SPOKEN, "x", "path: a, pattern: '(a+)+$'", "pattern", "(a+)+ may run for ever"),
    ],
)  # fmt: skip
def test_what_an_entry_can_not_mean_is_refused(
    text: str, name: str, more: str, field: str, message: str
) -> None:
    ((at, said),) = refused(text, name, more)
    assert at == field
    assert said.startswith(message)


@pytest.mark.parametrize(
    "pattern",
    ["(a+)+$", "(a*)*$", "((?:a|b)+)$x", "(?:a|ab)*(c)", "(?:(a+))*", "([0-9]+?)+", "(?:a{1,}){2,}(b)", r"(?:\(a*b?)\)*", "([a)]+)+", "(a{1,30}){1,30}$", "(a?){40}a{40}"],
)  # fmt: skip
def test_a_pattern_that_a_short_text_keeps_busy_for_ever_is_refused(pattern: str) -> None:
    assert list(pattern_mistakes(pattern, ("pattern",)))


@pytest.mark.parametrize(
    "pattern",
    [r"([0-9.]+)", r"^temp: *(-?\d+(?:\.\d+)?) *C", "(?:a|b) (.*)", "(?:ab)+([0-9])", r"\((\d+)\)*", "([+*]+)", "(?:[0-9]{3})+(x)"],
)  # fmt: skip
def test_a_plain_pattern_is_taken(pattern: str) -> None:
    assert list(pattern_mistakes(pattern, ("pattern",))) == []


@pytest.mark.parametrize("key", ["true", "True", "TRUE", '"true"', '"True"'])
def test_codes_for_true_match_however_they_are_written(key: str) -> None:
    text = SPOKEN.replace("NAME", "x").replace("MORE", f"path: a, codes: {{{key}: 7}}")
    profile = read_profile(parse_yaml(text, "p.yaml"))
    assert isinstance(profile, MqttProfile)
    assert number(True, "a", profile.topics[0].fields[0]) == 7


def test_the_sites_words_for_what_is_not_told_are_a_mistake() -> None:
    words = {"0": Text(en="off")}
    device = Device(id="io", points={"di_1": Binding(display=words), "relay_1": Binding(display=words)})
    assert binding_mistakes(shipped("waveshare-relay-d"), device) == [
        (("points", "di_1", "display"), "has no readings")
    ]


def test_mistakes_of_form_are_named_all_at_once() -> None:
    text = "profile: a b\nprotocol: modbus\npoints:\n  - {name: x, function: 5, adress: 1}\n"
    with pytest.raises(ConfigError) as caught:
        read_profile(parse_yaml(text, "p.yaml"))
    messages = [str(problem) for problem in caught.value.problems]
    assert len(messages) == 4
    assert any("did you mean address?" in message for message in messages)
    assert any("points[0].function" in message for message in messages)


def test_a_profile_names_its_protocol() -> None:
    with pytest.raises(
        ConfigError, match="expected modbus, mqtt, http, gb26875, dlt645, jwm or csv, found 'modbuss'"
    ):
        read_profile(parse_yaml("profile: a\nprotocol: modbuss\n", "p.yaml"))


def test_a_topic_is_an_event_or_an_availability() -> None:
    text = "profile: a\nprotocol: mqtt\nemits: []\ntopics:\n  - {topic: 'x/{address}'}\n"
    with pytest.raises(
        ConfigError, match=r"p.yaml:5: topics\[0\]: expected one of type, fields, availability and alive"
    ):
        read_profile(parse_yaml(text, "p.yaml"))


def test_a_device_that_is_not_here_yet_needs_no_code() -> None:
    """Two words as MSB * 10000 + LSB (SmartGen HGM6120N), low word first (PZEM-016)."""
    profile = written(
        """\
profile: new
protocol: modbus
word_order: low_first
points:
  - {name: energy, function: 4, address: 5, type: uint32, unit: Wh}
  - {name: total, function: 3, address: 40, type: base10000, word_order: high_first}
"""
    )
    assert isinstance(profile, ModbusProfile)
    energy, total = device_map(profile, on_site("new")).points
    assert (energy.low_first, total.low_first, total.width) == (True, False, 2)


def test_the_examples_for_those_who_write_profiles_are_such() -> None:
    page = (PROFILES / "README.md").read_text("utf-8")
    code = "\n".join(line[4:] for line in page.splitlines() if line.startswith("    "))
    polled, publishing = (f"profile:{rest}" for rest in code.split("profile:")[1:])
    assert isinstance(read_profile(parse_yaml(publishing, "profile.yaml")), MqttProfile)
    power = {point.name: point for point in written(polled).points}["active_power"]
    assert (power.type, power.scale) == (Kind.UINT32, 0.0001)
