"""Whether the spool has room for what comes in: said when that changes, and again as long as it has none. Pure."""

from collections.abc import Mapping
from typing import Final

from contract.events import SPOOL_FULL

AGAIN_MS: Final = 300_000
"""A full disk is told of so often: the cloud lets the trouble go when it hears of it no more."""


class Room:
    """Times are boot clock ms."""

    def __init__(self) -> None:
        self._full_since: int | None = None
        self._told_at: int | None = None

    def judge(self, now: int, *, refused: bool, takes_all: bool) -> Mapping[str, str | int]:
        """What to say of the spool after rows were appended; nothing for nothing new.

        `refused`: some of them were; `takes_all`: all were kept, rows of the lane that is refused first among them.
        """
        if refused:
            self._full_since = now if self._full_since is None else self._full_since
            if self._told_at is not None and now - self._told_at < AGAIN_MS:
                return {}
            self._told_at = now
            return {"what": SPOOL_FULL, "state": "active"}
        if self._full_since is None or not takes_all:
            return {}
        told: dict[str, str | int] = {
            "what": SPOOL_FULL,
            "state": "cleared",
            "for_ms": now - self._full_since,
        }
        self._full_since = self._told_at = None
        return told

    def not_told(self) -> None:
        """There was no room even for that: it is said with the next refusal."""
        self._told_at = None
