"""Hypothesis profiles: `dev` draws anew each time, `ci` draws the same always, `long` as many as `SITEWARDEN_CASES` says."""

import os

from hypothesis import HealthCheck, settings

SLOW = [HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much]

settings.register_profile("dev", deadline=None, max_examples=100, suppress_health_check=SLOW)
settings.register_profile("ci", parent=settings.get_profile("dev"), derandomize=True, max_examples=300)
cases = int(os.environ.get("SITEWARDEN_CASES", "0"))
if cases:
    settings.register_profile("long", parent=settings.get_profile("dev"), max_examples=cases)
settings.load_profile("long" if cases else "ci" if os.environ.get("CI") else "dev")
