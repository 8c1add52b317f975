"""`python -m edge` as people start it: wrong files and settings end it with one line each and status 2."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.edge_harness import ROOT, SITE, AgentProcess
from tests.waiting import PATIENCE_S


def site(folder: Path, text: str = SITE) -> Path:
    path = folder / "config" / "sites" / "demo"
    path.mkdir(parents=True)
    (path / "site.yaml").write_text(text)
    return path


def edge(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "edge", *arguments]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=PATIENCE_S, check=False)


def rest(folder: Path) -> list[str]:
    return ["--broker", "mqtt://127.0.0.1:1", "--spool", str(folder / "spool.db")]


def test_a_missing_setting_is_named() -> None:
    ended = edge("--agent", "gw-1")
    assert ended.returncode == 2
    assert "--site (or SITEWARDEN_SITE) is missing" in ended.stderr


def test_every_mistake_in_a_site_is_named_and_nothing_is_started(tmp_path: Path) -> None:
    wrong = SITE.replace("zone: lobby", "zone: loby").replace(
        "profile: patrol-reader", "profile: patrol-raeder"
    )
    ended = edge("--site", str(site(tmp_path, wrong)), "--agent", "gw-1", *rest(tmp_path))
    assert ended.returncode == 2
    assert ended.stderr.count("loby") == 2
    assert ended.stderr.count("patrol-raeder") == 2
    assert "site.yaml:" in ended.stderr
    assert not (tmp_path / "spool.db").exists()


def test_an_unknown_agent_is_named_with_those_there_are(tmp_path: Path) -> None:
    ended = edge("--site", str(site(tmp_path)), "--agent", "gw-9", *rest(tmp_path))
    assert ended.returncode == 2
    assert "no agent gw-9; it has gw-1" in ended.stderr


@pytest.mark.parametrize(
    ("line", "said"),
    [("nowhere=mqtt://127.0.0.1:1", "no line nowhere"), ("patrol=modbus-tcp://127.0.0.1:1", "speaks Modbus")],
)
def test_a_line_that_does_not_fit_is_named(tmp_path: Path, line: str, said: str) -> None:
    ended = edge("--site", str(site(tmp_path)), "--agent", "gw-1", *rest(tmp_path), "--line", line)
    assert ended.returncode == 2
    assert said in ended.stderr
    assert not (tmp_path / "spool.db").exists()


def test_it_stops_in_order_within_two_seconds(tmp_path: Path) -> None:
    arguments = ["--site", str(site(tmp_path)), "--agent", "gw-1", *rest(tmp_path)]
    agent = AgentProcess(arguments, tmp_path / "log")
    agent.start()
    agent.until_logged("started")
    assert agent.stop() == 0
    assert [line["action"] for line in agent.log][-1] == "stopped"


def test_what_is_out_of_reach_is_said_once(tmp_path: Path) -> None:
    arguments = ["--site", str(site(tmp_path)), "--agent", "gw-1", *rest(tmp_path)]
    agent = AgentProcess(arguments, tmp_path / "log")
    agent.start()
    agent.until_logged("line_down")
    agent.until_logged("broker_lost")
    agent.stop()
    said = [line["action"] for line in agent.log]
    assert (said.count("line_down"), said.count("broker_lost")) == (1, 1)


def test_a_second_agent_on_the_same_spool_is_refused(tmp_path: Path) -> None:
    arguments = ["--site", str(site(tmp_path)), "--agent", "gw-1", *rest(tmp_path)]
    agent = AgentProcess(arguments, tmp_path / "log")
    agent.start()
    agent.until_logged("started")
    ended = edge(*arguments)
    agent.kill()
    assert ended.returncode == 1
    assert "locked" in ended.stderr
