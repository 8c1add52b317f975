"""The `sitewarden` command: finds the part that is asked for, and imports no other."""

import importlib
import itertools
import sys
from typing import Final

PROCESSES: Final = {"edge": "edge.__main__", "cloud": "cloud.__main__", "sim": "firmware_sim.__main__"}
"""Subcommands that are processes with a command line of their own: an edge box must not pay for the rest."""

TOOLS: Final[dict[tuple[str, ...], str]] = {
    ("edge", "probe"): "sitewarden.edge_cli",
    ("edge", "scan"): "sitewarden.edge_cli",
    ("edge", "check"): "sitewarden.edge_cli",
    ("edge", "import"): "sitewarden.edge_cli",
    ("edge", "import-parts"): "sitewarden.edge_cli",
    ("sim", "run"): "sitewarden.sim_cli",
}
"""What a person uses beside the processes themselves."""

GROUPS: Final = {"config", "desk", "profile", "rules"}
"""Subcommands that have subcommands."""

EXTRAS: Final[dict[tuple[str, ...], str]] = {
    ("edge",): "edge",
    ("profile",): "edge",
    ("cloud",): "cloud",
    ("sim",): "sim",
    ("sim", "run"): "cloud,sim",
    ("config",): "edge,cloud,sim",
    ("demo",): "demo",
}
"""The extras that commands need, by how they begin; the others look at records, as the cloud does."""


def main() -> None:
    """Runs the command line of this process and exits with its status."""
    words = tuple(itertools.takewhile(lambda word: word[:1] not in {"", "-"}, sys.argv[1:3]))
    name = words[0] if words else ""
    try:
        if tool := TOOLS.get(words):
            sys.argv[:2] = [f"sitewarden {name}"]
            importlib.import_module(tool).app(prog_name=f"sitewarden {name}")
        if name in PROCESSES:
            sys.argv[:2] = [f"sitewarden {name}"]
            sys.exit(importlib.import_module(PROCESSES[name]).main())
        importlib.import_module("sitewarden.cli").app(prog_name="sitewarden")
    except ModuleNotFoundError as error:
        if error.name is None or error.name.split(".")[0] in {"edge", "cloud", "firmware_sim", "sitewarden"}:
            raise
        asked = " ".join(["sitewarden", *words[: 2 if words[:2] in TOOLS or name in GROUPS else 1]])
        extras = extras_of(words)
        sys.exit(
            f"`{asked}` needs {error.name}, which is not here: install it with pip install 'sitewarden[{extras}]'"
        )


def extras_of(words: tuple[str, ...]) -> str:
    """The extras that a command needs, as pip takes them; the longest beginning decides."""
    known = (EXTRAS[words[:length]] for length in range(len(words), 0, -1) if words[:length] in EXTRAS)
    return next(known, "cloud")


if __name__ == "__main__":
    main()
