"""What telemetry proposes for a checklist."""

from pydantic import Field

from cloud.web.models import Model, Words


class ProposalView(Model):
    """A reading for an item of an order's checklist, in the item's unit, as of `at`.

    `value` null: there is none, as `why` says. `point`: of the order's device; empty: the length of its run.
    """

    item: str = Field(examples=["fuel"])
    point: str = Field(examples=["fuel_level"])
    value: float | None = Field(examples=[86.5])
    at: int | None = Field(examples=[1_764_547_200_000])
    why: Words
