"""Sections of a site's files that only people's matters are read from: rosters, presence checks, who is told."""

from typing import Generic, TypeVar

import msgspec

from contract.problems import Problem
from contract.site import Site
from contract.yamlfile import FieldPath, Located, check

T = TypeVar("T")


class Placed(msgspec.Struct, Generic[T], frozen=True):
    """An item of a section with where it stands."""

    item: T
    located: Located
    path: FieldPath

    def problem(self, message: str, *fields: str | int) -> Problem:
        """A mistake at one of its fields."""
        return self.located.problem((*self.path, *fields), message)


def read_list(site: Site, section: str, model: type[T]) -> tuple[list[Placed[T]], list[Problem]]:
    """The items of a list that may stand in any of the site's files, and every mistake in them."""
    found: list[Placed[T]] = []
    problems: list[Problem] = []
    for located in site.own_sections:
        items = located.value.get(section)
        if items is None:
            continue
        if not isinstance(items, list):
            problems.append(located.problem((section,), "expected a list"))
            continue
        for index, item in enumerate(items):
            path: FieldPath = (section, index)
            mistakes = check(located, model, path)
            problems += mistakes
            if not mistakes:
                found.append(Placed(msgspec.convert(item, model), located, path))
    return found, problems


def read_one(site: Site, section: str, model: type[T]) -> tuple[Placed[T] | None, list[Problem]]:
    """A section that stands in one of the site's files at most, and every mistake in it."""
    holding = [located for located in site.own_sections if section in located.value]
    if not holding:
        return None, []
    path: FieldPath = (section,)
    if len(holding) > 1:
        others = " and ".join(located.file for located in holding[1:])
        return None, [holding[0].problem(path, f"stands in {others} too")]
    problems = check(holding[0], model, path)
    if problems:
        return None, problems
    return Placed(msgspec.convert(holding[0].value[section], model), holding[0], path), []
