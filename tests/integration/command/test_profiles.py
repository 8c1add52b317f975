"""Profiles by hand: the table of devices, a copy to begin with, every mistake at once."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

from contract.site_files import shipped_config
from sitewarden.cli import app
from sitewarden.profiles import profile_table

DEVICES = Path(__file__).parents[3] / "docs" / "devices.md"


def test_the_table_of_devices_is_that_of_the_profiles() -> None:
    assert DEVICES.read_text("utf-8") == profile_table(), "run: sitewarden profile table > docs/devices.md"


def test_a_copy_of_a_profile_is_one_to_begin_with(tmp_path: Path) -> None:
    made = CliRunner().invoke(
        app, ["profile", "new", "acme-9", "--from", "pzem-016", "--folder", str(tmp_path)]
    )
    assert made.exit_code == 0, made.stderr
    checked = CliRunner().invoke(app, ["profile", "check", str(tmp_path / "acme-9.yaml")])
    assert checked.exit_code == 0, checked.stderr
    assert "7 points in 1 requests, 1 unverified" in checked.stdout


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["new", "a", "--from", "pzem"], "no profile 'pzem'; there are advantech-adam6050"),
        (["new", "pzem-016", "--from", "pzem-016", "--folder", str(shipped_config() / "profiles")], "is there already"),
    ],
)  # fmt: skip
def test_a_copy_that_can_not_be_is_refused(arguments: list[str], message: str) -> None:
    done = CliRunner().invoke(app, ["profile", *arguments])
    assert done.exit_code == 2
    assert message in done.stderr


def test_every_mistake_of_every_file_is_told(tmp_path: Path) -> None:
    text = (shipped_config() / "profiles" / "pzem-016.yaml").read_text("utf-8")
    wrong = [("unit: 1\n", "unit: 900\n"), ("max_registers: 10", "max_registers: 1")]
    files = []
    for number, (was, now) in enumerate(wrong):
        file = tmp_path / f"wrong-{number}.yaml"
        file.write_text(text.replace(was, now), "utf-8")
        files.append(str(file))
    done = CliRunner().invoke(app, ["profile", "check", *files])
    assert done.exit_code == 2
    assert "wrong-0.yaml:14: unit" in done.stderr
    assert "is wider than limits.max_registers" in done.stderr
