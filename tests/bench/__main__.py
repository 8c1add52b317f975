"""`make bench`: runs every `bench_*.py` beside this file, prints a table, writes `bench-results.json`.

Each has `run(scale) -> list[dict]` with `name`, `value` and `unit`. `python -m tests.bench NAME [--scale 0.1]`
runs those whose file name contains NAME. Figures are for comparing on one machine; nothing fails on them.
"""

import argparse
import importlib.util
import json
import os
import platform
import sys
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

HERE = Path(__file__).parent
RESULTS = HERE.parents[1] / "bench-results.json"


def machine() -> dict[str, Any]:
    """What the figures depend on."""
    return {
        "python": platform.python_version(),
        "system": platform.platform(),
        "processor": _processor(),
        "cores": os.cpu_count(),
        "memory_gib": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30, 1),
    }


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text("utf-8").splitlines()
    except OSError:
        return platform.processor()
    return next((line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")), "unknown")


def run_file(path: Path, scale: float) -> list[dict[str, Any]]:
    """What one bench file measures."""
    spec = importlib.util.spec_from_file_location(path.stem, path)
    if spec is None or spec.loader is None:
        raise ImportError(f"can't load {path}")
    module = importlib.util.module_from_spec(spec)
    sys.modules[path.stem] = module
    spec.loader.exec_module(module)
    found: list[dict[str, Any]] = module.run(scale)
    return found


def main() -> None:
    """Runs them and shows the figures."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("only", nargs="*", help="parts of file names; default: all")
    arguments.add_argument("--scale", type=float, default=1.0, help="size of the loads; 1 is the full size")
    chosen = arguments.parse_args()
    console = Console()
    results: list[dict[str, Any]] = []
    for path in sorted(HERE.glob("bench_*.py")):
        if not chosen.only or any(part in path.stem for part in chosen.only):
            console.print(f"running {path.stem} …", style="dim")
            results += run_file(path, chosen.scale)
    table = Table("figure", "value", "unit")
    for row in results:
        value = row["value"]
        table.add_row(row["name"], f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}", row["unit"])
    console.print(table)
    RESULTS.write_text(
        json.dumps({"machine": machine(), "scale": chosen.scale, "results": results}, indent=2) + "\n"
    )
    console.print(f"written to {RESULTS.name}")


if __name__ == "__main__":
    main()
