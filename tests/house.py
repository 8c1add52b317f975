"""The demo estate with its people in virtual time: one partition over the in-memory store, no clock, no net."""

import datetime as dt
import itertools
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import msgspec

from cloud.correlation.engine import Engine
from cloud.correlation.episodes import Past
from cloud.correlation.explain import Explainer
from cloud.correlation.rule_files import load_rules
from cloud.correlation.verdict import Revised
from cloud.ingest.admit import Delivery
from cloud.ingest.desk import SiteSetup
from cloud.ingest.partition import Partition
from cloud.ingest.speakers import Speakers
from cloud.operations.alarm import Alarm
from cloud.operations.command import DESK, Action, Answer, Command
from cloud.operations.notice import Notice
from cloud.operations.record import RecordKind
from cloud.operations.screen import SCREENS, Pulse, Sign
from cloud.operations.setup import load_operations
from cloud.store.base import DeviceHealth, Incident, IncidentState, RefusedNotice
from cloud.store.memory import MemoryStore, stored_events
from contract.batch import Batch, Coverage, Lane, encode
from contract.events import Event, raw_data
from contract.site import Site
from contract.site_files import load_site
from contract.topics import Address

HERE = Path(__file__).parents[1]
MONDAY = int(dt.datetime(2026, 11, 23, 10, tzinfo=dt.timezone(dt.timedelta(hours=8))).timestamp() * 1_000)
"""Ten in the morning in Shanghai: the day shift works."""
S, M, H = 1_000, 60_000, 3_600_000
DAY = 24 * H


@cache
def demo() -> SiteSetup:
    """The demo estate as it is shipped."""
    site = load_site(HERE / "config/sites/demo")
    rules = load_rules(HERE / "config/rules", site)
    people = load_operations(HERE / "config/operations", site, "seed of the tests")
    return SiteSetup(
        site, rules, lambda s, r, f: Engine(s, r, data_from=f), Explainer(site, rules).sentence, people
    )


def variant(**fields: Any) -> SiteSetup:
    """The demo estate with other fields of its files: devices, routes."""
    given = demo().site
    site = Site(msgspec.structs.replace(given.file, **fields), given.profiles, given.own_sections)
    rules = load_rules(HERE / "config/rules", site)
    return msgspec.structs.replace(demo(), site=site, rules=rules, explain=Explainer(site, rules).sentence)


