"""`config check` refuses what an agent would refuse later, with the field and how to write it."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

from sitewarden.check import check_sites
from sitewarden.cli import app

ROOT = Path(__file__).parents[3]


def check(folder: Path, files: dict[str, str]) -> str:
    for name, text in files.items():
        (folder / name).write_text(text, "utf-8")
    done = CliRunner().invoke(
        app, ["config", "check", str(folder), "--rules", str(ROOT / "config" / "rules")]
    )
    assert done.exit_code == 2, done.output
    assert done.exception is None or isinstance(done.exception, SystemExit)
    return done.output


LINE = "site: s\nagents:\n  - id: a\n    lines:\n      - id: l\n        endpoint: {}\n"


@pytest.mark.parametrize(
    ("endpoint", "told"),
    [
        ("modbus-rtu:///dev/ttyUSB0?baudrate=fast", "fast"),
        ("modbus-rtu:///dev/ttyUSB0?speed=9600", "expected baudrate, parity"),
        ("modbus-tcp://10.0.0.1:70000", "expected a line such as modbus-tcp://"),
        ("mqtt://broker:70000", "expected a broker such as mqtt://host:1883"),
        ("gb26875://0.0.0.0", "expected a listener such as gb26875://0.0.0.0:5200"),
        ("http://0.0.0.0:80000", "expected where readers post"),
        ("csv://inbox", "expected a folder such as csv:///"),
        ("jwm://ttyUSB0", "expected the port of a dock"),
    ],
)
def test_an_endpoint_that_an_agent_would_refuse_is_refused(tmp_path: Path, endpoint: str, told: str) -> None:
    said = check(tmp_path, {"site.yaml": LINE.format(endpoint)})
    assert "site.yaml:6: agents[0].lines[0].endpoint: " in said
    assert told in said


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (
            "site: s\ndevices:\n  - id: a\n    address: 24e1240000000001\n",
            'put it in quotes: "24e1240000000001"',
        ),
        (
            "site: s\nzones:\n  - id: a\n    covers: [a]\n",
            "site.yaml:4: zones[0].covers[0]: a zone covers itself",
        ),
        (
            "site: s\nzones:\n  - id: a\n    adjacent: {b: 30}\n  - id: b\n",
            "site.yaml:4: zones[0].adjacent.b: the way back is missing: write a into adjacent of b too",
        ),
    ],
)
def test_a_site_that_does_not_fit_together_is_told_with_what_to_write(
    tmp_path: Path, text: str, told: str
) -> None:
    assert told in check(tmp_path, {"site.yaml": text})


@pytest.mark.parametrize(
    ("field", "told"),
    [
        ("cards: [“1001”]", 'people[0].cards[0]: has the quote “: write "1001"'),
        ("cards: [‘1001’]", 'people[0].cards[0]: has the quote ‘: write "1001"'),
        ("cards: ['１００1']", 'people[0].cards[0]: has the full-width １: write "1001"'),
        ("cards: ['1001，1002']", 'people[0].cards[0]: has the full-width ，: write "1001,1002"'),
        ("cards: ['1001 ']", 'people[0].cards[0]: begins or ends with a space: write "1001"'),
        (
            "cards: ['10\u200b01']",
            'people[0].cards[0]: has a character that can\'t be seen (U+200B): write "1001"',
        ),
        (
            "contacts: {mail: a＠example.org}",
            'people[0].contacts.mail: has the full-width ＠: write "a@example.org"',
        ),
        ("contacts: {“mail”: a@example.org}", 'people[0].contacts.“mail”: has the quote “: write "mail"'),
        ("roles: [guard　]", "people[0].roles[0]: begins or ends with a space"),
    ],
)
def test_letters_that_look_like_others_are_told_with_what_to_write(
    tmp_path: Path, field: str, told: str
) -> None:
    said = check(tmp_path, {"site.yaml": f"site: s\npeople:\n  - id: p\n    {field}\n"})
    assert f"site.yaml:4: {told}" in said.replace("\n", "")


@pytest.mark.parametrize("number", [".inf", "-.inf", ".nan"])
def test_a_number_without_an_end_is_none(tmp_path: Path, number: str) -> None:
    said = check(tmp_path, {"site.yaml": f"site: s\ndevices:\n  - id: a\n    ratios: {{ct: {number}}}\n"})
    assert "site.yaml:4: devices[0].ratios.ct: expected a number with an end" in said


WHOLE = """\
site: s
zones: [{id: lobby, adjacent: {roof: 30}}, {id: roof, adjacent: {lobby: 30}}]
people:
  - {id: p-1, cards: ["1001"], roles: [guard, rescue], qualifications: [{name: fire, from: 2026-01-01}]}
