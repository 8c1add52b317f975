"""A drill hides nothing: whatever drills, real fires, resets, acts and restarts come between, each real fire is told."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from cloud.operations.alarm import Alarm
from cloud.operations.command import (
    Acknowledge,
    AcknowledgeAlarms,
    Close,
    EndDrill,
    Handle,
    PlanDrill,
    Verify,
)
from cloud.operations.drill_book import Drill
from cloud.operations.record import RecordKind
from cloud.store.base import IncidentState
from tests.cases import sized
from tests.house import House, M, S

ZONES = ("b1", "b2")
Step = tuple[str, Any]
STEPS = st.one_of(
    st.tuples(st.just("drill"), st.tuples(st.sampled_from(ZONES), st.integers(1, 20))),
    st.tuples(st.just("end"), st.none()),
    st.tuples(st.just("fire"), st.tuples(st.sampled_from(ZONES), st.integers(1, 2))),
    st.tuples(st.just("fire"), st.tuples(st.sampled_from(ZONES), st.integers(1, 2))),
    st.tuples(st.just("clear"), st.tuples(st.sampled_from(ZONES), st.integers(1, 2))),
    st.tuples(st.just("reset"), st.none()),
    st.tuples(st.just("acknowledge"), st.integers(0, 3)),
    st.tuples(st.just("acknowledge_alarms"), st.integers(0, 3)),
    st.tuples(st.just("close"), st.integers(0, 3)),
    st.tuples(st.just("wait"), st.sampled_from([1, 5, 90, 599, 601, 1_020])),
    st.tuples(st.just("restart"), st.none()),
)


class Trial:
    """One history at the demo estate, and what must be true after each of its steps."""

    def __init__(self) -> None:
        self.house = House()

    def step(self, step: Step) -> None:
        what, how = step
        real_before = {alarm.id: alarm for alarm in self.house.alarms() if not alarm.drill}
        drill_act = getattr(self, f"_{what}")(how)
        self.nothing_is_shared()
        self.house.wait(1 * S)
        if drill_act:
            after = {alarm.id: alarm for alarm in self.house.alarms()}
            for name, alarm in real_before.items():
                assert after[name].acked_at == alarm.acked_at, "an act in a drill acknowledged a real alarm"

    def nothing_is_shared(self) -> None:
        drills = {incident.id: incident.life.drill for incident in self.house.incidents()}
        for alarm in self.house.alarms():
            if alarm.group in drills:
                assert alarm.drill == drills[alarm.group]

    def _drill(self, how: tuple[str, int]) -> None:
        zone, minutes = how
        now = self.house.now
        plan = PlanDrill(name="x", start=now, end=now + minutes * M, zones=(zone,), emergencies=("fire",))
        self.house.do("p-001", plan)
        self.house.wait(1 * S)

    def _end(self, _: None) -> None:
        running = [one for one in self.house.matters(RecordKind.DRILL, Drill) if one.is_live]
        if running:
            self.house.do("p-001", EndDrill(drill=running[0].id, note="over"))

    def _fire(self, how: tuple[str, int]) -> None:
        zone, part = how
        before = self._alarm(zone, part)
        in_drill = any(
            zone in one.zones and one.begun and one.ended_at is None
            for one in self.house.matters(RecordKind.DRILL, Drill)
        )
        heard = len(self.house.notices)
        self.house.happen("fire-panel", "fire.alarm", zone=zone, data=self._data(zone, part))
        is_new = before is None or not before.active or before.acked_at is not None or bool(before.drill)
        alarm = self._alarm(zone, part)
        assert alarm is not None
        assert alarm.active
        if in_drill or not is_new:
            return
        assert not alarm.drill, "a real fire was taken for one of a drill"
        about = f"incident:{alarm.group}"
        (incident,) = [one for one in self.house.incidents() if one.id == alarm.group]
        assert incident.state is IncidentState.OPEN
        told = [one for one in self.house.notices if one.about == about and one.kind == "alarm"]
        new = [one for one in self.house.notices[heard:] if one.about == about]
        assert told, "nobody was told of a real fire"
        assert all("演习】" not in one.title or "真实" in one.title for one in told)
        assert new or told[-1].made_at >= incident.opened_at, "told by what went before it"

    def _clear(self, how: tuple[str, int]) -> None:
        zone, part = how
        data = {**self._data(zone, part), "state": "cleared"}
        self.house.happen("fire-panel", "fire.alarm", zone=zone, data=data)

    def _reset(self, _: None) -> None:
        self.house.happen("fire-panel", "fire.reset")

    def _acknowledge(self, which: int) -> bool:
        return self._act(which, lambda incident: Acknowledge(incident=incident))

    def _acknowledge_alarms(self, which: int) -> bool:
        waiting = [alarm for alarm in self.house.alarms() if alarm.acked_at is None and alarm.kind == "fire"]
        if not waiting:
            return False
        alarm = waiting[which % len(waiting)]
        self.house.do("p-002", AcknowledgeAlarms(alarms=(alarm.id,)))
        return bool(alarm.drill)

    def _close(self, which: int) -> bool:
        was_drill = self._act(which, lambda incident: Verify(incident=incident, result="test"))
        self._act(which, lambda incident: Handle(incident=incident))
        self._act(which, lambda incident: Close(incident=incident, override="over"))
        return was_drill

    def _act(self, which: int, action: Any) -> bool:
        """Whether it was about an incident of a drill."""
        there = self.house.emergencies()
        if not there:
            return False
        incident = there[which % len(there)]
        self.house.do("p-002", action(incident.id))
        return bool(incident.life.drill)

    def _wait(self, seconds: int) -> None:
        self.house.wait(seconds * S)

    def _restart(self, _: None) -> None:
        self.house.restart()

    def _alarm(self, zone: str, part: int) -> Alarm | None:
        found = [
            one
            for one in self.house.alarms()
            if one.kind == "fire" and one.part.endswith(self._part(zone, part))
        ]
        return found[0] if found else None

    def _part(self, zone: str, part: int) -> str:
        return f"{ZONES.index(zone) + 1}/{part}"

    def _data(self, zone: str, part: int) -> dict[str, Any]:
        return {"part": self._part(zone, part)}


@sized(0.12, long=0.01)
@given(st.lists(STEPS, min_size=3, max_size=14))
def test_a_drill_hides_nothing(steps: list[Step]) -> None:
    trial = Trial()
    for step in steps:
        trial.step(step)
