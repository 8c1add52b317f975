"""Free ports of this machine."""

import itertools
import random
import socket
from typing import Final

_LOWEST: Final = 15_000
_COUNT: Final = 15_000
"""Below the range (32768 and up on Linux, 49152 elsewhere) from which outgoing connections take their own end:
a server that starts a moment later, or again, would find its port taken by a client."""

_candidates = (
    _LOWEST + number % _COUNT for number in itertools.count(random.SystemRandom().randrange(_COUNT))
)


def free_port(preferred: int = 0) -> int:
    """`preferred` on the loopback address when nobody listens there, else a free port.

    No port is given twice in one process, so that several can be chosen before the first is used.

    Raises:
        OSError: None is free.
    """
    if preferred and _is_free(preferred):
        return preferred
    for port in itertools.islice(_candidates, _COUNT):
        if _is_free(port):
            return port
    raise OSError("no free port on the loopback address")


def is_listening(port: int) -> bool:
    """Whether somebody accepts connections on that port of the loopback address."""
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex(("127.0.0.1", port)) == 0


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True
