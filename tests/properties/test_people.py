"""Alarms and incidents against a plain model: any order of happenings, actions, restarts; nothing impossible is reached."""

from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from cloud.operations.alarm import Alarm, AlarmState
from cloud.operations.command import (
    Acknowledge,
    AcknowledgeAlarms,
    Close,
    Dispatch,
    ResetAlarm,
    RestoreAlarm,
    RetireAlarm,
    ShelveAlarm,
    UnshelveAlarm,
    Verify,
)
from cloud.operations.life import ORDER, Phase
from cloud.operations.record import RecordKind
from cloud.store.base import IncidentState
from tests.cases import sized
from tests.house import House, M

DOORS = ("door-b3", "door-club")
POINTS = (1, 2, 3)


class Alarms(RuleBasedStateMachine):
    """One kind of alarm at two doors, and fire that latches, told apart from a model of three booleans each."""

    @initialize()
    def begin(self) -> None:
        self.house = House()
        self.active: dict[str, bool] = {}
        self.acked: dict[str, bool] = {}
        self.aside: dict[str, str] = {}

    def the(self, door: str) -> Alarm | None:
        found = [a for a in self.house.alarms() if (a.kind, a.source) == ("door-held", door)]
        return found[0] if found else None

    @rule(door=st.sampled_from(DOORS))
    def held(self, door: str) -> None:
        self.house.wait(1_000, hearing=False)
        self.house.happen(door, "door.held", agent="gw-2")
        # What begins again after its acknowledgement is a new alarm.
        if not self.active.get(door) or self.acked[door]:
            self.active[door], self.acked[door] = True, False

    @rule(door=st.sampled_from(DOORS))
    def shut(self, door: str) -> None:
        self.house.wait(1_000, hearing=False)
        self.house.happen(door, "door.closed", agent="gw-2")
        self.active[door] = False

    def act(self, action: Any) -> bool:
        return not self.house.do("p-002", action).problem

    @rule(door=st.sampled_from(DOORS))
    def acknowledge(self, door: str) -> None:
        alarm = self.the(door)
        may = self.is_live(door) and not self.acked.get(door)
        did = self.act(AcknowledgeAlarms(alarms=(alarm.id if alarm else "none",)))
        assert did is may
        if did:
            self.acked[door] = True

    @rule(door=st.sampled_from(DOORS), minutes=st.integers(1, 100))
    def shelve(self, door: str, minutes: int) -> None:
        alarm = self.the(door)
        until = self.house.now + minutes * M
        did = self.act(ShelveAlarm(alarm=alarm.id if alarm else "none", until=until, reason="x"))
        assert did is (door in self.acked), "also what is normal now can be set aside"
        if did and self.aside.get(door) != "retired":
            self.aside[door] = "shelved"
        if did:
            self.ends = getattr(self, "ends", {}) | {door: until}

    @rule(door=st.sampled_from(DOORS))
    def retire_and_restore(self, door: str) -> None:
        alarm = self.the(door)
        if alarm is None or door in self.aside:
            return
        assert self.act(RetireAlarm(alarm=alarm.id, reason="x"))
        assert self.the(door).state is AlarmState.OUT_OF_SERVICE  # type: ignore[union-attr]
        assert self.act(RestoreAlarm(alarm=alarm.id))
        if self.active.get(door):
            self.acked[door] = False

    @rule(door=st.sampled_from(DOORS))
    @precondition(lambda self: bool(self.aside))
    def unshelve(self, door: str) -> None:
        if self.aside.get(door) != "shelved":
            return
        alarm = self.the(door)
        assert alarm is not None
        assert self.act(UnshelveAlarm(alarm=alarm.id))
        self.back(door)

    def back(self, door: str) -> None:
        self.aside.pop(door, None)
        if self.active.get(door):
            self.acked[door] = False

    @rule(minutes=st.integers(1, 90))
    def time_passes(self, minutes: int) -> None:
        self.house.wait(minutes * M, hearing=False)
        for door, until in getattr(self, "ends", {}).items():
            if self.aside.get(door) == "shelved" and until <= self.house.now:
                self.back(door)

    @rule()
    def restart(self) -> None:
        self.house.restart()

    def is_live(self, door: str) -> bool:
        if door not in self.acked:
            return False
        return bool(self.active.get(door) or not self.acked[door] or door in self.aside)

    @invariant()
    def every_alarm_is_where_the_model_says(self) -> None:
        if not hasattr(self, "house"):
            return
        for door in DOORS:
            alarm = self.the(door)
            if door not in self.acked:
                assert alarm is None
                continue
            assert alarm is not None
            if door in self.aside:
                assert alarm.state is AlarmState.SHELVED
            else:
                expected = {
                    (True, False): AlarmState.UNACKNOWLEDGED,
                    (True, True): AlarmState.ACKNOWLEDGED,
                    (False, False): AlarmState.RETURNED,
                    (False, True): AlarmState.NORMAL,
                }[bool(self.active.get(door)), self.acked[door]]
                assert alarm.state is expected


