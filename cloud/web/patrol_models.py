"""The patrol board of a day, and what a search finds."""

from pydantic import Field

from cloud.web.models import Model, Ms, Words

_STATE = "due, on_time, late, missed or unknown"


class SpanView(Model):
    """Somebody had to come by `due_at`; `at` when `person` did; `reason` why not, as somebody answered for it.

    `person` is null where the scan lies outside the day or nobody's card was read.
    """

    rule: str = Field(examples=["PT-1"])
    key: str = Field(examples=["cp-b1-03"])
    opened_at: Ms
    due_at: Ms
    state: str = Field(examples=["on_time"], description=_STATE)
    at: int | None = Field(examples=[1_764_547_200_000])
    person: str | None = Field(examples=["p-007"])
    reason: str = Field(examples=["电梯停运，改走楼梯"])


class VisitView(Model):
    """Somebody was at a checkpoint. `offline`: told by a tablet, by its own clock."""

    at: Ms
    device: str = Field(examples=["cp-b1-03"])
    zone: str | None = Field(examples=["b1"])
    person: str = Field(examples=["p-007"])
    clock_error_ms: int = Field(examples=[20])
    offline: bool


class StopView(Model):
    """A checkpoint of a round."""

    device: str = Field(examples=["cp-b1-03"])
    state: str = Field(examples=["on_time"], description=_STATE)
    at: int | None = Field(examples=[1_764_547_200_000])
    person: str | None = Field(examples=["p-007"])


class RoundView(Model):
    """A planned round of a route."""

    span: SpanView
    stops: list[StopView]


class RouteView(Model):
    """A route with its rounds of the day."""

    id: str = Field(examples=["r-blocks"])
    name: Words
    checkpoints: list[str] = Field(examples=[["cp-b1-03", "cp-b1-f3"]])
    rounds: list[RoundView]


class PostView(Model):
    """A checkpoint over the day; `due_at`: when it must be walked next, or should have been.

    `state` is that of the most pressing of its rules.
    """

    device: str = Field(examples=["cp-b1-03"])
    name: Words
    zone: str | None = Field(examples=["b1"])
    routes: list[str] = Field(examples=[["r-blocks"]])
    state: str = Field(examples=["due"], description=_STATE)
    due_at: int | None = Field(examples=[1_764_547_200_000])
    last_at: int | None = Field(examples=[1_764_540_000_000])
    visits: list[VisitView]
    spans: list[SpanView]


class WalkView(Model):
    """Where somebody walked, in order."""

    person: str = Field(examples=["p-007"])
    visits: list[VisitView]


class PatrolView(Model):
    """The patrol board of the site's day `[since, until)`."""

    day: str = Field(examples=["2026-11-23"])
    since: Ms
    until: Ms
    now: Ms
    routes: list[RouteView]
    checkpoints: list[PostView]
    walks: list[WalkView]


class FoundView(Model):
    """Something that a search found.

    `kind`: zone, device, person, route, rule, checklist, incident, alarm or order.
    """

    kind: str = Field(examples=["device"])
    id: str = Field(examples=["cp-b1-03"])
    title: Words
    detail: Words
    at: int | None = Field(examples=[1_764_547_200_000])
