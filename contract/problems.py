"""Mistakes in files that people write: each named by file, line, field and what was expected."""

import msgspec
from typing_extensions import override


class Problem(msgspec.Struct, frozen=True, order=True):
    """One mistake. `line` counts from 1; `field` is a path such as `zones[2].covers[0]`, empty for the file."""

    file: str
    line: int
    field: str
    message: str

    @override
    def __str__(self) -> str:
        """`file:line: field: message`, the form editors jump to."""
        where = f"{self.file}:{self.line}"
        return f"{where}: {self.field}: {self.message}" if self.field else f"{where}: {self.message}"


class ConfigError(Exception):
    """Files of a site, its rules or its profiles have mistakes; `problems` names every one of them."""

    def __init__(self, problems: list[Problem]) -> None:
        self.problems = sorted(set(problems))
        super().__init__("\n".join(str(problem) for problem in self.problems))