class Incidents(RuleBasedStateMachine):
    """A fire in each of two blocks, and people who do the right and the wrong thing in any order."""

    @initialize()
    def begin(self) -> None:
        self.house = House()
        self.refused = 0

    def ids(self) -> list[str]:
        return [incident.id for incident in self.house.incidents() if incident.life.emergency] or ["none"]

    @rule(zone=st.sampled_from(("b1", "b2-f2")), point=st.sampled_from(POINTS))
    def fire(self, zone: str, point: int) -> None:
        self.house.wait(2_000, hearing=False)
        self.house.happen("fire-panel", "fire.alarm", zone=zone, data={"loop": zone, "address": point})

    @rule(zone=st.sampled_from(("b1", "b2-f2")), point=st.sampled_from(POINTS))
    def reset(self, zone: str, point: int) -> None:
        self.house.wait(2_000, hearing=False)
        self.house.happen("fire-panel", "fire.reset", zone=zone, data={"loop": zone, "address": point})
        for alarm in self.house.alarms():
            if alarm.latched:
                self.house.do("p-002", AcknowledgeAlarms(alarms=(alarm.id,)))
                self.house.do("p-002", ResetAlarm(alarm=alarm.id))

    @rule(data=st.data(), who=st.sampled_from(("p-001", "p-002", "p-007", "nobody")))
    def somebody_acts(self, data: st.DataObject, who: str) -> None:
        name = data.draw(st.sampled_from(self.ids()))
        action = data.draw(
            st.sampled_from(
                [
                    Acknowledge(incident=name),
                    Dispatch(incident=name, people=("p-007",)),
                    Dispatch(incident=name, people=("ghost",)),
                    Verify(incident=name, result="false"),
                    Verify(incident=name, result="true"),
                    Close(incident=name),
                    Close(incident=name, override="because"),
                ]
            )
        )
        before = {row.id: row.revision for row in self.house.incidents()}
        answer = self.house.do(who, action)
        if answer.problem:
            after = {row.id: row.revision for row in self.house.incidents()}
            assert after == before, "a refusal changes nothing"
            assert answer.zh
            assert answer.en

    @rule(person=st.sampled_from(("card:8812331", "card:8812302")))
    def scan(self, person: str) -> None:
        self.house.wait(1_000, hearing=False)
        self.house.happen("cp-b1-03", "checkpoint.scan", person=person)

    @rule(minutes=st.integers(1, 70))
    def time_passes(self, minutes: int) -> None:
        self.house.wait(minutes * M, hearing=False)

    @rule()
    def restart(self) -> None:
        self.house.restart()

    @invariant()
    def what_stands_makes_sense(self) -> None:
        if not hasattr(self, "house"):
            return
        for incident in self.house.incidents():
            life = incident.life
            phases = [step.phase for step in life.steps]
            assert len(phases) == len(set(phases)), "each step once"
            assert phases == sorted(phases, key=ORDER.__getitem__)
            closed = incident.state is IncidentState.CLOSED
            if life.emergency:
                assert (life.step(Phase.CLOSED) is not None) is closed
                assert not closed or life.step(Phase.VERIFIED) is not None
                assert life.step(Phase.DISPATCHED) is None or life.step(Phase.ACKNOWLEDGED) is not None

    @invariant()
    def nobody_is_told_twice_and_nobody_after_the_end(self) -> None:
        if not hasattr(self, "house"):
            return
        told = [(n.about, n.person, n.channel, n.kind, n.title, n.made_at) for n in self.house.notices]
        assert len(told) == len(set(told))
        live = [row for row in self.house.store.partitions[0].records.values() if row.live]
        open_ones = {row.id for row in self.house.incidents() if row.state is IncidentState.OPEN}
        for record in live:
            about = record.body.decode()
            if (
                record.kind is RecordKind.ESCALATION
                and '"about":"incident:' in about
                and record.state == "running"
            ):
                assert any(name in about for name in open_ones)


_SIZE = sized(0.12, long=0.01, stateful_step_count=25)
TestAlarms = Alarms.TestCase
TestAlarms.settings = _SIZE
TestIncidents = Incidents.TestCase
TestIncidents.settings = _SIZE
