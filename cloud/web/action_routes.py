"""`/api/v1/sites/…/actions`: everything that people do, in one place, once, and on record."""

import uuid
from http import HTTPStatus
from typing import Annotated, Any, Final

import msgspec
from fastapi import APIRouter, Header, Query, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from cloud.correlation.verdict import Outcome
from cloud.errors import RefusedError
from cloud.operations.command import Action, Answer, Command, ExplainMiss, verb_of
from cloud.store.reads import AnswerQuery
from cloud.web import cursors
from cloud.web.contacts import OUTAGE_MS, Contact, contact_in
from cloud.web.context import Context, InContext, OfSite
from cloud.web.lists import Name, Paging, PathName, listed, place_of
from cloud.web.models import AnswerView, Listed
from cloud.web.problems import PROBLEMS, problem_response
from cloud.web.views import answer_view
from contract.limits import MOST_DEPTH, is_deep, number_problem

router = APIRouter(prefix="/api/v1/sites", tags=["actions"], responses=PROBLEMS)
DECIDED_WITHIN_S: Final = 3.0
_DAY_MS: Final = 86_400_000
_NUL: Final = b"\\u0000"
"""No database keeps this character in a text."""
_MISSED: Final = frozenset({Outcome.BREACHED, Outcome.UNKNOWN})
_STATUS: Final = {"unknown": 404, "conflict": 409, "stale": 412, "not_allowed": 403, "unusable": 422}


