"""What people do about incidents: each act is checked, recorded with who, when and how it is known, and told on."""

from collections.abc import Callable, Mapping
from typing import Final

import msgspec

from cloud.errors import RefusedError
from cloud.incidents.book import TROUBLES, IncidentBook
from cloud.operations.alarm_book import AlarmBook
from cloud.operations.command import (
    Acknowledge,
    AddNote,
    Arrive,
    Attach,
    Close,
    Dispatch,
    DoStep,
    Handle,
    Review,
    Verify,
)
from cloud.operations.effects import Concern, Deed, Effects
from cloud.operations.files import FILE_TYPES
from cloud.operations.life import (
    Attachment,
    Life,
    Note,
    Phase,
    Step,
    Walked,
    first_time,
    left_out,
    reached,
    walked,
    with_people,
)
from cloud.operations.plans import Plans
from cloud.store.base import Incident, IncidentState
from contract.site import Site, Text

MOST_FILE: Final = 20 * 1024 * 1024
_SUPERVISOR: Final = "supervisor"


class IncidentActs:
    """Every act may raise `RefusedError`; then nothing has changed.

    `stands`: an alarm of the incident still does. No act touches an incident that began after the act was done.
    """

    def __init__(
        self,
        site: Site,
        book: IncidentBook,
        plans: Plans,
        effects: Effects,
        stands: Callable[[str], bool],
        alarms: AlarmBook,
    ) -> None:
        self._site = site
        self._book = book
        self._plans = plans
        self._effects = effects
        self._stands = stands
        self._alarms = alarms

    def acknowledge(self, action: Acknowledge, person: str, at: int, now: int) -> Incident:
        """Seen; once more where an alarm of it began after somebody had."""
        incident = self._open(action.incident, at)
        if not self._alarms.waits(incident.id, at):
            first_time(incident.life, Phase.ACKNOWLEDGED)
        return self.seen(incident, person, at, now)

    def seen(self, incident: Incident, person: str, at: int, now: int) -> Incident:
        """Seen: told to the rules each time, recorded as a step the first time and as a note later."""
        known = incident.life.step(Phase.ACKNOWLEDGED)
        if known is not None:
            text = Text(zh="再次确认", en="acknowledged again").in_(self._site.file.language)
            notes = (*incident.life.notes, Note(at=at, person=person, text=text))
            incident = self._live(incident, msgspec.structs.replace(incident.life, notes=notes), now)
        return self._reach(incident, Phase.ACKNOWLEDGED, person, at, now, told="operator.acknowledged")

    def dispatch(self, action: Dispatch, person: str, at: int, now: int) -> Incident:
        """People are sent; who sends has seen it."""
        incident = self._open(action.incident, at)
        for name in action.people:
            if name not in self._site.people:
                raise RefusedError("unknown", f"没有人员 {name}", f"no person {name}")
        if not action.people:
            raise RefusedError("unusable", "请选择派出人员", "name the people who are sent")
        if incident.life.step(Phase.ACKNOWLEDGED) is None or self._alarms.waits(incident.id, at):
            incident = self.seen(incident, person, at, now)
        incident = self._live(incident, with_people(incident.life, action.people), now)
        return self._reach(incident, Phase.DISPATCHED, person, at, now, note=", ".join(action.people))

    def arrive(self, action: Arrive, person: str, at: int, now: int) -> Incident:
        """Somebody says that they are there; evidence, if any comes, replaces it."""
        incident = self._open(action.incident, at)
        first_time(incident.life, Phase.ARRIVED)
        return self._reach(incident, Phase.ARRIVED, person, at, now, told="operator.arrived")

    def arrived(self, identity: str, evidence: tuple[str, int], person: str, at: int, now: int) -> None:
        """A badge or a scan proves that somebody is there."""
        incident = self._book.get(identity)
        if incident is not None and incident.life.emergency:
            step = Step(phase=Phase.ARRIVED, at=at, person=person, how="evidence", evidence=evidence)
            life = reached(incident.life, step)
            if life != incident.life:
                self._live(incident, life, now)

    def verify(self, action: Verify, person: str, at: int, now: int) -> Incident:
        """What it is; said again, it is corrected, and both stay on record."""
        incident = self._open(action.incident, at)
        life = msgspec.structs.replace(incident.life, result=action.result)
        if life.step(Phase.VERIFIED) is not None:
            text = f"{incident.life.result} → {action.result} {action.note}".strip()
            life = msgspec.structs.replace(life, notes=(*life.notes, Note(at=at, person=person, text=text)))
        incident = self._live(incident, life, now)
        data = {"result": action.result}
        return self._reach(
            incident, Phase.VERIFIED, person, at, now, told="operator.verified", note=action.note, data=data
        )

    def do_step(self, action: DoStep, person: str, at: int, now: int) -> Incident:
        """A step of the plan."""
        incident = self._open(action.incident, at)
        plan = self._plans.get(incident.life.emergency)
        done = Walked(step=action.step, at=at, person=person, skipped=action.skipped)
        life = walked(incident.life, plan, done)
        if action.skipped and action.step in left_out(life, plan):
            self._tell_supervisor(incident, f"skipped-{action.step}", [action.step], action.skipped)
        return self._live(incident, life, now)

    def handle(self, action: Handle, person: str, at: int, now: int) -> Incident:
        """The danger is over."""
        incident = self._open(action.incident, at)
        first_time(incident.life, Phase.HANDLED)
        return self._reach(incident, Phase.HANDLED, person, at, now, note=action.note)

    def close(self, action: Close, person: str, at: int, now: int) -> Incident:
        """All is done: it must be verified, and its alarms be gone, unless somebody says why not."""
        incident = self._open(action.incident, at)
        life = incident.life
        if incident.kind in TROUBLES:
            raise RefusedError("conflict", "恢复后自动关闭", "it closes by itself once all is well again")
        if life.emergency and life.step(Phase.VERIFIED) is None:
            raise RefusedError("conflict", "须先核实再关闭", "verify it before it is closed")
        if self._stands(incident.id) and not action.override.strip():
            raise RefusedError(
                "conflict",
                "报警尚未恢复；如确需关闭请写明原因",
                "an alarm of it still stands: reset it, or say why it is closed all the same",
            )
        missing = (
            left_out(life, self._plans.get(life.emergency)) if life.result in {"true", "unknown"} else []
        )
        unsaid = [step for step in missing if step not in {one.step for one in life.plan}]
        if unsaid:
            self._tell_supervisor(incident, "closed", unsaid, action.note)
        note = " ".join(text for text in (action.note, action.override) if text)
        incident = self._reach(incident, Phase.CLOSED, person, at, now, told="operator.closed", note=note)
        closed = msgspec.structs.replace(incident, state=IncidentState.CLOSED, closed_at=now)
        return self._book.put(closed, now)

    def review(self, action: Review, person: str, at: int, now: int) -> Incident:
        """A supervisor looked at how it went."""
        incident = self._known(action.incident)
        if incident.state is not IncidentState.CLOSED:
            raise RefusedError("conflict", "关闭后方可复盘", "it is reviewed after it is closed")
        who = self._site.people.get(person)
        if who is None or _SUPERVISOR not in who.roles:
            raise RefusedError("not_allowed", "仅主管可复盘", "only a supervisor reviews")
        first_time(incident.life, Phase.REVIEWED)
        return self._reach(incident, Phase.REVIEWED, person, at, now, note=action.note)

    def note(self, action: AddNote, person: str, at: int, now: int) -> Incident:
        """Something to remember."""
        if not action.text.strip():
            raise RefusedError("unusable", "请写内容", "write something")
        incident = self._known(action.id)
        notes = (*incident.life.notes, Note(at=at, person=person, text=action.text))
        return self._live(incident, msgspec.structs.replace(incident.life, notes=notes), now)

    def attach(self, action: Attach, person: str, at: int, now: int) -> Incident:
        """A file that was uploaded before."""
        check_file(action)
        incident = self._known(action.id)
        file = Attachment(
            at=at,
            person=person,
            sha256=action.sha256,
            name=action.name,
            type=action.type,
            size=action.size,
        )
        if action.sha256 in {one.sha256 for one in incident.life.files}:
            raise RefusedError("conflict", "该文件已附上", "this file is attached already")
        files = (*incident.life.files, file)
        return self._live(incident, msgspec.structs.replace(incident.life, files=files), now)

    def told_late(self, incident: Incident, at: int, heard_at: int, now: int) -> Incident:
        """What was just done at `at` was told later than that."""
        steps = tuple(
            msgspec.structs.replace(step, told_at=heard_at)
            if step.at == at and step.how == "declared" and not step.told_at
            else step
            for step in incident.life.steps
        )
        return self._live(incident, msgspec.structs.replace(incident.life, steps=steps), now)

    def _known(self, identity: str) -> Incident:
        incident = self._book.get(identity)
        if incident is None:
            raise RefusedError("unknown", f"没有事件 {identity}", f"no incident {identity}")
        return incident

    def _open(self, identity: str, at: int) -> Incident:
        incident = self._known(identity)
        if incident.state is not IncidentState.OPEN:
            raise RefusedError("conflict", "该事件已关闭", "the incident is closed")
        began_at = min(incident.opened_at, self._alarms.began_at(identity) or incident.opened_at)
        if at < began_at:
            raise RefusedError(
                "conflict",
                "该事件发生在此操作之后，请查看后再操作",
                "the incident began after this was done: look again",
            )
        return incident

    def _live(self, incident: Incident, life: Life, now: int) -> Incident:
        return self._book.put(msgspec.structs.replace(incident, life=life), now)

    def _reach(  # noqa: PLR0913, PLR0917 - each is a fact of the step
        self,
        incident: Incident,
        phase: Phase,
        person: str,
        at: int,
        now: int,
        told: str = "",
        note: str = "",
        data: Mapping[str, str] | None = None,
    ) -> Incident:
        """The step is recorded, and told to the rules in each zone of the incident."""
        step = Step(phase=phase, at=at, person=person, note=note)
        for zone in self._zones(incident) if told else ():
            more = {**(data or {}), "incident": incident.id}
            self._effects.deed(Deed(type=told, at=at, person=person, zone=zone, data=more))
        return self._live(incident, reached(incident.life, step), now)

    def _zones(self, incident: Incident) -> tuple[str | None, ...]:
        """The zones that an act upon an incident is about: an obligation without an alarm has the one it is owed in."""
        if incident.life.zones:
            return incident.life.zones
        device = self._site.devices.get(incident.subject.partition(":")[0])
        return (
            incident.subject if incident.subject in self._site.zones else device.zone if device else None,
        )

    def _tell_supervisor(self, incident: Incident, key: str, steps: list[str], why: str) -> None:
        plan = self._plans.get(incident.life.emergency)
        names = {step.id: step.text for step in plan.steps} if plan else {}
        zh = "、".join(names[step].in_("zh") for step in steps)
        en = "; ".join(names[step].in_("en") for step in steps)
        why = f" ({why})" if why else ""
        self._effects.concern(
            Concern(
                key=f"incident:{incident.id}:{key}",
                about=f"incident:{incident.id}",
                text=Text(zh=f"预案步骤未执行：{zh}{why}", en=f"steps of the plan were left out: {en}{why}"),
                role=_SUPERVISOR,
            )
        )


def check_file(action: Attach) -> None:
    """A file's name, type and size are such as are taken.

    Raises:
        RefusedError: Too large, or of another type.
    """
    if action.type not in FILE_TYPES:
        types = ", ".join(sorted(FILE_TYPES))
        raise RefusedError("unusable", f"仅接受 {types}", f"only {types} are taken")
    if not 0 < action.size <= MOST_FILE:
        most = MOST_FILE // 1024 // 1024
        raise RefusedError("unusable", f"文件须在 {most} MB 以内", f"a file has at most {most} MB")
    if len(action.sha256) != 64 or not set(action.sha256) <= set("0123456789abcdef"):
        raise RefusedError("unusable", "文件校验值无效", "expected the SHA-256 of the file, 64 hex digits")
