"""What is done at each kind of emergency, step by step: `config/operations/plans.yaml`. Source: S 5.11.2."""

from collections.abc import Iterator, Mapping
from pathlib import Path

import msgspec

from contract.problems import ConfigError, Problem
from contract.site import Id, Text
from contract.yamlfile import Located, convert, load_yaml


class PlanStep(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One step, in the words that are read out. `needed`: leaving it out is told to the supervisor."""

    id: Id
    text: Text
    needed: bool = True


class Plan(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The steps of a kind of emergency, in order."""

    emergency: Id
    name: Text
    steps: tuple[PlanStep, ...]


class PlansFile(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What the file holds."""

    plans: tuple[Plan, ...]


Plans = Mapping[str, Plan]
"""By emergency."""


def load_plans(path: Path) -> Plans:
    """The plans of a file.

    Raises:
        ConfigError: It has mistakes; every one is named with its line.
    """
    located = load_yaml(path)
    plans = convert(located, PlansFile).plans
    problems = list(_twice(plans, located))
    if problems:
        raise ConfigError(problems)
    return {plan.emergency: plan for plan in plans}


def _twice(plans: tuple[Plan, ...], located: Located) -> Iterator[Problem]:
    seen: set[str] = set()
    for index, plan in enumerate(plans):
        if plan.emergency in seen:
            yield located.problem(("plans", index, "emergency"), f"{plan.emergency!r} has a plan already")
        seen.add(plan.emergency)
        steps = [step.id for step in plan.steps]
        for number, step in enumerate(steps):
            if step in steps[:number]:
                path = ("plans", index, "steps", number, "id")
                yield located.problem(path, f"{step!r} is already the id of another step")
