"""What all lists of the API have in common: how they are asked for, and the page they answer with."""

from collections.abc import Awaitable, Callable
from typing import Annotated, Any, TypeVar

import msgspec
from fastapi import Path
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, ConfigDict, Field

from cloud.correlation.verdict import Outcome
from cloud.store.base import IncidentState
from cloud.store.reads import MOST_ROWS, Page
from cloud.web.context import Context
from cloud.web.cursors import read_cursor, write_cursor
from cloud.web.models import Listed, Model

MOST_MS = 253_402_300_799_999
"""The last moment of the year 9999."""

Name = Annotated[str, Field(max_length=200, pattern=r"^[^\x00]*$")]
Names = Annotated[list[Name], Field(max_length=50)]
Moment = Annotated[int | None, Field(ge=0, le=MOST_MS, description="ms since the epoch, UTC")]
PathName = Annotated[str, Path(max_length=200, pattern=r"^[^\x00]*$")]


class Paging(BaseModel):
    """How much of a list is wanted, and from where on. A parameter nobody knows is a mistake, not a wish."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    limit: int = Field(default=100, ge=1, le=MOST_ROWS)
    cursor: str | None = Field(default=None, max_length=1_000, description="`next` of the page before")


class EventFilter(Paging):
    """Which events are wanted: `since <= at < until`."""

    type: Names = []
    device: Names = []
    zone: Name | None = None
    since: Moment = None
    until: Moment = None


class VerdictFilter(Paging):
    """Which verdicts are wanted: `since <= opened_at < until`."""

    rule: Names = []
    outcome: Annotated[list[Outcome], Field(max_length=5)] = []
    key: Name | None = None
    since: Moment = None
    until: Moment = None


class IncidentFilter(Paging):
    """Which incidents are wanted."""

    state: IncidentState | None = None


class NoticeFilter(Paging):
    """Which messages are wanted."""

    about: Name | None = None
    person: Name | None = None
    state: Annotated[str | None, Field(pattern="^(waiting|sent|failed|stopped)$")] = None


class MatterFilter(Paging):
    """Which are wanted: those in one of the states, with `since <= opened_at < until`."""

    state: Names = []
    since: Moment = None
    until: Moment = None


class QuarantineFilter(Paging):
    """Which of what was put aside is wanted."""

    site: Name | None = None


Row = TypeVar("Row")
View = TypeVar("View", bound=Model)


def place_of(cursor: str | None, decoder: msgspec.json.Decoder[Any]) -> Any:  # noqa: ANN401 - as the decoder says
    """The key after which a list goes on; None from the start.

    Raises:
        RequestValidationError: The cursor was not made for this list.
    """
    if cursor is None:
        return None
    try:
        return read_cursor(cursor, decoder)
    except ValueError as error:
        raise unusable("cursor", str(error)) from error


def unusable(parameter: str, message: str) -> RequestValidationError:
    """The error for a parameter of the query that can't be used."""
    return RequestValidationError([{"loc": ("query", parameter), "msg": message}])


def listed(
    context: Context, page: Page[Row], view: Callable[[Row], View], key: Callable[[Row], object]
) -> Listed[View]:
    """A page of rows as the API says it."""
    return Listed(
        items=[view(row) for row in page.rows],
        next=write_cursor(key(page.rows[-1])) if page.more else None,
        now=context.clocks.now(),
    )


Query = TypeVar("Query", bound=msgspec.Struct)


async def every(
    query: Query, read: Callable[[Query], Awaitable[Page[Row]]], key: Callable[[Row], object]
) -> list[Row]:
    """Every row of a list, page by page; `key` is where a page ended."""
    rows: list[Row] = []
    while True:
        page = await read(query)
        rows += page.rows
        if not page.more:
            return rows
        query = msgspec.structs.replace(query, before=key(page.rows[-1]))
