"""What people's matters of a site are set up by, read from `config/operations` and the site's own sections."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeVar

import msgspec

from cloud.operations.alarm_kinds import AlarmKinds, load_alarm_kinds
from cloud.operations.check_book import PresencePlan, load_checks
from cloud.operations.checklist import Checklists, load_checklists
from cloud.operations.order_kinds import OrderKinds, load_order_kinds
from cloud.operations.plans import Plans, load_plans
from cloud.operations.roster import Rosters, load_rosters
from cloud.operations.screen import Watch, load_watch
from cloud.operations.telling import Telling, load_telling
from cloud.operations.upkeep import Upkeeps, load_upkeep
from contract.problems import ConfigError, Problem
from contract.site import Site
from contract.yamlfile import unknown_name

T = TypeVar("T")


class OperationsSetup(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that is given. `seed` is secret: presence checks come when it says."""

    kinds: AlarmKinds = AlarmKinds()
    plans: Plans = {}
    rosters: Rosters | None = None
    telling: Telling = Telling()
    checks: tuple[PresencePlan, ...] = ()
    order_kinds: OrderKinds = {}
    checklists: Checklists = {}
    upkeep: Upkeeps = {}
    watch: Watch | None = None
    seed: str = ""


def load_operations(directory: Path, site: Site, seed: str) -> OperationsSetup:
    """The setup of a site.

    Raises:
        ConfigError: Files have mistakes; every one is named with its file and line.
    """
    read = _Reading()
    kinds = read.part(lambda: load_alarm_kinds(directory / "alarms.yaml"), AlarmKinds())
    plans: Plans = read.part(lambda: load_plans(directory / "plans.yaml"), {})
    checklists: Checklists = read.part(lambda: load_checklists(directory / "checklists.yaml"), {})
    order_kinds: OrderKinds = read.part(lambda: load_order_kinds(directory / "orders.yaml", checklists), {})
    if not read.problems:
        read.problems += _without_plan(kinds, plans, directory / "alarms.yaml")
    setup = OperationsSetup(
        kinds=kinds,
        plans=plans,
        rosters=read.part(lambda: load_rosters(site), Rosters(site)),
        telling=read.part(lambda: load_telling(site), Telling()),
        checks=read.part(lambda: load_checks(site), ()),
        order_kinds=order_kinds,
        checklists=checklists,
        upkeep=read.part(lambda: load_upkeep(site, order_kinds, checklists), {}),
        watch=read.part(lambda: load_watch(site), None),
        seed=seed,
    )
    if read.problems:
        raise ConfigError(read.problems)
    return setup


class _Reading:
    """Reads part after part and gathers the mistakes of all."""

    def __init__(self) -> None:
        self.problems: list[Problem] = []

    def part(self, load: Callable[[], T], otherwise: T) -> T:
        """What is loaded, or something to go on with."""
        try:
            return load()
        except ConfigError as error:
            self.problems += error.problems
            return otherwise


def _without_plan(kinds: AlarmKinds, plans: Plans, path: Path) -> Iterator[Problem]:
    for kind in kinds.by_id.values():
        if kind.emergency is not None and kind.emergency not in plans:
            message = f"{kind.id}: {unknown_name('emergency', kind.emergency, plans)}"
            yield Problem(str(path), 1, "emergency", message)
