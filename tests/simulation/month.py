"""December at a tower: three shifts, rounds, 20 alarms, 2 drills, an uplink that fails, a night without power."""

import datetime as dt
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec

from cloud.correlation.engine import Engine
from cloud.correlation.explain import Explainer
from cloud.correlation.rule_files import load_rules
from cloud.correlation.rules import RuleBook
from cloud.ingest.desk import SiteSetup
from cloud.operations import command as do
from cloud.operations.order import Order
from cloud.operations.record import RecordKind
from cloud.operations.setup import load_operations
from contract.site_files import load_site
from tests.house import HERE, House, M

RULES = frozenset({"ER-2", "ER-4", "PT-1", "WO-1", "WO-2"})
ROUND_MS = 100 * M
SITE = """
site: tower
timezone: Asia/Shanghai
language: en
zones: [{id: hall}, {id: roof}, {id: plant}, {id: control}]
agents: [{id: gw, lines: [{id: bus, endpoint: "modbus-tcp://127.0.0.1:1"}]}]
devices:
  - {id: panel, zone: hall, line: bus, profile: p, emits: [fire.alarm, fire.reset]}
  - {id: door, zone: hall, line: bus, profile: p, emits: [door.held, door.closed]}
  - {id: mains, zone: plant, line: bus, profile: p, emits: [mains.lost, mains.restored]}
  - {id: cp-hall, zone: hall, line: bus, profile: p, emits: [checkpoint.scan], tags: [checkpoint]}
  - {id: cp-roof, zone: roof, line: bus, profile: p, emits: [checkpoint.scan], tags: [checkpoint]}
  - {id: cp-plant, zone: plant, line: bus, profile: p, emits: [checkpoint.scan], tags: [checkpoint]}
  - id: desk
    zone: control
    emits: [operator.acknowledged, operator.verified, operator.closed, request.opened, request.accepted, request.done,
            request.answered, request.followed_up, request.closed, request.called_back, drill.ended]
people:
  - {id: early, roles: [controller]}
  - {id: late, roles: [controller]}
  - {id: night, roles: [controller]}
  - {id: guard, cards: ["card:1"], roles: [guard, rescue]}
  - {id: fitter, cards: ["card:2"], roles: [engineer]}
  - {id: boss, roles: [supervisor]}
schedules:
  - {id: early, windows: [{from: "06:00", to: "14:00"}]}
  - {id: late, windows: [{from: "14:00", to: "22:00"}]}
  - {id: night, windows: [{from: "22:00", to: "06:00"}]}
rosters:
  - {id: early, role: controller, post: control, schedule: early, teams: [[early]]}
  - {id: late, role: controller, post: control, schedule: late, teams: [[late]]}
  - {id: night, role: controller, post: control, schedule: night, teams: [[night]]}
telling:
  concerns: [wall]
  quiet: {windows: [{from: "22:00", to: "07:00"}], below: high}
  chains:
    - id: critical
      priorities: [critical]
      repeat: 1h
      steps:
        - {after: 0s, to: {duty: controller}, through: [wall], outward: false}
        - {after: 30s, to: {role: guard}, through: [wall]}
        - {after: 90s, to: {role: supervisor}, through: [wall]}
    - id: ordinary
      repeat: 1h
      steps:
        - {after: 0s, to: {duty: controller}, through: [wall], outward: false}
        - {after: 10m, to: {role: supervisor}, through: [wall]}
upkeep:
  - {id: roof-check, name: {en: Roof check}, kind: inspection, zone: roof, every: 1 month, start: 2026-01-20, lead: 3d}
"""
PROFILE = "profile: p\nprotocol: modbus\nemits: []\n"
_ZONE = dt.timezone(dt.timedelta(hours=8))


def at(day: int, clock: str) -> int:
    """A time of December 2026, ms."""
    moment = dt.datetime.fromisoformat(f"2026-12-{day:02}T{clock}").replace(tzinfo=_ZONE)
    return round(moment.timestamp() * 1_000)


