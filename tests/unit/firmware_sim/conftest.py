"""The demo site and its scenarios, as the world's tests use them."""

from collections.abc import Callable
from pathlib import Path
from random import Random

import pytest

from contract.profile.load import site_profiles
from contract.profile.model import Profile
from contract.site import Site
from contract.site_files import load_site
from firmware_sim.scenario import Scenario
from firmware_sim.scenario_file import load_scenario
from firmware_sim.world.effects import Effect, Happened
from firmware_sim.world.world import World

CONFIG = Path(__file__).parents[3] / "config"


@pytest.fixture(scope="session")
def demo() -> Site:
    return load_site(CONFIG / "sites" / "demo")


@pytest.fixture(scope="session")
def profiles(demo: Site) -> dict[str, Profile]:
    return site_profiles(demo, CONFIG / "sites" / "demo")


@pytest.fixture(scope="session")
def shipped(demo: Site, profiles: dict[str, Profile]) -> Callable[[str], Scenario]:
    """A scenario that comes with the program, for the demo site."""
    return lambda name: load_scenario(CONFIG / "scenarios" / f"{name}.yaml", demo, profiles)


@pytest.fixture
def scenario(demo: Site, profiles: dict[str, Profile], tmp_path: Path) -> Callable[[str], Scenario]:
    """A scenario from what follows its name in the file."""

    def load(text: str) -> Scenario:
        path = tmp_path / "scenario.yaml"
        path.write_text(f"scenario: test\n{text}", "utf-8")
        return load_scenario(path, demo, profiles)

    return load


@pytest.fixture
def live(demo: Site) -> Callable[..., list[Effect]]:
    """What a scenario brings about in so many minutes."""

    def run(scenario: Scenario, minutes: float = 10, seed: int | None = None) -> list[Effect]:
        world = World(demo, scenario, Random(scenario.seed if seed is None else seed))
        return world.update(round(minutes * 60_000))

    return run


@pytest.fixture
def happened(live: Callable[..., list[Effect]]) -> Callable[..., list[Happened]]:
    """The same, physical events only."""

    def run(scenario: Scenario, minutes: float = 10, seed: int | None = None) -> list[Happened]:
        return [effect for effect in live(scenario, minutes, seed) if isinstance(effect, Happened)]

    return run
