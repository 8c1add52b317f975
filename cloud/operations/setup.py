"""What people's matters of a site are set up by, read from `config/operations` and the site's own sections."""

from collections.abc import Iterator
from pathlib import Path

import msgspec

from cloud.operations.alarm_kinds import AlarmKinds, load_alarm_kinds
from cloud.operations.check_book import PresencePlan, load_checks
from cloud.operations.plans import Plans, load_plans
from cloud.operations.roster import Rosters, load_rosters
from cloud.operations.telling import Telling, load_telling
from contract.problems import ConfigError, Problem
from contract.site import Site
from contract.yamlfile import unknown_name


class OperationsSetup(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that is given. `seed` is secret: presence checks come when it says."""

    kinds: AlarmKinds = AlarmKinds()
    plans: Plans = {}
    rosters: Rosters | None = None
    telling: Telling = Telling()
    checks: tuple[PresencePlan, ...] = ()
    seed: str = ""


def load_operations(directory: Path, site: Site, seed: str) -> OperationsSetup:
    """The setup of a site.

    Raises:
        ConfigError: Files have mistakes; every one is named with its file and line.
    """
    problems: list[Problem] = []
    kinds = AlarmKinds()
    plans: Plans = {}
    rosters, telling = Rosters(site), Telling()
    checks: tuple[PresencePlan, ...] = ()
    try:
        kinds = load_alarm_kinds(directory / "alarms.yaml")
        plans = load_plans(directory / "plans.yaml")
        problems += _without_plan(kinds, plans, directory / "alarms.yaml")
    except ConfigError as error:
        problems += error.problems
    try:
        rosters = load_rosters(site)
    except ConfigError as error:
        problems += error.problems
    try:
        telling = load_telling(site)
    except ConfigError as error:
        problems += error.problems
    try:
        checks = load_checks(site)
    except ConfigError as error:
        problems += error.problems
    if problems:
        raise ConfigError(problems)
    return OperationsSetup(
        kinds=kinds, plans=plans, rosters=rosters, telling=telling, checks=checks, seed=seed
    )


def _without_plan(kinds: AlarmKinds, plans: Plans, path: Path) -> Iterator[Problem]:
    for kind in kinds.by_id.values():
        if kind.emergency is not None and kind.emergency not in plans:
            message = f"{kind.id}: {unknown_name('emergency', kind.emergency, plans)}"
            yield Problem(str(path), 1, "emergency", message)