def when(ms: int) -> str:
    """The same the other way round, to the second."""
    return dt.datetime.fromtimestamp(ms // 1_000, _ZONE).strftime("%d %H:%M:%S")


def tower(folder: Path) -> SiteSetup:
    """The tower with five of the shipped rules and everything else as it is shipped."""
    site_folder = folder / "sites" / "tower"
    site_folder.mkdir(parents=True)
    (folder / "profiles").mkdir()
    (folder / "profiles" / "p.yaml").write_text(PROFILE)
    (site_folder / "site.yaml").write_text(SITE)
    site = load_site(site_folder)
    book = load_rules(HERE / "config/rules", site)
    rules = RuleBook(tuple(version for version in book.versions if version.rule.id in RULES))
    people = load_operations(HERE / "config/operations", site, "seed")
    return SiteSetup(
        site, rules, lambda s, r, f: Engine(s, r, data_from=f), Explainer(site, rules).sentence, people
    )


class Doing(msgspec.Struct, frozen=True, order=True):
    """Something that happens at a moment; `number` keeps the order of what happens at once."""

    at: int
    number: int
    what: str


class Month:
    """What happens, in order."""

    def __init__(self, folder: Path) -> None:
        self.house = House(tower(folder), now=at(1, "00:00"))
        self.heard = True
        self._steps: list[tuple[int, int, Callable[[], object]]] = []
        self._rounds()
        self._script()

    def play(self, until: int) -> House:
        """Up to a moment."""
        for moment, _, step in sorted(self._steps, key=lambda one: one[:2]):
            if moment >= until:
                break
            self.house.pass_to(moment, hearing=self.heard)
            step()
        self.house.pass_to(until, hearing=self.heard)
        return self.house

    def on(self, day: int, clock: str, step: Callable[[], object]) -> None:
        """Something happens then."""
        self._steps.append((at(day, clock), len(self._steps), step))

    # --- rounds

    def _rounds(self) -> None:
        """Every 100 minutes the guard walks past all three checkpoints, but for what is said here."""
        missed = {("cp-roof", number) for number in _rounds_between(at(8, "09:00"), at(8, "11:00"))}
        for number, start in enumerate(range(at(1, "00:10"), at(31, "23:59"), ROUND_MS)):
            for offset, device in enumerate(("cp-hall", "cp-plant", "cp-roof")):
                if (device, number) in missed:
                    continue
                moment = start + offset * 2 * M
                if at(6, "01:45") <= moment < at(6, "02:20"):
                    # Read while the uplink is down, told when it is back.
                    self._steps.append((at(6, "02:20"), len(self._steps), self._scan(device, moment)))
                else:
                    self._steps.append((moment, len(self._steps), self._scan(device, moment)))

    def _scan(self, device: str, moment: int, card: str = "card:1") -> Callable[[], object]:
        return lambda: self.house.happen(device, "checkpoint.scan", at=moment, agent="gw", person=card)

    # --- the script

    def _script(self) -> None:
        self._false_alarm_at_night()
        self._fire_nobody_acknowledges()
        self._uplink_fails()
        self._drills()
        self._night_without_power()
        self._doors()
        self._orders()

    def _tell(self, device: str, kind: str, **more: object) -> Callable[[], object]:
        return lambda: self.house.happen(device, kind, agent="gw", **more)

    def _do(self, person: str, make: Callable[[], do.Action]) -> Callable[[], object]:
        def doing() -> None:
            answer = self.house.do(person, make())
            assert not answer.problem, (when(self.house.now), answer)

        return doing

    def _fire(self) -> str:
        return self.house.emergencies()[-1].id

    def _alarm(self, kind: str) -> str:
        return next(a.id for a in reversed(self.house.alarms()) if a.kind == kind and a.acked_at is None)

    def _false_alarm_at_night(self) -> None:
        """A detector in the hall at three in the morning; all is done as it should be."""
        self.on(2, "03:00:30", self._tell("panel", "fire.alarm", zone="hall", data={"loop": 1}))
        self.on(2, "03:00:50", self._do("night", lambda: do.Acknowledge(incident=self._fire())))
        self.on(
            2, "03:01:00", self._do("night", lambda: do.Dispatch(incident=self._fire(), people=("guard",)))
        )
        self.on(
            2,
            "03:01:40",
            lambda: self.house.happen("cp-hall", "checkpoint.scan", agent="gw", person="card:1"),
        )
        self.on(2, "03:04:00", self._do("guard", lambda: do.Verify(incident=self._fire(), result="false")))
        self.on(2, "03:05:00", self._tell("panel", "fire.reset", zone="hall", data={"loop": 1}))
        self.on(2, "03:06:00", self._do("night", lambda: do.Close(incident=self._fire(), override="dust")))

    def _fire_nobody_acknowledges(self) -> None:
        """A real fire on the roof: it goes up to the supervisor, who acknowledges after 100 s; nobody arrives."""
        self.on(4, "14:00:20", self._tell("panel", "fire.alarm", zone="roof", data={"loop": 2}))
        self.on(4, "14:02:00", self._do("boss", lambda: do.Acknowledge(incident=self._fire())))
        self.on(4, "14:04:00", self._do("boss", lambda: do.Verify(incident=self._fire(), result="true")))
        self.on(
            4,
            "14:30:00",
            self._do("boss", lambda: do.Close(incident=self._fire(), override="brigade has it")),
        )
        self.on(4, "14:40:00", self._tell("panel", "fire.reset", zone="roof", data={"loop": 2}))
        self.on(4, "15:00:00", self._do("boss", lambda: do.Review(incident=self._last_closed(), note="slow")))

    def _last_closed(self) -> str:
        return [i for i in self.house.incidents() if i.life.emergency and i.closed_at][-1].id

    def _uplink_fails(self) -> None:
        """Before two in the morning nothing is heard for 35 minutes; the guard walks all the same."""
        self.on(6, "01:45:00", lambda: self._hearing(so=False))
        self.on(6, "01:48:00", self._do("night", lambda: do.AcknowledgeAlarms(alarms=(self._alarm("link"),))))
        self.on(6, "02:20:00", lambda: self._hearing(so=True))

    def _hearing(self, *, so: bool) -> None:
        self.heard = so

    def _drills(self) -> None:
        """The first goes well; during the second a fire is real."""
        self.on(10, "09:00:00", self._do("boss", lambda: self._drill(10, "10:00:00", "10:30:00")))
        self.on(10, "10:05:00", self._tell("panel", "fire.alarm", zone="hall", data={"loop": 1}))
        self.on(10, "10:05:25", self._do("early", lambda: do.Acknowledge(incident=self._fire())))
        self.on(
            10,
            "10:06:00",
            lambda: self.house.happen("cp-hall", "checkpoint.scan", agent="gw", person="card:1"),
        )
        self.on(10, "10:08:00", self._do("guard", lambda: do.Verify(incident=self._fire(), result="test")))
        self.on(10, "10:10:00", self._tell("panel", "fire.reset", zone="hall", data={"loop": 1}))
        self.on(10, "10:20:00", self._do("early", lambda: do.Close(incident=self._fire(), override="drill")))
        self.on(20, "14:30:00", self._do("boss", lambda: self._drill(20, "15:00:00", "15:30:00")))
        self.on(20, "15:10:00", self._tell("panel", "fire.alarm", zone="roof", data={"loop": 2}))
        self.on(20, "15:10:20", self._do("late", lambda: do.Acknowledge(incident=self._fire())))
        self.on(
            20,
            "15:11:00",
            lambda: self.house.happen("cp-roof", "checkpoint.scan", agent="gw", person="card:1"),
        )
        self.on(20, "15:12:00", self._do("guard", lambda: do.Verify(incident=self._fire(), result="false")))
        self.on(20, "15:13:00", self._tell("panel", "fire.reset", zone="roof", data={"loop": 2}))
        self.on(20, "15:14:00", self._do("late", lambda: do.Close(incident=self._fire(), override="toast")))

    def _drill(self, day: int, start: str, end: str) -> do.PlanDrill:
        return do.PlanDrill(
            name=f"day {day}", start=at(day, start), end=at(day, end), zones=("hall",), emergencies=("fire",)
        )

    def _night_without_power(self) -> None:
        """The mains are gone for an hour; the controller sees it at once."""
        self.on(12, "23:00:10", self._tell("mains", "mains.lost"))
        self.on(12, "23:00:30", self._do("night", lambda: do.Acknowledge(incident=self._fire())))
        self.on(12, "23:05:00", self._do("night", lambda: do.Verify(incident=self._fire(), result="false")))
        self.on(13, "00:00:00", self._tell("mains", "mains.restored"))
        self.on(13, "00:05:00", self._do("night", lambda: do.Close(incident=self._fire())))

    def _doors(self) -> None:
        """Fourteen times the hall's door is held open: twelve are seen at once, one at night, one by nobody."""
        for day in (1, 3, 5, 7, 9, 11, 13, 15, 17, 19, 21, 23):
            self.on(day, "11:00:00", self._tell("door", "door.held"))
            self.on(
                day,
                "11:01:00",
                self._do("early", lambda: do.AcknowledgeAlarms(alarms=(self._alarm("door-held"),))),
            )
            self.on(day, "11:02:00", self._tell("door", "door.closed"))
        self.on(25, "02:00:00", self._tell("door", "door.held"))
        self.on(
            25,
            "02:01:00",
            self._do("night", lambda: do.AcknowledgeAlarms(alarms=(self._alarm("door-held"),))),
        )
        self.on(25, "02:02:00", self._tell("door", "door.closed"))
        self.on(27, "16:00:00", self._tell("door", "door.held"))
        self.on(
            27, "16:30:00", self._do("late", lambda: do.AcknowledgeAlarms(alarms=(self._alarm("door-held"),)))
        )
        self.on(27, "16:31:00", self._tell("door", "door.closed"))

    def _orders(self) -> None:
        """A repair as it should be, one that nobody takes for long, a complaint, and the roof's monthly check."""
        self.on(3, "09:00:00", self._do("boss", lambda: self._repair("tap drips")))
        self.on(3, "09:03:00", self._do("fitter", lambda: do.AcceptOrder(order=self._order("tap drips"))))
        self.on(3, "09:11:00", self._scan("cp-hall", at(3, "09:11:00"), "card:2"))
        self.on(3, "11:30:00", self._do("fitter", lambda: do.FinishOrder(order=self._order("tap drips"))))
        self.on(3, "12:00:00", self._do("boss", lambda: do.CloseOrder(order=self._order("tap drips"))))
        self.on(15, "10:00:00", self._do("boss", lambda: do.OpenOrder(kind="complaint", title="noise")))
        self.on(15, "10:30:00", self._do("boss", lambda: do.AcceptOrder(order=self._order("noise"))))
        self.on(
            16,
            "10:00:00",
            self._do("boss", lambda: do.AnswerOrder(order=self._order("noise"), text="fan mended")),
        )
        self.on(16, "10:05:00", self._do("boss", lambda: do.CloseOrder(order=self._order("noise"))))
        self.on(
            17, "10:00:00", self._do("boss", lambda: do.CallBack(order=self._order("noise"), satisfied=4))
        )
        self.on(19, "09:00:00", self._do("fitter", lambda: do.AcceptOrder(order=self._order("Roof check"))))
        self.on(19, "09:30:00", self._do("fitter", lambda: do.FinishOrder(order=self._order("Roof check"))))
        self.on(19, "10:00:00", self._do("boss", lambda: do.CloseOrder(order=self._order("Roof check"))))
        self.on(18, "10:00:00", self._do("boss", lambda: self._repair("lamp out")))
        self.on(18, "10:08:00", self._do("fitter", lambda: do.AcceptOrder(order=self._order("lamp out"))))
        self.on(18, "10:20:00", self._scan("cp-hall", at(18, "10:20:00"), "card:2"))
        self.on(18, "11:00:00", self._do("fitter", lambda: do.FinishOrder(order=self._order("lamp out"))))
        self.on(18, "11:10:00", self._do("boss", lambda: do.CloseOrder(order=self._order("lamp out"))))

    def _repair(self, title: str) -> do.OpenOrder:
        return do.OpenOrder(kind="repair", title=title, zone="hall")

    def _order(self, title: str) -> str:
        return next(o.id for o in self.house.matters(RecordKind.ORDER, Order) if o.title == title)


def _rounds_between(since: int, until: int) -> Iterator[int]:
    for number, start in enumerate(range(at(1, "00:10"), at(31, "23:59"), ROUND_MS)):
        if since <= start < until:
            yield number
