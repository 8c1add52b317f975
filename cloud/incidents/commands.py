"""Commands of people: who may, to what, and what they are answered. One place maps each action to its book."""

import functools
from collections.abc import Callable, Mapping
from typing import Final, Literal

import msgspec

from cloud.errors import RefusedError
from cloud.incidents.floor import Floor
from cloud.incidents.moments import FUTURE_MS, check_moment, check_not_before
from cloud.incidents.verdict_review import review_verdict
from cloud.operations import command as do
from cloud.operations.alarm import Alarm
from cloud.operations.alarm_refusals import refuse_earlier
from cloud.operations.command import Action, Answer, Command, heard_at, is_late, verb_of
from cloud.operations.effects import Deed
from cloud.operations.miss_book import miss_id
from cloud.operations.record import Matter, RecordKind, content_id
from cloud.operations.roster import works
from cloud.operations.scans import scan, scanned_place
from cloud.store.base import Incident, IncidentState

Target = tuple[str, str]
"""What an action is about: `incident` or a kind of record, and its id."""

Did = tuple[str, str, int | None]
"""What was changed: its kind, id and revision (None: it has none)."""

Doing = Callable[[Command, int, int], Did]
"""Takes a command, when it was done, and now."""


Does = Literal["acknowledges", "follows", "records"]
"""What an act does: its person has seen what began before and ends the escalation (`acknowledges`); has seen it, and
the escalation does not go on by itself (`follows`); only writes something down (`records`)."""


def target_of(action: Action) -> Target | None:
    """The matter that must be in memory before an action is taken; None where it makes a new one."""
    for field, kind in _TARGETS.items():
        identity = getattr(action, field, None)
        if isinstance(identity, str):
            return kind, identity
    if isinstance(action, do.AddNote | do.Attach):
        return action.matter, action.id
    if isinstance(action, do.ExplainMiss):
        return RecordKind.MISS.value, miss_id(action.rule, action.key, action.opened_at)
    return None


_TARGETS: Final = {
    "alarm": RecordKind.ALARM.value,
    "incident": "incident",
    "drill": RecordKind.DRILL.value,
    "check": RecordKind.CHECK.value,
    "order": RecordKind.ORDER.value,
    "screen": RecordKind.SCREEN.value,
}


