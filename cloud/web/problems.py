"""Errors as Problem Details (RFC 9457): what is wrong, in words, and never how the program is built."""

from http import HTTPStatus
from typing import Any, Final

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict, Field
from starlette.exceptions import HTTPException

from cloud.errors import BrokerUnavailableError, StoreRejectedError, StoreUnavailableError

MEDIA_TYPE: Final = "application/problem+json"
RETRY_AFTER_S: Final = 2


_TYPES: Final = {
    status: f"urn:sitewarden:problem:{name}"
    for status, name in {
        401: "no-access",
        403: "forbidden",
        404: "not-found",
        405: "method-not-allowed",
        409: "conflict",
        408: "too-slow",
        412: "stale",
        413: "too-large",
        415: "unsupported-media-type",
        422: "unusable-fields",
        429: "too-much",
        500: "internal",
        503: "unavailable",
    }.items()
}


class FieldProblem(BaseModel):
    """One field of a request that can't be used."""

    field: str = Field(examples=["query.limit"])
    message: str = Field(examples=["Input should be less than or equal to 1000"])


class Problem(BaseModel):
    """RFC 9457. `type` names the kind of problem; `errors` is there when fields of the request are wrong."""

    model_config = ConfigDict(json_schema_extra={"description": "An error, as RFC 9457 writes it."})

    type: str = Field(examples=["urn:sitewarden:problem:not-found"])
    title: str = Field(examples=["Not Found"])
    status: int = Field(examples=[404])
    detail: str = Field(examples=["no site 'elsewhere'"])
    instance: str = Field(examples=["/api/v1/sites/elsewhere/events"])
    errors: list[FieldProblem] | None = None


PROBLEMS: Final[dict[int | str, dict[str, Any]]] = {
    code: {"model": Problem, "description": HTTPStatus(code).phrase, "content": {MEDIA_TYPE: {}}}
    for code in (401, 404, 422, 503)
}
"""What any path of the API may answer besides its own."""


def problem_response(
    status: int, detail: str, instance: str, errors: list[FieldProblem] | None = None
) -> JSONResponse:
    """An error as a response."""
    body = Problem(
        type=_TYPES.get(status, "about:blank"),
        title=HTTPStatus(status).phrase,
        status=status,
        detail=detail,
        instance=instance,
        errors=errors,
    )
    headers = {"Retry-After": str(RETRY_AFTER_S)} if status == HTTPStatus.SERVICE_UNAVAILABLE else None
    return JSONResponse(
        body.model_dump(exclude_none=True), status_code=status, media_type=MEDIA_TYPE, headers=headers
    )


def install_problem_handlers(app: FastAPI) -> None:
    """Makes every error that leaves a path of `app` a Problem Details response."""
    app.add_exception_handler(HTTPException, _http)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(StoreUnavailableError, _store_away)
    app.add_exception_handler(StoreRejectedError, _store_refused)
    app.add_exception_handler(BrokerUnavailableError, _broker_away)
    app.add_exception_handler(Exception, _unforeseen)


def _http(request: Request, error: Exception) -> JSONResponse:
    if not isinstance(error, HTTPException):
        raise error
    response = problem_response(error.status_code, str(error.detail), request.url.path)
    response.headers.update(error.headers or {})
    return response


def _invalid(request: Request, error: Exception) -> JSONResponse:
    if not isinstance(error, RequestValidationError):
        raise error
    fields = [
        FieldProblem(field=".".join(str(step) for step in found["loc"]), message=str(found["msg"]))
        for found in error.errors()
    ]
    return problem_response(422, "some fields of the request can't be used", request.url.path, fields)


def _store_away(request: Request, _: Exception) -> JSONResponse:
    return problem_response(503, "the database can't be reached; try again soon", request.url.path)


def _store_refused(request: Request, _: Exception) -> JSONResponse:
    detail = "a value of the request is beyond what can be stored or looked for"
    return problem_response(422, detail, request.url.path)


def _broker_away(request: Request, _: Exception) -> JSONResponse:
    detail = "the broker can't be reached; try again soon, with the same id"
    return problem_response(503, detail, request.url.path)


def _unforeseen(request: Request, _: Exception) -> JSONResponse:
    # The server writes the error to the log, with its traceback; the answer says nothing of it.
    return problem_response(500, "something went wrong here; it was written down", request.url.path)
