"""The only place of the command that reads the environment."""

import os
from collections.abc import Mapping


def environment(extra: Mapping[str, str]) -> dict[str, str]:
    """This process's environment with some more in it, for a child."""
    return {**os.environ, **extra}
