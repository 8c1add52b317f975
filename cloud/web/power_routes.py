"""`/api/v1/sites/…`: generators with their runs, quotas and transfers; the limits of what is measured."""

from collections.abc import Iterator
from typing import Annotated, Any, Final

from fastapi import APIRouter, Query

from cloud.correlation.recurrence import selects
from cloud.correlation.rules import Duration, Quota, Response, Rule, RuleBook
from cloud.review.generators import TYPES, Generator, generators, is_generator
from cloud.store.reads import MOST_ROWS, EventQuery, VerdictQuery
from cloud.web.context import Context, InContext, OfSite
from cloud.web.lists import MOST_MS, every
from cloud.web.models import Listed, Words
from cloud.web.power_models import GeneratorView, LimitView, QuotaView, RunView, TransferView
from cloud.web.problems import PROBLEMS
from contract.site import Site, Text

router = APIRouter(prefix="/api/v1/sites", tags=["power"], responses=PROBLEMS)
RECENT_MS: Final = 90 * 86_400_000
_LOADED: Final = "generator.on_load"


@router.get("/{site}/generators")
async def read_generators(
    site: OfSite,
    context: InContext,
    since: Annotated[int | None, Query(ge=0, le=MOST_MS, description="ms; 90 days ago by default")] = None,
) -> Listed[GeneratorView]:
    """Each generator: how it stands, its runs, what was promised of it, and how long each transfer took."""
    now = context.clocks.now()
    begin = now - RECENT_MS if since is None else since
    names = [device.id for device in site.file.devices if is_generator(site, device.id)]
    if not names:
        return Listed(items=[], now=now)
    rules = _rules(site, context)
    lasting = await context.reader.lasting(site.id, [device.id for device in site.file.devices])
    events = await every(
        EventQuery(site=site.id, types=TYPES, since=begin, limit=MOST_ROWS),
        context.reader.events,
        lambda row: (row.event.at, row.event.device, row.event.seq),
    )
    found = generators(
        site,
        [row.event for row in lasting],
        [row.event for row in events],
        await _verdicts(site, context, tuple(sorted(rules)), begin),
        {name: rule.at_least if isinstance(rule, Quota) else None for name, rule in rules.items()},
    )
    return Listed(items=[_view(site, one, rules) for one in found], now=now)


def _rules(site: Site, context: Context) -> dict[str, Rule]:
    """The newest version of each rule on the runs of generators or on how soon they carry the load."""
    found: dict[str, Rule] = {}
    for version in context.rules.get(site.id, RuleBook()).versions:
        rule = version.rule
        runs = isinstance(rule, Quota) and any(one.startswith("generator.") for one in rule.item_types)
        if runs or (isinstance(rule, Response) and _LOADED in rule.expect.types):
            found[rule.id] = rule
    return found


async def _verdicts(site: Site, context: Context, rules: tuple[str, ...], since: int) -> list[Any]:
    if not rules:
        return []
    rows = await every(
        VerdictQuery(site=site.id, rules=rules, since=since, limit=MOST_ROWS),
        context.reader.verdicts,
        lambda row: (row.revised.verdict.opened_at, row.revised.verdict.rule, row.revised.verdict.key),
    )
    return [row.revised.verdict for row in rows]


def _view(site: Site, one: Generator, rules: dict[str, Rule]) -> GeneratorView:
    device = site.devices[one.device]
    return GeneratorView(
        device=one.device,
        name=_words(device.name),
        zone=device.zone,
        state=one.state,
        since=one.since,
        mains=one.mains,
        runs=[RunView(start=run.start, end=run.end, kind=run.kind.value, why=run.why) for run in one.runs],
        quotas=[
            QuotaView(
                rule=quota.rule,
                name=_words(rules[quota.rule].name),
                since=quota.since,
                until=quota.until,
                outcome=quota.outcome.value,
                wanted=quota.wanted,
                done=quota.done,
                counted=list(quota.counted),
            )
            for quota in one.quotas
        ],
        transfers=[
            TransferView(
                rule=transfer.rule,
                name=_words(rules[transfer.rule].name),
                at=transfer.at,
                limit_ms=transfer.limit_ms,
                took_ms=transfer.took_ms,
                outcome=transfer.outcome.value,
            )
            for transfer in one.transfers
        ],
    )


@router.get("/{site}/limits")
async def read_limits(site: OfSite, context: InContext) -> Listed[LimitView]:
    """What rules want of readings, for the lines in a curve."""
    views = list(_limits(site, context.rules.get(site.id, RuleBook())))
    return Listed(items=views, now=context.clocks.now())


def _limits(site: Site, book: RuleBook) -> Iterator[LimitView]:
    newest = {version.rule.id: version.rule for version in book.versions}
    for rule in newest.values():
        if not isinstance(rule, Duration) or rule.while_.point is None:
            continue
        for device in site.file.devices:
            if selects(rule.select, device) and site.measures(device, rule.while_.point):
                yield LimitView(
                    device=device.id,
                    point=rule.while_.point,
                    rule=rule.id,
                    name=_words(rule.name),
                    above=rule.while_.above,
                    below=rule.while_.below,
                    longer_than=rule.longer_than,
                )


def _words(text: Text) -> Words:
    return Words(zh=text.zh, en=text.en)
