"""The web part as one ASGI application: built here, started by its server (or a test) through its lifespan."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterable, Mapping
from typing import Final

from fastapi import FastAPI
from prometheus_client import CollectorRegistry
from starlette.middleware.gzip import GZipMiddleware

from cloud.clock import monotonic_ms, now_ms
from cloud.correlation.rules import RuleBook
from cloud.operations.setup import OperationsSetup
from cloud.review.points import points_of
from cloud.store.files import FileStore
from cloud.store.reads import Reader
from cloud.web import (
    action_routes,
    checklist_routes,
    file_routes,
    floor_routes,
    matter_routes,
    operator_routes,
    patrol_routes,
    power_routes,
    review_routes,
    screen_routes,
    session_routes,
    sheet_routes,
    site_routes,
    stream_routes,
    telemetry_routes,
)
from cloud.web.contacts import Contacts, Reach
from cloud.web.context import Context, context_in
from cloud.web.feed import Feed
from cloud.web.metrics import WebMetrics
from cloud.web.observe import Observer
from cloud.web.options import WebOptions, check_options
from cloud.web.pages import add_pages
from cloud.web.post import Post
from cloud.web.problems import install_problem_handlers
from cloud.web.screens import Nonces, Pulses
from cloud.web.security import Door
from cloud.web.stream import Clocks
from cloud.web.uploads import Uploads
from contract.site import Site

PARTS: Final = (
    site_routes,
    matter_routes,
    action_routes,
    checklist_routes,
    file_routes,
    floor_routes,
    patrol_routes,
    power_routes,
    review_routes,
    screen_routes,
    stream_routes,
    telemetry_routes,
    operator_routes,
    session_routes,
    sheet_routes,
)
_WORTH_PACKING: Final = 1_024
"""Bytes; what is smaller fits into a packet anyway."""
_ABOUT: Final = """\
Times are integer milliseconds since the epoch, UTC. Sequence numbers are strings. Errors are Problem Details
(RFC 9457). Lists are latest first; `next` of a page is the `cursor` of what follows. Fields may be added;
none is taken away or changes its meaning within `v1`."""


def create_app(  # noqa: PLR0913 - each is a part that it is made of
    reader: Reader,
    sites: Iterable[Site],
    options: WebOptions,
    *,
    post: Post,
    rules: Mapping[str, RuleBook] | None = None,
    operations: Mapping[str, OperationsSetup] | None = None,
    files: FileStore | None = None,
    clocks: Clocks | None = None,
    registry: CollectorRegistry | None = None,
) -> FastAPI:
    """The application. It opens and closes `reader`; `rules` and `operations` are by site.

    `post` takes what people do to the worker; without `files` nothing can be uploaded.

    `registry` has the figures of the rest of the process, which are shown with the app's own.

    Raises:
        SettingsError: The options would open it to a network without a secret.
    """
    check_options(options)
    metrics = WebMetrics(registry)
    by_id = {site.id: site for site in sites}
    context = Context(
        reader=reader,
        feed=Feed(reader, metrics),
        sites=by_id,
        rules=rules or {},
        clocks=clocks or Clocks(now=now_ms, monotonic=monotonic_ms),
        metrics=metrics,
        options=options,
        post=post,
        nonces=Nonces(options.token),
        pulses=Pulses(post),
        contacts=Contacts(options.token),
        uploads=Uploads(),
        files=files,
        operations=operations or {},
        points={name: points_of(site) for name, site in by_id.items()},
    )
    return _app(context)


def _app(context: Context) -> FastAPI:
    """The routes, the pages and what stands before them, of what they need."""
    app = FastAPI(
        title="Sitewarden",
        version="1",
        description=_ABOUT,
        docs_url=None,
        redoc_url=None,
        openapi_url=None,
        lifespan=_lifespan,
    )
    app.state.context = context
    for part in PARTS:
        app.include_router(part.router)
    add_pages(app)
    install_problem_handlers(app)
    # Lists shrink to a tenth; the stream is left as it is, or nothing of it would come out in time.
    app.add_middleware(GZipMiddleware, minimum_size=_WORTH_PACKING, compresslevel=4)
    app.add_middleware(Observer, metrics=context.metrics, monotonic=context.clocks.monotonic)
    app.add_middleware(Reach, contacts=context.contacts, clocks=context.clocks)
    app.add_middleware(Door, options=context.options)
    return app


@contextlib.asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncIterator[None]:
    context = context_in(app)
    await context.reader.open()
    tasks = [asyncio.create_task(context.feed.run()), asyncio.create_task(context.pulses.run())]
    try:
        yield
    finally:
        context.feed.stop()
        for task in tasks:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task
        await context.reader.close()
