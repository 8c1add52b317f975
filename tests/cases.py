"""How many cases a property test tries: a share of one setting, so that a longer run is longer for all of them."""

import os
from typing import Any

from hypothesis import settings

LONG = int(os.environ.get("SITEWARDEN_CASES", "0"))
"""The cases of a long run; 0: this is none."""


def sized(share: float, *, long: float | None = None, **others: Any) -> settings:
    """Settings for a share of the cases that the profile asks for (see `conftest.py`).

    Args:
        share: Of the profile's cases, for tests whose single case takes longer or shorter than others'.
        long: The share in a long run, where it is another: a case is a story of seconds.
        others: Further settings.
    """
    share = share if long is None or not LONG else long
    return settings(max_examples=max(1, round(settings().max_examples * share)), **others)