devices:
  - {id: door, zone: lobby, profile: zigbee2mqtt-contact, line: air, address: front}
  - {id: kwh, zone: lobby, profile: dlt645-2007, line: meters, address: "161", ratios: {ct: 40}}
  - {id: sender, zone: roof, profile: gb26875-transmitter, line: fire, address: "010203040506"}
  - {id: io, zone: lobby, profile: waveshare-relay-d, line: bus, unit: 1, poll: 2s, points: {di_1: {on: gate.released, off: gate.locked}}}
  - {id: temp, zone: lobby, profile: xy-md02, line: bus, unit: 3}
  - {id: cp, zone: roof, emits: [checkpoint.scan]}
  - {id: desk, zone: lobby, emits: [operator.acknowledged]}
  - {id: term, zone: lobby, profile: zkteco-push, line: posts, address: SN1}
routes: [{id: round, checkpoints: [{device: cp, min_s: 10, max_s: 600}], starts: ["mon-fri 08:00"]}]
schedules: [{id: open, windows: [{days: mon-fri, from: "08:00", to: "18:00"}]}]
agents:
  - id: gw-1
    lines:
      - {id: air, endpoint: "mqtt://127.0.0.1:1883"}
      - {id: meters, endpoint: "dlt645:///dev/ttyUSB1"}
      - {id: fire, endpoint: "gb26875://0.0.0.0:5200"}
      - {id: bus, endpoint: "modbus-rtu:///dev/ttyUSB0?baudrate=9600&parity=N"}
      - {id: posts, endpoint: "http://0.0.0.0:8081"}
