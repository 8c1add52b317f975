"""A generator as it stands: from what it told and what was promised of it."""

import msgspec
import pytest

from cloud.correlation.verdict import Item, Outcome, Reason, Verdict
from cloud.review.generators import generators
from contract.events import Event, raw_data
from contract.site import Site
from contract.site_files import load_site, shipped_config
from tests.samples import NOON

M = 60_000
DEMO: Site = load_site(shipped_config() / "sites" / "demo")


def told(at: int, kind: str) -> Event:
    return Event(seq=at - NOON + 1, at=at, device="genset-1", type=kind)


def verdict(rule: str, kind: str, key: str = "genset-1", **more: object) -> Verdict:
    fields: dict[str, object] = {
        "rule": rule,
        "version": 1,
        "kind": kind,
        "key": key,
        "opened_at": NOON,
        "due_at": NOON + 10_000,
        "outcome": Outcome.MET,
        "final": True,
        "reason": Reason.IN_TIME,
        "elapsed_ms": None,
    }
    return Verdict(**(fields | more))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("kinds", "state", "mains"),
    [
        ((), "unknown", "unknown"),
        (("generator.started", "generator.stopped"), "stopped", "unknown"),
        (("generator.stopped", "generator.started"), "running", "unknown"),
        (("mains.lost", "generator.started", "generator.on_load"), "on_load", "lost"),
        (("mains.lost", "generator.on_load", "mains.restored", "generator.off_load"), "running", "present"),
        (("generator.started", "generator.fault", "generator.stopped"), "fault", "unknown"),
        (("generator.fault", "generator.started"), "running", "unknown"),
    ],
)
def test_it_stands_as_it_told_last(kinds: tuple[str, ...], state: str, mains: str) -> None:
    events = [told(NOON + M * n, kind) for n, kind in enumerate(kinds)]
    (found,) = generators(DEMO, events, events, [], {})
    assert (found.state, found.mains) == (state, mains)


@pytest.mark.parametrize(
    ("story", "state"),
    [
        (
            [
                ("generator.fault", {"part": "low_oil"}),
                ("generator.fault", {"part": "low_oil", "state": "cleared"}),
            ],
            "unknown",
        ),
        (
            [
                ("generator.fault", {"part": "low_oil"}),
                ("generator.fault", {"part": "stop"}),
                ("generator.fault", {"part": "stop", "state": "cleared"}),
            ],
            "fault",
        ),
        ([("generator.fault", {"part": "w"}), ("generator.started", {})], "running"),
        ([("generator.fault", {"part": "w"}), ("generator.started", {}), ("generator.stopped", {})], "fault"),
        ([("generator.started", {}), ("generator.started", {"state": "cleared"})], "stopped"),
    ],
)
def test_a_fault_that_is_over_is_none_and_one_that_stands_outlasts_a_run(
    story: list[tuple[str, dict[str, str]]], state: str
) -> None:
    events = [
        msgspec.structs.replace(told(NOON + M * n, kind), data=raw_data(data))
        for n, (kind, data) in enumerate(story)
    ]
    (found,) = generators(DEMO, events, events, [], {})
    assert found.state == state
    assert all(run.why != "fault" for run in found.runs)


def test_its_runs_come_latest_first_with_what_they_were() -> None:
    events = [
        told(NOON, "generator.started"),
        told(NOON + 12 * M, "generator.stopped"),
        told(NOON + 20 * M, "generator.started"),
        told(NOON + 21 * M, "generator.stopped"),
    ]
    (found,) = generators(DEMO, events, events, [], {})
    assert [(run.start, run.kind.value, run.why) for run in found.runs] == [
        (NOON + 20 * M, "invalid", "too_short"),
        (NOON, "no_load", ""),
    ]


def test_what_was_promised_is_told_apart_from_how_soon_it_carried_the_load() -> None:
    items = (Item("counts", "genset-1", NOON + M), Item("too_short", "genset-1", NOON + 9 * M))
    judged = [
        verdict("GE-1", "quota", outcome=Outcome.PENDING, items=items),
        verdict("GE-3", "response", key="power", elapsed_ms=7_200),
        verdict("GE-3", "response", key="elsewhere", elapsed_ms=1),
        verdict("FS-1", "response"),
    ]
    (found,) = generators(DEMO, [], [], judged, {"GE-1": 2, "GE-3": None})
    assert [(one.wanted, one.done, one.counted) for one in found.quotas] == [(2, 1, (NOON + M,))]
    assert [(one.took_ms, one.limit_ms) for one in found.transfers] == [(7_200, 10_000)]
