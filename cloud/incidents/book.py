"""The open incidents of one site, kept up to date with verdicts, overdue alerts and links.

An alarm's trigger opens one incident, which gathers every obligation that the trigger started; an overdue
recurrence opens one; so does a link that is down. An incident stays open while somebody still has to act: until
each of its episodes is met, or final (the horizon has passed, or the evidence came late).
"""

import hashlib
from collections.abc import Iterable
from typing import Final

import msgspec

from cloud.correlation.verdict import Episode, EventId, Outcome, Overdue, Revised, Verdict
from cloud.store.base import Incident, IncidentEpisode, IncidentKind, IncidentState

_SEPARATOR: Final = "\x1f"


class IncidentBook:
    """The open incidents of one site. Every call notes what changed; `take_changes` hands it over."""

    def __init__(self, site: str, open_incidents: Iterable[Incident] = ()) -> None:
        self._site = site
        self._open = {incident.id: incident for incident in open_incidents}
        self._by_episode = {
            Episode(episode.rule, episode.key, episode.opened_at): incident.id
            for incident in self._open.values()
            for episode in incident.episodes
        }
        self._touched: dict[str, Incident] = {}

    @property
    def open_incidents(self) -> tuple[Incident, ...]:
        """Those that are open, oldest first."""
        return tuple(sorted(self._open.values(), key=lambda incident: (incident.opened_at, incident.id)))

    def revised(self, revised: Revised, now: int, cause: str = "") -> None:
        """A verdict came or changed; `cause` is the type of its trigger, where it is known."""
        verdict = revised.verdict
        known = self._by_episode.get(verdict.episode)
        if known is None and verdict.kind == "response" and revised.revision == 1 and verdict.evidence:
            known = self._open_alarm(verdict, cause, now)
        if known is not None:
            self._put_episode(known, _episode(verdict, overdue=verdict.overdue), verdict.outcome, now)

    def overdue(self, overdue: Overdue, now: int) -> None:
        """Nothing is known at the limit."""
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

    def link_down(self, subject: str, cause: str, since: int, now: int) -> None:
        """A link does not carry what it should: `subject` is the agent, `cause` what is wrong, in words."""
        identity = incident_id(self._site, IncidentKind.LINK, subject, str(since))
        if identity not in self._open:
            self._begin(identity, IncidentKind.LINK, subject, since, cause, now)

    def link_up(self, subject: str, now: int) -> None:
        """The link carries again: what was open about it is closed."""
        for incident in self.open_incidents:
            if incident.kind is IncidentKind.LINK and incident.subject == subject:
                self._close(incident, now)

    def take_changes(self, now: int) -> list[Incident]:
        """Incidents that are new, changed or closed since the last call, each with its next revision."""
        for incident in [self._open[identity] for identity in self._touched if identity in self._open]:
            if incident.kind is not IncidentKind.LINK and all(map(_done, incident.episodes)):
                self._close(incident, now)
        changed = list(self._touched.values())
        self._touched.clear()
        return changed

    def _open_alarm(self, verdict: Verdict, cause: str, now: int) -> str:
        device, seq = trigger = verdict.evidence[0]
        identity = incident_id(self._site, IncidentKind.ALARM, device, str(seq))
        if identity not in self._open:
            self._begin(identity, IncidentKind.ALARM, verdict.key, verdict.opened_at, cause, now, trigger)
        return identity

    def _open_overdue(self, overdue: Overdue, now: int) -> str:
        episode = overdue.episode
        identity = incident_id(
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
        del self._open[incident.id]
        for episode in incident.episodes:
            self._by_episode.pop(Episode(episode.rule, episode.key, episode.opened_at), None)

    def _touch(self, incident: Incident, now: int) -> Incident:
        """One revision for all that happens between two hand-overs."""
        step = 0 if incident.id in self._touched else 1
        touched = msgspec.structs.replace(incident, revision=incident.revision + step, changed_at=now)
        self._touched[incident.id] = touched
        return touched


def incident_id(*parts: str) -> str:
    """An id derived from the content, 16 hex digits: the same cause has the same id wherever it is seen."""
    return hashlib.sha256(_SEPARATOR.join(parts).encode()).hexdigest()[:16]


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
