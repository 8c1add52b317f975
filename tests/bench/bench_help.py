"""Processor time of every command's help, the worst of three each: what a person waits for at a prompt."""

import resource
import subprocess
import sys
from typing import Any

from tests.integration.command.test_help import COMMANDS


def run(scale: float) -> list[dict[str, Any]]:
    """The slowest help, and that of the command itself; 0.4 s is what may be spent."""
    times = {words: max(spent(words) for _ in range(max(1, round(3 * scale)))) for words in COMMANDS}
    slowest = max(times, key=lambda words: times[words])
    return [
        {"name": "help: sitewarden --help", "value": times[()], "unit": "s of processor"},
        {
            "name": f"help: slowest (sitewarden {' '.join(slowest)} --help)",
            "value": times[slowest],
            "unit": "s of processor",
        },
    ]


def spent(words: tuple[str, ...]) -> float:
    """User and system time of one call, in seconds."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(
        [sys.executable, "-m", "sitewarden", *words, "--help"], stdout=subprocess.DEVNULL, check=True
    )
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return round(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, 3)
