"""Why a serial port can't be opened, in words for who set it up. Pure."""

import errno
import os
import termios
from typing import Final

OPEN_ERRORS: Final = (OSError, ValueError, OverflowError, termios.error)
"""What pyserial lets through: what is wrong with a port, what it can't set, and what the port's driver won't have."""

_WHY: Final = {
    errno.ENOENT: "there is no such port; is its adapter plugged in?",
    errno.EACCES: "no permission; on most systems the agent's user must be in the group dialout",
    errno.EAGAIN: "another program has it open",
    errno.EBUSY: "another program has it open",
}


def why_not_open(port: str, settings: str, error: Exception) -> str:
    """The reason of one of `OPEN_ERRORS`; `settings` as people write them, such as `9600 8N1`."""
    if isinstance(error, OSError):
        if error.errno is None:
            return f"{port}: {error}"
        # pyserial's message tells the port and the number twice.
        return f"{port}: {_WHY.get(error.errno) or os.strerror(error.errno)}"
    return f"{port} refuses {settings}: {error.args[-1] if error.args else type(error).__name__}"
