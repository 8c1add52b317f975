"""A month at the tower: what was open, who was told what, and what was ordered equal lists that a person wrote."""

from pathlib import Path

import pytest

from cloud.operations.order import Order
from cloud.operations.record import RecordKind
from tests.simulation.month import Month, at, when

INCIDENTS = """
02 03:00:30 alarm fire hall, closed 02 03:06:00 false
04 14:00:20 alarm fire roof, closed 04 14:30:00 true
06 01:45:00 link silent gw, closed 06 02:20:00
06 02:10:00 overdue PT-1 cp-hall, closed 06 02:20:00
06 02:12:00 overdue PT-1 cp-plant, closed 06 02:20:00
06 02:14:00 overdue PT-1 cp-roof, closed 06 02:20:00
08 10:54:00 overdue PT-1 cp-roof, closed 08 12:14:20
10 10:05:00 alarm fire hall, closed 10 10:20:00 test
12 23:00:10 alarm power plant, closed 13 00:05:00 false
18 10:15:00 overdue WO-1 hall, closed 18 10:20:20
20 15:10:00 alarm fire roof, closed 20 15:14:00 false
"""
LEFT_OUT = (
    "steps of the plan were left out: Send the nearest person with an extinguisher to see; Once it is confirmed call"
    " the fire brigade at once; See that gates, shutters, smoke fans and lifts have followed; Announce and lead the"
    " evacuation and count people; The volunteer team fights the fire while it is small; Meet the engines at the road"
    " and keep the way clear; Keep the scene as it is for the inquiry"
)
SENDS = f"""
01 11:00:00 early alarm Door held open · hall
02 03:00:30 night alarm Fire alarm · hall
03 09:00:00 fitter concern new order: tap drips
03 11:00:00 early alarm Door held open · hall
04 14:00:20 late alarm Fire alarm · roof
04 14:00:50 guard alarm Fire alarm · roof
04 14:01:50 boss alarm Fire alarm · roof
04 14:02:20 boss concern Overdue: On the scene of a fire · roof
04 14:02:20 late concern Overdue: On the scene of a fire · roof
04 14:30:00 boss concern {LEFT_OUT}
05 11:00:00 early alarm Door held open · hall
06 01:45:30 night alarm Site link down · gw
06 02:10:00 night alarm Overdue: Checkpoint walked · hall
06 02:12:00 night alarm Overdue: Checkpoint walked · plant
06 02:14:00 night alarm Overdue: Checkpoint walked · roof
06 02:20:00 night withdrawal Withdrawn: Overdue: Checkpoint walked · hall
06 02:20:00 night withdrawal Withdrawn: Overdue: Checkpoint walked · plant
06 02:20:00 night withdrawal Withdrawn: Overdue: Checkpoint walked · roof
07 11:00:00 early alarm Door held open · hall
07 11:30:00 boss concern order 'tap drips' must be called back soon: four fifths of its time are gone
07 11:30:00 fitter concern order 'tap drips' must be called back soon: four fifths of its time are gone
08 10:54:00 early alarm Overdue: Checkpoint walked · roof
08 11:04:00 boss alarm Overdue: Checkpoint walked · roof
08 11:30:00 boss concern order 'tap drips' was not called back in time
08 11:30:00 fitter concern order 'tap drips' was not called back in time
08 12:04:00 boss alarm Overdue: Checkpoint walked · roof
09 11:00:00 early alarm Door held open · hall
10 10:05:00 early alarm [drill] Fire alarm · hall
11 11:00:00 early alarm Door held open · hall
12 23:00:10 night alarm Mains lost · plant
13 11:00:00 early alarm Door held open · hall
15 10:00:00 boss concern new order: noise
15 11:00:00 early alarm Door held open · hall
17 00:00:00 fitter concern new order: Roof check, not before 17 07:00:00
17 11:00:00 early alarm Door held open · hall
18 10:00:00 fitter concern new order: lamp out
18 10:04:00 boss concern order 'lamp out' must be accepted soon: four fifths of its time are gone
18 10:04:00 fitter concern order 'lamp out' must be accepted soon: four fifths of its time are gone
18 10:05:00 boss concern order 'lamp out' was not accepted in time
18 10:05:00 fitter concern order 'lamp out' was not accepted in time
18 10:12:00 boss concern order 'lamp out' must be reached on site soon: four fifths of its time are gone
18 10:12:00 fitter concern order 'lamp out' must be reached on site soon: four fifths of its time are gone
18 10:15:00 boss concern order 'lamp out' was not reached on site in time
18 10:15:00 early alarm Overdue: Repairer at the door · hall
18 10:15:00 fitter concern order 'lamp out' was not reached on site in time
19 11:00:00 early alarm Door held open · hall
20 15:10:00 late alarm [REAL, during a drill] Fire alarm · roof
21 11:00:00 early alarm Door held open · hall
22 11:00:00 boss concern order 'lamp out' must be called back soon: four fifths of its time are gone
22 11:00:00 fitter concern order 'lamp out' must be called back soon: four fifths of its time are gone
23 11:00:00 boss concern order 'lamp out' was not called back in time
23 11:00:00 early alarm Door held open · hall
23 11:00:00 fitter concern order 'lamp out' was not called back in time
25 02:00:00 night alarm Door held open · hall, not before 25 07:00:00
27 16:00:00 late alarm Door held open · hall
27 16:10:00 boss alarm Door held open · hall
"""
ORDERS = """
03 09:00:00 repair tap drips: registered boss, accepted fitter, on_site fitter by evidence, done fitter, closed boss
15 10:00:00 complaint noise: registered boss, accepted boss, closed boss
17 00:00:00 inspection Roof check: registered the system, accepted fitter, done fitter, closed boss
18 10:00:00 repair lamp out: registered boss, accepted fitter, on_site fitter by evidence, done fitter, closed boss
"""


def written(text: str, until: int) -> list[str]:
    """The lines of a list up to a moment."""
    return sorted(line for line in text.strip().splitlines() if line < when(until))


@pytest.mark.timeout(600)
@pytest.mark.parametrize(
    "until",
    [at(7, "00:00"), pytest.param(at(31, "23:59"), marks=pytest.mark.long)],
    ids=["six days", "the month"],
)
def test_what_was_open_who_was_told_and_what_was_ordered(tmp_path: Path, until: int) -> None:
    house = Month(tmp_path).play(until)
    incidents = [
        f"{when(one.opened_at)} {one.kind} {one.life.emergency or one.cause or one.episodes[0].rule} {one.subject},"
        f" {one.state} {when(one.closed_at or 0)} {one.life.result}".rstrip()
        for one in house.incidents()
    ]
    assert sorted(incidents) == written(INCIDENTS, until)
    sends = [
        f"{when(one.made_at)} {one.person} {one.kind} {one.title}"
        + (f", not before {when(one.not_before)}" if one.not_before > one.made_at else "")
        for one in house.notices
    ]
    assert sorted(sends) == written(SENDS, until)
    orders = [
        f"{when(one.opened_at)} {one.kind} {one.title}: "
        + ", ".join(
            f"{step.act} {step.person or 'the system'}" + (" by evidence" if step.how == "evidence" else "")
            for step in one.steps
        )
        for one in house.matters(RecordKind.ORDER, Order)
    ]
    assert sorted(orders) == written(ORDERS, until)
