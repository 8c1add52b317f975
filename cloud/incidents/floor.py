"""All that people deal with on one site, in one place: what happens goes in, matters, notices and deeds come out."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Final

import msgspec

from cloud.correlation.rules import Response, RuleBook
from cloud.correlation.verdict import EventId, Outcome, Overdue, Revised, Verdict
from cloud.incidents.acts import IncidentActs
from cloud.incidents.book import IncidentBook
from cloud.operations.alarm import Alarm
from cloud.operations.alarm_book import AlarmBook
from cloud.operations.alarm_kinds import CHANNEL, LINK, NOBODY, OVERDUE, UNWATCHED, AlarmKind
from cloud.operations.check_book import DEFER_MS, CheckBook
from cloud.operations.drill_book import DrillBook, Score
from cloud.operations.duty_book import DutyBook
from cloud.operations.effects import Concern, Deed, Effects
from cloud.operations.life import Phase
from cloud.operations.miss_book import MissBook
from cloud.operations.notice import Notice, Stopped
from cloud.operations.order_book import OrderBook
from cloud.operations.record import Matter, Record, RecordKind
from cloud.operations.roster import Rosters
from cloud.operations.screen_book import ScreenBook
from cloud.operations.setup import OperationsSetup
from cloud.operations.telling_book import TellingBook
from cloud.store.base import Incident, IncidentKind, RefusedNotice
from contract.events import LOCATION_TYPES, Event, Quality, Readings
from contract.site import Site, Text

_SCANS: Final = 2_000
"""Scans remembered, so that an arrival can be told with its person."""


class Outgoing(msgspec.Struct, frozen=True, kw_only=True):
    """What came of it since it was taken last."""

    records: Sequence[Record] = ()
    notices: Sequence[Notice] = ()
    stopped: Sequence[Stopped] = ()


class Floor:
    """One site. `now` is the cloud's time, ms; `settle` brings everything up to it."""

    def __init__(
        self,
        site: Site,
        setup: OperationsSetup,
        rules: RuleBook,
        incidents: IncidentBook,
        records: Iterable[Record],
        now: int,
        *,
        seed: str = "",
    ) -> None:
        kept = list(records)
        self.site = site
        self.effects = Effects()
        self.incidents = incidents
        self.drills = DrillBook(
            site, self.effects, self._scores, kept, lambda drill: len(self.alarms.of_drill(drill))
        )
        self.alarms = AlarmBook(site, setup.kinds, kept, self.drills.drill_for)
        self.duty = DutyBook(site, setup.rosters or Rosters(site), self.effects, kept)
        self.telling = TellingBook(site, setup.telling, self.duty, kept, self._nobody)
        self.acts = IncidentActs(site, incidents, setup.plans, self.effects, self._stands, self.alarms)
        self.checks = CheckBook(
            site, setup.checks, self.effects, self._busy, self._worked, kept, began=now, seed=seed
        )
        self.orders = OrderBook(
            site,
            setup.order_kinds,
            setup.checklists,
            self.effects,
            kept,
            lambda device: bool(self.alarms.stands_at(device)),
            setup.upkeep,
        )
        self._post = setup.watch.post if setup.watch is not None else ""
        self.misses = MissBook(site, kept)
        self.screens = ScreenBook(
            site,
            setup.watch,
            lambda at: self.drills.runs_at(self._post, at),
            kept,
            began=now,
            unwatched=any(one.kind is IncidentKind.UNWATCHED for one in incidents.open_incidents),
        )
        self._meters = {
            (plan.meter.device, plan.meter.point) for plan in setup.upkeep.values() if plan.meter is not None
        }
        self._names = {version.rule.id: version.rule.name for version in rules.versions}
        self._arrivals = _arrival_rules(rules)
        self._scans: dict[EventId, str] = {}
        self._last_act: tuple[str, int] = ("", 0)
        self._nobody_now: dict[str, bool] = {}

    # --- what happens

    def on_events(self, events: Sequence[Event], seq_base: int, now: int) -> None:
        """Events as the rules get them."""
        self.duty.settle(now)
        for event in events:
            self.alarms.on_event(event, seq_base + event.seq, now)
            if event.person is not None:
                self.duty.on_event(event, now)
                self.orders.on_event(event, seq_base + event.seq, now)
                if event.type in LOCATION_TYPES:
                    self._scans[event.device, seq_base + event.seq] = event.person
        while len(self._scans) > _SCANS:
            del self._scans[next(iter(self._scans))]
        self._annunciate(now)

    def on_readings(self, readings: Readings, now: int) -> None:
        """Readings as the rules get them: meters of upkeep count with the good ones."""
        if not self._meters:
            return
        rows = zip(
            readings.device, readings.point, readings.at, readings.value, readings.quality, strict=True
        )
        for device, point, at, value, quality in rows:
            if value is not None and quality is Quality.GOOD and (device, point) in self._meters:
                self.orders.on_reading(device, point, at, value, now)

    def on_revised(self, revised: Revised, incident: str | None, now: int) -> None:
        """A verdict came or changed; `incident` is the one it belongs to."""
        verdict = revised.verdict
        source, part = _overdue_name(verdict.rule, verdict.key), str(verdict.opened_at)
        if verdict.outcome is not Outcome.PENDING or verdict.elapsed_ms is not None:
            if revised.cleared:
                self._withdraw(verdict, source, part, now)
            if verdict.outcome is Outcome.MET or verdict.final or verdict.elapsed_ms is not None:
                self.alarms.end(OVERDUE, source, now, part=part)
        if incident is not None and verdict.rule in self._arrivals and verdict.elapsed_ms is not None:
            evidence = verdict.evidence[-1]
            person = self.site.people.get(self._scans.get(evidence, ""))
            name = person.id if person is not None else ""
            self.acts.arrived(incident, evidence, name, verdict.opened_at + verdict.elapsed_ms, now)

    def _withdraw(self, verdict: Verdict, source: str, part: str, now: int) -> None:
        why = Text(
            zh=f"{self._rule_name(verdict.rule).in_('zh')}：后到的证据表明已按时完成",
            en=f"{self._rule_name(verdict.rule).in_('en')}: late evidence shows that it was done in time",
        )
        self.telling.withdraw(self._overdue_about(source, part), why, now)

    def on_overdue(self, overdue: Overdue, identity: str, now: int) -> None:
        """Nothing is known at the limit: an alarm, which belongs to the emergency that it is part of, if to any."""
        episode = overdue.episode
        incident = self.incidents.get(identity)
        emergency = incident is not None and bool(incident.life.emergency)
        device = self.site.devices.get(episode.key.partition(":")[0])
        zone = episode.key if episode.key in self.site.zones else (device.zone if device else None)
        self.alarms.begin(
            OVERDUE,
            _overdue_name(episode.rule, episode.key),
            now,
            part=str(episode.opened_at),
            cause=episode.rule,
            zone=zone,
            group=(identity, incident.life.drill) if incident is not None and emergency else ("", ""),
        )

    def link_down(self, subject: str, cause: str, now: int) -> None:
        """An agent is silent, or numbers of it are missing."""
        self.alarms.begin(LINK, subject, now, cause=cause)
        self._annunciate(now)
        self.telling.settle(now)

    def link_up(self, subject: str, now: int) -> None:
        """It is well again."""
        self.alarms.end(LINK, subject, now)
        self._annunciate(now)
        self.telling.settle(now)

    def not_sent(self, refused: RefusedNotice, now: int) -> None:
        """A message was given up: it stands on the list until somebody has seen it, and its escalation goes on."""
        self.telling.not_sent(refused.about, refused.notice, now)
        self.alarms.begin(CHANNEL, refused.channel, now, part=refused.person, cause=refused.answer)
        self._annunciate(now)
        self.telling.settle(now)
        self._say_nobody(now)

    def _nobody(self, step: str, nobody: bool) -> None:
        self._nobody_now[step] = nobody

    # --- what calls for people

    def _annunciate(self, now: int) -> None:
        """Alarms that began become incidents and are told, the most urgent first; what is over is told no further."""
        for group in self.alarms.take_over():
            self.telling.over(f"alarm:{group}", now)
        self.telling.flooding = self.alarms.flooding
        for alarm in sorted(self.alarms.take_raised(), key=_urgency):
            kind = self.alarms.kind_of(alarm)
            if kind is None or not alarm.annunciates:
                continue
            incident = self.incidents.get(alarm.group)
            if kind.emergency is not None:
                self._emergency(alarm, kind, now)
            elif incident is not None and incident.life.emergency:
                self._left_undone(alarm, kind, incident, now)
            else:
                title, text = self._title(alarm, kind), self._text(alarm)
                self.telling.begin(f"alarm:{alarm.group}", alarm.priority, "", title, text, now)

    def _left_undone(self, alarm: Alarm, kind: AlarmKind, incident: Incident, now: int) -> None:
        """Something of an emergency is overdue: while its escalation runs they are told anyway, later once a rule."""
        if incident.life.step(Phase.ACKNOWLEDGED) is None or incident.life.drill:
            return
        people = (*incident.life.people, *self.duty.on_duty("controller", now))
        key = f"incident:{incident.id}:overdue:{alarm.cause}"
        title = self._title(alarm, kind)
        concern = Concern(
            key=key,
            about=f"incident:{incident.id}",
            text=title,
            role="supervisor",
            people=tuple(dict.fromkeys(people)),
            urgent=True,
        )
        self.telling.concern(concern, now)

    def _emergency(self, alarm: Alarm, kind: AlarmKind, now: int) -> None:
        emergency = kind.emergency or ""
        if not alarm.first_out and self.incidents.get(alarm.group) is None:
            alarm = self.alarms.begin_group(alarm, now)
        known = self.incidents.get(alarm.group)
        incident = self.incidents.alarmed(alarm, kind, now)
        if incident is None:
            return
        title = self._title(alarm, kind)
        drill = alarm.drill
        if drill:
            if known is None:
                self.drills.joined(drill, incident.id, now)
            title = Text(zh=f"【演习】{title.in_('zh')}", en=f"[drill] {title.in_('en')}")
        elif known is None and self.drills.overlapped(incident.id, now):
            title = Text(
                zh=f"【真实报警，演习中】{title.in_('zh')}", en=f"[REAL, during a drill] {title.in_('en')}"
            )
        text = self._text(alarm)
        # While people are being told they are told nothing more; once somebody has acknowledged it, a new alarm
        # of it is told like the first.
        about = f"incident:{incident.id}"
        self.telling.begin(about, alarm.priority, emergency, title, text, now, drill=drill)

    def _title(self, alarm: Alarm, kind: AlarmKind) -> Text:
        what = kind.name
        if alarm.kind == OVERDUE:
            rule = self._rule_name(alarm.cause)
            what = Text(zh=f"{what.in_('zh')}：{rule.in_('zh')}", en=f"{what.in_('en')}: {rule.in_('en')}")
        place = self._place(alarm)
        return Text(zh=f"{what.in_('zh')} · {place.in_('zh')}", en=f"{what.in_('en')} · {place.in_('en')}")

    def _place(self, alarm: Alarm) -> Text:
        zone = self.site.zones.get(alarm.zone or "")
        name = alarm.source.partition("/")[2] if alarm.kind == OVERDUE else alarm.source
        device = self.site.devices.get(name)
        found = zone.name if zone is not None else (device.name if device is not None else Text())
        return found if found != Text() else Text(zh=alarm.zone or name, en=alarm.zone or name)

    def _text(self, alarm: Alarm) -> Text:
        device = self.site.devices.get(alarm.source)
        name = device.name if device is not None and device.name != Text() else Text(en=alarm.source)
        site = self.site.file.name
        zh, en = (
            " · ".join(
                one
                for one in (site.in_(words), name.in_(words), alarm.part_name.in_(words) or alarm.part)
                if one
            )
            for words in ("zh", "en")
        )
        return Text(zh=zh, en=en)

    def _rule_name(self, rule: str) -> Text:
        name = self._names.get(rule, Text())
        return name if name != Text() else Text(zh=rule, en=rule)

    def _overdue_about(self, source: str, part: str) -> str:
        found = [one for one in self.alarms.stands_at(source) if one.kind == OVERDUE and one.part == part]
        return f"alarm:{found[0].group}" if found else ""

    # --- what the books ask each other

    def _stands(self, incident: str) -> bool:
        return any(
            (alarm.active or alarm.latched) and alarm.kind != OVERDUE
            for alarm in self.alarms.of_group(incident)
        )

    def closed(self, incident: Incident, now: int) -> None:
        """A person closed it: nothing of it is asked for any more."""
        self.telling.over(f"incident:{incident.id}", now)
        for alarm in self.alarms.of_group(incident.id):
            if alarm.kind == OVERDUE:
                self.alarms.end(OVERDUE, alarm.source, now, part=alarm.part)

    def _busy(self) -> bool:
        return bool(self.incidents.serious())

    def _worked(self, now: int) -> str:
        person, at = self._last_act
        return person if person and now - at <= DEFER_MS else ""

    def acted(self, person: str, at: int) -> None:
        """Somebody dealt with an alarm or an incident."""
        self._last_act = max(self._last_act, (person, at), key=lambda act: act[1])

    def _scores(self, names: Sequence[str]) -> tuple[Score, ...]:
        found = [incident for name in names if (incident := self.incidents.get(name)) is not None]
        return tuple(map(_score, found))

    def matter(self, kind: str, identity: str) -> Matter | Incident | None:
        """A matter that is in memory."""
        look: dict[str, Callable[[str], Matter | Incident | None]] = {
            "incident": self.incidents.get,
            RecordKind.ALARM: self.alarms.get,
            RecordKind.DRILL: self.drills.get,
            RecordKind.CHECK: self.checks.get,
            RecordKind.ORDER: self.orders.get,
            RecordKind.SCREEN: self.screens.get,
            RecordKind.MISS: self.misses.get,
        }
        return look[kind](identity) if kind in look else None

    def has(self, kind: str, identity: str) -> bool:
        """Whether a matter need not be recalled."""
        return self.matter(kind, identity) is not None

    def recall(self, record: Record) -> None:
        """Take back a matter that is stored."""
        for book in (self.alarms, self.drills, self.checks, self.orders, self.screens, self.misses):
            book.recall(record)

    # --- time

    def settle(self, now: int) -> None:
        """Bring everything up to `now`."""
        self.duty.settle(now)
        self.drills.settle(now)
        self._see_who_watches(now)
        self.alarms.settle(now)
        self._annunciate(now)
        self.checks.settle(now)
        self.orders.settle(now)
        for concern in self.effects.take_concerns():
            self.telling.concern(concern, now)
        self.telling.settle(now)
        self._say_nobody(now)

    def _see_who_watches(self, now: int) -> None:
        """A manned site that no screen watches is an alarm and an incident; a supervisor is told without delay."""
        turn = self.screens.settle(now)
        if turn is None:
            return
        if turn.watched:
            for post in self.incidents.trouble_over(IncidentKind.UNWATCHED, now):
                self.alarms.end(UNWATCHED, post, now)
            return
        post = self._post
        name = self.incidents.trouble(IncidentKind.UNWATCHED, post, "no screen answers", turn.since, now)
        self.alarms.begin(UNWATCHED, post, now, zone=post)
        concern = Concern(
            key=f"{UNWATCHED}:{turn.since}",
            about=f"incident:{name}",
            text=Text(
                zh="没有可见且有声的屏幕在值守", en="no screen that is live and can be heard watches the site"
            ),
            role="supervisor",
            urgent=True,
        )
        self.effects.concern(concern)

    def _say_nobody(self, now: int) -> None:
        """An escalation with nobody to take it is itself an alarm."""
        changed, self._nobody_now = self._nobody_now, {}
        for step, nobody in changed.items():
            if nobody:
                self.alarms.begin(NOBODY, step, now, cause=step)
            else:
                self.alarms.end(NOBODY, step, now)
        if changed:
            self._annunciate(now)

    def next_at(self) -> int | None:
        """When `settle` wants to be called next."""
        books = (
            self.duty,
            self.drills,
            self.screens,
            self.alarms,
            self.checks,
            self.orders,
            self.telling,
        )
        wanted = [at for book in books if (at := book.next_at()) is not None]
        return min(wanted, default=None)

    def take_deeds(self) -> list[Deed]:
        """What the rules are to know of what people did."""
        return self.effects.take_deeds()

    def take(self) -> Outgoing:
        """What is to be stored."""
        books = (
            self.alarms,
            self.duty,
            self.telling,
            self.drills,
            self.checks,
            self.orders,
            self.screens,
            self.misses,
        )
        return Outgoing(
            records=[record for book in books for record in book.take_records()],
            notices=self.telling.take_notices(),
            stopped=self.telling.take_stopped(),
        )


def _urgency(alarm: Alarm) -> tuple[int, bool, int, str]:
    """The most urgent first, and of a group the alarm that gives it its name."""
    return alarm.priority, not alarm.first_out, alarm.opened_at, alarm.id


def _overdue_name(rule: str, key: str) -> str:
    return f"{rule}/{key}"


def _arrival_rules(rules: RuleBook) -> frozenset[str]:
    """The rules whose evidence is that somebody is there."""
    return frozenset(
        version.rule.id
        for version in rules.versions
        if isinstance(version.rule, Response) and version.rule.expect.types & LOCATION_TYPES
    )


def _score(incident: Incident) -> Score:
    def after(phase: Phase) -> int | None:
        step = incident.life.step(phase)
        return step.at - incident.opened_at if step is not None else None

    counts: Mapping[str, int] = {
        outcome: sum(episode.outcome == outcome for episode in incident.episodes)
        for outcome in ("met", "breached", "unknown", "pending")
    }
    return Score(
        incident=incident.id,
        acknowledged_ms=after(Phase.ACKNOWLEDGED),
        arrived_ms=after(Phase.ARRIVED),
        verified_ms=after(Phase.VERIFIED),
        **counts,
    )
