"""`/api/v1/sites/…`: what is measured, what it is now, and the curves of it."""

from typing import Annotated, Final

import msgspec
from fastapi import APIRouter, Query

from cloud.review.curves import merged, origin_for, step_within
from cloud.review.points import SitePoint
from cloud.store.reads import CurveQuery, LatestReading
from cloud.web.context import Context, InContext, OfSite
from cloud.web.lists import MOST_MS, Name, unusable
from cloud.web.models import Listed, Words
from cloud.web.problems import PROBLEMS
from cloud.web.telemetry_models import CurveView, GapView, PointView, ShownView, ValueView
from contract.measured import point_name
from contract.site import Site, Text

router = APIRouter(prefix="/api/v1/sites", tags=["telemetry"], responses=PROBLEMS)

_Time = Annotated[int, Query(ge=0, le=MOST_MS, description="ms since the epoch, UTC")]
LONGEST_MS: Final = 20 * 366 * 86_400_000


@router.get("/{site}/points")
async def read_points(site: OfSite, context: InContext, device: Name | None = None) -> Listed[PointView]:
    """What devices give readings of, by device and point, as the site's files say; more may have been stored."""
    views = [
        PointView(
            device=one.device,
            point=one.point,
            name=Words(zh=one.name.zh, en=one.name.en),
            unit=one.unit,
            kind="state" if one.state else "number",
            zone=one.zone,
            display=_display(one),
        )
        for one in context.points[site.id].values()
        if device in {None, one.device}
    ]
    return Listed(items=views, now=context.clocks.now())


@router.get("/{site}/values")
async def read_values(site: OfSite, context: InContext, device: Name | None = None) -> Listed[ValueView]:
    """The newest reading of each point, by device and point."""
    rows = await context.reader.latest_readings(site.id, device)
    known_to = {row.device: row.complete_to for row in await context.reader.devices(site.id)}
    now = context.clocks.now()
    views = [
        ValueView(
            device=row.device,
            point=row.point,
            name=_name(context, site, row.device, row.point),
            unit=_unit(context, site, row.device, row.point),
            at=row.at,
            received_at=row.received_at,
            value=row.value,
            words=_words(context, site, row),
            quality=str(row.quality),
            age_ms=max(0, now - row.at),
            complete_to=known_to.get(row.device),
        )
        for row in rows
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
        step = step_within(until - since, buckets)
        query = msgspec.structs.replace(query, step=step, origin=origin_for(since, step, site.timezone))
        rows = await context.reader.curve(query)
    gaps, complete_to = await _known(context, query)
    return CurveView(
        device=device,
        point=point,
        name=_name(context, site, device, point),
        unit=_unit(context, site, device, point),
        display=_display(context.points[site.id].get((device, point))),
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


def _unit(context: Context, site: Site, device: str, point: str) -> str:
    known = context.points[site.id].get((device, point))
    return known.unit if known is not None else site.unit(device, point)


def _name(context: Context, site: Site, device: str, point: str) -> Words:
    known = context.points[site.id].get((device, point))
    name = known.name if known is not None else point_name(site.point_names, point)
    return _both(name)


def _display(point: SitePoint | None) -> list[ShownView]:
    words = point.words if point is not None else {}
    return [ShownView(value=value, words=_both(words[value])) for value in sorted(words)]


def _words(context: Context, site: Site, row: LatestReading) -> Words | None:
    known = context.points[site.id].get((row.device, row.point))
    found = known.words.get(row.value) if known is not None and row.value is not None else None
    return _both(found) if found is not None else None


def _both(text: Text) -> Words:
    return Words(zh=text.in_("zh"), en=text.in_("en"))


async def _known(context: Context, query: CurveQuery) -> tuple[list[GapView], int | None]:
    """What of the period could not be known of the device, and up to when it is known."""
    spans = await context.reader.blind(query.site, query.since, query.device)
    gaps = merged(((span.start, span.end) for span in spans), query.since, query.until)
    healths = await context.reader.devices(query.site)
    complete_to = next((row.complete_to for row in healths if row.device == query.device), None)
    return [GapView(start=start, end=end) for start, end in gaps], complete_to
