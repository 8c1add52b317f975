"""The oracle of end-to-end tests: every physical event that the world made, one JSON object a line, on disk at once.

`{"at":1764547200000,"device":"cp-b1-03","type":"checkpoint.scan","zone":"b1","person":"card:8812331","data":{}}`
with `at` in ms since the epoch by this machine's clock. What a device does by itself (a generator that starts)
is not in it: it follows from what is.
"""

from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

import msgspec

from firmware_sim.world.effects import Happened


class Trace:
    """A file of events; `wall` maps the world's time to ms since the epoch."""

    def __init__(self, path: Path, wall: Callable[[int], int]) -> None:
        self._file: BinaryIO = path.open("ab", buffering=0)
        self._wall = wall

    def write(self, event: Happened) -> None:
        """Append one event."""
        told = msgspec.structs.replace(event, at=self._wall(event.at))
        self._file.write(msgspec.json.encode(told) + b"\n")

    def close(self) -> None:
        """Close the file."""
        self._file.close()
