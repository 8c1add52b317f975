"""Drills: named in scope and time, measured like the real thing, ended by themselves, loud when it gets serious."""

from collections.abc import Callable, Iterable, Sequence
from typing import Final

import msgspec

from cloud.errors import RefusedError
from cloud.operations.command import EndDrill, PlanDrill
from cloud.operations.effects import Concern, Deed, Effects
from cloud.operations.record import Record, RecordKind, Register
from contract.site import Site, Text

LONGEST_MS: Final = 8 * 3_600_000
_ROLES: Final = frozenset({"supervisor", "controller"})


class Score(msgspec.Struct, frozen=True, kw_only=True):
    """How one incident of a drill went: ms from its beginning to each step (None: not reached), and the verdicts."""

    incident: str
    acknowledged_ms: int | None
    arrived_ms: int | None
    verified_ms: int | None
    met: int
    breached: int
    unknown: int
    pending: int


class Drill(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A drill. `zones` and `emergencies` empty: of any. `overlaps`: real incidents that came while it ran."""

    id: str
    name: str
    opened_at: int
    ends_at: int
    by: str
    zones: tuple[str, ...] = ()
    emergencies: tuple[str, ...] = ()
    begun: bool = False
    ended_at: int | None = None
    ended_by: str = ""
    note: str = ""
    incidents: tuple[str, ...] = ()
    overlaps: tuple[str, ...] = ()
    scores: tuple[Score, ...] = ()
    revision: int = 0
    changed_at: int = 0

    @property
    def state(self) -> str:
        """`planned`, `running`, `ended`."""
        if self.ended_at is not None:
            return "ended"
        return "running" if self.begun else "planned"

    @property
    def is_live(self) -> bool:
        """Whether it is not over."""
        return self.ended_at is None


class DrillBook:
    """The planned and running drills of a site.

    `scores`: how the incidents of a drill went so far; `standing`: how many alarms of a drill still stand.
    """

    def __init__(
        self,
        site: Site,
        effects: Effects,
        scores: Callable[[Sequence[str]], tuple[Score, ...]],
        records: Iterable[Record] = (),
        standing: Callable[[str], int] = lambda _drill: 0,
    ) -> None:
        self._site = site
        self._effects = effects
        self._scores = scores
        self._standing = standing
        self._register = Register(site.id, RecordKind.DRILL, Drill, records)

    def plan(self, action: PlanDrill, identity: str, person: str, now: int) -> Drill:
        """A drill from `start` to `end`.

        Raises:
            RefusedError: The person may not, the zones don't exist, or the time makes no sense.
        """
        who = self._site.people.get(person)
        if who is None or not _ROLES & set(who.roles):
            raise RefusedError(
                "not_allowed", "仅主管或值班员可安排演习", "only a supervisor or controller plans drills"
            )
        for zone in action.zones:
            if zone not in self._site.zones:
                raise RefusedError("unknown", f"没有区域 {zone}", f"no zone {zone}")
        if not action.name.strip():
            raise RefusedError("unusable", "请写演习名称", "give the drill a name")
        if not action.zones and not action.emergencies:
            raise RefusedError(
                "unusable",
                "请选择演习的区域或事件类型：没有范围的演习会盖过所有真实报警",
                "name the zones or the emergencies of the drill: without any it would cover every real alarm",
            )
        if not action.start < action.end <= action.start + LONGEST_MS or action.end <= now:
            hours = LONGEST_MS // 3_600_000
            raise RefusedError(
                "unusable",
                f"演习须在{hours}小时内结束",
                f"a drill ends after it begins, within {hours} hours",
            )
        drill = Drill(
            id=identity,
            name=action.name,
            opened_at=action.start,
            ends_at=action.end,
            by=person,
            zones=action.zones,
            emergencies=action.emergencies,
        )
        return self._register.put(drill, now)

    def end(self, action: EndDrill, person: str, at: int, now: int) -> Drill:
        """It is over before its time, or called off before it began.

        Raises:
            RefusedError: It is not known, or over.
        """
        drill = self._register.get(action.drill)
        if drill is None or drill.ended_at is not None:
            raise RefusedError("conflict", "没有进行中的该演习", "no such drill is planned or runs")
        return self._ended(msgspec.structs.replace(drill, note=action.note), person, at, now)

    def drill_for(self, emergency: str, zone: str | None, at: int) -> str:
        """The drill that an alarm belongs to; empty for a real one."""
        for drill in self._running():
            inside = not drill.zones or zone in drill.zones
            meant = not drill.emergencies or emergency in drill.emergencies
            if drill.opened_at <= at < drill.ends_at and inside and meant:
                return drill.id
        return ""

    def runs_at(self, zone: str, now: int) -> bool:
        """Whether a drill takes place in a zone now, of whatever emergency."""
        return any(
            drill.opened_at <= now < drill.ends_at and (not drill.zones or zone in drill.zones)
            for drill in self._running()
        )

    def joined(self, drill: str, incident: str, now: int) -> None:
        """An incident belongs to a drill."""
        known = self._register.get(drill)
        if known is not None and incident not in known.incidents:
            self._register.put(msgspec.structs.replace(known, incidents=(*known.incidents, incident)), now)

    def overlapped(self, incident: str, now: int) -> list[Drill]:
        """A real incident came; the drills that run meanwhile."""
        running = [drill for drill in self._running() if incident not in drill.overlaps]
        return [
            self._register.put(msgspec.structs.replace(drill, overlaps=(*drill.overlaps, incident)), now)
            for drill in running
        ]

    def _running(self) -> list[Drill]:
        return [drill for drill in self._register.all() if drill.begun and drill.ended_at is None]

    def settle(self, now: int) -> None:
        """Begin and end those whose time has come."""
        for drill in self._register.all():
            begun = drill
            if not drill.begun and drill.ended_at is None and drill.opened_at <= now:
                begun = self._register.put(msgspec.structs.replace(drill, begun=True), now)
            if begun.ended_at is None and begun.ends_at <= now:
                self._ended(begun, "", begun.ends_at, now)

    def _ended(self, drill: Drill, by: str, at: int, now: int) -> Drill:
        scores = self._scores(drill.incidents)
        if drill.begun:
            data = {"drill": drill.id, "name": drill.name, "incidents": len(drill.incidents)}
            zone = drill.zones[0] if drill.zones else None
            self._effects.deed(Deed(type="drill.ended", at=at, person=by or drill.by, zone=zone, data=data))
            self._tell_standing(drill)
        return self._register.put(
            msgspec.structs.replace(drill, ended_at=at, ended_by=by, scores=scores), now
        )

    def _tell_standing(self, drill: Drill) -> None:
        """What still stands from a drill would hide a real alarm at the same detector: it is to be reset."""
        count = self._standing(drill.id)
        if count:
            text = Text(
                zh=f"演习“{drill.name}”已结束，仍有{count}个报警未复位：请现场复位，之后的报警均按真实处理",
                en=f"the drill {drill.name!r} is over and {count} of its alarms still stand: reset them on site; "
                "whatever comes from now on is taken as real",
            )
            concern = Concern(
                key=f"drill:{drill.id}:standing",
                about=f"drill:{drill.id}",
                text=text,
                role="controller",
                people=(drill.by,),
                urgent=True,
            )
            self._effects.concern(concern)

    def next_at(self) -> int | None:
        """When `settle` wants to be called next."""
        wanted = [drill.ends_at if drill.begun else drill.opened_at for drill in self._register.all()]
        return min(wanted, default=None)

    def get(self, identity: str) -> Drill | None:
        """One that is in memory."""
        return self._register.get(identity)

    def recall(self, record: Record) -> None:
        """Take back one that is stored."""
        self._register.recall(record)

    def take_records(self) -> list[Record]:
        """What changed since this was asked last."""
        return self._register.take_records()
