"""What the two edges keep of a scenario is what its world made: nothing lost, nothing invented, nothing twice."""

import contextlib
import itertools
import json
import sqlite3
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from random import Random
from typing import Any

import pytest

from contract.profile.load import site_profiles
from contract.site import Agent, Site
from contract.site_files import load_site
from edge.rows import EventRow, row_decoder
from firmware_sim.scenario_file import load_scenario
from firmware_sim.world.effects import Happened
from firmware_sim.world.world import World
from tests.waiting import PATIENCE_S

SITE = Path(__file__).parents[3] / "config" / "sites" / "demo"
LASTS_MS = 26_000
SCENARIO = """\
scenario: dense
behaviour: {turns_out: 1, reaction: {least: 1s, most: 1s}, dwell: {least: 1s, most: 2s}, stays: {least: 1m, most: 1m}}
calls: {fire: {role: rescue, sends: 1}, mains: {role: engineer, sends: 1}}
people:
  - {person: p-007, at: b1}
  - {person: p-008, at: b3}
  - {person: p-009, at: garage}
  - {person: p-022, at: power}
  - {person: p-010, at: club, route: r-grounds, begins: 1h}
steps:
  - {do: reader-repeats, reader: cp-b1-03, at: 0s, copies: 3, lasts: 1h}
  - {do: reader-offline, reader: cp-b3-03, at: 5s, lasts: 7s}
  - {do: gate-stuck, gate: gate-n, at: 6s, lasts: 3s}
  - {do: fire, at: 7s, zones: [b1-f2], lasts: 4s}
  - {do: fire, at: 8s, zones: [b3], lasts: 1h}
  - {do: fire, at: 10s, zones: [pump], lasts: 1h}
  - {do: door-opened, door: door-b1, at: 8500ms, lasts: 3s}
  - {do: door-opened, door: door-club, at: 9s, lasts: 4s}
  - {do: mains-failure, at: 9s, lasts: 9s}
"""

Told = tuple[str, str, str | None, str | None]
"""Device, type, zone and person."""

Start = Callable[..., subprocess.Popen[str]]


@pytest.fixture(scope="module")
def demo() -> Site:
    return load_site(SITE)


@pytest.fixture
def start() -> Iterator[Start]:
    """Starts processes of ours, and ends them with the test."""
    running: list[subprocess.Popen[str]] = []

    def start_one(*command: str) -> subprocess.Popen[str]:
        said, silent = subprocess.PIPE, subprocess.DEVNULL
        running.append(
            subprocess.Popen([sys.executable, "-m", *command], stdout=said, stderr=silent, text=True)
        )
        return running[-1]

    yield start_one
    for process in running:
        process.kill()
        process.communicate()


def start_simulators(start: Start, folder: Path, broker: Any) -> dict[str, str]:
    """The endpoints of the lines, once they are served."""
    (folder / "dense.yaml").write_text(SCENARIO)
    (folder / "secret").write_text(broker.login.password)
    command = [
        "firmware_sim",
        "--site",
        str(SITE),
        "--scenario",
        str(folder / "dense.yaml"),
        "--ports",
        "free",
    ]
    command += ["--trace", str(folder / "trace.jsonl"), "--mqtt", f"mqtt://127.0.0.1:{broker.login.port}"]
    command += ["--mqtt-user", broker.login.user, "--mqtt-password-file", str(folder / "secret")]
    said = map(json.loads, start(*command).stdout or ())
    endpoints = {one["line"]: one["endpoint"] for one in itertools.takewhile(lambda one: "line" in one, said)}
    credentials = f"{broker.login.user}:{broker.login.password}"
    return endpoints | {"patrol": f"mqtt://{credentials}@127.0.0.1:{broker.login.port}"}


def start_edge(start: Start, folder: Path, agent: Agent, endpoints: dict[str, str]) -> subprocess.Popen[str]:
    """An agent whose uplink leads nowhere: what it has stays in its spool."""
    command = ["edge", "--site", str(SITE), "--agent", agent.id, "--broker", "mqtt://127.0.0.1:1"]
    command += ["--spool", str(folder / f"{agent.id}.db")]
    for line in agent.lines:
        command += ["--line", f"{line.id}={endpoints[line.id]}"]
    return start(*command)


def made_by_the_world(scenario: Path, demo: Site) -> list[Happened]:
    world = World(demo, load_scenario(scenario, demo, site_profiles(demo, SITE)), Random(1))
    return [event for event in world.update(LASTS_MS) if isinstance(event, Happened)]


def kept_by_all(folder: Path, demo: Site) -> Counter[Told]:
    """How often each event is in the spools of the agents."""
    return Counter(told for agent in demo.agents for told in kept_by(folder / f"{agent}.db", demo))


def of_types(types: set[str], kept: Counter[Told]) -> Counter[Told]:
    return Counter({told: count for told, count in kept.items() if told[1] in types})


def kept_by(spool: Path, demo: Site) -> list[Told]:
    """The events in the spool of an agent that has stopped."""
    with contextlib.closing(sqlite3.connect(spool)) as database:
        rows = [row_decoder.decode(body) for (body,) in database.execute("select body from rows")]
    events = [row for row in rows if isinstance(row, EventRow)]
    return [(e.device, e.type, e.zone or demo.devices[e.device].zone, e.person) for e in events]


def test_the_edges_keep_what_the_world_made(tmp_path: Path, demo: Site, broker: Any, start: Start) -> None:
    trace = tmp_path / "trace.jsonl"
    endpoints = start_simulators(start, tmp_path, broker)
    edges = [start_edge(start, tmp_path, agent, endpoints) for agent in demo.file.agents]
    made = made_by_the_world(tmp_path / "dense.yaml", demo)
    while len(trace.read_text().splitlines()) < len(made):
        time.sleep(0.2)
    watched = {event.type for event in made}
    expected = Counter((e.device, e.type, e.zone, e.person) for e in made)
    time.sleep(
        3
    )  # twice the slowest poll of the devices that make events; an agent's spool is its own while it runs
    for edge in edges:
        edge.terminate()
        edge.wait(PATIENCE_S)

    traced = [json.loads(line) for line in trace.read_text().splitlines()]
    assert Counter((e["device"], e["type"], e["zone"], e["person"]) for e in traced) == expected
    assert watched >= {
        "fire.alarm",
        "fire.reset",
        "gate.released",
        "gate.locked",
        "door.opened",
        "door.closed",
    }
    assert watched >= {"checkpoint.scan", "mains.lost", "mains.restored"}
    kept = kept_by_all(tmp_path, demo)
    assert of_types(watched, kept) == expected
    assert {"generator.started", "generator.on_load"} <= {told[1] for told in kept}