"""


def test_a_site_that_is_right_passes(tmp_path: Path) -> None:
    (tmp_path / "site.yaml").write_text(WHOLE, "utf-8")
    found = check_sites([tmp_path], ROOT / "config" / "rules", None)
    assert (found.problems, [w for w in found.warnings if "site.yaml" in w and "no part of" not in w]) == (
        [],
        [],
    )


@pytest.mark.parametrize(
    ("was", "damaged", "told"),
    [
        ('cards: ["1001"]', 'cards: ["1001, 1002"]', '4: people[0].cards[0]: expected one card each: write "1001", "1002"'),
        ('cards: ["1001"]', 'cards: ["1001", "1001"]', "4: people[0].cards[1]: '1001' is there twice"),
        ('cards: ["1001"]', 'cards: [""]', "4: people[0].cards[0]: expected a card in quotes"),
        ("from: 2026-01-01", "from: 2026-01-01, to: 2025-01-01", "4: people[0].qualifications[0].to: 2025-01-01 is before 2026-01-01"),
        ("address: front", "address: front/#", "6: devices[0].address: expected a part of a topic such as front-door"),
        ("address: front", "address: front, unit: 3", "6: devices[0].unit: a device that speaks mqtt has none: write address"),
        ("address: front", "address: front, poll: 5s", "6: devices[0].poll: a device that speaks mqtt is not asked"),
        ('address: "161"', 'address: "１６１"', '7: devices[1].address: has the full-width １: write "161"'),
        ("ratios: {ct: 40}", "ratios: {ct: 200/5}", "7: devices[1].ratios.ct: expected a number above 0 such as 40"),
        (', address: "010203040506"', "", "8: devices[2].address: expected the transmitter's own, 12 hexadecimal digits"),
        ('"010203040506"', '"01:02:03:04:05:06"', "8: devices[2].address: expected the transmitter's own, 12 hexadecimal digits"),
        ("unit: 1", "unit: 0", "9: devices[3].unit: expected 1 to 247 on a serial bus"),
        ("unit: 1", "unit: fast", "9: devices[3].unit: expected a unit id without quotes, 0 to 255, found 'fast'"),
        ("poll: 2s", "poll: 2", "9: devices[3].poll: expected a duration above nothing such as 2s"),
        ("on: gate.released", "on: gate.releazed", "9: devices[3].points.di_1.on: no event type 'gate.releazed'; did you mean 'gate.released'?"),
        ("on: gate.released", "on: gate.locked", "9: devices[3].points.di_1.off: gate.locked can't tell that it began and that it ended"),
        ("unit: 3", 'address: "3"', "10: devices[4].address: a device that speaks modbus has none: write unit"),
        ("emits: [operator.acknowledged]", "emits: [operator.acknowledqed]", "12: devices[6].emits[0]: no event type 'operator.acknowledqed'; did you mean 'operator.acknowledged'?"),
        ("min_s: 10", "min_s: 700", "14: routes[0].checkpoints[0].min_s: 700 is more than max_s 600"),
        ("mon-fri 08:00", "mom-fri 08:00", "14: routes[0].starts[0]: expected days such as mon-fri"),
        ('from: "08:00"', 'from: "8:00"', "15: schedules[0].windows[0].from: expected a time such as 08:00"),
        ("adjacent: {roof: 30}", "adjacent: {roof: 30, lobby: 1}", "2: zones[0].adjacent.lobby: a zone is not beside itself"),
        ("127.0.0.1:1883", "127.0.0.1:1883/site", "19: agents[0].lines[0].endpoint: mqtt://127.0.0.1:1883/site: nobody reads 'site' of it"),
        ("127.0.0.1:1883", "127。0.0.1:1883", '19: agents[0].lines[0].endpoint: has the full-width 。: write "mqtt://127.0.0.1:1883"'),
        ("mqtt://", "MQTT://", "19: agents[0].lines[0].endpoint: expected a line that begins with"),
        ("/dev/ttyUSB1", "/dev/ttyUSB0", "22: agents[0].lines[3].endpoint: /dev/ttyUSB0 is line meters's already"),
        ("modbus-rtu:///", "modbus-rtu://", "write it with three slashes: modbus-rtu:///dev/ttyUSB0"),
        ("baudrate=9600", "baudrate=9601", "9601 baud; did you mean 9600?"),
        ("baudrate=9600", "baudrate=96O0", "expected a number as baudrate, found '96O0'"),
        ("baudrate=9600", "baudrate=9600&baudrate=4800", "baudrate is there twice"),
        ("0.0.0.0:8081", "0.0.0.0:5200", "23: agents[0].lines[4].endpoint: port 5200 is line fire's already"),
    ],
)  # fmt: skip
def test_a_damaged_site_is_told_at_its_line(tmp_path: Path, was: str, damaged: str, told: str) -> None:
    assert was in WHOLE
    (tmp_path / "site.yaml").write_text(WHOLE.replace(was, damaged, 1), "utf-8")
    found = check_sites([tmp_path], ROOT / "config" / "rules", None)
    assert told in "\n".join(map(str, found.problems))


def test_a_role_that_nobody_names_and_a_type_that_nobody_hears_are_warned_of(tmp_path: Path) -> None:
    text = WHOLE.replace("roles: [guard,", "roles: [guart, guard,").replace(
        "[operator.", "[pump.dry, operator."
    )
    (tmp_path / "site.yaml").write_text(text, "utf-8")
    said = "\n".join(check_sites([tmp_path], ROOT / "config" / "rules", None).warnings)
    assert (
        "site.yaml:4: people[0].roles[0]: no rule, plan or chain names the role 'guart'; did you mean 'guard'?"
        in said
    )
    assert "site.yaml:12: devices[6].emits[0]: no rule or alarm names the event type 'pump.dry'" in said


def test_a_file_with_another_ending_is_not_passed_over(tmp_path: Path) -> None:
    said = check(tmp_path, {"site.yaml": "site: s\n", "devices.yml": "devices: []\n"})
    assert "devices.yml:1: is not read: expected the ending .yaml; rename it to devices.yaml" in said


def test_a_name_with_braces_and_no_repeat_is_one_mistake(tmp_path: Path) -> None:
    text = (ROOT / "config" / "profiles" / "xy-md02.yaml").read_text("utf-8")
    assert "name: temperature" in text
    (tmp_path / "x.yaml").write_text(text.replace("name: temperature", 'name: "temperature{x}"', 1), "utf-8")
    done = CliRunner().invoke(app, ["profile", "check", str(tmp_path)])
    assert done.exit_code == 2
    assert "there are none: it has no repeat" in done.output


def test_profiles_of_a_folder_are_checked_and_a_path_is_no_name(tmp_path: Path) -> None:
    done = CliRunner().invoke(app, ["profile", "check", str(ROOT / "config" / "profiles")])
    assert done.exit_code == 0, done.output
    assert "xy-md02" in done.output
    for name in ("../evil", "/etc/evil", "a/b", ".."):
        done = CliRunner().invoke(
            app, ["profile", "new", name, "--from", "xy-md02", "--folder", str(tmp_path / "p")]
        )
        assert done.exit_code == 2
        assert "expected a name of letters" in done.output
    assert not list(tmp_path.rglob("*.yaml"))