class Doing(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Who does what. `at`, ms: when it was done, for what a tablet sends later; `id`: as `Idempotency-Key`."""

    person: str
    action: Action
    at: int | None = None
    id: str | None = None


_decoder: Final = msgspec.json.Decoder(Doing)


def _body() -> dict[str, Any]:
    """The request's shape for the API's description, generated from what is decoded."""
    (shape,), parts = msgspec.json.schema_components([Doing], ref_template="#/x-actions/{name}")
    root = parts[shape["$ref"].rsplit("/", 1)[1]]
    example = {"person": "p-002", "action": {"do": "acknowledge", "incident": "9f1c2b7a90d4e6f3"}}
    return {
        "required": True,
        "content": {"application/json": {"schema": _inlined(root, parts), "example": example}},
    }


def _inlined(node: Any, parts: dict[str, Any]) -> Any:  # noqa: ANN401 - JSON
    if isinstance(node, list):
        return [_inlined(item, parts) for item in node]
    if not isinstance(node, dict):
        return node
    if "$ref" in node:
        return _inlined(parts[node["$ref"].rsplit("/", 1)[1]], parts)
    return {key: _inlined(value, parts) for key, value in node.items() if key != "discriminator"}


class AnswerFilter(Paging):
    """Which actions are wanted."""

    person: Name | None = None
    target: Name | None = None


_REFUSALS: Final[dict[int | str, dict[str, Any]]] = {
    code: {**PROBLEMS[404], "description": HTTPStatus(code).phrase} for code in (403, 409, 412, 415)
}


@router.post(
    "/{site}/actions",
    response_model=AnswerView,
    responses={202: {"model": AnswerView, "description": "taken, not decided yet"}, **_REFUSALS},
    openapi_extra={"requestBody": _body()},
)
async def do_action(
    site: OfSite,
    context: InContext,
    request: Request,
    response: Response,
    idempotency_key: Annotated[str | None, Header(max_length=200)] = None,
    if_match: Annotated[str | None, Header(max_length=40, examples=['"3"'])] = None,
) -> Any:  # noqa: ANN401 - a view or a problem
    """Do something. With an `Idempotency-Key` it happens once, however often it is sent.

    `If-Match` with the `ETag` of what was looked at refuses it (412) when that has changed since. 202: it is taken
    and will be decided; ask for it by its id.
    """
    command = _command(await _doing(request), context, contact_in(request.scope), idempotency_key, if_match)
    known = await context.reader.answer(site.id, command.id)
    if known is None:
        try:
            await _check_missed(command, site.id, context)
        except RefusedError as error:
            return _refused(_not_sent(command, site.id, error), request)
        await context.post.send(site.id, command)
        known = await _decided(context, site.id, command.id)
    if known is None:
        location = f"/api/v1/sites/{site.id}/actions/{command.id}"
        return JSONResponse({"id": command.id}, status_code=202, headers={"Location": location})
    if known.problem:
        return _refused(known, request)
    if known.revision is not None:
        response.headers["ETag"] = f'"{known.revision}"'
    return answer_view(known)


async def _doing(request: Request) -> Doing:
    """The body. A page of another site can't send JSON here without being asked: that keeps it out."""
    if request.headers.get("content-type", "").partition(";")[0].strip() != "application/json":
        raise HTTPException(415, "expected application/json")
    body = await request.body()
    if _NUL in body:
        raise RequestValidationError([{"loc": ("body",), "msg": "a text holds a NUL character"}])
    if is_deep(body):
        raise RequestValidationError([{"loc": ("body",), "msg": f"expected at most {MOST_DEPTH} levels"}])
    try:
        if (problem := number_problem(msgspec.json.decode(body))) is not None:
            place, _, message = problem.partition(": ")
            raise RequestValidationError([{"loc": ("body", place), "msg": message}])
        return _decoder.decode(body)
    except msgspec.ValidationError as error:
        message, _, field = str(error).partition(" - at `$")
        where = "body" + field.rstrip("`")
        raise RequestValidationError([{"loc": (where,), "msg": message}]) from error
    except msgspec.DecodeError as error:
        raise RequestValidationError([{"loc": ("body",), "msg": str(error)}]) from error


def _command(
    doing: Doing, context: Context, contact: Contact | None, key: str | None, if_match: str | None
) -> Command:
    identity = key or doing.id or str(uuid.uuid4())
    if not identity.isprintable() or len(identity) > 200:
        raise RequestValidationError(
            [{"loc": ("header", "Idempotency-Key"), "msg": "expected up to 200 letters"}]
        )
    expects = None
    if if_match is not None:
        text = if_match.strip().strip('"')
        if not text.isdecimal():
            raise RequestValidationError(
                [{"loc": ("header", "If-Match"), "msg": "expected an ETag of this API"}]
            )
        expects = int(text)
    now = context.clocks.now()
    at = now if doing.at is None else doing.at
    if not 0 <= at <= now + _DAY_MS:
        raise RequestValidationError(
            [{"loc": ("body.at",), "msg": "expected ms since the epoch, not in the future"}]
        )
    return Command(
        id=identity,
        person=doing.person,
        at=at,
        action=doing.action,
        expects=expects,
        heard_at=now,
        since=contact.earliest(now) if contact is not None else now - OUTAGE_MS,
    )


async def _check_missed(command: Command, site: str, context: Context) -> None:
    """What is answered for must have been missed: the worker knows no verdicts of the past, the store does.

    Raises:
        RefusedError: There is no such episode, or it was not missed, as far as the newest revision says.
    """
    action = command.action
    if not isinstance(action, ExplainMiss):
        return
    rows = await context.reader.revisions(site, action.rule, action.key, action.opened_at)
    if not rows:
        raise RefusedError(
            "unknown",
            f"没有此项判定：{action.rule} {action.key}",
            f"no episode of rule {action.rule!r} and key {action.key!r} began then",
        )
    outcome = rows[-1].revised.verdict.outcome
    if outcome is Outcome.PENDING:
        raise RefusedError(
            "conflict", "尚未判定，请稍后再说明", "this is not decided yet: answer for it once it is"
        )
    if outcome not in _MISSED:
        raise RefusedError(
            "conflict",
            "该项已按时完成，无需说明",
            "this was not missed: there is nothing to answer for",
        )


def _not_sent(command: Command, site: str, error: RefusedError) -> Answer:
    """The answer to what is refused before the worker hears of it; it is not kept, and may be sent again."""
    return Answer(
        site=site,
        id=command.id,
        person=command.person,
        at=command.at,
        received_at=command.at,
        verb=verb_of(command.action),
        body=b"",
        problem=error.problem,
        zh=error.zh,
        en=error.en,
    )


async def _decided(context: Context, site: str, command: str) -> Answer | None:
    """The answer, as soon as it is there; None when it takes longer than people should wait."""
    until = context.clocks.monotonic() + int(DECIDED_WITHIN_S * 1_000)
    while True:
        seen = context.feed.positions
        answer = await context.reader.answer(site, command)
        left = until - context.clocks.monotonic()
        if answer is not None or left <= 0:
            return answer
        await context.feed.wait_beyond(seen, left / 1_000)


def _refused(answer: Answer, request: Request) -> JSONResponse:
    response = problem_response(_STATUS.get(answer.problem, 409), answer.en, request.url.path)
    body = msgspec.json.decode(response.body)
    body |= {"detail_zh": answer.zh, "target": answer.target, "id": answer.id}
    return JSONResponse(body, status_code=response.status_code, media_type=response.media_type)


@router.get("/{site}/actions")
async def read_actions(
    site: OfSite, context: InContext, wanted: Annotated[AnswerFilter, Query()]
) -> Listed[AnswerView]:
    """What people did and what they were answered, latest first; refusals too."""
    query = AnswerQuery(
        site=site.id,
        person=wanted.person,
        target=wanted.target,
        before=place_of(wanted.cursor, cursors.INCIDENT),
        limit=wanted.limit,
    )
    page = await context.reader.answers(query)
    return listed(context, page, answer_view, lambda row: (row.received_at, row.id))


@router.get("/{site}/actions/{action}")
async def read_action(site: OfSite, context: InContext, action: PathName) -> AnswerView:
    """What became of one action; 404 while it is not decided."""
    found = await context.reader.answer(site.id, action)
    if found is None:
        raise HTTPException(404, f"no action {action!r} is decided")
    return answer_view(found)
