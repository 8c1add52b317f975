"""The `sitewarden` command: finds the part that is asked for, and imports no other."""

import importlib
import sys
from typing import Final

PROCESSES: Final = {"edge": "edge.__main__", "cloud": "cloud.__main__", "sim": "firmware_sim.__main__"}
"""Subcommands that are processes with a command line of their own: an edge box must not pay for the rest."""

TOOLS: Final = {
    ("edge", "probe"): "sitewarden.commission",
    ("edge", "scan"): "sitewarden.commission",
    ("edge", "check"): "sitewarden.commission",
    ("edge", "import"): "sitewarden.commission",
    ("edge", "import-parts"): "sitewarden.commission",
    ("sim", "run"): "sitewarden.rehearsal.command",
}
"""What a person uses beside the processes themselves."""


def main() -> None:
    """Runs the command line of this process and exits with its status."""
    name = sys.argv[1] if len(sys.argv) > 1 else ""
    try:
        if tool := TOOLS.get((name, sys.argv[2] if len(sys.argv) > 2 else "")):
            sys.argv[:2] = [f"sitewarden {name}"]
            importlib.import_module(tool).app(prog_name=f"sitewarden {name}")
        if name in PROCESSES:
            sys.argv[:2] = [f"sitewarden {name}"]
            sys.exit(importlib.import_module(PROCESSES[name]).main())
        importlib.import_module("sitewarden.cli").app(prog_name="sitewarden")
    except ModuleNotFoundError as error:
        if error.name is None or error.name.split(".")[0] in {"edge", "cloud", "firmware_sim", "sitewarden"}:
            raise
        extra = name if name in PROCESSES else "demo"
        sys.exit(f"{error.name} is missing: install the extra `{extra}` (pip install 'sitewarden[{extra}]')")


if __name__ == "__main__":
    main()