class Desk:
    """Takes the commands of one site."""

    def __init__(self, floor: Floor) -> None:
        self._floor = floor

    def missing(self, command: Command) -> Target | None:
        """The matter that an action is about, where it is not in memory."""
        target = target_of(command.action)
        return target if target is not None and not self._floor.has(*target) else None

    def take(self, command: Command, received_at: int, now: int) -> Answer:
        """Do it or refuse it; either way there is an answer, and a refusal has changed nothing."""
        at = min(command.at, received_at) if command.at > received_at + FUTURE_MS else command.at
        answer = Answer(
            site=self._floor.site.id,
            id=command.id,
            person=command.person,
            at=at,
            received_at=received_at,
            verb=verb_of(command.action),
            body=msgspec.json.encode(command, order="sorted"),
        )
        self._floor.duty.settle(now)
        heard = heard_at(command, received_at)
        try:
            check_moment(command, received_at, self._floor)
            self._check_person(command.person, at)
            self._check_revision(command)
            check_not_before(target_of(command.action), command, self._floor)
            kind, identity, revision = self._do(msgspec.structs.replace(command, heard_at=heard), at, now)
        except RefusedError as error:
            target = target_of(command.action) or ("", "")
            return msgspec.structs.replace(
                answer, problem=error.problem, zh=error.zh, en=error.en, kind=target[0], target=target[1]
            )
        return msgspec.structs.replace(answer, kind=kind, target=identity, revision=revision)

    def _check_person(self, name: str, at: int) -> None:
        person = self._floor.site.people.get(name)
        if person is None or person.id != name:
            raise RefusedError("not_allowed", f"没有人员 {name}", f"no person {name} works here")
        if not works(person, at, self._floor.site):
            raise RefusedError("not_allowed", f"{name} 已离职", f"{name} has left")

    def _check_revision(self, command: Command) -> None:
        target = target_of(command.action)
        if command.expects is None or target is None:
            return
        matter = self._floor.matter(*target)
        if matter is not None and matter.revision != command.expects:
            raise RefusedError(
                "stale",
                f"内容已更新（第{matter.revision}版），请刷新后再操作",
                f"it has changed since (revision {matter.revision}): look again",
            )

    def _do(self, command: Command, at: int, now: int) -> Did:
        found = self._table.get(type(command.action))
        if found is None:
            verb = verb_of(command.action)
            raise RefusedError("unusable", "不支持的操作", f"{verb} can't be done here")
        return found(command, at, now)

    def _acted(self, person: str, at: int) -> None:
        self._floor.acted(person, at)

    def _incident(self, act: Callable[..., Incident], does: Does = "records") -> Doing:
        """An act upon an incident, and what it does to its alarms and its escalation."""

        def doing(command: Command, at: int, now: int) -> Did:
            incident = act(command.action, command.person, at, now)
            if command.heard_at is not None and is_late(command.at, command.heard_at):
                incident = self._floor.acts.told_late(incident, at, command.heard_at, now)
            about = f"incident:{incident.id}"
            self._acted(command.person, at)
            if does != "records":
                self._floor.alarms.acknowledge_group(incident.id, command.person, at, now)
            if does == "acknowledges" and not self._floor.alarms.waits(incident.id):
                self._floor.telling.acknowledged(about, now)
            elif does == "follows":
                self._floor.telling.progressed(about, now)
            if incident.state is IncidentState.CLOSED:
                self._floor.closed(incident, now)
            return "incident", incident.id, incident.revision

        return doing

    def _dispatch(self, command: Command, at: int, now: int) -> Did:
        did = self._incident(self._floor.acts.dispatch, "acknowledges")(command, at, now)
        self._floor.telling.progressed(f"incident:{did[1]}", now)
        return did

    def _acknowledge_alarms(self, command: Command, at: int, now: int) -> Did:
        action = command.action
        if not isinstance(action, do.AcknowledgeAlarms) or not action.alarms:
            raise RefusedError("unusable", "请选择报警", "name the alarms that are acknowledged")
        floor = self._floor
        alarms = floor.alarms.acknowledge(action, command.person, at, now)
        self._acted(command.person, at)
        for group in dict.fromkeys(alarm.group for alarm in alarms):
            self._group_seen(group, command, at, now)
        for alarm in alarms:
            if floor.incidents.get(alarm.group) is None:
                deed = Deed(
                    type="operator.acknowledged",
                    at=at,
                    person=command.person,
                    zone=alarm.zone,
                    data={"alarm": alarm.id},
                )
                floor.effects.deed(deed)
        return RecordKind.ALARM.value, alarms[0].id, alarms[0].revision

    def _group_seen(self, group: str, command: Command, at: int, now: int) -> None:
        """Once all of a group are acknowledged, its escalation ends and its incident is acknowledged."""
        floor = self._floor
        if floor.alarms.waits(group):
            return
        incident = floor.incidents.get(group)
        if incident is None:
            floor.telling.acknowledged(f"alarm:{group}", now)
        else:
            floor.acts.seen(incident, command.person, at, now)
            floor.telling.acknowledged(f"incident:{group}", now)

    def _alarm(self, act: Callable[..., Alarm], *, named: bool) -> Doing:
        """An act upon an alarm; `named`: the book keeps who did it."""

        def doing(command: Command, at: int, now: int) -> Did:
            identity = getattr(command.action, "alarm", "")
            refuse_earlier(self._floor.alarms.get(identity), at)
            who = (command.person, at) if named else ()
            alarm = act(command.action, *who, now)
            return RecordKind.ALARM.value, alarm.id, alarm.revision

        return doing

    def _book(self, kind: RecordKind, act: Callable[..., Matter]) -> Doing:
        """An act upon a matter of another book."""

        def doing(command: Command, at: int, now: int) -> Did:
            matter = act(command.action, command.person, at, now)
            return kind.value, matter.id, matter.revision

        return doing

    def _new(self, kind: RecordKind, act: Callable[..., Matter]) -> Doing:
        """An act that makes a matter, whose id is the command's."""

        def doing(command: Command, at: int, now: int) -> Did:
            matter = act(command, at, now)
            return kind.value, matter.id, matter.revision

        return doing

    def _arrive_at_order(self, command: Command, at: int, now: int) -> Did:
        tag = command.action.tag if isinstance(command.action, do.ArriveAtOrder) else ""
        place = scanned_place(self._floor.site, tag)
        scanned = do.Scan(tag=tag, device=place.id) if place is not None else None
        deed = scan(self._floor.site, scanned, command.person, at) if scanned is not None else None
        did = self._book(RecordKind.ORDER, self._floor.orders.arrive)(command, at, now)
        if deed is not None:
            self._floor.effects.deed(deed)
        return did

    def _scan(self, command: Command, at: int, _now: int) -> Did:
        if not isinstance(command.action, do.Scan):
            raise RefusedError("unusable", "不支持的操作", "this is no scan")
        deed = scan(self._floor.site, command.action, command.person, at, command.at - at)
        self._floor.effects.deed(deed)
        return "device", deed.device or "", None

    def _review_verdict(self, command: Command, at: int, _now: int) -> Did:
        action = command.action
        if not isinstance(action, do.ReviewVerdict):
            raise RefusedError("unusable", "不支持的操作", "this is no review")
        self._floor.effects.deed(review_verdict(self._floor.site, action, command.person, at))
        return "verdict", f"{action.rule}/{action.key}/{action.opened_at}", None

    def _alive(self, command: Command, at: int, _now: int) -> Did:
        if not isinstance(command.action, do.Alive):
            raise RefusedError("unusable", "不支持的操作", "this says nothing of being alive")
        self._floor.duty.alive(command.action, command.person, at)
        return "device", command.action.device, None

    def _either(self, incident: Callable[..., Incident], order: Callable[..., Matter]) -> Doing:
        """An act upon an incident or an order, as the action says."""
        of_incident, of_order = self._incident(incident), self._book(RecordKind.ORDER, order)

        def doing(command: Command, at: int, now: int) -> Did:
            target = target_of(command.action)
            is_order = target is not None and target[0] == RecordKind.ORDER
            return (of_order if is_order else of_incident)(command, at, now)

        return doing

    @functools.cached_property
    def _table(self) -> Mapping[type[Action], Doing]:
        floor = self._floor
        acts, alarms, duty, orders = floor.acts, floor.alarms, floor.duty, floor.orders
        return {
            do.Acknowledge: self._incident(acts.acknowledge, "acknowledges"),
            do.Dispatch: self._dispatch,
            do.Arrive: self._incident(acts.arrive, "follows"),
            do.Verify: self._incident(acts.verify, "follows"),
            do.DoStep: self._incident(acts.do_step),
            do.Handle: self._incident(acts.handle, "follows"),
            do.Close: self._incident(acts.close, "follows"),
            do.Review: self._incident(acts.review),
            do.AddNote: self._either(acts.note, orders.note),
            do.Attach: self._either(acts.attach, orders.attach),
            do.OpenOrder: self._new(
                RecordKind.ORDER, lambda c, at, now: orders.open_order(c.action, _name(c), c.person, at, now)
            ),
            do.AcceptOrder: self._book(RecordKind.ORDER, orders.accept),
            do.ReassignOrder: self._book(RecordKind.ORDER, orders.reassign),
            do.ArriveAtOrder: self._arrive_at_order,
            do.PauseOrder: self._book(RecordKind.ORDER, orders.pause),
            do.ResumeOrder: self._book(RecordKind.ORDER, orders.resume),
            do.FillItem: self._book(RecordKind.ORDER, orders.fill),
            do.UsePart: self._book(RecordKind.ORDER, orders.use_part),
            do.FinishOrder: self._book(RecordKind.ORDER, orders.finish),
            do.VerifyOrder: self._book(RecordKind.ORDER, orders.verify),
            do.CloseOrder: self._book(RecordKind.ORDER, orders.close),
            do.CallBack: self._book(RecordKind.ORDER, orders.call_back),
            do.AnswerOrder: self._book(RecordKind.ORDER, orders.answer),
            do.CancelOrder: self._book(RecordKind.ORDER, orders.cancel),
            do.AcknowledgeAlarms: self._acknowledge_alarms,
            do.ShelveAlarm: self._alarm(alarms.shelve, named=True),
            do.UnshelveAlarm: self._alarm(alarms.unshelve, named=False),
            do.RetireAlarm: self._alarm(alarms.retire, named=True),
            do.RestoreAlarm: self._alarm(alarms.restore, named=False),
            do.ResetAlarm: self._alarm(alarms.reset, named=False),
            do.PlanDrill: self._new(
                RecordKind.DRILL, lambda c, _, now: floor.drills.plan(c.action, _name(c), c.person, now)
            ),
            do.EndDrill: self._book(RecordKind.DRILL, floor.drills.end),
            do.GoOnDuty: self._book(RecordKind.DUTY, duty.go_on),
            do.GoOffDuty: self._book(RecordKind.DUTY, duty.go_off),
            do.HandOver: self._book(RecordKind.DUTY, duty.hand_over),
            do.Alive: self._alive,
            do.SwapShift: self._book(RecordKind.DUTY, duty.swap),
            do.AskPresence: self._new(
                RecordKind.CHECK, lambda c, at, now: floor.checks.ask(c.action, _name(c), c.person, at, now)
            ),
            do.AnswerPresence: self._book(RecordKind.CHECK, floor.checks.answer),
            do.SetScreen: self._book(RecordKind.SCREEN, floor.screens.set_up),
            do.ExplainMiss: self._book(RecordKind.MISS, floor.misses.explain),
            do.Scan: self._scan,
            do.ReviewVerdict: self._review_verdict,
        }


def _name(command: Command) -> str:
    """The id of the matter that a command makes: sent twice, it makes the same one."""
    return content_id("command", command.id)
