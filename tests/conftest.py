"""What is tried first, and Hypothesis profiles.

`dev` draws anew each time, `ci` draws the same always, `long` as many as `SITEWARDEN_CASES` says.
"""

import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, settings

SLOW = [HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much]
# Explaining a failure traces every line of it: a failure would end in a timeout that says nothing.
PHASES = [Phase.explicit, Phase.reuse, Phase.generate, Phase.shrink]

settings.register_profile("dev", deadline=None, max_examples=100, suppress_health_check=SLOW, phases=PHASES)
settings.register_profile("ci", parent=settings.get_profile("dev"), derandomize=True, max_examples=120)
cases = int(os.environ.get("SITEWARDEN_CASES", "0"))
if cases:
    settings.register_profile("long", parent=settings.get_profile("dev"), max_examples=cases)
settings.load_profile("long" if cases else "ci" if os.environ.get("CI") else "dev")

# Files are dealt out in this order: what waits for real processes first, so that none of it is left for the end.
SLOW_FIRST = ("acceptance", "browser", "fault", "integration", "simulation", "properties")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Slow folders before the others; within a folder nothing changes."""
    here = Path(__file__).parent

    def place(item: pytest.Item) -> int:
        folder = item.path.relative_to(here).parts[0]
        return SLOW_FIRST.index(folder) if folder in SLOW_FIRST else len(SLOW_FIRST)

    items.sort(key=place)
