"""What is measured."""

from typing import Literal

from pydantic import Field

from cloud.web.models import Model, Ms, Words

_NOON = 1_764_547_200_000


class ShownView(Model):
    """Words in which people are shown a value."""

    value: float = Field(examples=[1])
    words: Words


class PointView(Model):
    """A point that a device gives readings of. `state`: its numbers stand for what is so, not for how much.

    `display`: words for some of its values; any other is shown as the number that it is.
    """

    device: str = Field(examples=["t-power"])
    point: str = Field(examples=["temperature"])
    name: Words
    unit: str = Field(examples=["°C"])
    kind: Literal["number", "state"] = Field(examples=["number"])
    zone: str | None = Field(examples=["power"])
    display: list[ShownView]


class ValueView(Model):
    """The newest reading of a point, however long ago that was: `age_ms` says how old it is.

    `value` null: it could not be read, as `quality` says. `complete_to`: up to when the device is known; what it
    measured after that may be there and not have come. `name`: what people call the point. `words`: what the value
    means; null: it is shown as a number.
    """

    device: str = Field(examples=["t-power"])
    point: str = Field(examples=["temperature"])
    name: Words
    unit: str = Field(examples=["°C"])
    at: Ms
    received_at: Ms
    value: float | None = Field(examples=[24.6])
    words: Words | None
    quality: str = Field(examples=["good"])
    age_ms: int = Field(examples=[1_800])
    complete_to: int | None = Field(examples=[_NOON])


class GapView(Model):
    """Nothing could be known for `[start, end)`."""

    start: Ms
    end: Ms


class CurveView(Model):
    """Readings of a point in columns of one length; `[since, until)`.

    `step_ms` 0: every good reading; else each row is a bin of that length that begins at `at`, with the lowest, the
    mean and the highest of its `count` readings; the first and the last may reach beyond the period, and count what
    is in it. A bin without a good reading is not there. `gaps`: when the device could not be known. `complete_to`: up
    to when it is known. `name` and `display`: as of its point.
    """

    device: str = Field(examples=["t-power"])
    point: str = Field(examples=["temperature"])
    name: Words
    unit: str = Field(examples=["°C"])
    display: list[ShownView]
    since: Ms
    until: Ms
    step_ms: int = Field(examples=[60_000])
    at: list[int] = Field(examples=[[_NOON, _NOON + 60_000]])
    low: list[float] = Field(examples=[[24.1, 24.2]])
    mean: list[float] = Field(examples=[[24.4, 24.5]])
    high: list[float] = Field(examples=[[24.6, 24.9]])
    count: list[int] = Field(examples=[[12, 12]])
    gaps: list[GapView]
    complete_to: int | None = Field(examples=[_NOON])
