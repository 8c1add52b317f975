"""The simulators as a process: a scenario's events show on real lines, and the trace tells them all."""

import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from pymodbus.client import ModbusTcpClient

from tests.waiting import PATIENCE_S

SITE = Path(__file__).parents[3] / "config" / "sites" / "demo"
ACTIVE_FIRE = 0x0810
SCENARIO = """\
scenario: busy
behaviour: {turns_out: 1, reaction: {least: 1s, most: 1s}, dwell: {least: 1s, most: 1s}}
people: [{person: p-007, at: b1}]
steps:
  - {do: mains-failure, at: 500ms, lasts: 1h, answered: false}
  - {do: fire, at: 1s, zones: [b1-f2], lasts: 1h}
"""


class Simulators:
    """A running process, what it said on its standard output, and its trace."""

    def __init__(self, folder: Path, *arguments: str) -> None:
        (folder / "busy.yaml").write_text(SCENARIO)
        self.trace_file = folder / "trace.jsonl"
        command = [sys.executable, "-m", "firmware_sim", "--site", str(SITE), "--ports", "free"]
        command += ["--scenario", str(folder / "busy.yaml"), "--trace", str(self.trace_file), *arguments]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        self.endpoints: dict[str, str] = {}
        assert self.process.stdout is not None
        for line in self.process.stdout:
            said = json.loads(line)
            if said.get("ready"):
                break
            self.endpoints[said["line"]] = said["endpoint"]

    def port(self, line: str) -> int:
        return int(self.endpoints[line].rsplit(":", 1)[1])

    def trace(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.trace_file.read_text().splitlines()]

    def stop(self) -> int:
        """Its exit status; raises when it takes 2 s or more."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(timeout=PATIENCE_S)

    def close(self) -> None:
        self.process.kill()
        self.process.communicate()


@pytest.fixture
def simulators(tmp_path: Path) -> Iterator[Callable[..., Simulators]]:
    """Starts them, and ends them with the test."""
    started: list[Simulators] = []

    def start(*arguments: str) -> Simulators:
        started.append(Simulators(tmp_path, *arguments))
        return started[-1]

    yield start
    for each in started:
        each.close()


@pytest.fixture
def login(broker: Any, tmp_path: Path) -> list[str]:
    """The arguments by which they sign in to the broker."""
    secret = tmp_path / "secret"
    secret.write_text(broker.login.password)
    url = f"mqtt://127.0.0.1:{broker.login.port}"
    return ["--mqtt", url, "--mqtt-user", broker.login.user, "--mqtt-password-file", str(secret)]


def until(holds: Callable[[], bool], timeout_s: float = PATIENCE_S) -> bool:
    """Whether something holds in time."""
    for _ in range(int(timeout_s / 0.05)):
        if holds():
            return True
        time.sleep(0.05)
    return False


def test_every_modbus_line_of_the_site_is_served(simulators: Any) -> None:
    endpoints = simulators().endpoints
    assert {line: endpoint.rsplit(":", 1)[0] for line, endpoint in endpoints.items()} == {
        "bus-fire": "modbus-tcp://127.0.0.1",
        "bus-north": "modbus-rtu-tcp://127.0.0.1",
        "bus-power": "modbus-tcp://127.0.0.1",
        "bus-climate": "modbus-rtu-tcp://127.0.0.1",
        "bus-south": "modbus-rtu-tcp://127.0.0.1",
    }


def test_a_scenario_reaches_panel_generator_and_reader_and_the_trace_tells_it(
    simulators: Any, login: list[str], listen: Any
) -> None:
    listener = listen()
    running = simulators(*login)
    panel = ModbusTcpClient("127.0.0.1", port=running.port("bus-fire"))
    generator = ModbusTcpClient("127.0.0.1", port=running.port("bus-power"))
    with panel, generator:
        point = lambda: panel.read_holding_registers(1, count=1, device_id=1).registers[0]  # noqa: E731 - l1d002
        speed = lambda: generator.read_holding_registers(1030, count=1, device_id=10).registers[0]  # noqa: E731
        assert until(lambda: point() & 0x08FF == ACTIVE_FIRE)
        assert until(lambda: speed() == 1500)
    heard = listener.until(lambda heard: any(topic.endswith("/scan") for topic, *_ in heard))
    scan = next(json.loads(payload) for topic, payload, _ in heard if topic == "patrol/cp-b1-03/scan")
    assert running.stop() == 0
    told = running.trace()
    assert [event["type"] for event in told if not event["type"].startswith("gate.")] == [
        "mains.lost",
        "fire.alarm",
        "checkpoint.scan",
    ]
    assert {event["device"] for event in told if event["type"] == "gate.released"} == {
        "gate-n",
        "gate-n-walk",
        "door-b1",
    }
    scanned = next(event for event in told if event["type"] == "checkpoint.scan")
    assert (scanned["person"], scanned["at"]) == (scan["card"], scan["t"])


def test_a_faster_world_tells_its_trace_in_real_time(simulators: Any) -> None:
    running = simulators("--speed", "20")
    assert until(lambda: running.trace_file.exists() and len(running.trace()) >= 6)
    times = [event["at"] for event in running.trace()]
    # Stamps are the world's own times put onto the wall clock: how busy the machine is does not move them.
    assert times[-1] - times[0] < 1_000


def test_they_stop_at_once_while_the_broker_is_away(simulators: Any, login: list[str], broker: Any) -> None:
    running = simulators(*login)
    broker.child.kill()
    assert running.stop() == 0


@pytest.mark.parametrize(
    ("arguments", "status", "message"),
    [
        (["--site", str(SITE), "--scenario", "nothing"], 2, "nothing.yaml:1: can't be read"),
        (["--scenario", "demo"], 2, "--site (or SITEWARDEN_SITE) is missing"),
        (["--site", "nowhere"], 2, "expected a site directory"),
        (["--site", str(SITE), "--host", "192.0.2.1"], 1, "line bus-fire can't be served on 192.0.2.1:15021"),
    ],
)
def test_what_is_wrong_is_said_and_nothing_is_started(
    arguments: list[str], status: int, message: str
) -> None:
    command = [sys.executable, "-m", "firmware_sim", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=PATIENCE_S)
    assert (done.returncode, done.stdout) == (status, "")
    assert message in done.stderr
