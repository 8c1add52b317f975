"""What every path of the API works with, and how it gets at it."""

from collections.abc import Mapping
from typing import Annotated

import msgspec
from fastapi import Depends, FastAPI, Path, Request
from starlette.exceptions import HTTPException

from cloud.correlation.rules import RuleBook
from cloud.operations.setup import OperationsSetup
from cloud.plan.drawing import Drawing
from cloud.review.points import SitePoint
from cloud.store.files import FileStore
from cloud.store.reads import Reader
from cloud.web.contacts import Contacts
from cloud.web.feed import Feed
from cloud.web.metrics import WebMetrics
from cloud.web.options import WebOptions
from cloud.web.post import Post
from cloud.web.screens import Nonces, Pulses
from cloud.web.stream import Clocks
from cloud.web.uploads import Uploads
from contract.site import Site


class Context(msgspec.Struct, frozen=True, kw_only=True):
    """Made once by `create_app`.

    `rules` and `operations` hold, by site, what is in force there, `points` what is measured there.
    """

    reader: Reader
    feed: Feed
    sites: Mapping[str, Site]
    rules: Mapping[str, RuleBook]
    clocks: Clocks
    metrics: WebMetrics
    options: WebOptions
    post: Post
    nonces: Nonces
    pulses: Pulses
    contacts: Contacts
    uploads: Uploads
    files: FileStore | None = None
    drawn: dict[str, list[Drawing]] = msgspec.field(default_factory=dict)
    """By site, its floors once somebody asked for them."""
    operations: Mapping[str, OperationsSetup] = {}
    points: Mapping[str, Mapping[tuple[str, str], SitePoint]] = {}


def context_in(app: FastAPI) -> Context:
    """The context that `create_app` gave to an application."""
    context = app.state.context
    if not isinstance(context, Context):
        raise TypeError("app.state.context is not a Context: the app was not made by create_app")
    return context


async def context_of(request: Request) -> Context:
    """The context of the app that a request came to."""
    return context_in(request.app)


InContext = Annotated[Context, Depends(context_of)]


async def site_of(
    site: Annotated[str, Path(examples=["demo"], max_length=64, pattern=r"^[^\x00]*$")], context: InContext
) -> Site:
    """The site that a path names, or a 404."""
    found = context.sites.get(site)
    if found is None:
        raise HTTPException(404, f"no site {site!r}")
    return found


OfSite = Annotated[Site, Depends(site_of)]
