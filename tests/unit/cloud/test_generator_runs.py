"""Runs of a generator, classified by what happened in them."""

import pytest

from cloud.condition.generator_runs import GeneratorRun, generator_runs
from contract.events import Event

MINUTE = 60_000


def run_of(*told: tuple[int, str], mains: tuple[str, ...] = ("ats",)) -> list[GeneratorRun]:
    """What is said of events `(minute, type)`; those of the mains are the transfer switch's."""
    events = [
        Event(seq=seq, at=at * MINUTE, device="ats" if kind.startswith("mains") else "dg", type=kind)
        for seq, (at, kind) in enumerate(told)
    ]
    return generator_runs(events, mains)


@pytest.mark.parametrize(
    ("told", "kind", "why"),
    [
        ([(0, "generator.started"), (10, "generator.stopped")], "no_load", ""),
        ([(0, "generator.started"), (15, "generator.stopped")], "no_load", ""),
        ([(0, "generator.started"), (9, "generator.stopped")], "invalid", "too_short"),
        ([(0, "generator.started"), (16, "generator.stopped")], "invalid", "too_long"),
        ([(0, "generator.started"), (5, "generator.fault"), (12, "generator.stopped")], "invalid", "fault"),
        ([(0, "generator.started"), (2, "generator.on_load"), (60, "generator.stopped")], "on_load", ""),
        ([(0, "mains.lost"), (1, "generator.started"), (2, "generator.on_load"), (60, "generator.stopped")], "outage", ""),
        ([(0, "mains.lost"), (1, "mains.restored"), (2, "generator.started"), (13, "generator.stopped")], "no_load", ""),
        ([(0, "generator.started"), (3, "mains.lost"), (9, "generator.stopped")], "outage", ""),
    ],
)  # fmt: skip
def test_a_run_is_what_happened_in_it(told: list[tuple[int, str]], kind: str, why: str) -> None:
    (found,) = run_of(*told)
    assert (found.kind, found.why) == (kind, why)


def test_a_run_that_goes_on_has_no_end() -> None:
    (found,) = run_of((0, "generator.started"))
    assert found.end is None
    assert found.kind == "no_load"
