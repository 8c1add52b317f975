"""`/api/v1/stream`: every change, live."""

import functools
from collections.abc import AsyncIterable
from typing import Annotated, Final

from fastapi import APIRouter, Depends, Header, Query, Request
from fastapi.sse import EventSourceResponse, ServerSentEvent
from starlette.exceptions import HTTPException

from cloud.store.reads import ChangeKind
from cloud.web.contacts import contact_in
from cloud.web.context import InContext
from cloud.web.lists import Name, unusable
from cloud.web.problems import PROBLEMS
from cloud.web.screen_routes import SCREEN_ID
from cloud.web.stream import LiveStream, Wish, no_nonce, no_one
from cloud.web.vector import Vector, parse_vector

MOST_STREAMS: Final = 500

router = APIRouter(prefix="/api/v1", tags=["live"], responses=PROBLEMS)

_Screen = Annotated[
    str | None, Query(pattern=SCREEN_ID, description="of `site`: hello and heartbeats carry a `nonce` for it")
]
_Id = Annotated[str | None, Query(max_length=8_000, description="an id of this stream, for a first request")]


async def open_stream(
    context: InContext,
    request: Request,
    site: Name | None = None,
    kind: Annotated[list[ChangeKind], Query(description="default: every kind")] = [],  # noqa: B006 - copied
    after: _Id = None,
    screen: _Screen = None,
    last_event_id: Annotated[str | None, Header(max_length=8_000)] = None,
) -> LiveStream:
    """The stream that a request asks for. Everything that can be wrong with it is found before it starts."""
    if site is not None and site not in context.sites:
        raise HTTPException(404, f"no site {site!r}")
    if context.feed.clients >= MOST_STREAMS:
        raise HTTPException(503, "too many live streams are open")
    if screen is not None and site is None:
        raise unusable("screen", "expected with the site that it is a screen of")
    place = _place(last_event_id or after)
    await context.feed.refresh()
    asked = no_nonce if screen is None else functools.partial(context.nonces.issue, site or "", screen)
    contact = contact_in(request.scope)
    reached = functools.partial(context.contacts.reached, contact.client) if contact else no_one
    kinds = frozenset(kind or ChangeKind)
    wish = Wish(site=site, kinds=kinds, after=place, nonce=asked, sites=context.sites, reached=reached)
    return LiveStream(context.feed, context.clocks, context.metrics, wish)


def _place(text: str | None) -> Vector | None:
    if text is None:
        return None
    try:
        return parse_vector(text)
    except ValueError as error:
        raise unusable("after", str(error)) from error


@router.get("/stream", response_class=EventSourceResponse)
async def read_stream(stream: Annotated[LiveStream, Depends(open_stream)]) -> AsyncIterable[ServerSentEvent]:
    """Server-sent events: `hello`, then every change under the name of its kind, a `heartbeat` every 5 s.

    Each message's `id` is the place in every partition after it, such as `0:12,3:7`. Come back with
    `Last-Event-ID` (or `after`), the same site and the same kinds, and nothing is missing and nothing doubled;
    of states (alert, device, blind, agent) the newest may be told again. `hello` says whether the place was
    known (`resumed`): if not, load the lists and go on from there. `goodbye` comes last: come back.

    With `screen`, `hello` and `heartbeat` carry a `nonce`: `POST …/screens/{screen}/answers` it within 15 s.
    """
    async for message in stream.messages():
        yield message
