"""The kind `response`: after a trigger, evidence must follow in time (verdicts.md section 3)."""

import bisect
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Final

import msgspec

from cloud.correlation.coverage import NOTHING, covered_up_to
from cloud.correlation.episodes import Chain, Host, Judged, Late, Told, sorted_ids
from cloud.correlation.people import grade, least_rank, lets_through, qualifies
from cloud.correlation.presence import Presence
from cloud.correlation.rules import Response, RuleVersion
from cloud.correlation.sources import OPERATOR, Sources, zone_of
from cloud.correlation.verdict import BlindSpan, EventId, Outcome, Reason, Recall, Verdict
from contract.duration import parse_duration
from contract.events import LOCATION_TYPES, Event
from contract.site import Site

_CONTEXT_MS: Final = 86_400_000
"""How far around a late event is recalled, so that the chain of triggers falls into step before it matters."""
_MOST_IDLE_EVIDENCE: Final = 32

Trigger = tuple[int, str, int, int]
"""`(at, device, seq, number of the version in force)`."""
Found = tuple[int, str, int, int]
"""Evidence: `(at, device, seq, clock_error_ms)`."""


class VersionOf:
    """A version of a rule, ready to judge."""

    def __init__(self, dated: RuleVersion, rule: Response, site: Site) -> None:
        self.rule = rule
        self.sources = Sources(rule, site)
        self.within = parse_duration(rule.within).ms
        self.join = parse_duration(rule.join).ms
        self.horizon = parse_duration(rule.horizon).ms
        self.ttl = parse_duration(rule.presence_ttl).ms
        self.least = least_rank(rule.least_grade)
        self.start, self.end = dated.start, dated.end

    def in_force(self, at: int) -> bool:
        """Whether it judges what opens at that moment."""
        return self.start <= at and (self.end is None or at < self.end)


class Episode:
    """An opening trigger and those that joined it."""

    __slots__ = ("joined", "number", "opened_at", "trigger")

    def __init__(self, trigger: Trigger) -> None:
        self.opened_at = trigger[0]
        self.trigger = trigger
        self.number = trigger[3]
        self.joined: list[Trigger] = []


