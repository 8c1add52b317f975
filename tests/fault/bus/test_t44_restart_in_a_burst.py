"""T44: a device restarts while it has much to tell. What stood for two polls was seen; what may have gone by is unknown."""

import pytest

from contract.site import Device
from edge.ports import Covered, Failed, Observation
from sitewarden.rehearsal.lines import ModbusBus
from tests.bus import events, shipped

POLL_MS = 1_000
PANEL = Device(id="panel", profile="kidde-alarmline2", poll="1s")


def played(fire: tuple[int, int], restart: tuple[int, int]) -> list[Observation]:
    """A heat cable that alarms in `fire`, behind a unit that restarts in `restart`; both are spans of ms."""
    bus = ModbusBus([(PANEL, shipped("kidde-alarmline2"))])
    steps = sorted(
        [
            (fire[0], "zone", 120.0),
            (fire[1], "zone", 0.0),
            (restart[0], "fault", 1.0),
            (restart[1], "fault", 0.0),
        ]
    )
    seen: list[Observation] = []
    while bus.due < 60_000:
        now = bus.due
        while steps and steps[0][0] <= now:
            at, what, value = steps.pop(0)
            if what == "zone":
                seen += bus.takes(at, "panel", {"zone_1": value})
            else:
                bus.misbehaves(at, "panel", "restart" if value else None)
        seen += bus.live(now)
    return seen


def known(seen: list[Observation], at: int) -> bool:
    """Whether what happened at that moment is said to be known: it lies in a covered span."""
    return any(isinstance(one, Covered) and one.since <= at <= one.to for one in seen)


@pytest.mark.parametrize("begins", range(20_000, 21_000, 130))
def test_t44_a_fire_that_stands_for_two_polls_before_the_restart_is_seen(begins: int) -> None:
    ends = begins + 2 * POLL_MS + 100
    seen = played((begins, ends), (ends + 50, ends + 4_000))
    assert [event.data["state"] for event in events(seen) if event.type == "fire.alarm"][:1] == ["active"]


@pytest.mark.parametrize("begins", range(20_000, 21_000, 130))
@pytest.mark.parametrize("lasts", [3_000, 15_000])
def test_t44_a_fire_that_came_and_went_within_the_restart_is_unknown_not_normal(
    begins: int, lasts: int
) -> None:
    seen = played((begins + 1_000, begins + 2_000), (begins, begins + lasts))
    assert not [event for event in events(seen) if event.type == "fire.alarm"]
    assert any(isinstance(one, Failed) for one in seen)
    assert not known(seen, begins + 1_500)
    assert known(seen, 55_000), "it is known again afterwards"
