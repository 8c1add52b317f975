"""How much may be uploaded: so many at once, so many bytes a day of one client and for one site."""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from starlette.exceptions import HTTPException

MOST_AT_ONCE: Final = 8
MOST_OF_CLIENT: Final = 1024 * 1024 * 1024
"""Bytes a day; some hundreds of photos."""
MOST_FOR_SITE: Final = 8 * MOST_OF_CLIENT
_DAY_MS: Final = 86_400_000


class Uploads:
    """Counts what this process takes."""

    def __init__(self) -> None:
        self._running = 0
        self._day = 0
        self._taken: Counter[tuple[str, str]] = Counter()

    @contextmanager
    def place(self, site: str, client: str, now: int) -> Iterator[None]:
        """Hold a place while a file is taken.

        Raises:
            HTTPException: 503: too many are on their way; 429: the client or the site has had its share of the day.
        """
        if now // _DAY_MS != self._day:
            self._day = now // _DAY_MS
            self._taken.clear()
        if self._running >= MOST_AT_ONCE:
            raise HTTPException(503, f"{MOST_AT_ONCE} files are on their way already; try again soon")
        if self._taken[site, client] >= MOST_OF_CLIENT or self._taken[site, ""] >= MOST_FOR_SITE:
            raise HTTPException(
                429, "no more files are taken today: the share of this client or site is used up"
            )
        self._running += 1
        try:
            yield
        finally:
            self._running -= 1

    def took(self, site: str, client: str, size: int) -> None:
        """Count a file."""
        self._taken[site, client] += size
        self._taken[site, ""] += size
