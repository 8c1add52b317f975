"""The open incidents of one site, kept up to date with verdicts, overdue alerts and links.

A group of alarms of an emergency opens one incident, which gathers every obligation that any of its alarms
started; so does a trigger that is no alarm, an overdue recurrence, and a link that is down. On a site with a desk
an emergency stays open until a person closes it. Any other incident stays open while somebody still has to act:
until each of its episodes is met, or final (the horizon has passed, or the evidence came late).
"""

from collections.abc import Iterable
from typing import Final

import msgspec

from cloud.correlation.verdict import Episode, EventId, Outcome, Overdue, Revised, Verdict
from cloud.operations.alarm import Alarm
from cloud.operations.alarm_kinds import AlarmKind
from cloud.operations.life import MOST_ALARMS, Life, Phase, Step, reached
from cloud.operations.record import content_id
from cloud.store.base import Incident, IncidentEpisode, IncidentKind, IncidentState

_TRIGGERS: Final = 10_000
"""Triggers of alarms remembered, so that the obligations they start find their incident."""

TROUBLES: Final = frozenset({IncidentKind.LINK, IncidentKind.UNWATCHED})
"""Incidents of the system itself: they end when it is well again, not by what people did on site."""


class IncidentBook:
    """The open incidents of one site. Every call notes what changed; `take_changes` hands it over."""

    def __init__(
        self, site: str, open_incidents: Iterable[Incident] = (), *, people_close: bool = False
    ) -> None:
        self._site = site
        self._people_close = people_close
        self._by_trigger: dict[EventId, str] = {}
        self._open = {incident.id: incident for incident in open_incidents}
        self._by_episode = {
            Episode(episode.rule, episode.key, episode.opened_at): incident.id
            for incident in self._open.values()
            for episode in incident.episodes
        }
        self._touched: dict[str, Incident] = {}
        self._recalled: list[Incident] = []

    @property
    def open_incidents(self) -> tuple[Incident, ...]:
        """Those that are open, oldest first."""
        still = (incident for incident in self._open.values() if incident.state is IncidentState.OPEN)
        return tuple(sorted(still, key=lambda incident: (incident.opened_at, incident.id)))

    def serious(self) -> list[Incident]:
        """The open emergencies that did not turn out to be false or a test, oldest first."""
        return [
            one
            for one in self.open_incidents
            if one.life.emergency and one.life.result not in {"false", "test"}
        ]

    def get(self, identity: str) -> Incident | None:
        """An incident that is in memory."""
        return self._open.get(identity)

    def recall(self, incident: Incident) -> None:
        """Take back one that is stored, because somebody acts upon it, until the next hand-over."""
        if incident.id not in self._open:
            self._open[incident.id] = incident
            self._recalled.append(incident)

    def put(self, incident: Incident, now: int) -> Incident:
        """Note what somebody did about it; it is returned with its revision."""
        touched = self._open[incident.id] = self._touch(incident, now)
        return touched

    def alarmed(self, alarm: Alarm, kind: AlarmKind, now: int) -> Incident | None:
        """An alarm was raised: its group's incident is opened or grows; None where it is no emergency."""
        if kind.emergency is None or alarm.suppressed_by:
            return None
        if alarm.trigger is not None:
            self._remember(alarm.trigger, alarm.group)
        incident = self._open.get(alarm.group)
        if incident is None:
            subject = alarm.zone or alarm.source
            self._begin(
                alarm.group, IncidentKind.ALARM, subject, alarm.opened_at, alarm.cause, now, alarm.trigger
            )
            life = Life(emergency=kind.emergency, priority=int(alarm.priority), drill=alarm.drill)
            life = reached(life, Step(phase=Phase.DETECTED, at=alarm.opened_at, how="system"))
        else:
            life = incident.life
        zones = life.zones if alarm.zone is None or alarm.zone in life.zones else (*life.zones, alarm.zone)
        named = len(life.alarms) >= MOST_ALARMS or alarm.id in life.alarms
        life = msgspec.structs.replace(
            life,
            alarms=life.alarms if named else (*life.alarms, alarm.id),
            alarm_count=life.alarm_count + 1,
            zones=zones,
            priority=min(life.priority, int(alarm.priority)),
        )
        return self.put(msgspec.structs.replace(self._open[alarm.group], life=life), now)

    def _remember(self, trigger: EventId, identity: str) -> None:
        self._by_trigger[trigger] = identity
        while len(self._by_trigger) > _TRIGGERS:
            del self._by_trigger[next(iter(self._by_trigger))]

    def revised(self, revised: Revised, now: int, cause: str = "", *, opens: bool = True) -> str | None:
        """A verdict came or changed; `cause` is the type of its trigger, where it is known. The incident's id.

        Unless it `opens` one, it only goes into the incident that there is.
        """
        verdict = revised.verdict
        known = self._by_episode.get(verdict.episode)
        if (
            known is None
            and opens
            and verdict.kind == "response"
            and revised.revision == 1
            and verdict.evidence
        ):
            known = self._open_alarm(verdict, cause, now)
        if known is not None and known in self._open:
            self._put_episode(known, _episode(verdict, overdue=verdict.overdue), verdict.outcome, now)
        return known

    def overdue(self, overdue: Overdue, now: int) -> str:
        """Nothing is known at the limit. The incident's id."""
        known = self._by_episode.get(overdue.episode)
        if known is None:
            known = self._open_overdue(overdue, now)
        incident = self._open[known]
        self._replace(
            incident,
            now,
            episodes=tuple(
                msgspec.structs.replace(episode, overdue=True) if _is(episode, overdue.episode) else episode
                for episode in incident.episodes
            ),
        )
        return known

    def trouble(self, kind: IncidentKind, subject: str, cause: str, since: int, now: int) -> str:
        """The system itself is in trouble: `subject` is what it is about, `cause` what is wrong. The incident's id."""
        identity = content_id(self._site, kind, subject, str(since))
        if identity not in self._open:
            self._begin(identity, kind, subject, since, cause, now)
        return identity

    def trouble_over(self, kind: IncidentKind, now: int, subject: str | None = None) -> list[str]:
        """It is well again: what was open about a subject (None: about any) is closed. The subjects."""
        over = [
            incident
            for incident in self.open_incidents
            if incident.kind is kind and subject in {None, incident.subject}
        ]
        for incident in over:
            self._close(incident, now)
        return [incident.subject for incident in over]

    def take_changes(self, now: int) -> list[Incident]:
        """Incidents that are new, changed or closed since the last call, each with its next revision."""
        for incident in [self._open[identity] for identity in self._touched if identity in self._open]:
            if incident.state is IncidentState.OPEN and self._closes_by_itself(incident):
                self._close(incident, now)
        changed = list(self._touched.values())
        self._touched.clear()
        recalled, self._recalled = self._recalled, []
        for incident in [*recalled, *changed]:
            if incident.state is IncidentState.CLOSED:
                self._forget(incident)
        return changed

    def _closes_by_itself(self, incident: Incident) -> bool:
        if incident.kind in TROUBLES or (self._people_close and incident.life.emergency):
            return False
        return all(map(_done, incident.episodes))

    def _forget(self, incident: Incident) -> None:
        self._open.pop(incident.id, None)
        for episode in incident.episodes:
            self._by_episode.pop(Episode(episode.rule, episode.key, episode.opened_at), None)

    def _open_alarm(self, verdict: Verdict, cause: str, now: int) -> str:
        device, seq = trigger = verdict.evidence[0]
        identity = self._by_trigger.get(trigger) or content_id(
            self._site, IncidentKind.ALARM, device, str(seq)
        )
        if identity not in self._open:
            self._begin(identity, IncidentKind.ALARM, verdict.key, verdict.opened_at, cause, now, trigger)
        return identity

    def _open_overdue(self, overdue: Overdue, now: int) -> str:
        episode = overdue.episode
        identity = content_id(
            self._site, IncidentKind.OVERDUE, episode.rule, episode.key, str(episode.opened_at)
        )
        self._begin(identity, IncidentKind.OVERDUE, episode.key, overdue.due_at, "", now)
        pending = IncidentEpisode(
            rule=episode.rule,
            key=episode.key,
            opened_at=episode.opened_at,
            due_at=overdue.due_at,
            outcome=Outcome.PENDING,
            final=False,
            reason="waiting",
            overdue=True,
        )
        self._put_episode(identity, pending, Outcome.PENDING, now)
        return identity

    def _put_episode(self, identity: str, new: IncidentEpisode, outcome: Outcome, now: int) -> None:
        incident = self._open[identity]
        which = Episode(new.rule, new.key, new.opened_at)
        others = [episode for episode in incident.episodes if not _is(episode, which)]
        if outcome is Outcome.VOID:
            self._by_episode.pop(which, None)
        else:
            self._by_episode[which] = identity
            others.append(new)
        others.sort(key=lambda episode: (episode.due_at, episode.rule, episode.key))
        self._replace(incident, now, episodes=tuple(others))

    def _begin(
        self,
        identity: str,
        kind: IncidentKind,
        subject: str,
        opened_at: int,
        cause: str,
        now: int,
        trigger: EventId | None = None,
    ) -> None:
        self._open[identity] = self._touched[identity] = Incident(
            site=self._site,
            id=identity,
            kind=kind,
            state=IncidentState.OPEN,
            subject=subject,
            opened_at=opened_at,
            revision=1,
            changed_at=now,
            cause=cause,
            trigger=trigger,
        )

    def _replace(self, incident: Incident, now: int, *, episodes: tuple[IncidentEpisode, ...]) -> None:
        changed = msgspec.structs.replace(incident, episodes=episodes)
        self._open[incident.id] = self._touch(changed, now)

    def _close(self, incident: Incident, now: int) -> None:
        closed = msgspec.structs.replace(incident, state=IncidentState.CLOSED, closed_at=now)
        self._touch(closed, now)
        self._forget(closed)

    def _touch(self, incident: Incident, now: int) -> Incident:
        """One revision for all that happens between two hand-overs."""
        step = 0 if incident.id in self._touched else 1
        touched = msgspec.structs.replace(incident, revision=incident.revision + step, changed_at=now)
        self._touched[incident.id] = touched
        return touched


def _episode(verdict: Verdict, *, overdue: bool) -> IncidentEpisode:
    return IncidentEpisode(
        rule=verdict.rule,
        key=verdict.key,
        opened_at=verdict.opened_at,
        due_at=verdict.due_at,
        outcome=verdict.outcome,
        final=verdict.final,
        reason=verdict.reason,
        overdue=overdue,
    )


def _is(episode: IncidentEpisode, which: Episode) -> bool:
    return (episode.rule, episode.key, episode.opened_at) == (which.rule, which.key, which.opened_at)


def _done(episode: IncidentEpisode) -> bool:
    return episode.outcome == Outcome.MET or (episode.outcome != Outcome.PENDING and episode.final)
