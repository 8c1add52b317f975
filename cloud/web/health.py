"""How a device is doing, as people need to know it. Pure."""

from collections.abc import Sequence
from enum import StrEnum
from typing import Final

import msgspec

from cloud.store.base import AgentHealth, BlindRow, DeviceHealth

SILENT_MS: Final = 30_000
"""An agent that was not heard for so long is down: it says something every 5 s."""
BLIND_DAY_MS: Final = 86_400_000


class DeviceState(StrEnum):
    """How far a device can be believed right now; the first that fits."""

    STRANGER = "stranger"
    """It sends, but the site model does not name it."""
    NEVER = "never"
    """Nothing was ever heard of it."""
    UNREACHABLE = "unreachable"
    """Its agent is silent, so nothing is known of it."""
    BLIND = "blind"
    """Its agent can't read it."""
    BEHIND = "behind"
    """What it does is known only up to some time ago. Normal for a source that buffers: it is then `ok`."""
    OK = "ok"


OFTEN: Final = 5
OFTEN_WITHIN_MS: Final = 5 * 60_000
"""So many blind spans within so long: a device that is hardly covered, though it answers now and then."""


class Blindness(msgspec.Struct, frozen=True):
    """What was not seen of a device: since when it is blind now, and for how long it was in the last day.

    `often`: it was blind again and again within the last minutes, as one that can't be read at its pace.
    """

    since: int | None = None
    day_ms: int = 0
    often: bool = False


def blindness(spans: Sequence[BlindRow], complete_to: int | None, now: int) -> Blindness:
    """Sums up a device's blind spans, which may overlap. One that reaches its `complete_to` goes on."""
    day = now - BLIND_DAY_MS
    total, reached = 0, day
    for span in sorted(spans, key=lambda span: span.start):
        total += max(0, min(span.end, now) - max(span.start, reached))
        reached = max(reached, min(span.end, now))
    open_ones = [span.start for span in spans if complete_to is not None and span.end >= complete_to]
    lately = [span for span in spans if span.end > now - OFTEN_WITHIN_MS]
    return Blindness(min(open_ones, default=None), total, len(lately) >= OFTEN)


def agent_is_silent(agent: AgentHealth | None, now: int) -> bool:
    """Whether an agent has not been heard for too long."""
    return agent is None or now - agent.last_seen > SILENT_MS


def device_state(
    health: DeviceHealth | None,
    agent: AgentHealth | None,
    blind: Blindness,
    now: int,
    *,
    buffers: bool,
    quiet_ms: int = 0,
    desk: bool = False,
) -> DeviceState:
    """The state of a device; `buffers` when it keeps events by itself while it is away.

    `quiet_ms`: how long it may say nothing though all is well. A `desk` is told of by people: no agent reads it, and it has nothing to say while nobody does anything.
    """
    if desk:
        return DeviceState.OK
    if health is not None and not health.known:
        return DeviceState.STRANGER
    if health is None or (health.last_seen is None and health.complete_to is None):
        return DeviceState.NEVER
    if agent_is_silent(agent, now):
        return DeviceState.UNREACHABLE
    if blind.since is not None or blind.often:
        return DeviceState.BLIND
    known_to = health.complete_to
    if not buffers and known_to is not None and now - known_to > SILENT_MS + quiet_ms:
        return DeviceState.BEHIND
    return DeviceState.OK