class ResponseChain:
    """The episodes of one key that are not decided for good, and the evidence that may still matter."""

    def __init__(self, machine: "ResponseMachine", key: str) -> None:
        self.name = f"rsp|{machine.rule}|{key}"
        self.key = key
        self.told: dict[int, Told] = {}
        self.sealed: list[int] = []
        self.floor = NOTHING
        self._machine = machine
        self._triggers: list[Trigger] = []
        self._episodes: list[Episode] = []
        self._evidence: dict[int, list[Found]] = {}
        self._most_error = 0
        self._dirty: set[int] = set()

    def put_trigger(self, trigger: Trigger) -> bool:
        """Take in a trigger; false when it is known."""
        place = bisect.bisect_left(self._triggers, trigger)
        known = place < len(self._triggers) and self._triggers[place] == trigger
        if known or (not self._episodes and self._joins_sealed(trigger[0])):
            return False
        self._triggers.insert(place, trigger)
        if place == len(self._triggers) - 1:
            self._append(trigger)
        else:
            self._rebuild()
        return True

    def put_evidence(self, number: int, found: Found) -> bool:
        """Take in evidence for a version; whether an episode wants to be looked at again."""
        known = self._evidence.setdefault(number, [])
        if not known or found > known[-1]:
            known.append(found)
        else:
            place = bisect.bisect_left(known, found)
            if known[place] == found:
                return False
            known.insert(place, found)
        self._most_error = max(self._most_error, found[3])
        return bool(self._episodes) and self._touched_by(number, found)

    def _touched_by(self, number: int, found: Found) -> bool:
        horizon = self._machine.versions[number].horizon
        touched = {
            episode.opened_at
            for episode in self._episodes
            if episode.number == number and found[0] - horizon <= episode.opened_at <= found[0] + found[3]
        }
        self._dirty |= touched
        return bool(touched)

    def _append(self, trigger: Trigger) -> None:
        last = self._episodes[-1] if self._episodes else None
        if last is not None and trigger[0] <= last.opened_at + self._machine.versions[last.number].join:
            last.joined.append(trigger)
            return
        if last is None and self._joins_sealed(trigger[0]):
            return
        self._episodes.append(Episode(trigger))
        self._dirty.add(trigger[0])

    def _joins_sealed(self, at: int) -> bool:
        if not self.sealed:
            return False
        join = self._machine.version_at(self.sealed[-1]).join
        return self.sealed[-1] <= at <= self.sealed[-1] + join

    def _rebuild(self) -> None:
        before = {episode.opened_at: episode.trigger for episode in self._episodes}
        self._episodes = []
        known, self._dirty = self._dirty, set()
        for trigger in self._triggers:
            self._append(trigger)
        same = {
            episode.opened_at
            for episode in self._episodes
            if before.get(episode.opened_at) == episode.trigger
        }
        self._dirty = (self._dirty - same) | known | (before.keys() - same)

    def judge(self, now: int) -> Iterable[Judged]:
        """See `Chain.judge`."""
        dirty, self._dirty = self._dirty, set()
        for episode in self._episodes:
            if episode.opened_at in dirty:
                yield self._judge(episode, now)

    def vanished(self) -> list[int]:
        """See `Chain.vanished`."""
        if len(self.told) <= len(self._episodes):
            return []
        gone = self.told.keys() - {episode.opened_at for episode in self._episodes}
        return sorted(
            opened_at for opened_at in gone if self.told[opened_at].verdict.outcome is not Outcome.VOID
        )

    def all_verdicts(self, now: int) -> Iterable[Verdict]:
        """Every episode kept, as of now."""
        return (self._judge(episode, now).verdict for episode in self._episodes)

    def _judge(self, episode: Episode, now: int) -> Judged:
        version = self._machine.versions[episode.number]
        seen = self._machine.already_there(version, self.key, episode.opened_at)
        found = None if seen else self._earliest(version, episode)
        due_at = episode.opened_at + version.within
        outcome, reason, blind = self._decide(
            version, episode.opened_at, due_at, found, seen is not None, now
        )
        final, lagging, beyond, wake = self._waits(version, episode, found, outcome, seen is not None, now)
        answer = (found[1], found[2]) if found and outcome is not Outcome.PENDING else seen
        elapsed = None if answer is None or found is None else max(0, found[0] - episode.opened_at)
        verdict = Verdict(
            rule=self._machine.rule,
            version=version.rule.version,
            kind="response",
            key=self.key,
            opened_at=episode.opened_at,
            due_at=due_at,
            outcome=outcome,
            final=final,
            reason=reason,
            elapsed_ms=0 if seen else elapsed,
            evidence=((episode.trigger[1], episode.trigger[2]), *((answer,) if answer else ())),
            overdue=outcome is Outcome.PENDING and now > due_at,
            joined=sorted_ids(trigger[:3] for trigger in episode.joined),
            blind=blind,
        )
        return Judged(verdict, wake, lagging, beyond)

    def _earliest(self, version: VersionOf, episode: Episode) -> Found | None:
        known = self._evidence.get(episode.number)
        if not known:
            return None
        opened_at = episode.opened_at
        for found in known[bisect.bisect_left(known, (opened_at - self._most_error,)) :]:
            if found[0] > opened_at + version.horizon:
                return None
            if found[0] + found[3] >= opened_at:
                return found
        return None

    def _decide(
        self, version: VersionOf, opened_at: int, due_at: int, found: Found | None, seen: bool, now: int
    ) -> tuple[Outcome, Reason, tuple[BlindSpan, ...]]:
        if seen:
            return Outcome.MET, Reason.ALREADY_THERE, ()
        if found is not None and found[0] <= due_at:
            return Outcome.MET, Reason.IN_TIME, ()
        if found is not None and found[0] - found[3] <= due_at:
            return Outcome.MET, Reason.WITHIN_CLOCK_ERROR, ()
        book, sources = self._machine.host.book, version.sources.answering(self.key)
        if now <= due_at:
            return Outcome.PENDING, Reason.WAITING, ()
        if not sources:
            return Outcome.UNKNOWN, Reason.NO_SOURCE, ()
        if book.lagging(sources - {OPERATOR}, due_at) is not None:
            return Outcome.PENDING, Reason.WAITING_FOR_COVERAGE, ()
        blind = book.blind(sources, opened_at, due_at)
        if blind:
            return Outcome.UNKNOWN, Reason.BLIND, blind
        return Outcome.BREACHED, Reason.LATE if found else Reason.NO_EVIDENCE, ()

    def _waits(
        self,
        version: VersionOf,
        episode: Episode,
        found: Found | None,
        outcome: Outcome,
        seen: bool,
        now: int,
    ) -> tuple[bool, str | None, int, int | None]:
        """Whether the verdict is final; if not, which device lags behind which moment, and when time alone counts."""
        opened_at, due_at = episode.opened_at, episode.opened_at + version.within
        sources = version.sources.answering(self.key)
        if outcome is Outcome.PENDING:
            lagging = self._machine.host.book.lagging(sources - {OPERATOR}, due_at)
            return False, lagging, due_at, due_at + 1 if now <= due_at else None
        needs = [(version.sources.triggering(self.key), opened_at)]
        if version.ttl:
            needs.append((version.sources.locating, opened_at))
        if not seen:
            needs.append((sources, found[0] if found else opened_at + version.horizon))
        for devices, needed in needs:
            if OPERATOR in devices and now <= needed:
                return False, None, 0, needed + 1
            lagging = self._machine.host.book.lagging(devices - {OPERATOR}, needed)
            if lagging is not None:
                return False, lagging, needed, None
        return True, None, 0, None

    def touch(self, opened_at: int) -> None:
        """See `Chain.touch`."""
        self._dirty.add(opened_at)

    def touch_between(self, first: int, last: int) -> bool:
        """Look again at the episodes that opened in `[first, last]`; whether there is any."""
        touched = {episode.opened_at for episode in self._episodes if first <= episode.opened_at <= last}
        self._dirty |= touched
        return bool(touched)

    def touch_blind(self, start: int, end: int) -> bool:
        """See `Chain.touch_blind`."""
        most = max(version.within for version in self._machine.versions)
        return self.touch_between(start - most, end - 1)

    def let_go(self, opened_at: int) -> None:
        """See `Chain.let_go`: with all before it, once nothing before it is open."""
        del opened_at
        while self._episodes:
            first = self._episodes[0]
            told = self.told.get(first.opened_at)
            if told is None or not told.verdict.final or first.opened_at in self._dirty:
                return
            self._seal(first)

    def _seal(self, episode: Episode) -> None:
        del self._episodes[0]
        del self.told[episode.opened_at]
        self.sealed.append(episode.opened_at)
        last = episode.joined[-1] if episode.joined else episode.trigger
        del self._triggers[: bisect.bisect_right(self._triggers, last)]

    def trim(self, latest: int, keep_ms: int) -> None:
        """Let go of evidence that no trigger still to come can use, and of old marks of what was decided."""
        oldest = latest - keep_ms
        del self.sealed[: max(0, bisect.bisect_left(self.sealed, oldest) - 1)]
        triggering = {
            device for version in self._machine.versions for device in version.sources.triggering(self.key)
        }
        floor = max(oldest, min(self._machine.host.book.least(triggering), latest))
        if self._episodes:
            floor = min(floor, self._episodes[0].opened_at)
        self.floor = max(self.floor, floor)
        for opened_at in [moment for moment in self.told if moment < oldest and moment not in self._opened()]:
            del self.told[opened_at]
        for known in self._evidence.values():
            del known[: bisect.bisect_left(known, (self.floor - self._most_error,))]

    def _opened(self) -> set[int]:
        return {episode.opened_at for episode in self._episodes}

    def links(self) -> tuple[tuple[str, int], ...]:
        """See `Chain.links`."""
        devices = {
            device for version in self._machine.versions for device in version.sources.answering(self.key)
        }
        return covered_up_to(self._machine.host.book.complete, devices - {OPERATOR})

    def wants_trimming(self) -> bool:
        """Whether more is kept than is worth it."""
        return any(len(known) > _MOST_IDLE_EVIDENCE for known in self._evidence.values())

    def decided_between(self, first: int, last: int) -> bool:
        """Whether an episode that opened in `[first, last]` was decided and let go."""
        place = bisect.bisect_left(self.sealed, first)
        return place < len(self.sealed) and self.sealed[place] <= last

    def encode(self) -> bytes | None:
        """See `Chain.encode`."""
        kept = (self._triggers, self._evidence, self._most_error, self.told, self.sealed, self.floor)
        return msgspec.msgpack.encode(kept)

    def decode(self, cell: bytes) -> None:
        """Take back what `encode` gave."""
        shape = tuple[list[Trigger], dict[int, list[Found]], int, dict[int, Told], list[int], int]
        kept = msgspec.msgpack.decode(cell, type=shape)
        self._triggers, self._evidence, self._most_error, self.told, self.sealed, self.floor = kept
        self._rebuild()
        self._dirty = self._opened()


