"""A test sheet that fills itself: from the run that belongs to the order, in the item's unit, or a reason why not."""

from typing import Any

import pytest

from cloud.condition.generator_runs import GeneratorRun, RunKind
from cloud.operations.checklist import Item, Source
from cloud.review import sheet as sheets
from cloud.review.sheet import Telemetry, run_for, sheet
from cloud.store.reads import LatestReading
from contract.events import Quality
from contract.site import Text
from tests.samples import NOON

MINUTE = 60_000
START = NOON - 20 * MINUTE


def run(start: int, end: int | None = None) -> GeneratorRun:
    return GeneratorRun(device="dg", start=start, end=end, kind=RunKind.NO_LOAD)


def item(unit: str = "kPa", **source: Any) -> Item:
    return Item(
        id="x", name=Text(zh="读数", en="Reading"), kind="reading", unit=unit, source=Source(**source)
    )


def newest(value: float | None, at: int) -> dict[str, LatestReading]:
    row = LatestReading(device="dg", point="p", at=at, received_at=at, value=value, quality=Quality.GOOD)
    return {"p": row}


def known(**more: Any) -> Telemetry:
    fields: dict[str, Any] = {
        "run": run(START, START + 12 * MINUTE),
        "newest": {},
        "during": {"p": [(START + 1_000, 900.0), (START + MINUTE, 410.0), (START + 5 * MINUTE, 380.4567)]},
        "units": {"p": "kPa"},
    }
    return Telemetry(**(fields | more))


@pytest.mark.parametrize(
    ("wanted", "value", "at"),
    [
        (item(reading="p"), 380.46, START + 5 * MINUTE),
        (item(reading="p", take="most"), 410.0, START + MINUTE),
        (item(reading="p", take="least"), 380.46, START + 5 * MINUTE),
        (item("bar", reading="p", take="most"), 4.1, START + MINUTE),
        (item("min", run="length"), 12.0, START + 12 * MINUTE),
    ],
    ids=["last", "most, after it settled", "least", "in another unit", "how long it ran"],
)
def test_a_run_gives_its_readings(wanted: Item, value: float, at: int) -> None:
    (found,) = sheet([wanted], known(), NOON)
    assert (found.value, found.at, found.why) == (value, at, Text())


@pytest.mark.parametrize(
    ("wanted", "telemetry", "why"),
    [
        (item(reading="p"), known(run=None), sheets.NO_RUN),
        (item("min", run="length"), known(run=None), sheets.NO_RUN),
        (item("min", run="length"), known(run=run(START)), sheets.RUNS),
        (item(reading="q"), known(), sheets.NOT_IN_RUN),
        (item("V", reading="p"), known(), sheets.OTHER_UNIT),
        (item(reading="p", take="now"), known(), sheets.NEVER),
        (item(reading="p", take="now"), known(newest=newest(3.0, NOON - 11 * MINUTE)), sheets.OLD),
        (item(reading="p", take="now"), known(newest=newest(None, NOON)), sheets.UNREAD),
    ],
)
def test_what_cannot_be_proposed_says_why(wanted: Item, telemetry: Telemetry, why: Text) -> None:
    (found,) = sheet([wanted], telemetry, NOON)
    assert (found.value, found.why) == (None, why)


def test_the_newest_counts_whether_it_runs_or_not() -> None:
    telemetry = known(run=None, newest=newest(86.5, NOON - MINUTE))
    (found,) = sheet([item(reading="p", take="now")], telemetry, NOON)
    assert (found.value, found.at) == (86.5, NOON - MINUTE)


def test_a_value_that_did_not_move_stands_as_long_as_its_device_is_known() -> None:
    row = newest(1_204.5, NOON - 50 * MINUTE)
    (stands,) = sheet([item(reading="p", take="now")], known(newest=row, known_to=NOON - MINUTE), NOON)
    assert (stands.value, stands.at) == (1_204.5, NOON - 50 * MINUTE)
    (old,) = sheet([item(reading="p", take="now")], known(newest=row, known_to=NOON - 11 * MINUTE), NOON)
    assert old.why == sheets.OLD


def test_a_run_before_the_order_or_after_its_work_is_another_ones() -> None:
    runs = [run(START - MINUTE, START), run(START + MINUTE, START + 2 * MINUTE), run(NOON + 1)]
    assert run_for(runs, START, NOON) == runs[1]
    assert run_for(runs[:1], START, NOON) is None
