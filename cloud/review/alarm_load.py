"""How many alarms people had to bear: the figures of ISA-18.2-2016, clause 16.5, and EEMUA 191. Pure."""

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Final

import msgspec
import numpy as np

from cloud.operations.alarm import STALE_MS, Alarm, AlarmState

SLICE_MS: Final = 600_000
FLOOD: Final = 10
"""More than so many alarms in ten minutes are a flood."""


class Bad(msgspec.Struct, frozen=True):
    """An alarm that makes much noise, and how often it came."""

    kind: str
    source: str
    count: int


class AlarmLoad(msgspec.Struct, frozen=True, kw_only=True):
    """The figures of `[since, until)`. Times in ms, shares from 0 to 1; None where there is nothing to measure."""

    since: int
    until: int
    annunciated: int
    per_10_min: float
    most_in_10_min: int
    flood_share: float
    by_priority: dict[str, int]
    chattering: int
    stale: int
    shelved: int
    suppressed: int
    out_of_service: int
    acknowledged: int
    p50_ack_ms: int | None
    p95_ack_ms: int | None
    worst: tuple[Bad, ...]


def alarm_load(revisions: Iterable[Alarm], since: int, until: int) -> AlarmLoad:
    """The figures of a period, from every revision of every alarm that changed in it, in their order."""
    rows = list(revisions)
    begun = {(alarm.id, alarm.opened_at): alarm for alarm in rows if alarm.annunciates}
    inside = [alarm for (_, at), alarm in begun.items() if since <= at < until]
    slices = Counter((alarm.opened_at - since) // SLICE_MS for alarm in inside)
    count = max(1, -(-(until - since) // SLICE_MS))
    acks = sorted(
        alarm.acked_at - alarm.opened_at
        for alarm in {(a.id, a.opened_at): a for a in rows if a.acked_at is not None}.values()
        if alarm.acked_at is not None and since <= alarm.opened_at < until
    )
    last = {alarm.id: alarm for alarm in rows}
    sources = Counter((alarm.kind, alarm.source) for alarm in inside)
    return AlarmLoad(
        since=since,
        until=until,
        annunciated=len(inside),
        per_10_min=len(inside) / count,
        most_in_10_min=max(slices.values(), default=0),
        flood_share=sum(number > FLOOD for number in slices.values()) / count,
        by_priority=dict(sorted(Counter(alarm.priority.name.lower() for alarm in inside).items())),
        chattering=len({alarm.id for alarm in rows if alarm.is_chattering()}),
        stale=sum(alarm.active and until - alarm.opened_at > STALE_MS for alarm in last.values()),
        shelved=_ever(rows, AlarmState.SHELVED),
        suppressed=_ever(rows, AlarmState.SUPPRESSED),
        out_of_service=_ever(rows, AlarmState.OUT_OF_SERVICE),
        acknowledged=len(acks),
        p50_ack_ms=_percentile(acks, 50),
        p95_ack_ms=_percentile(acks, 95),
        worst=tuple(Bad(kind, source, number) for (kind, source), number in sources.most_common(10)),
    )


def _ever(rows: Iterable[Alarm], state: AlarmState) -> int:
    return len({alarm.id for alarm in rows if alarm.state is state})


def _percentile(values: Sequence[int], percent: int) -> int | None:
    return int(np.percentile(values, percent, method="inverted_cdf")) if values else None
