"""What operators watch: what was put aside, whether it lives, its figures, and the API's description."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request, Response
from starlette.exceptions import HTTPException

from cloud.store.reads import QuarantineQuery
from cloud.web import cursors
from cloud.web.context import InContext
from cloud.web.describe import describe
from cloud.web.lists import QuarantineFilter, listed, place_of
from cloud.web.metrics import CONTENT_TYPE
from cloud.web.models import Health, Listed, QuarantineView
from cloud.web.problems import PROBLEMS
from cloud.web.views import quarantine_view

router = APIRouter(tags=["operators"])


@router.get("/api/v1/quarantine", responses=PROBLEMS)
async def read_quarantine(
    context: InContext, wanted: Annotated[QuarantineFilter, Query()]
) -> Listed[QuarantineView]:
    """What could not be taken, with the reason, latest first."""
    before = place_of(wanted.cursor, cursors.QUARANTINE)
    query = QuarantineQuery(site=wanted.site, before=before, limit=wanted.limit)
    page = await context.reader.quarantine(query)
    return listed(context, page, quarantine_view, lambda entry: entry.id)


@router.get("/healthz")
async def read_health(context: InContext, response: Response) -> Health:
    """Whether the process does its work; 503 when it should be started anew."""
    response.status_code = 200 if context.feed.running else 503
    return Health(status="ok" if context.feed.running else "failed")


@router.get("/readyz")
async def read_readiness(context: InContext, response: Response) -> Health:
    """Whether the process can answer: 503 while the database does not."""
    response.status_code = 200 if context.feed.live else 503
    return Health(
        status="ok" if context.feed.live else "waiting", store="up" if context.feed.live else "down"
    )


async def _metrics_are_open(context: InContext) -> None:
    if not (context.options.local or context.options.metrics):
        raise HTTPException(404, "not offered here; the setting web_metrics opens it")


async def _docs_are_open(context: InContext) -> None:
    if not (context.options.local or context.options.docs):
        raise HTTPException(404, "not offered here; the setting web_docs opens it")


@router.get("/metrics", include_in_schema=False)
async def read_metrics(context: InContext, _: Annotated[None, Depends(_metrics_are_open)]) -> Response:
    """Prometheus's text format."""
    return Response(context.metrics.text(), media_type=CONTENT_TYPE)


@router.get("/api/v1/openapi.json", include_in_schema=False)
async def read_description(request: Request, _: Annotated[None, Depends(_docs_are_open)]) -> dict[str, Any]:
    """The API's description (OpenAPI)."""
    return describe(request.app)
