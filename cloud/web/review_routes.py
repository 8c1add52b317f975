"""`/api/v1/sites/…`: the figures of a period, and what other rules would have said of it."""

import asyncio
from typing import Annotated

from fastapi import APIRouter, Body, Query
from pydantic import Field

from cloud.correlation.engine import Engine
from cloud.correlation.replay import judged
from cloud.correlation.rule_files import parse_rules
from cloud.correlation.rules import RuleBook
from cloud.review.by import By
from cloud.review.difference import Difference, difference
from cloud.review.kpi import Kpi, kpis
from cloud.review.picture import picture
from cloud.store.recorded import recorded, stored_verdicts
from cloud.web.context import InContext, OfSite
from cloud.web.lists import unusable
from cloud.web.models import BacktestView, DifferenceRow, JudgedOtherwise, KpiView, Listed, Model, Ms
from cloud.web.problems import PROBLEMS
from contract.problems import ConfigError
from contract.site import Site

router = APIRouter(prefix="/api/v1/sites", tags=["review"], responses=PROBLEMS)
_MONTH_MS = 31 * 86_400_000
_LONGEST_MS = 400 * 86_400_000


class Wanted(Model):
    """A period, `since <= opened_at < until`: by default the month up to now."""

    since: Ms | None = None
    until: Ms | None = None


class KpiWanted(Wanted):
    """Which figures."""

    by: By = By.RULE


class Backtest(Wanted):
    """Other rules, as a rules file, and the period to try them on."""

    rules: str = Field(max_length=1_000_000, examples=["rules:\n  - id: PT-1\n    …"])
    language: Annotated[str, Field(pattern="^(zh|en)$", examples=["zh"])] = "zh"


def _period(wanted: Wanted, now: int) -> tuple[int, int]:
    until = now if wanted.until is None else wanted.until
    since = until - _MONTH_MS if wanted.since is None else wanted.since
    if not since < until <= since + _LONGEST_MS:
        raise unusable("since", "expected before until, by 400 days at the most")
    return since, until


@router.get("/{site}/kpi")
async def read_kpi(
    site: OfSite, context: InContext, wanted: Annotated[KpiWanted, Query()]
) -> Listed[KpiView]:
    """Met, breached and unknown apart, blind time, and how long the evidence took, by group."""
    now = context.clocks.now()
    since, until = _period(wanted, now)
    verdicts = await stored_verdicts(context.reader, site.id, since, until)
    people = {}
    if wanted.by is By.PERSON:
        past = await recorded(context.reader, site.id, (), since, until)
        people = {name: one.event.person for name, one in past.events.items() if one.event.person}
    found = kpis(verdicts, wanted.by, site, people)
    return Listed(items=[_kpi_view(one) for one in found], now=now)


@router.post("/{site}/backtest")
async def run_backtest(site: OfSite, context: InContext, wanted: Annotated[Backtest, Body()]) -> BacktestView:
    """What other rules would have said of the stored past, beside what the rules in force say of it. Nothing is kept."""
    since, until = _period(wanted, context.clocks.now())
    try:
        other = parse_rules(wanted.rules, site, "rules")
    except ConfigError as error:
        raise unusable("rules", "; ".join(str(problem) for problem in error.problems)) from error
    book = context.rules.get(site.id, RuleBook())
    points = {point for rules in (book, other) for point in _points(site, rules, since)}
    past = await recorded(context.reader, site.id, points, since, until)

    def compare() -> Difference:
        one, two = (judged(site, rules, past, since, until)[0] for rules in (book, other))
        return difference(site, one, two, since, until)

    found = await asyncio.to_thread(compare)
    return _backtest_view(found, picture(found, site, wanted.language))


def _points(site: Site, rules: RuleBook, since: int) -> set[tuple[str, str]]:
    return set(Engine(site, rules, data_from=since, keep_ms=None).asked_points)


def _kpi_view(one: Kpi) -> KpiView:
    return KpiView(
        group=one.group,
        met=one.met,
        breached=one.breached,
        unknown=one.unknown,
        pending=one.pending,
        rate=one.rate,
        blind_ms=one.blind_ms,
        p50_ms=one.p50,
        p90_ms=one.p90,
        p99_ms=one.p99,
        worst_ms=one.worst,
    )


def _backtest_view(found: Difference, drawn: str) -> BacktestView:
    return BacktestView(
        since=found.since,
        until=found.until,
        rows=[
            DifferenceRow(rule=row.rule, zone=row.zone, same=row.same, changed=row.changed)
            for row in found.rows
        ],
        changes=[
            JudgedOtherwise(
                rule=one.episode.rule,
                key=one.episode.key,
                zone=one.zone,
                opened_at=one.episode.opened_at,
                was=one.words[0],
                now=one.words[1],
                evidence=[
                    f"{device}/{seq}"
                    for device, seq in (one.now or one.was).evidence  # type: ignore[union-attr]
                ],
            )
            for one in found.changes
        ],
        picture=drawn,
    )
