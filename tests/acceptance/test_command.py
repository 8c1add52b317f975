"""The `sitewarden` command as a person types it."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from tests.waiting import PATIENCE_S

SITEWARDEN = [sys.executable, "-m", "sitewarden"]


def run(*arguments: str, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    """The command's end: status and what it said."""
    return subprocess.run(
        [*SITEWARDEN, *arguments], capture_output=True, text=True, cwd=cwd, timeout=PATIENCE_S, check=False
    )


def family(pid: int) -> list[psutil.Process]:
    """A process and all that it started."""
    parent = psutil.Process(pid)
    return [parent, *parent.children(recursive=True)]


def test_the_shipped_configuration_is_right() -> None:
    done = run("config", "check")
    assert done.returncode == 0, done.stderr
    assert "site demo is right" in done.stdout


def test_every_mistake_of_a_site_is_told_at_once_and_nothing_is_started(
    tmp_path: Path, shipped: Path
) -> None:
    shutil.copytree(shipped / "sites" / "demo", tmp_path / "sites" / "demo")
    shutil.copytree(shipped / "profiles", tmp_path / "profiles")
    devices = tmp_path / "sites" / "demo" / "devices.yaml"
    text = (
        devices.read_text("utf-8")
        .replace("zone: control", "zone: controll")
        .replace("line: bus-fire", "line: bus-fier")
    )
    devices.write_text(text, "utf-8")
    for command in (
        ["config", "check", str(tmp_path / "sites" / "demo")],
        [
            "edge",
            "--site",
            str(tmp_path / "sites" / "demo"),
            "--agent",
            "gw-1",
            "--broker",
            "mqtt://127.0.0.1:1",
            "--spool",
            str(tmp_path / "s"),
        ],
    ):
        done = run(*command)
        assert done.returncode == 2, done.stderr
        assert "no zone 'controll'; did you mean 'control'?" in done.stderr
        assert "no line 'bus-fier'; did you mean 'bus-fire'?" in done.stderr
        assert f"{devices}:" in done.stderr
    assert not (tmp_path / "s").exists()


@pytest.mark.parametrize("name", ["edge", "cloud", "sim"])
def test_each_process_has_a_help_of_its_own(name: str) -> None:
    done = run(name, "--help")
    assert done.returncode == 0
    assert f"usage: sitewarden {name}" in done.stdout


def test_an_unknown_scenario_is_told_with_those_there_are() -> None:
    done = run("demo", "--scenario", "demoo")
    assert done.returncode == 1
    assert "no scenario 'demoo'; there are demo, gate-stuck" in done.stderr


def test_the_demo_prints_a_final_verdict_and_a_second_one_beside_it_stops_with_ctrl_c() -> None:
    beside = subprocess.Popen(
        [*SITEWARDEN, "demo", "--headless"], stderr=subprocess.PIPE, text=True, start_new_session=True
    )
    assert beside.stderr is not None
    started = next(line for line in beside.stderr if "the line runs" in line)
    first = subprocess.run(
        [*SITEWARDEN, "demo", "--headless", "--until-verdict", "--timeout", "120"],
        capture_output=True,
        text=True,
        timeout=150,
        check=False,
    )
    assert first.returncode == 0, first.stderr
    verdict = json.loads(first.stdout)
    assert verdict["final"]
    assert verdict["outcome"] in {"met", "breached", "unknown"}
    assert started.split()[-1] not in first.stderr
    everything = family(beside.pid)
    assert len(everything) >= 6
    os.kill(beside.pid, signal.SIGINT)
    assert beside.wait(PATIENCE_S) == 0
    beside.stderr.close()
    deadline = time.monotonic() + PATIENCE_S
    while alive := [one for one in everything if one.is_running() and one.status() != psutil.STATUS_ZOMBIE]:
        assert time.monotonic() < deadline, alive
        time.sleep(0.05)
