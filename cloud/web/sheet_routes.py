"""`/api/v1/sites/…/orders/…/sheet`: what telemetry proposes for the checklist of an order."""

import msgspec
from fastapi import APIRouter
from starlette.exceptions import HTTPException

from cloud.condition.generator_runs import GeneratorRun, generator_runs
from cloud.operations.checklist import Item, items_of
from cloud.operations.order import Act, Order
from cloud.operations.record import RecordKind
from cloud.operations.setup import OperationsSetup
from cloud.review.generators import TYPES
from cloud.review.sheet import Telemetry, points_of, run_for, sheet
from cloud.store.reads import MOST_ROWS, EventQuery
from cloud.web.context import Context, InContext, OfSite
from cloud.web.lists import PathName, every
from cloud.web.models import Listed, Words
from cloud.web.problems import PROBLEMS
from cloud.web.sheet_models import ProposalView
from contract.site import Site

router = APIRouter(prefix="/api/v1/sites", tags=["matters"], responses=PROBLEMS)


@router.get("/{site}/orders/{identity}/sheet")
async def read_sheet(site: OfSite, identity: PathName, context: InContext) -> Listed[ProposalView]:
    """What telemetry knows of the readings that an order's checklist asks for; nothing where it has no device."""
    record = await context.reader.record(site.id, RecordKind.ORDER, identity)
    if record is None:
        raise HTTPException(404, f"no order {identity!r}")
    order = msgspec.json.decode(record.body, type=Order)
    setup = context.operations.get(site.id, OperationsSetup())
    items = items_of(setup.checklists.get(order.checklist), signed=False)
    now = context.clocks.now()
    if order.device is None or not any(item.source for item in items):
        return Listed(items=[], now=now)
    known = await _telemetry(site, order, order.device, items, context, now)
    views = [
        ProposalView(
            item=one.item,
            point=one.point,
            value=one.value,
            at=one.at,
            why=Words(zh=one.why.zh, en=one.why.en),
        )
        for one in sheet(items, known, now)
    ]
    return Listed(items=views, now=now)


async def _telemetry(
    site: Site, order: Order, device: str, items: tuple[Item, ...], context: Context, now: int
) -> Telemetry:
    run = await _run(site, order, device, context, now)
    points = sorted(set(points_of(items)))
    rows = []
    if run is not None:
        wanted = [(device, point) for point in points]
        rows = list(await context.reader.past_readings(site.id, wanted, run.start, run.end or now))
    told = context.points[site.id]
    healths = await context.reader.devices(site.id)
    return Telemetry(
        run=run,
        newest={row.point: row for row in await context.reader.latest_readings(site.id, device)},
        during={point: [row[2:] for row in rows if row[1] == point] for point in points},
        known_to=next((one.complete_to or 0 for one in healths if one.device == device), 0),
        units={point: one.unit for (name, point), one in told.items() if name == device},
    )


async def _run(site: Site, order: Order, device: str, context: Context, now: int) -> GeneratorRun | None:
    """The device's run that belongs to the order."""
    done = max((step.at for step in order.steps if step.act is Act.DONE), default=now)
    if "generator.started" not in site.emits(site.devices[device]):
        return None
    query = EventQuery(site=site.id, types=TYPES, since=order.opened_at, until=now + 1, limit=MOST_ROWS)
    rows = await every(
        query, context.reader.events, lambda row: (row.event.at, row.event.device, row.event.seq)
    )
    mains = [one.id for one in site.file.devices if "mains.lost" in site.emits(one)]
    runs = generator_runs((row.event for row in rows), mains)
    return run_for((run for run in runs if run.device == device), order.opened_at, done)
