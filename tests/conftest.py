"""What is tried first, and Hypothesis profiles.

`dev` draws anew each time, `ci` draws the same always, `long` as many as `SITEWARDEN_CASES` says; a test that tries
more or fewer than others takes its share of that (`tests/cases.py`).
"""

import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, settings

from tests.cases import LONG

SLOW = [HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much]
# Explaining a failure traces every line of it: a failure would end in a timeout that says nothing.
PHASES = [Phase.explicit, Phase.reuse, Phase.generate, Phase.shrink]

settings.register_profile("dev", deadline=None, max_examples=100, suppress_health_check=SLOW, phases=PHASES)
settings.register_profile("ci", parent=settings.get_profile("dev"), derandomize=True, max_examples=120)
if LONG:
    settings.register_profile("long", parent=settings.get_profile("dev"), max_examples=LONG)
settings.load_profile("long" if LONG else "ci" if os.environ.get("CI") else "dev")

SHRINKING_S = 900
"""A property has 300 s to find a failure, and after that Hypothesis takes up to 300 s to make its case small: whoever
ends it before says nothing. In a long run nothing ends it."""

# Files are dealt out in this order: what waits for real processes first, so that none of it is left for the end.
SLOW_FIRST = ("acceptance", "browser", "fault", "integration", "simulation", "properties")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Slow folders before the others; within a folder nothing changes. Properties have the time to name their case."""
    here = Path(__file__).parent

    def place(item: pytest.Item) -> int:
        folder = item.path.relative_to(here).parts[0]
        return SLOW_FIRST.index(folder) if folder in SLOW_FIRST else len(SLOW_FIRST)

    items.sort(key=place)
    for item in items:
        own = item.get_closest_marker("timeout") or LONG
        if not own and getattr(getattr(item, "obj", None), "is_hypothesis_test", False):
            item.add_marker(pytest.mark.timeout(SHRINKING_S))
