"""`/api/v1/sites/…/screens/…/answers`: a screen proves that it is there, painted and audible."""

from typing import Annotated

from fastapi import APIRouter, Path
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException

from cloud.operations.screen import Sign
from cloud.web.context import InContext, OfSite
from cloud.web.problems import PROBLEMS
from cloud.web.screen_models import ScreenAnswer
from cloud.web.screens import FROZEN_MS

router = APIRouter(prefix="/api/v1/sites", tags=["matters"], responses=PROBLEMS)

SCREEN_ID = r"^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$"
ScreenId = Annotated[str, Path(pattern=SCREEN_ID, max_length=64, examples=["wall-1"])]


@router.post(
    "/{site}/screens/{screen}/answers",
    status_code=204,
    responses={409: {**PROBLEMS[404], "description": "Conflict: a nonce that proves nothing"}},
)
async def take_answer(site: OfSite, context: InContext, screen: ScreenId, answer: ScreenAnswer) -> None:
    """Answer the latest `nonce` of the stream that was opened with `screen`.

    409: it is too old, or of another screen. 503: nobody who watches over screens can be told. A screen that is hidden, or painted nothing for 10 s, does not count as
    watching; one that can't be heard counts as muted.
    """
    now = context.clocks.now()
    problem = context.nonces.problem(answer.nonce, site.id, screen, now)
    if problem is not None:
        context.metrics.screen_answers.labels("refused").inc()
        raise HTTPException(409, problem)
    person = site.people.get(answer.heard_by) if answer.heard_by else None
    if answer.heard_by and (person is None or person.id != answer.heard_by):
        raise RequestValidationError(
            [{"loc": ("body", "heard_by"), "msg": f"no person {answer.heard_by!r} works here"}]
        )
    context.metrics.screen_answers.labels("taken").inc()
    context.metrics.screen_age.observe(answer.data_age_ms / 1_000)
    live = answer.visible and answer.drawn_ms <= FROZEN_MS
    context.pulses.take(site.id, Sign(screen, now, live, answer.audible, answer.heard_by))
    if context.pulses.away:
        raise HTTPException(503, "the broker can't be reached: nobody is told that this screen lives")
