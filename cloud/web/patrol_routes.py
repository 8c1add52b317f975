"""`/api/v1/sites/…`: the patrol board of a day, and search."""

import datetime as dt
from collections.abc import Sequence
from typing import Annotated, Any, Final, TypeVar

import msgspec
from fastapi import APIRouter, Query

from cloud.correlation.rules import Recurrence, RuleBook, Tour
from cloud.operations.alarm import Alarm
from cloud.operations.miss_book import Miss
from cloud.operations.order import Order
from cloud.operations.record import RecordKind
from cloud.review.patrol_board import SCAN, Board, Post, Round, Span, Visit, board
from cloud.review.search import matters, search, things
from cloud.store.reads import MOST_ROWS, EventQuery, IncidentQuery, RecordQuery, VerdictQuery
from cloud.web.context import Context, InContext, OfSite
from cloud.web.lists import every
from cloud.web.models import Listed, Words
from cloud.web.patrol_models import (
    FoundView,
    PatrolView,
    PostView,
    RoundView,
    RouteView,
    SpanView,
    StopView,
    VisitView,
    WalkView,
)
from cloud.web.problems import PROBLEMS
from contract.site import Site, Text

router = APIRouter(prefix="/api/v1/sites", tags=["patrol"], responses=PROBLEMS)

BEFORE_MS: Final = 12 * 3_600_000
"""An obligation of the day may have begun so long before it."""
T = TypeVar("T")


@router.get("/{site}/patrol")
async def read_patrol(site: OfSite, context: InContext, day: dt.date | None = None) -> PatrolView:
    """The patrol board of one of the site's days, today by default."""
    now = context.clocks.now()
    date = day or dt.datetime.fromtimestamp(now / 1_000, site.timezone).date()
    since, until = _midnight(site, date), _midnight(site, date + dt.timedelta(days=1))
    found = board(
        site,
        await _verdicts(site, context, since, until),
        await _scans(site, context, since, until),
        await _said(site, context, since, until),
        now,
    )
    return PatrolView(
        day=date.isoformat(),
        since=since,
        until=until,
        now=now,
        routes=[
            RouteView(
                id=route.id,
                name=_words(route.name),
                checkpoints=[leg.device for leg in route.checkpoints],
                rounds=[_round(one) for one in found.rounds.get(route.id, ())],
            )
            for route in site.file.routes
        ],
        checkpoints=[_post(site, post) for post in found.posts],
        walks=_walks(found),
    )


def _midnight(site: Site, date: dt.date) -> int:
    return int(dt.datetime.combine(date, dt.time(), site.timezone).timestamp() * 1_000)


async def _verdicts(site: Site, context: Context, since: int, until: int) -> list[Any]:
    """The newest of every round and checkpoint that were due on the day."""
    rules = tuple(
        sorted(
            {
                version.rule.id
                for version in context.rules.get(site.id, RuleBook()).versions
                if isinstance(version.rule, Recurrence | Tour)
            }
        )
    )
    if not rules:
        return []
    query = VerdictQuery(site=site.id, rules=rules, since=since - BEFORE_MS, until=until, limit=MOST_ROWS)
    rows = await every(query, context.reader.verdicts, _verdict_key)
    return [row.revised.verdict for row in rows if row.revised.verdict.due_at >= since]


def _verdict_key(row: Any) -> tuple[int, str, str]:  # noqa: ANN401 - a row of verdicts
    return row.revised.verdict.opened_at, row.revised.verdict.rule, row.revised.verdict.key


async def _scans(site: Site, context: Context, since: int, until: int) -> list[Any]:
    query = EventQuery(site=site.id, types=(SCAN,), since=since, until=until, limit=MOST_ROWS)
    rows = await every(
        query, context.reader.events, lambda row: (row.event.at, row.event.device, row.event.seq)
    )
    return [row.event for row in rows]


async def _said(site: Site, context: Context, since: int, until: int) -> dict[tuple[str, str, int], str]:
    query = RecordQuery(
        site=site.id, kind=RecordKind.MISS, since=since - BEFORE_MS, until=until, limit=MOST_ROWS
    )
    rows = (await context.reader.records(query)).rows
    found = [msgspec.json.decode(row.body, type=Miss) for row in rows]
    return {(miss.rule, miss.key, miss.opened_at): miss.reason for miss in found}


def _walks(found: Board) -> list[WalkView]:
    return [
        WalkView(person=person, visits=[_visit(visit) for visit in visits])
        for person, visits in sorted(found.walks.items())
    ]


def _post(site: Site, post: Post) -> PostView:
    device = site.devices.get(post.device)
    return PostView(
        device=post.device,
        name=_words(device.name if device is not None else Text()),
        zone=device.zone if device is not None else None,
        routes=list(post.routes),
        state=post.state,
        due_at=post.due_at,
        last_at=post.last_at,
        visits=[_visit(visit) for visit in post.visits],
        spans=[_span(span) for span in post.spans],
    )


def _round(one: Round) -> RoundView:
    stops = [StopView(device=stop.device, state=stop.state, at=stop.at) for stop in one.stops]
    return RoundView(span=_span(one.span), stops=stops)


def _span(span: Span) -> SpanView:
    return SpanView(**msgspec.structs.asdict(span))


def _visit(visit: Visit) -> VisitView:
    return VisitView(**msgspec.structs.asdict(visit))


def _words(text: Text) -> Words:
    return Words(zh=text.zh, en=text.en)


@router.get("/{site}/search")
async def read_search(
    site: OfSite,
    context: InContext,
    q: Annotated[str, Query(min_length=1, max_length=100, examples=["大堂"])],
    limit: Annotated[int, Query(ge=1, le=100)] = 20,
) -> Listed[FoundView]:
    """Whatever of the site is called so, in either language; of what people work on, the newest thousand of each."""
    among = [
        *things(site, context.rules.get(site.id, RuleBook())),
        *matters(
            site,
            (await context.reader.incidents(IncidentQuery(site=site.id, limit=MOST_ROWS))).rows,
            await _records(site, context, RecordKind.ALARM, Alarm),
            await _records(site, context, RecordKind.ORDER, Order),
        ),
    ]
    views = [
        FoundView(kind=one.kind, id=one.id, title=_words(one.title), detail=_words(one.detail), at=one.at)
        for one in search(q, among, limit)
    ]
    return Listed(items=views, now=context.clocks.now())


async def _records(site: Site, context: Context, kind: RecordKind, model: type[T]) -> Sequence[T]:
    query = RecordQuery(site=site.id, kind=kind, limit=MOST_ROWS)
    return [msgspec.json.decode(row.body, type=model) for row in (await context.reader.records(query)).rows]
