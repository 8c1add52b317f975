"""How much a spool may hold, and who is refused first."""

from typing import Final

import msgspec

from contract.batch import Lane

DAY_MS: Final = 86_400_000
MAX_BODY_BYTES: Final = 64 * 1024
"""No row may be bigger: four of them fit a batch with room for its envelope."""


class Limits(msgspec.Struct, frozen=True, kw_only=True):
    """Bounds of a spool.

    `max_bytes` is for everything; `life_reserve` of them the main lane never gets, so that an alarm still finds
    room when readings have filled the rest. `ballast_bytes` is a file that is given up when the disk itself is
    full. `keep_ms`: how long rows are kept after their ack, so that a restored database can be refilled.
    """

    max_bytes: int = 512 * 1024 * 1024
    life_reserve: int = 16 * 1024 * 1024
    ballast_bytes: int = 4 * 1024 * 1024
    keep_ms: int = 7 * DAY_MS

    def room(self, lane: Lane) -> int:
        """Up to how many bytes in use a row of this lane is still taken."""
        return self.max_bytes if lane is Lane.LIFE else self.max_bytes - self.life_reserve