class ResponseMachine:
    """See `Machine`. All keys and versions of one rule."""

    def __init__(self, versions: Iterable[RuleVersion], site: Site, host: Host, presence: Presence) -> None:
        self.host = host
        self.versions = [
            VersionOf(dated, dated.rule, site) for dated in versions if isinstance(dated.rule, Response)
        ]
        self.rule = self.versions[0].rule.id
        self._site = site
        self._presence = presence
        self._chains: dict[str, ResponseChain] = {}
        self._newest = NOTHING

    def routes(self) -> Mapping[str, list[Callable[[Event, int], None]]]:
        """See `Machine.routes`. Locations come last: evidence and triggers do not depend on the order."""
        found: dict[str, list[Callable[[Event, int], None]]] = {}
        for number, version in enumerate(self.versions):
            for name in version.rule.on.types:
                found.setdefault(name, []).append(self._trigger_taker(number, version))
            for name in version.rule.expect.types:
                found.setdefault(name, []).append(self._evidence_taker(number, version))
        return found

    @property
    def ttl(self) -> int:
        """How long a location counts, at the most over all versions; 0: not at all."""
        return max(version.ttl for version in self.versions)

    def located(self, event: Event, seq: int) -> None:
        """Somebody was seen somewhere: look again at what opened since, while they may have been there."""
        if event.at > self._newest:
            return
        ttl = self.ttl
        for chain in self._chains.values():
            if chain.touch_between(event.at, event.at + ttl):
                self.host.mark(chain)
            if self._against_coverage(event) and chain.decided_between(event.at, event.at + ttl):
                self.host.recall(self._late(chain, event, seq))

    def _trigger_taker(self, number: int, version: VersionOf) -> Callable[[Event, int], None]:
        devices, keys = self._site.devices, version.sources.trigger_keys

        def take(event: Event, seq: int) -> None:
            device = devices.get(event.device)
            if device is None or not version.in_force(event.at) or not lets_through(version.rule.on, event):
                return
            for key in keys(event.device, zone_of(device, event.zone)):
                self._put_trigger(key, (event.at, event.device, seq, number), event)

        return take

    def _put_trigger(self, key: str, trigger: Trigger, event: Event) -> None:
        chain = self.chain(key)
        self._newest = max(self._newest, event.at)
        too_late = event.at < chain.floor or (chain.sealed and event.at < chain.sealed[-1])
        if too_late and self.host.keep_ms is not None:
            self.host.recall(self._late(chain, event, trigger[2]))
        elif chain.put_trigger(trigger):
            self.host.mark(chain)

    def _evidence_taker(self, number: int, version: VersionOf) -> Callable[[Event, int], None]:
        devices, people, keys = self._site.devices, self._site.people, version.sources.evidence_keys
        rule = version.rule

        def take(event: Event, seq: int) -> None:
            device = devices.get(event.device)
            if device is None and not event.type.startswith("operator."):
                return
            person = people.get(event.person) if event.person else None
            if grade(event, person) < version.least or not lets_through(rule.expect, event):
                return
            if rule.by is not None and (
                person is None or not qualifies(person, rule.by, event.at, self._site)
            ):
                return
            found = (event.at, event.device, seq, event.clock_error_ms)
            for key in keys(event.device, zone_of(device, event.zone)):
                self._put_evidence(key, number, found, event)

        return take

    def _put_evidence(self, key: str, number: int, found: Found, event: Event) -> None:
        chain, host = self.chain(key), self.host
        if host.keep_ms is not None:
            horizon = self.versions[number].horizon
            decided = chain.decided_between(found[0] - horizon, found[0] + found[3])
            if found[0] < host.latest - host.keep_ms or (decided and self._against_coverage(event)):
                host.recall(self._late(chain, event, found[2]))
            if chain.wants_trimming():
                chain.trim(host.latest, host.keep_ms)
        if chain.put_evidence(number, found):
            host.mark(chain)
        else:
            host.changed(chain)

    def _against_coverage(self, event: Event) -> bool:
        return event.at < self.host.book.complete.get(event.device, NOTHING)

    def _late(self, chain: ResponseChain, event: Event, seq: int) -> Late:
        types: set[str] = set()
        reach = 0
        for version in self.versions:
            types |= version.rule.on.types | version.rule.expect.types
            types |= LOCATION_TYPES if version.ttl else frozenset()
            reach = max(reach, version.horizon + version.join + version.ttl)
        first, last = event.at - reach, event.at + reach
        recall = Recall(
            rule=self.rule,
            key=chain.key,
            types=tuple(sorted(types)),
            start=first - _CONTEXT_MS,
            end=last + _CONTEXT_MS,
        )
        return Late(recall, event, seq, first, last)

    def already_there(self, version: VersionOf, key: str, at: int) -> EventId | None:
        """Who of those that qualify is already in a matching zone, by the event that says so."""
        if not version.ttl:
            return None
        return self._presence.there(version.sources.zones_of(key), at, version.ttl, version.rule.by)

    def version_at(self, at: int) -> VersionOf:
        """The version in force at a moment at which an episode opened."""
        return next(version for version in self.versions if version.in_force(at))

    def chain(self, key: str) -> ResponseChain:
        """The chain of a key, begun if there is none."""
        chain = self._chains.get(key)
        if chain is None:
            chain = self._chains[key] = ResponseChain(self, key)
            devices = {device for version in self.versions for device in version.sources.answering(key)}
            self.host.depends(chain, devices - {OPERATOR})
        return chain

    def begin(self, now: int) -> None:
        """See `Machine.begin`: time alone opens nothing here."""

    def next_opening(self) -> int | None:
        """See `Machine.next_opening`."""
        return None

    def restore(self, name: str, cell: bytes) -> Chain:
        """See `Machine.restore`."""
        chain = self.chain(name.split("|", 2)[2])
        chain.decode(cell)
        self._newest = max([self._newest, *chain.told, *chain.sealed])
        return chain

    def chains_of(self, key: str) -> Sequence[Chain]:
        """See `Machine.chains_of`."""
        return [self._chains[key]] if key in self._chains else []

    def verdicts(self, now: int) -> Iterable[Verdict]:
        """See `Machine.verdicts`."""
        for chain in self._chains.values():
            yield from chain.all_verdicts(now)

    def oldest_open(self) -> int | None:
        """When the oldest episode that is kept opened."""
        return min((moment for chain in self._chains.values() for moment in chain.told), default=None)
