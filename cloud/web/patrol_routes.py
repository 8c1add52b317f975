"""`/api/v1/sites/…`: the patrol board of a day, and search."""

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from typing import Annotated, Any, Final, TypeVar

import msgspec
from fastapi import APIRouter, Query

from cloud.correlation.rules import SCAN, Recurrence, RuleBook, Tour
from cloud.correlation.verdict import Verdict
from cloud.operations.alarm import Alarm
from cloud.operations.miss_book import Miss
from cloud.operations.order import Order
from cloud.operations.record import RecordKind
from cloud.operations.setup import OperationsSetup
from cloud.review.patrol_board import Board, Post, Round, Span, Visit, board
from cloud.review.search import matters, search, things
from cloud.store.reads import MOST_ROWS, EventQuery, IncidentQuery, RecordQuery, VerdictQuery
from cloud.web.context import Context, InContext, OfSite
from cloud.web.lists import every, unusable
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
from contract.duration import parse_duration
from contract.site import Site, Text

router = APIRouter(prefix="/api/v1/sites", tags=["patrol"], responses=PROBLEMS)

_FIRST: Final = dt.date(2000, 1, 1)
_LAST: Final = dt.date(2999, 12, 31)
T = TypeVar("T")


@router.get("/{site}/patrol")
async def read_patrol(site: OfSite, context: InContext, day: dt.date | None = None) -> PatrolView:
    """The patrol board of one of the site's days, today by default."""
    now = context.clocks.now()
    date = day or dt.datetime.fromtimestamp(now / 1_000, site.timezone).date()
    if not _FIRST <= date <= _LAST:
        raise unusable("day", f"expected a day from {_FIRST} to {_LAST}")
    since, until = _midnight(site, date), _midnight(site, date + dt.timedelta(days=1))
    rules, longest = _patrols(context.rules.get(site.id, RuleBook()))
    verdicts = await _verdicts(site, context, rules, since - longest, until)
    found = board(
        site,
        (one for one in verdicts if one.due_at >= since),
        await _scans(site, context, since, until),
        await _said(site, context, since - longest, until),
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


def _patrols(rules: RuleBook) -> tuple[Mapping[str, int], int]:
    """The rules that are kept by scans, and for how long the longest of their obligations lasts, ms."""
    found: dict[str, int] = {}
    for version in rules.versions:
        rule = version.rule
        if isinstance(rule, Recurrence) and SCAN in rule.expect.types:
            lasts = parse_duration(rule.every).ms
        elif isinstance(rule, Tour):
            lasts = parse_duration(rule.complete_within).ms + parse_duration(rule.start_tolerance).ms
        else:
            continue
        found[rule.id] = max(lasts, found.get(rule.id, 0))
    return found, max(found.values(), default=0)


async def _verdicts(
    site: Site, context: Context, rules: Iterable[str], begun: int, until: int
) -> list[Verdict]:
    """The newest of every round and checkpoint whose obligation began in a period."""
    query = VerdictQuery(site=site.id, rules=tuple(sorted(rules)), since=begun, until=until, limit=MOST_ROWS)
    rows = await every(query, context.reader.verdicts, _verdict_key) if query.rules else []
    return [row.revised.verdict for row in rows]


def _verdict_key(row: Any) -> tuple[int, str, str]:  # noqa: ANN401 - a row of verdicts
    return row.revised.verdict.opened_at, row.revised.verdict.rule, row.revised.verdict.key


async def _scans(site: Site, context: Context, since: int, until: int) -> list[Any]:
    query = EventQuery(site=site.id, types=(SCAN,), since=since, until=until, limit=MOST_ROWS)
    rows = await every(
        query, context.reader.events, lambda row: (row.event.at, row.event.device, row.event.seq)
    )
    return [row.event for row in rows]


async def _said(site: Site, context: Context, begun: int, until: int) -> dict[tuple[str, str, int], str]:
    query = RecordQuery(site=site.id, kind=RecordKind.MISS, since=begun, until=until, limit=MOST_ROWS)
    rows = await every(query, context.reader.records, lambda row: (row.opened_at, row.id))
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
    stops = [StopView(**msgspec.structs.asdict(stop)) for stop in one.stops]
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
    if not q.strip():
        raise unusable("q", "expected a word to look for")
    setup = context.operations.get(site.id, OperationsSetup())
    among = [
        *things(site, context.rules.get(site.id, RuleBook()), setup),
        *matters(
            site,
            setup,
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
