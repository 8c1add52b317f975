"""`/api/v1/sites/…`: what is measured now, and the curves of it."""

from typing import Annotated, Final

import msgspec
from fastapi import APIRouter, Query

from cloud.review.curves import origin_for, step_for
from cloud.store.reads import CurveQuery
from cloud.web.context import Context, InContext, OfSite
from cloud.web.lists import MOST_MS, Name, unusable
from cloud.web.models import Listed
from cloud.web.problems import PROBLEMS
from cloud.web.telemetry_models import CurveView, GapView, ValueView

router = APIRouter(prefix="/api/v1/sites", tags=["telemetry"], responses=PROBLEMS)

_Time = Annotated[int, Query(ge=0, le=MOST_MS, description="ms since the epoch, UTC")]
LONGEST_MS: Final = 20 * 366 * 86_400_000


@router.get("/{site}/values")
async def read_values(site: OfSite, context: InContext, device: Name | None = None) -> Listed[ValueView]:
    """The newest reading of each point, by device and point."""
    now = context.clocks.now()
    views = [
        ValueView(
            device=row.device,
            point=row.point,
            unit=site.unit(row.device, row.point),
            at=row.at,
            received_at=row.received_at,
            value=row.value,
            quality=str(row.quality),
            age_ms=max(0, now - row.at),
        )
        for row in await context.reader.latest_readings(site.id)
        if device is None or row.device == device
    ]
    return Listed(items=views, now=now)


@router.get("/{site}/readings")
async def read_readings(
    site: OfSite,
    context: InContext,
    device: Name,
    point: Name,
    since: _Time,
    until: _Time,
    buckets: Annotated[int, Query(ge=10, le=2_000)] = 600,
) -> CurveView:
    """A point's good readings of a period: each of them where they are no more than `buckets`, else in bins."""
    if not since < until <= since + LONGEST_MS:
        raise unusable("since", "expected before until, by 20 years at the most")
    query = CurveQuery(site=site.id, device=device, point=point, since=since, until=until, limit=buckets + 1)
    rows = await context.reader.curve(query)
    if len(rows) > buckets:
        step, origin = step_for(until - since, buckets), origin_for(since, site.timezone)
        query = msgspec.structs.replace(query, step=step, origin=origin)
        rows = await context.reader.curve(query)
    gaps, complete_to = await _known(context, query)
    return CurveView(
        device=device,
        point=point,
        unit=site.unit(device, point),
        since=since,
        until=until,
        step_ms=query.step,
        at=[row[0] for row in rows],
        low=[row[1] for row in rows],
        mean=[row[2] for row in rows],
        high=[row[3] for row in rows],
        count=[row[4] for row in rows],
        gaps=gaps,
        complete_to=complete_to,
    )


async def _known(context: Context, query: CurveQuery) -> tuple[list[GapView], int | None]:
    """What of the period could not be known of the device, and up to when it is known."""
    spans = await context.reader.blind(query.site, query.since)
    gaps = [
        GapView(start=max(span.start, query.since), end=min(span.end, query.until))
        for span in spans
        if span.device == query.device and span.start < query.until
    ]
    healths = await context.reader.devices(query.site)
    return gaps, next((row.complete_to for row in healths if row.device == query.device), None)
