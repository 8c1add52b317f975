"""What a tablet fills in: checklists and kinds of orders."""

from typing import Literal

from pydantic import Field

from cloud.web.models import Model, Words


class ChoiceView(Model):
    """One of the answers. `bad`: something must be done about it."""

    id: str = Field(examples=["black"])
    name: Words
    bad: bool


class ChecklistItemView(Model):
    """One thing to look at. A reading beyond `least` or `most` is bad; so is a yes_no that is not `good`.

    `opens`: the kind of order that a bad answer opens. `measured`: telemetry may know it (`/orders/…/sheet`).
    """

    id: str = Field(examples=["fuel"])
    name: Words
    kind: Literal["reading", "choice", "text", "photo", "signature", "yes_no"] = Field(examples=["reading"])
    unit: str = Field(examples=["%"])
    least: float | None = Field(examples=[50.0])
    most: float | None = Field(examples=[100.0])
    choices: list[ChoiceView]
    good: bool
    required: bool
    opens: str | None = Field(examples=["defect"])
    measured: bool


class ChecklistView(Model):
    """Items in their order. `signature`: the work is signed, even where no item asks for it."""

    id: str = Field(examples=["generator-test"])
    name: Words
    items: list[ChecklistItemView]
    signature: bool


class OrderLimitView(Model):
    """Time that an order of some urgency may take, as the contract says it: `15m`, `24h`, `2wd` for working days.

    `ms`: the same in ms from the opening; null: it is counted in working days.
    """

    name: str = Field(
        examples=["arrive_within"],
        description="accept_within, arrive_within, done_within, answer_within, close_within or call_back_within",
    )
    urgency: str = Field(examples=["normal"])
    text: str = Field(examples=["15m"])
    ms: int | None = Field(examples=[900_000])


class OrderKindView(Model):
    """A kind of orders. `role`: who may take them; `limits`: one for each that an urgency has."""

    id: str = Field(examples=["repair"])
    name: Words
    role: str = Field(examples=["engineer"])
    urgencies: list[str] = Field(examples=[["normal", "urgent"]])
    limits: list[OrderLimitView]
    checklist: str | None = Field(examples=["home-repair"])
    needs_verification: bool
    call_back: bool
    requested: bool
