"""`/api/v1/sites/…`: alarms, orders, drills, shifts, presence checks, screens, escalations: what people work on."""

from typing import Annotated, Any, Final

import msgspec
from fastapi import APIRouter, Query, Response
from pydantic import Field
from starlette.exceptions import HTTPException

from cloud.operations.alarm import Alarm
from cloud.operations.record import RecordKind
from cloud.review.alarm_load import AlarmLoad, alarm_load
from cloud.store.reads import NoticeQuery, RecordQuery
from cloud.web import cursors
from cloud.web.context import InContext, OfSite
from cloud.web.lists import MatterFilter, Moment, NoticeFilter, PathName, listed, place_of, unusable
from cloud.web.models import Listed, Model, NoticeView, RecordView
from cloud.web.problems import PROBLEMS
from cloud.web.views import notice_view, record_view

router = APIRouter(prefix="/api/v1/sites", tags=["matters"], responses=PROBLEMS)
_SHIFT_MS: Final = 8 * 3_600_000
_LONGEST_MS: Final = 31 * 86_400_000


class LoadView(Model):
    """The figures of ISA-18.2 on how many alarms people had to bear, `[since, until)`."""

    load: dict[str, Any] = Field(examples=[{"annunciated": 12, "per_10_min": 0.25, "flood_share": 0.0}])


class PlanStepView(Model):
    """A step of a plan."""

    id: str = Field(examples=["call"])
    zh: str = Field(examples=["立即拨打119"])
    en: str = Field(examples=["Call the fire brigade"])
    needed: bool


class PlanView(Model):
    """What is done at a kind of emergency, in order."""

    emergency: str = Field(examples=["fire"])
    zh: str = Field(examples=["火灾应急预案"])
    en: str = Field(examples=["Fire"])
    steps: list[PlanStepView]


def _offer(path: str, kind: RecordKind, what: str) -> None:
    """The list and the single ones of a kind of matters."""

    async def read_list(
        site: OfSite, context: InContext, wanted: Annotated[MatterFilter, Query()]
    ) -> Listed[RecordView]:
        query = RecordQuery(
            site=site.id,
            kind=kind,
            states=tuple(wanted.state),
            since=wanted.since,
            until=wanted.until,
            before=place_of(wanted.cursor, cursors.INCIDENT),
            limit=wanted.limit,
        )
        page = await context.reader.records(query)
        return listed(context, page, record_view, lambda row: (row.opened_at, row.id))

    async def read_one(
        site: OfSite, context: InContext, identity: PathName, response: Response
    ) -> RecordView:
        found = await context.reader.record(site.id, kind, identity)
        if found is None:
            raise HTTPException(404, f"no {kind} {identity!r}")
        response.headers["ETag"] = f'"{found.revision}"'
        return record_view(found)

    read_list.__doc__ = f"{what}, latest first."
    read_one.__doc__ = f"One of them as it stands, with its `ETag`: {what.lower()}."
    router.add_api_route(
        f"/{{site}}/{path}", read_list, name=f"list_{kind}", response_model=Listed[RecordView]
    )
    router.add_api_route(
        f"/{{site}}/{path}/{{identity}}", read_one, name=f"read_{kind}", response_model=RecordView
    )


_offer("alarms", RecordKind.ALARM, "Alarms by the states of IEC 62682")
_offer("orders", RecordKind.ORDER, "Work orders, complaints and requests")
_offer("upkeep", RecordKind.UPKEEP, "Plans of upkeep: when each was done, how far its meter has come")
_offer("drills", RecordKind.DRILL, "Drills with their scores")
_offer("shifts", RecordKind.DUTY, "Shifts: who works them, who came and went, what was handed over")
_offer("checks", RecordKind.CHECK, "Presence checks and their answers")
_offer("misses", RecordKind.MISS, "Missed rounds and checkpoints that somebody answered for")
_offer("screens", RecordKind.SCREEN, "Screens: what each shows, and whether it is live and can be heard")
_offer("escalations", RecordKind.ESCALATION, "Escalations: who was told, how far they went")


@router.get("/{site}/notices")
async def read_notices(
    site: OfSite, context: InContext, wanted: Annotated[NoticeFilter, Query()]
) -> Listed[NoticeView]:
    """What people were told and what became of it, latest first."""
    query = NoticeQuery(
        site=site.id,
        about=wanted.about,
        person=wanted.person,
        state=wanted.state,
        before=place_of(wanted.cursor, cursors.INCIDENT),
        limit=wanted.limit,
    )
    page = await context.reader.notices(query)
    return listed(context, page, notice_view, lambda row: (row.notice.made_at, row.notice.id))


@router.get("/{site}/alarm-load")
async def read_alarm_load(
    site: OfSite, context: InContext, since: Moment = None, until: Moment = None
) -> LoadView:
    """How many alarms people had to bear in a period; by default in the last eight hours."""
    end = context.clocks.now() if until is None else until
    start = end - _SHIFT_MS if since is None else since
    if not start < end <= start + _LONGEST_MS:
        raise unusable("since", "expected before until, by 31 days at the most")
    rows = await context.reader.record_revisions(site.id, RecordKind.ALARM, start, end)
    load: AlarmLoad = alarm_load((msgspec.json.decode(row.body, type=Alarm) for row in rows), start, end)
    return LoadView(load=msgspec.to_builtins(load))


@router.get("/{site}/plans")
async def read_plans(site: OfSite, context: InContext) -> Listed[PlanView]:
    """The plans by kind of emergency, with their steps in both languages."""
    setup = context.operations.get(site.id)
    plans = setup.plans.values() if setup is not None else ()
    views = [
        PlanView(
            emergency=plan.emergency,
            zh=plan.name.in_("zh"),
            en=plan.name.in_("en"),
            steps=[
                PlanStepView(id=s.id, zh=s.text.in_("zh"), en=s.text.in_("en"), needed=s.needed)
                for s in plan.steps
            ],
        )
        for plan in plans
    ]
    return Listed(items=views, now=context.clocks.now())
