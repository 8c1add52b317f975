"""Scenario files: those that ship load, and each mistake is named by file, line and field."""

from collections.abc import Callable
from pathlib import Path

import pytest

from contract.problems import ConfigError
from contract.profile.model import Profile
from contract.site import Site
from contract.site_files import load_site
from firmware_sim.scenario import Scenario
from firmware_sim.scenario_file import load_scenario

CONFIG = Path(__file__).parents[3] / "config"


@pytest.mark.parametrize("path", sorted((CONFIG / "scenarios").glob("*.yaml")), ids=lambda path: path.stem)
def test_a_scenario_that_ships_fits_the_demo_site(
    path: Path, demo: Site, profiles: dict[str, Profile]
) -> None:
    assert load_scenario(path, demo, profiles).scenario == path.stem


def test_a_file_that_is_not_there_is_named(demo: Site, profiles: dict[str, Profile], tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"none.yaml:1: can't be read"):
        load_scenario(tmp_path / "none.yaml", demo, profiles)


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("sped: 2", "2: sped: unknown field; did you mean speed?"),
        ("speed: 0", "2: speed: expected a factor between 0.1 and 100 on the speed of time, found 0"),
        ("people: [{at: b1}]", "2: people[0]: person is missing"),
        (
            "people: [{person: p-0007, at: b1}]",
            "2: people[0].person: no person 'p-0007'; did you mean 'p-007'?",
        ),
        (
            "people: [{person: p-007, at: gate-nrth}]",
            "2: people[0].at: no zone 'gate-nrth'; did you mean 'gate-north'?",
        ),
        ("people: [{person: p-007, at: b9, route: r-blocks}]", "2: people[0].at: no zone 'b9'"),
        (
            "people: [{person: p-007, at: b1, route: r-block}]",
            "2: people[0].route: no route 'r-block'; did you mean 'r-blocks'?",
        ),
        (
            "calls: {fire: {role: rescuer}}\nsteps: [{do: fire, at: 1s, zones: [b1]}]",
            "2: calls.fire.role: no role 'rescuer'; did you mean 'rescue'?",
        ),
        (
            "behaviour: {turns_out: 2}",
            "2: behaviour.turns_out: expected a chance between 0 and 1, found 2",
        ),
        (
            "behaviour: {rest: {least: 3m, most: 2m}}",
            "2: behaviour.rest: least (3m) is more than most (2m)",
        ),
        (
            "steps: [{do: fire, at: soon, zones: [b1]}]",
            "2: steps[0].at: expected a duration such as 500ms, 20s, 3m or 24h, found 'soon'",
        ),
        ("steps: [{do: fire, at: 1s, zones: []}]", "2: steps[0].zones: expected at least one zone"),
        (
            "steps: [{do: fire, at: 1s, zones: [plaza]}]",
            "2: steps[0].zones[0]: no zone with a fire point 'plaza'",
        ),
        (
            "steps: [{do: gate-stuck, at: 1s, gate: gate-x, lasts: 1m}]",
            "no gate 'gate-x'; did you mean 'gate-s'?",
        ),
        ("steps: [{do: gate-stuck, at: 1s, gate: gate-n}]", "2: steps[0]: lasts is missing"),
        ("steps: [{do: door-opened, at: 1s, door: gate-n}]", "2: steps[0].door: no door 'gate-n'"),
        (
            "steps: [{do: reader-offline, at: 1s, reader: t-ups, lasts: 1m}]",
            "2: steps[0].reader: no reader 't-ups'",
        ),
        (
            "steps: [{do: device-fault, at: 1s, device: cp-club, lasts: 1m}]",
            "2: steps[0].device: no Modbus device 'cp-club'",
        ),
        (
            "steps: [{do: mains-failure, at: 1s, every: 2m, jitter: 1m, lasts: 1m}]",
            "2: steps[0].every: expected more than jitter and duration together, found 2m",
        ),
        (
            "steps: [{do: set-inputs, at: 1s, device: genset-1, inputs: {fuel: 3}}]",
            "2: steps[0].inputs.fuel: the simulated device does not take 3 here",
        ),
        (
            "steps: [{do: set-inputs, at: 1s, device: fire-panel, inputs: {l1d001: smoke}}]",
            "2: steps[0].inputs.l1d001: the simulated device does not take 'smoke' here",
        ),
        ("steps: [{do: earthquake, at: 1s}]", "2: steps[0]: invalid value 'earthquake'"),
        ("steps: [{at: 1s}]", "2: steps[0]: object missing required field do"),
    ],
)
def test_a_mistake_is_named_by_line_and_field(
    scenario: Callable[[str], Scenario], line: str, expected: str
) -> None:
    with pytest.raises(ConfigError) as caught:
        scenario(f"{line}\n")
    assert expected in str(caught.value)


def test_every_mistake_is_named_at_once(scenario: Callable[[str], Scenario]) -> None:
    with pytest.raises(ConfigError) as caught:
        scenario("people:\n  - {person: p-1, at: nowhere}\nsteps:\n  - {do: fire, at: 1s, zones: [b1, b8]}\n")
    assert [(problem.line, problem.field) for problem in caught.value.problems] == [
        (3, "people[0].at"),
        (3, "people[0].person"),
        (5, "steps[0].zones[1]"),
    ]


def test_a_round_that_cannot_be_walked_is_a_mistake(tmp_path: Path) -> None:
    (tmp_path / "site").mkdir()
    (tmp_path / "site" / "site.yaml").write_text(
        "site: islands\nzones: [{id: a, adjacent: {b: 5}}, {id: b, adjacent: {a: 5}}, {id: c}]\n"
        "devices: [{id: cp-b, zone: b, emits: [checkpoint.scan]}, {id: cp-c, zone: c, emits: [checkpoint.scan]}]\n"
        "people: [{id: p-1, cards: [c1]}, {id: p-2}]\n"
        "routes: [{id: r, checkpoints: [{device: cp-b}, {device: cp-c}]}]\n"
    )
    (tmp_path / "scenario.yaml").write_text(
        "scenario: test\npeople:\n  - {person: p-1, at: a, route: r}\n  - {person: p-2, at: a}\n"
    )
    with pytest.raises(ConfigError) as caught:
        load_scenario(tmp_path / "scenario.yaml", load_site(tmp_path / "site"), {})
    assert [str(problem).split("scenario.yaml:")[1] for problem in caught.value.problems] == [
        "3: people[0].route: no way leads from 'b' to checkpoint 'cp-c' in 'c'",
        "4: people[1].person: 'p-2' carries no card to scan with",
    ]
