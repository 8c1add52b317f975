"""Reading a scenario for a site: its shape and its names, every mistake at once."""

import math
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path

from contract.problems import ConfigError
from contract.profile.model import Profile
from contract.site import Site
from contract.site_files import shipped_config
from contract.yamlfile import FieldPath, convert, load_yaml, unknown_name
from firmware_sim.device.catalogue import played
from firmware_sim.scenario import (
    Actor,
    AnyStep,
    Behaviour,
    Between,
    DeviceFault,
    DoorOpened,
    Fire,
    GateStuck,
    MainsFailure,
    ReaderClock,
    ReaderOffline,
    ReaderRepeats,
    Scenario,
    SetInputs,
    ms,
)
from firmware_sim.world.field import Field, read_field
from firmware_sim.world.graph import Graph

Mistake = tuple[FieldPath, str]


def find_scenario(name: str, site_dir: Path) -> Path:
    """A scenario's file: as named, or by its id from beside the sites or from what came with the program."""
    if name.endswith((".yaml", ".yml")):
        return Path(name)
    beside = site_dir.parent.parent / "scenarios" / f"{name}.yaml"
    return beside if beside.is_file() else shipped_config() / "scenarios" / f"{name}.yaml"


def load_scenario(path: Path, site: Site, profiles: Mapping[str, Profile]) -> Scenario:
    """The scenario that a file describes for a site.

    Raises:
        ConfigError: The file has mistakes or names what the site does not have; every one is named.
    """
    located = load_yaml(path)
    scenario = convert(located, Scenario)
    problems = [located.problem(where, message) for where, message in _mistakes(scenario, site, profiles)]
    if problems:
        raise ConfigError(problems)
    return scenario


def _mistakes(scenario: Scenario, site: Site, profiles: Mapping[str, Profile]) -> Iterator[Mistake]:
    yield from _behaviour(scenario.behaviour, ("behaviour",))
    yield from _calls(scenario, site)
    for index, actor in enumerate(scenario.people):
        yield from _actor(actor, site, ("people", index))
    field = read_field(site)
    for index, step in enumerate(scenario.steps):
        yield from _repeats(step, ("steps", index))
        yield from _step(step, field, ("steps", index))
        if isinstance(step, SetInputs) and step.device in field.simulated:
            yield from _inputs(step, site, profiles, ("steps", index, "inputs"))


def _calls(scenario: Scenario, site: Site) -> Iterator[Mistake]:
    roles = {role for person in site.file.people for role in person.roles}
    for kind, call, cause in (
        ("fire", scenario.calls.fire, Fire),
        ("mains", scenario.calls.mains, MainsFailure),
    ):
        if any(isinstance(step, cause) for step in scenario.steps):
            yield from _known("role", call.role, roles, ("calls", kind, "role"))


def _behaviour(behaviour: Behaviour, path: FieldPath) -> Iterator[Mistake]:
    for name in ("reaction", "dwell", "stays", "rest"):
        between: Between = getattr(behaviour, name)
        if ms(between.least) > ms(between.most):
            yield (*path, name), f"least ({between.least}) is more than most ({between.most})"


def _actor(actor: Actor, site: Site, path: FieldPath) -> Iterator[Mistake]:
    people = [person.id for person in site.file.people]
    yield from _known("person", actor.person, people, (*path, "person"))
    if actor.person in people and not site.people[actor.person].cards:
        yield (*path, "person"), f"{actor.person!r} carries no card to scan with"
    yield from _known("zone", actor.at, site.zones, (*path, "at"))
    if actor.route is not None:
        yield from _known("route", actor.route, [r.id for r in site.file.routes], (*path, "route"))
        if actor.at in site.zones:
            yield from _way(actor, site, (*path, "route"))
    if actor.behaviour is not None:
        yield from _behaviour(actor.behaviour, (*path, "behaviour"))


def _way(actor: Actor, site: Site, path: FieldPath) -> Iterator[Mistake]:
    """Whether the actor's round can be walked from where they are."""
    graph, readers = Graph(site), read_field(site).readers
    here = actor.at
    for leg in (leg for route in site.file.routes if route.id == actor.route for leg in route.checkpoints):
        zone = readers.get(leg.device)
        if zone is None:
            yield path, f"checkpoint {leg.device!r} is no reader in a zone"
        elif graph.seconds(here, zone) == math.inf:
            yield path, f"no way leads from {here!r} to checkpoint {leg.device!r} in {zone!r}"
        else:
            here = zone


def _repeats(step: AnyStep, path: FieldPath) -> Iterator[Mistake]:
    if step.every is None:
        return
    taken = ms(step.jitter) + (0 if isinstance(step, SetInputs) else ms(step.lasts))
    if ms(step.every) <= taken:
        yield (*path, "every"), f"expected more than jitter and duration together, found {step.every}"


def _step(step: AnyStep, field: Field, path: FieldPath) -> Iterator[Mistake]:
    match step:
        case Fire():
            if not step.zones:
                yield (*path, "zones"), "expected at least one zone"
            for index, zone in enumerate(step.zones):
                yield from _known("zone with a fire point", zone, field.fire_points, (*path, "zones", index))
        case MainsFailure():
            if not field.mains:
                yield path, "no device of the site watches the mains"
        case GateStuck():
            yield from _known("gate", step.gate, field.having("gate.released"), (*path, "gate"))
        case DoorOpened():
            yield from _known("door", step.door, field.having("door.opened"), (*path, "door"))
        case ReaderOffline() | ReaderClock() | ReaderRepeats():
            yield from _known("reader", step.reader, field.readers, (*path, "reader"))
        case DeviceFault() | SetInputs():
            faulty = isinstance(step, DeviceFault)
            known, what = (field.modbus, "Modbus") if faulty else (field.simulated, "simulated")
            yield from _known(f"{what} device", step.device, known, (*path, "device"))


def _inputs(
    step: SetInputs, site: Site, profiles: Mapping[str, Profile], path: FieldPath
) -> Iterator[Mistake]:
    """Whether the simulated device takes the inputs: tried on one of its kind."""
    simulated = played(site.devices[step.device], profiles, site)
    if simulated is None:
        return
    for name, value in step.inputs.items():
        try:
            simulated.update(0, {name: value})
        except (KeyError, ValueError):
            yield (*path, name), f"the simulated device does not take {value!r} here"


def _known(what: str, name: str, known: Collection[str], path: FieldPath) -> Iterator[Mistake]:
    if name not in known:
        yield path, unknown_name(what, name, sorted(known))
