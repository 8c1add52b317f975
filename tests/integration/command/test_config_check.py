"""`config check` refuses what an agent would refuse later, with the field and how to write it."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

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