class House:
    """A worker's partition with one site. Times are ms; everything that happens is committed at once."""

    def __init__(self, setup: SiteSetup | None = None, now: int = MONDAY) -> None:
        self.setup = setup or demo()
        self.site = self.setup.site
        self.now = now
        self.store = MemoryStore()
        self.notices: list[Notice] = []
        self.stopped: list[tuple[str, int]] = []
        self._numbers = itertools.count(1)
        self._seq = {agent: itertools.count(1) for agent in (*self.site.agents, "")}
        self._position = 0
        self._open()
        self.hear()

    def _open(self) -> None:
        self._writer = self.store.open(0)
        opened = self._writer.opened
        sites = {self.site.id: self.setup}
        self._partition = Partition(0, opened, opened.position, sites, self.now)

    def restart(self) -> None:
        """The worker dies and another begins from what is stored."""
        self._writer.close()
        self._open()
        self.work()

    # --- what happens

    def happen(
        self, device: str, kind: str, at: int | None = None, *, agent: str | None = None, **more: Any
    ) -> None:
        """A device tells of something, by the agent that reads it; all that the agent reads is known up to then."""
        moment = self.now if at is None else at
        data = raw_data(more.pop("data", None))
        event = Event(seq=0, at=moment, observed_at=self.now, device=device, type=kind, data=data, **more)
        self._send(agent or self._agent_of(device), [event])

    def _agent_of(self, device: str) -> str:
        return next(iter(Speakers(self.site).of(device)), "gw-1")

    def happen_at_once(self, told: list[tuple[str, str, str, dict[str, Any]]]) -> None:
        """Devices tell of several things in one message: device, type, zone, data."""
        events = [
            Event(
                seq=0,
                at=self.now,
                observed_at=self.now,
                device=device,
                type=kind,
                zone=zone,
                data=raw_data(data),
            )
            for device, kind, zone, data in told
        ]
        self._send("gw-1", events)

    def lose_sight(self, device: str, since: int, *, agent: str = "gw-1") -> None:
        """An agent says that it could not know a device from a moment on until now."""
        self._send(agent, [], blind={device: [(since, self.now)]})

    def lose_rows(self, agent: str, count: int) -> None:
        """An agent says that the next so many rows of its spool are lost."""
        numbers = [next(self._seq[agent]) for _ in range(count)]
        first, last = numbers[0], numbers[-1]
        batch = Batch(agent=agent, epoch=7, first=first, last=last, sent_at=self.now, lost=[(first, last)])
        self._take(Address(self.site.id, agent), encode(batch))

    def hear(self) -> None:
        """Every agent says that nothing happened up to now."""
        for agent in self.site.agents:
            self._send(agent, [])

    def _send(
        self, agent: str, events: list[Event], blind: Mapping[str, list[tuple[int, int]]] | None = None
    ) -> None:
        numbered = [msgspec.structs.replace(event, seq=next(self._seq[agent])) for event in events]
        last = numbered[-1].seq if numbered else 0
        own = self._partition_devices(agent)
        batch = Batch(
            agent=agent,
            epoch=7,
            first=numbered[0].seq if numbered else 1,
            last=last,
            lane=Lane.MAIN,
            sent_at=self.now,
            events=numbered,
            through={Lane.MAIN: 0},
            sources={device: Coverage(self.now, (blind or {}).get(device, [])) for device in own},
        )
        self._take(Address(self.site.id, agent), encode(batch))

    def _partition_devices(self, agent: str) -> list[str]:
        lines = {line.id for line in self.site.agents[agent].lines}
        direct = [device for device in self.site.file.devices if device.line in lines]
        bound = {one.device for device in direct for one in device.points.values() if one.device}
        return sorted({device.id for device in direct} | bound)

    def _take(self, address: Address, payload: bytes) -> None:
        self._position += 1
        self._partition.take(Delivery(address, payload, self.now), self._position, self.now)
        self.work()

    def do(
        self,
        person: str,
        action: Action,
        *,
        at: int | None = None,
        name: str = "",
        expects: int | None = None,
        heard_at: int | None = None,
        since: int | None = None,
    ) -> Answer:
        """Somebody does something; what they are answered. `heard_at` and `since` as the web part knows them."""
        name = name or f"command-{next(self._numbers)}"
        moment = self.now if at is None else at
        command = Command(
            id=name,
            person=person,
            at=moment,
            action=action,
            expects=expects,
            heard_at=heard_at,
            since=since,
        )
        self._take(Address(self.site.id, DESK), msgspec.json.encode(command))
        return self.store.partitions[0].answers[self.site.id, name]

    def answer(self, screen: str, *, live: bool = True, audible: bool = True) -> None:
        """A screen answers, as the web part says on."""
        pulse = Pulse((Sign(screen, self.now, live, audible),))
        self._take(Address(self.site.id, SCREENS), msgspec.json.encode(pulse))

    def refuse(self, refused: RefusedNotice) -> None:
        """The notifier gave a message up."""
        self._partition.desk(self.site.id).refused(refused, self.now)
        self.work()

    # --- the worker

    def work(self) -> None:
        """What a session does with a group of messages."""
        self._act()
        while questions := self._partition.settle(self.now):
            for question in questions:
                self._answer(question)
        self._partition.check_links(self.now)
        group = self._partition.finish(self.now)
        if group is not None:
            self._writer.commit(group.commit)
            known = {notice.id for notice in self.notices}
            self.notices += [notice for notice in group.commit.notices if notice.id not in known]
            self.stopped += [(stopped.about, stopped.at) for stopped in group.commit.stopped]

    def _act(self) -> None:
        wishes = self._partition.wishes()
        if not wishes:
            return
        answered = {
            self.site.id: self._writer.answered(self.site.id, [wish.command.id for wish, _ in wishes])
        }
        found = []
        for _, wanted in wishes:
            if wanted is not None:
                kind, identity = wanted
                matter = (
                    self._writer.incident(self.site.id, identity)
                    if kind == "incident"
                    else self._writer.record(self.site.id, RecordKind(kind), identity)
                )
                found += [matter] if matter is not None else []
        self._partition.act(answered, found, self.now)

    def _answer(self, question: Any) -> None:
        recall = question.recall
        stored = self._writer.history(self.site.id, recall.types, recall.start, recall.end)
        events = [row.event for row in stored]
        known = {(event.device, event.seq) for event in events}
        events += [e for e in self._partition.pending_history(question) if (e.device, e.seq) not in known]
        last = self._writer.last_revisions(self.site.id, recall.rule, recall.key, recall.start, recall.end)
        readings = self._writer.past_readings(self.site.id, recall.points, recall.start, recall.end)
        readings += self._partition.pending_readings(question)
        self._partition.desk(self.site.id).remember(recall, Past(events, readings), last)

    def pass_to(self, moment: int, *, hearing: bool = True) -> None:
        """Time goes on: every deadline is met when it comes, and agents are heard every 5 s around them."""
        while self.now < moment:
            deadline = self._partition.next_deadline()
            coming = moment if deadline is None else min(moment, max(deadline, self.now + 1))
            self.now = min(coming, self.now + 20 * S) if hearing else coming
            if hearing:
                self.hear()
            self.work()

    def wait(self, ms: int, *, hearing: bool = True) -> None:
        """Time goes on by so much."""
        self.pass_to(self.now + ms, hearing=hearing)

    def busy(self) -> bool:
        """Whether an emergency runs, as presence checks see it."""
        return bool(self._partition.desk(self.site.id)._book.serious())

    # --- what is stored

    def incidents(self, **fields: Any) -> list[Incident]:
        """The incidents that have these values, oldest first."""
        rows = [row for _, row in self.store.partitions[0].incidents.values()]
        return sorted(
            (row for row in rows if all(getattr(row, name) == value for name, value in fields.items())),
            key=lambda row: (row.opened_at, row.id),
        )

    def events(self) -> list[Event]:
        """All that is stored."""
        return [row.event for row in stored_events(self.store.partitions[0], self.site.id)]

    def emergencies(self) -> list[Incident]:
        """The open emergencies."""
        return [row for row in self.incidents(state=IncidentState.OPEN) if row.life.emergency]

    def matters(self, kind: RecordKind, model: type[Any]) -> list[Any]:
        """The matters of a kind as they stand, oldest first."""
        rows = [row for row in self.store.partitions[0].records.values() if row.kind is kind]
        rows.sort(key=lambda row: (row.opened_at, row.id))
        return [msgspec.json.decode(row.body, type=model) for row in rows]

    def alarms(self) -> list[Alarm]:
        """The alarms as they stand."""
        return self.matters(RecordKind.ALARM, Alarm)

    def devices(self) -> list[DeviceHealth]:
        """How each device does."""
        return [row for _, row in self.store.partitions[0].devices.values()]

    def verdicts(self, rule: str) -> list[Revised]:
        """The newest revision of each episode of a rule."""
        held = self.store.partitions[0].revisions
        return [revisions[-1] for (_, name, _, _), revisions in sorted(held.items()) if name == rule]

    def told(self, want: Callable[[Notice], bool] = lambda _: True) -> list[tuple[str, str]]:
        """Who was told what, in order."""
        return [(notice.person, notice.title) for notice in self.notices if want(notice)]
