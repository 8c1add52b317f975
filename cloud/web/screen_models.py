"""What a screen answers."""

from pydantic import ConfigDict, Field

from cloud.web.lists import Name
from cloud.web.models import Model

_LONGEST_MS = 10 * 365 * 86_400_000


class ScreenAnswer(Model):
    """A screen's answer to the `nonce` of a `hello` or `heartbeat`, by the screen's own clock for lengths of time."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    nonce: Name = Field(examples=["1764547200000.2f1c9a0d4e5b6c7d8e9f0a1b2c3d4e5f"])
    audible: bool = Field(description="sound can be played: not blocked, not muted", examples=[True])
    visible: bool = Field(description="the page is in view", examples=[True])
    drawn_ms: int = Field(
        ge=0, le=_LONGEST_MS, description="ms since a frame was painted last", examples=[16]
    )
    data_age_ms: int = Field(
        ge=0,
        le=_LONGEST_MS,
        description="ms since anything of the stream was shown last, heartbeats too",
        examples=[40],
    )
    heard_by: Name = Field(
        default="",
        description="a person's id: who said that the test sound was heard, until it is tested again",
        examples=["p-002"],
    )
