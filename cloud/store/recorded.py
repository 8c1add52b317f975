"""A span of a site's past as it is stored, ready to be judged again."""

from collections.abc import AsyncIterator, Iterable

from cloud.correlation.lines import Received, Recording
from cloud.correlation.verdict import Outcome, Verdict
from cloud.store.base import WITHHELD, StoredEvent
from cloud.store.reads import MOST_ROWS, EventKey, EventQuery, Reader, VerdictKey, VerdictQuery

LOOK_BACK_MS = 86_400_000
"""Events so long before the span are read too: somebody who came a minute earlier is there."""


async def recorded(
    reader: Reader, site: str, points: Iterable[tuple[str, str]], since: int, until: int
) -> Recording:
    """Events, good readings of `points`, blind spans and watermarks of `[since, until)`, and events a day before it.

    Raises:
        StoreUnavailableError: The database can't be reached.
    """
    found = Recording()
    async for stored in _events(reader, site, since - LOOK_BACK_MS, until):
        if not stored.flags & WITHHELD:
            event = stored.event
            found.events[event.device, event.seq] = Received(event, stored.received_at)
    for device, point, at, value in await reader.past_readings(
        site, sorted(points), since - LOOK_BACK_MS, until
    ):
        found.readings.setdefault((device, point), []).append((at, value, at))
    for row in await reader.blind(site, since - LOOK_BACK_MS):
        found.blind.setdefault(row.device, set()).add((row.start, row.end))
    for health in await reader.devices(site):
        found.complete[health.device] = health.complete_to or 0
    found.first, found.last = since, until - 1
    return found


async def _events(reader: Reader, site: str, since: int, until: int) -> AsyncIterator[StoredEvent]:
    before: EventKey | None = None
    more = True
    while more:
        query = EventQuery(site=site, since=since, until=until, before=before, limit=MOST_ROWS)
        page = await reader.events(query)
        for stored in page.rows:
            yield stored
        more = page.more
        if page.rows:
            event = page.rows[-1].event
            before = (event.at, event.device, event.seq)


async def stored_verdicts(reader: Reader, site: str, since: int, until: int) -> list[Verdict]:
    """The newest revision of each episode with `since <= opened_at < until`, and the states that ended in time."""
    told = await _verdicts(reader, site, since, until, ())
    void = await _verdicts(reader, site, since, until, (Outcome.VOID,))
    return told + [one for one in void if one.is_kept]


async def _verdicts(
    reader: Reader, site: str, since: int, until: int, outcomes: tuple[str, ...]
) -> list[Verdict]:
    found: list[Verdict] = []
    before: VerdictKey | None = None
    more = True
    while more:
        query = VerdictQuery(
            site=site, since=since, until=until, before=before, outcomes=outcomes, limit=MOST_ROWS
        )
        page = await reader.verdicts(query)
        found += [row.revised.verdict for row in page.rows]
        more = page.more
        if found:
            last = found[-1]
            before = (last.opened_at, last.rule, last.key)
    return found
