"""`/api/v1/session`: a browser shows the access token once and gets a cookie that does not give it away."""

import hmac
from typing import Final

from fastapi import APIRouter, Request, Response
from starlette.exceptions import HTTPException

from cloud.web.context import InContext
from cloud.web.models import SessionRequest
from cloud.web.options import is_loopback
from cloud.web.problems import PROBLEMS
from cloud.web.security import SESSION_COOKIE, session_value

SESSION_S: Final = 30 * 86_400

router = APIRouter(prefix="/api/v1/session", tags=["session"], responses=PROBLEMS)


@router.post("", status_code=204)
async def sign_in(context: InContext, request: Request, wanted: SessionRequest, response: Response) -> None:
    """Sign in with the access token."""
    token = context.options.token
    if not token:
        raise HTTPException(404, "no access token is asked for here")
    if request.url.scheme != "https" and not is_loopback(request.url.hostname or ""):
        raise HTTPException(403, "browsers keep the session only over https; put a TLS proxy in front")
    if not hmac.compare_digest(wanted.token.encode(), token.encode()):
        raise HTTPException(401, "this is not the access token")
    response.set_cookie(
        SESSION_COOKIE,
        session_value(token),
        max_age=SESSION_S,
        secure=True,
        httponly=True,
        samesite="strict",
    )


@router.delete("", status_code=204)
async def sign_out(response: Response) -> None:
    """Forget the session in this browser."""
    response.delete_cookie(SESSION_COOKIE, secure=True, httponly=True, samesite="strict")
