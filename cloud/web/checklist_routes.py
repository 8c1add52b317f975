"""`/api/v1/sites/…/checklists` and `/order-kinds`: what a tablet needs to fill in an order without a network."""

from collections.abc import Iterator

from fastapi import APIRouter

from cloud.operations.checklist import Checklist, Item
from cloud.operations.order_kinds import LIMITS, OrderKind
from cloud.operations.setup import OperationsSetup
from cloud.web.checklist_models import (
    ChecklistItemView,
    ChecklistView,
    ChoiceView,
    OrderKindView,
    OrderLimitView,
)
from cloud.web.context import InContext, OfSite
from cloud.web.models import Listed
from cloud.web.problems import PROBLEMS
from cloud.web.views import words

router = APIRouter(prefix="/api/v1/sites", tags=["matters"], responses=PROBLEMS)
_NOTHING = OperationsSetup()


@router.get("/{site}/checklists")
async def read_checklists(site: OfSite, context: InContext) -> Listed[ChecklistView]:
    """The checklists in force, with what each item takes and when it is bad."""
    setup = context.operations.get(site.id, _NOTHING)
    views = [_checklist_view(checklist) for checklist in setup.checklists.values()]
    return Listed(items=views, now=context.clocks.now())


@router.get("/{site}/order-kinds")
async def read_order_kinds(site: OfSite, context: InContext) -> Listed[OrderKindView]:
    """The kinds of orders that can be opened: who takes them, and how soon what must happen."""
    setup = context.operations.get(site.id, _NOTHING)
    views = [_kind_view(kind) for kind in setup.order_kinds.values()]
    return Listed(items=views, now=context.clocks.now())


def _checklist_view(checklist: Checklist) -> ChecklistView:
    return ChecklistView(
        id=checklist.id,
        name=words(checklist.name),
        items=[_item_view(item) for item in checklist.items],
        signature=checklist.signature,
    )


def _item_view(item: Item) -> ChecklistItemView:
    return ChecklistItemView(
        id=item.id,
        name=words(item.name),
        kind=item.kind,
        unit=item.unit,
        least=item.least,
        most=item.most,
        choices=[ChoiceView(id=one.id, name=words(one.name), bad=one.bad) for one in item.choices],
        good=item.good,
        required=item.required,
        opens=item.opens,
        measured=item.source is not None,
    )


def _kind_view(kind: OrderKind) -> OrderKindView:
    return OrderKindView(
        id=kind.id,
        name=words(kind.name),
        role=kind.role,
        urgencies=list(kind.urgencies),
        limits=list(_limits(kind)),
        checklist=kind.checklist,
        needs_verification=kind.needs_verification,
        call_back=kind.call_back,
        requested=kind.requested,
    )


def _limits(kind: OrderKind) -> Iterator[OrderLimitView]:
    for name in LIMITS:
        given = getattr(kind, name)
        for urgency in kind.urgencies:
            limit = kind.limit(name, urgency)
            if limit is not None:
                text = given[urgency] if isinstance(given, dict) else given
                ms = None if limit.working_days else limit.ms
                yield OrderLimitView(name=name, urgency=urgency, text=text, ms=ms)
