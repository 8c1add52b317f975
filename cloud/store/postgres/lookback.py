"""Spans of time in which to look for the newest rows: short ones first, since nearly always they are enough. Pure.

The index on the time of events finds a span, not an order; so a page is put together from spans.
"""

from collections.abc import Iterator
from typing import Final

_FIRST_MS: Final = 60_000
_GROWTH: Final = 8
_MOST_MS: Final = 400 * 86_400_000

Span = tuple[int | None, int | None]


def spans(since: int | None, until: int | None, now: int) -> Iterator[Span]:
    """`(start, end)` with `start <= at < end`, the newest first: together just `since <= at < until`.

    Each span is longer than the one before; after about a year the rest is one. None is an open end.
    """
    end, start, length = until, now if until is None else min(now, until), _FIRST_MS
    while length < _MOST_MS:
        start -= length
        if since is not None and start <= since:
            break
        yield start, end
        end, length = start, length * _GROWTH
    yield since, end
