"""`/api/v1/sites/…`: what is, what happened, what was decided, what is open."""

from typing import Annotated

from fastapi import APIRouter, Path, Query, Response
from starlette.exceptions import HTTPException

from cloud.correlation.rules import RuleBook
from cloud.store.reads import EventQuery, IncidentQuery, VerdictQuery
from cloud.web import cursors
from cloud.web.context import InContext, OfSite
from cloud.web.health import BLIND_DAY_MS
from cloud.web.lists import (
    MOST_MS,
    EventFilter,
    IncidentFilter,
    PathName,
    VerdictFilter,
    listed,
    place_of,
)
from cloud.web.models import (
    AgentView,
    AlertView,
    DeviceView,
    EventView,
    IncidentView,
    Listed,
    RuleView,
    SiteDetail,
    SiteView,
    VerdictView,
)
from cloud.web.problems import PROBLEMS
from cloud.web.views import (
    agent_views,
    alert_view,
    device_views,
    event_view,
    incident_view,
    rule_view,
    site_detail,
    site_view,
    verdict_view,
)
from contract.site import Site

router = APIRouter(prefix="/api/v1/sites", tags=["sites"], responses=PROBLEMS)


@router.get("")
async def read_sites(context: InContext) -> Listed[SiteView]:
    """The sites that are looked after here."""
    return Listed(items=[site_view(site) for site in context.sites.values()], now=context.clocks.now())


@router.get("/{site}")
async def read_site(site: OfSite) -> SiteDetail:
    """A site with the names of its zones, devices, groups, people and agents."""
    return site_detail(site)


@router.get("/{site}/rules")
async def read_rules(site: OfSite, context: InContext) -> Listed[RuleView]:
    """The rules that the site is judged by, every version."""
    versions = context.rules.get(site.id, RuleBook()).versions
    return Listed(items=[rule_view(version) for version in versions], now=context.clocks.now())


@router.get("/{site}/devices")
async def read_devices(site: OfSite, context: InContext) -> Listed[DeviceView]:
    """Every device: when it was last heard, up to when it is known, whether it can be believed now."""
    now = context.clocks.now()
    healths = await context.reader.devices(site.id)
    agents = await context.reader.agents(site.id)
    blind = await context.reader.blind(site.id, now - BLIND_DAY_MS)
    return Listed(items=device_views(site, healths, agents, blind, now), now=now)


@router.get("/{site}/agents")
async def read_agents(site: OfSite, context: InContext) -> Listed[AgentView]:
    """The edge agents: when each was last heard."""
    now = context.clocks.now()
    return Listed(items=agent_views(site, await context.reader.agents(site.id), now), now=now)


@router.get("/{site}/events")
async def read_events(
    site: OfSite, context: InContext, wanted: Annotated[EventFilter, Query()]
) -> Listed[EventView]:
    """What happened, latest first."""
    query = EventQuery(
        site=site.id,
        types=tuple(wanted.type),
        devices=tuple(wanted.device),
        zone=wanted.zone,
        zone_devices=_standing_in(site, wanted.zone),
        since=wanted.since,
        until=wanted.until,
        before=place_of(wanted.cursor, cursors.EVENT),
        limit=wanted.limit,
    )
    return listed(
        context,
        await context.reader.events(query),
        lambda row: event_view(site.id, row, site),
        lambda row: (row.event.at, row.event.device, row.event.seq),
    )


def _standing_in(site: Site, zone: str | None) -> tuple[str, ...]:
    return tuple(device.id for device in site.file.devices if zone is not None and device.zone == zone)


@router.get("/{site}/verdicts")
async def read_verdicts(
    site: OfSite, context: InContext, wanted: Annotated[VerdictFilter, Query()]
) -> Listed[VerdictView]:
    """The newest revision of each episode, latest `opened_at` first.

    Episodes that turned out to be part of another are left out unless `outcome=void` asks for them.
    """
    query = VerdictQuery(
        site=site.id,
        rules=tuple(wanted.rule),
        outcomes=tuple(wanted.outcome),
        key=wanted.key,
        since=wanted.since,
        until=wanted.until,
        before=place_of(wanted.cursor, cursors.VERDICT),
        limit=wanted.limit,
    )
    return listed(
        context,
        await context.reader.verdicts(query),
        verdict_view,
        lambda row: (row.revised.verdict.opened_at, row.revised.verdict.rule, row.revised.verdict.key),
    )


@router.get("/{site}/verdicts/{rule}/{key}/{opened_at}/revisions")
async def read_revisions(
    site: OfSite,
    context: InContext,
    rule: PathName,
    key: PathName,
    opened_at: Annotated[int, Path(ge=-MOST_MS, le=MOST_MS)],
) -> Listed[VerdictView]:
    """Everything the record ever said of one episode, the first first."""
    rows = await context.reader.revisions(site.id, rule, key, opened_at)
    if not rows:
        raise HTTPException(404, f"no episode of rule {rule!r} and key {key!r} opened at {opened_at}")
    return Listed(items=[verdict_view(row) for row in rows], now=context.clocks.now())


@router.get("/{site}/incidents")
async def read_incidents(
    site: OfSite, context: InContext, wanted: Annotated[IncidentFilter, Query()]
) -> Listed[IncidentView]:
    """Incidents as they stand, latest first; count down each pending episode to its `due_at` from `now`."""
    query = IncidentQuery(
        site=site.id,
        state=wanted.state,
        before=place_of(wanted.cursor, cursors.INCIDENT),
        limit=wanted.limit,
    )
    return listed(
        context,
        await context.reader.incidents(query),
        incident_view,
        lambda row: (row.opened_at, row.id),
    )


@router.get("/{site}/incidents/{incident}")
async def read_incident(
    site: OfSite, context: InContext, incident: PathName, response: Response
) -> IncidentView:
    """One incident as it stands, with its `ETag`."""
    found = await context.reader.incident(site.id, incident)
    if found is None:
        raise HTTPException(404, f"no incident {incident!r}")
    response.headers["ETag"] = f'"{found.revision}"'
    return incident_view(found)


@router.get("/{site}/alerts")
async def read_alerts(site: OfSite, context: InContext) -> Listed[AlertView]:
    """Overdue alerts that stand."""
    rows = await context.reader.alerts(site.id)
    return Listed(items=[alert_view(row) for row in rows], now=context.clocks.now())
