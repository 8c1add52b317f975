"""The kind `response`: after a trigger, evidence must follow in time (verdicts.md section 3)."""

from collections.abc import Callable, Iterable, Mapping
from functools import cached_property
from typing import Final

import msgspec

from cloud.correlation.coverage import NOTHING, CoverageBook
from cloud.correlation.episodes import Chain, ColumnTaker, Host, Past, ReadingTaker, Span, Told
from cloud.correlation.pausing import PauseMark
from cloud.correlation.people import lets_through
from cloud.correlation.presence import Presence
from cloud.correlation.response_chain import MARKS, ResponseChain
from cloud.correlation.response_verdict import Ending, Found, Late, Trigger, VersionOf
from cloud.correlation.rules import REVIEWED, Response, RuleVersion
from cloud.correlation.sources import OPERATOR, Keys
from cloud.correlation.verdict import Recall, Verdict
from contract.events import LOCATION_TYPES, Event, event_data, word_heard_at
from contract.site import Site
from contract.site_parts import event_zone

_NO_KEYS: Keys = ()
SUPERVISOR: Final = "supervisor"


class _Review(msgspec.Struct, frozen=True):
    rule: str
    key: str
    opened_at: int
    accepts: bool


class ResponseMachine:
    """See `Machine`. All keys and versions of one rule."""

    def __init__(self, versions: Iterable[RuleVersion], site: Site, host: Host, presence: Presence) -> None:
        found = [VersionOf(dated, dated.rule, site) for dated in versions if isinstance(dated.rule, Response)]
        self.versions: Mapping[int, VersionOf] = {version.number: version for version in found}
        self._by_start = sorted(found, key=lambda version: version.start)
        self._host = host
        self._site = site
        self._devices = dict(site.devices)
        self._presence = presence
        self._chains: dict[str, ResponseChain] = {}
        self._newest = NOTHING

    @cached_property
    def rule(self) -> str:
        """See `Machine.rule`."""
        return self._by_start[0].rule.id

    @property
    def book(self) -> CoverageBook:
        """What is known of each device."""
        return self._host.book

    @cached_property
    def ttl(self) -> int:
        """How long a location counts, at the most over all versions; 0: not at all."""
        return max(version.ttl for version in self._by_start)

    @cached_property
    def horizon(self) -> int:
        """How long after its opening evidence can change an episode, at the most over all versions."""
        return max(version.horizon + version.most_put_off for version in self._by_start)

    @cached_property
    def early(self) -> int:
        """How long before its opening evidence can meet an episode, at the most over all versions."""
        return max(version.early for version in self._by_start)

    @cached_property
    def _types(self) -> tuple[str, ...]:
        found: set[str] = set(LOCATION_TYPES) if self.ttl else set()
        for version in self._by_start:
            found |= version.rule.on.types | version.rule.expect.types
            found |= version.rule.void_types | version.rule.pause_types
        found.add(REVIEWED)
        return tuple(sorted(found))

    def version_at(self, at: int) -> VersionOf | None:
        """The version in force at a moment."""
        return next((version for version in self._by_start if version.in_force(at)), None)

    def already_there(self, version: VersionOf, key: str, at: int) -> Trigger | None:
        """The event by which somebody who qualifies is already in a matching zone at that moment."""
        if not version.ttl:
            return None
        return self._presence.there(version.sources.zones_of(key), at, version.ttl, version.rule.by)

    # --- what an event is for

    def routes(self) -> Mapping[str, list[Callable[[Event, int], None]]]:
        """See `Machine.routes`."""
        found: dict[str, list[Callable[[Event, int], None]]] = {}
        for version in self._by_start:
            for name in version.rule.on.types:
                found.setdefault(name, []).append(self._trigger_taker(version))
            for name in version.rule.expect.types:
                found.setdefault(name, []).append(self._evidence_taker(version))
            for name in version.rule.void_types:
                found.setdefault(name, []).append(self._ending_taker(version))
            for name in version.rule.pause_types:
                found.setdefault(name, []).append(self._pause_taker(version))
        if found:
            found.setdefault(REVIEWED, []).append(self._take_review)
        return found

    def _triggered(self, version: VersionOf, event: Event) -> Keys:
        """The keys for which an event of the right type is a trigger."""
        device = self._devices.get(event.device)
        if device is None and not event.type.startswith("operator."):
            return _NO_KEYS
        if not version.in_force(event.at) or not lets_through(version.rule.on, event):
            return _NO_KEYS
        if version.rule.pair is not None:
            return _paired(event, version.rule.pair)
        keys = version.sources.trigger_keys(event.device, event_zone(self._site, event))
        return tuple(key for key in keys if not version.suspended(key, event.at))

    def _answered(self, version: VersionOf, event: Event) -> Keys:
        """The keys for which an event of the right type is evidence."""
        device = self._devices.get(event.device)
        if device is None and not event.type.startswith("operator."):
            return _NO_KEYS
        if not version.is_enough(event):
            return _NO_KEYS
        if version.rule.pair is not None:
            return _paired(event, version.rule.pair)
        return version.sources.evidence_keys(event.device, event_zone(self._site, event))

    def _ended(self, version: VersionOf, event: Event) -> Keys:
        """The keys under which an event of the right type may make something void."""
        device, voiding = self._devices.get(event.device), version.voiding
        if voiding is None or (device is None and not event.type.startswith("operator.")):
            return _NO_KEYS
        if not lets_through(voiding.wanted, event):
            return _NO_KEYS
        if version.rule.pair is not None:
            return _paired(event, version.rule.pair)
        return voiding.keys(event.device, event_zone(self._site, event))

    def _paused(self, version: VersionOf, event: Event) -> tuple[Keys, bool]:
        """The keys whose clock an event of the right type stops (True) or lets run again (False)."""
        pausing, pair = version.pausing, version.rule.pair
        begins = pausing.says(event) if pausing is not None and event.device in self._devices else None
        return (_NO_KEYS, False) if begins is None or pair is None else (_paired(event, pair), begins)

    def _zone_asked(self, version: VersionOf, event: Event) -> str | None:
        """The zone of a trigger where it matters for what makes void."""
        if version.voiding is None or not version.voiding.asks_zone:
            return None
        return event_zone(self._site, event) or ""

    # --- what arrives

    def _trigger_taker(self, version: VersionOf) -> Callable[[Event, int], None]:
        def take(event: Event, seq: int) -> None:
            for key in self._triggered(version, event):
                self._put_trigger(key, (event.at, event.device, seq), self._zone_asked(version, event))

        return take

    def _put_trigger(self, key: str, trigger: Trigger, zone: str | None) -> None:
        chain, host = self._chain(key), self._host
        self._newest = max(self._newest, trigger[0])
        if host.keep_ms is not None:
            if chain.joins_decided(trigger):
                return
            if chain.misses(trigger) or (self.ttl and trigger[0] - self.ttl < self._presence.kept_from):
                host.recall(self, key, (trigger[0], trigger[0] + 1))
                return
        if chain.put_trigger(trigger, zone):
            host.mark(chain)

    def _evidence_taker(self, version: VersionOf) -> Callable[[Event, int], None]:
        host, chains, live = self._host, self._chains, self._host.keep_ms is not None

        def take(event: Event, seq: int) -> None:
            found = (event.at, event.device, seq, event.clock_error_ms)
            late = _late(event, seq)
            for key in self._answered(version, event):
                chain = chains.get(key) or self._chain(key)
                if live:
                    self._check_late(chain, version, found)
                if chain.put_late(version, late) if late else chain.put_evidence(version, found):
                    host.mark(chain)
                else:
                    host.changed(chain)

        return take

    def _ending_taker(self, version: VersionOf) -> Callable[[Event, int], None]:
        def take(event: Event, seq: int) -> None:
            ending = self._ending(event, seq)
            for key in self._ended(version, event):
                chain = self._chain(key)
                if self._host.keep_ms is not None:
                    self._recall(chain, version, chain.ended_by(ending), ending[0])
                if chain.put_ending(version, ending):
                    self._host.mark(chain)
                else:
                    self._host.changed(chain)

        return take

    def _ending(self, event: Event, seq: int) -> Ending:
        """What was only said later than it was ends something from when it was heard."""
        at = event.at if (heard := word_heard_at(event)) is None else heard
        return at, event.device, seq, event_zone(self._site, event) or ""

    def _take_review(self, event: Event, _seq: int) -> None:
        """A supervisor accepts what was said late of an episode."""
        person = self._site.people.get(event.person) if event.person else None
        told = _reviewed(event)
        if told is None or told.rule != self.rule or person is None or SUPERVISOR not in person.roles:
            return
        chain = self._chain(told.key)
        if chain.put_review(told.opened_at, person.id):
            if self._host.keep_ms is not None and not chain.keeps(told.opened_at):
                self._host.recall(self, told.key, (told.opened_at, told.opened_at + 1))
            self._host.mark(chain)

    def _pause_taker(self, version: VersionOf) -> Callable[[Event, int], None]:
        def take(event: Event, seq: int) -> None:
            keys, begins = self._paused(version, event)
            mark = _pause(event, seq, begins=begins)
            for key in keys:
                chain = self._chain(key)
                if self._host.keep_ms is not None:
                    self._recall(chain, version, chain.paused_by(mark), event.at)
                if chain.put_pause(version, mark):
                    self._host.mark(chain)
                else:
                    self._host.changed(chain)

        return take

    def _check_late(self, chain: ResponseChain, version: VersionOf, found: Found) -> None:
        self._recall(chain, version, chain.changed_by(found), found[0])

    def _recall(self, chain: ResponseChain, version: VersionOf, since: int | None, at: int) -> None:
        if since is not None:
            self._host.recall(self, chain.key, (since, at + 1))
        if self._host.keep_ms is not None and chain.wants_trimming(version.number):
            chain.trim(self._host.latest, self._host.keep_ms)

    def located(self, at: int) -> None:
        """Somebody was seen somewhere: look again at what opened since, while they may have been there."""
        if at > self._newest:
            return
        for chain in self._chains.values():
            if chain.touch_between(at, at + self.ttl):
                self._host.mark(chain)
            since = chain.marks.first_between(at, at + self.ttl)
            if since is not None:
                self._host.recall(self, chain.key, (since, since + 1))

    # --- what was let go

    def ask(self, key: str, missing: Span) -> Recall:
        """See `Machine.ask`."""
        start, end = self._chain(key).gap(missing)
        if self.ttl:
            start, end = start - self.ttl, max(end, self._presence.kept_from)
        return Recall(rule=self.rule, key=key, types=self._types, start=start, end=end)

    def take_back(self, recall: Recall, missing: Span, past: Past, told: Mapping[int, Told]) -> Span | None:
        """See `Machine.take_back`."""
        since = missing[0]
        if self.ask(recall.key, missing).end > recall.end:  # more was let go since
            return missing
        chain = self._chain(recall.key)
        chain.reopen(since, told)
        for event in past.events:
            for version in self._by_start:
                self._put_back(chain, version, event, since)
        chain.reopened()
        self._host.mark(chain)
        return None

    def _put_back(self, chain: ResponseChain, version: VersionOf, event: Event, since: int) -> None:
        rule = version.rule
        if event.type in rule.on.types and chain.key in self._triggered(version, event):
            trigger, zone = (event.at, event.device, event.seq), self._zone_asked(version, event)
            if event.at >= since:
                chain.put_trigger(trigger, zone)
            elif zone is not None:
                chain.put_zone(trigger, zone)
        if event.type in rule.expect.types and chain.key in self._answered(version, event):
            if late := _late(event, event.seq):
                chain.put_late(version, late)
            else:
                chain.put_evidence(version, (event.at, event.device, event.seq, event.clock_error_ms))
        if event.type in rule.void_types and chain.key in self._ended(version, event):
            chain.put_ending(version, self._ending(event, event.seq))
        if event.type in rule.pause_types:
            keys, begins = self._paused(version, event)
            if chain.key in keys:
                chain.put_pause(version, _pause(event, event.seq, begins=begins))

    # --- chains

    def _chain(self, key: str) -> ResponseChain:
        chain = self._chains.get(key)
        if chain is None:
            chain = self._chains[key] = ResponseChain(self, key)
            devices = {device for version in self._by_start for device in version.sources.answering(key)}
            for version in self._by_start:
                if version.voiding is not None:
                    devices |= version.voiding.telling_of(key)
                if version.pausing is not None:
                    devices |= version.pausing.telling
            self._host.depends(self, chain, devices - {OPERATOR})
        return chain

    def readers(self) -> Mapping[tuple[str, str], list[ReadingTaker]]:
        """See `Machine.readers`: this kind asks about events only."""
        return {}

    def column_readers(self) -> Mapping[tuple[str, str], list[ColumnTaker]]:
        """See `Machine.column_readers`."""
        return {}

    def begin(self, now: int) -> None:
        """See `Machine.begin`: time alone opens nothing here."""

    def next_opening(self) -> int | None:
        """See `Machine.next_opening`."""
        return None

    def restore(self, name: str, cell: bytes) -> Chain:
        """See `Machine.restore`."""
        kind, _, key = name.split("|", 2)
        chain = self._chain(key)
        if kind == MARKS:
            chain.marks.restore(cell)
        else:
            chain.decode(cell)
        self._newest = max(self._newest, chain.newest)
        return chain

    def verdicts(self, now: int) -> Iterable[Verdict]:
        """See `Machine.verdicts`."""
        for chain in self._chains.values():
            yield from chain.all_verdicts(now)

    def oldest_open(self) -> int | None:
        """When the oldest episode that is kept opened."""
        oldest = (chain.oldest for chain in self._chains.values())
        return min((moment for moment in oldest if moment is not None), default=None)

    def triggered_up_to(self, latest: int) -> int:
        """Up to when no trigger can still come: how far all devices that can trigger are known."""
        devices = {device for version in self._by_start for device in version.sources.all_triggering}
        return min(self.book.least(devices), latest) if devices else latest


def _paired(event: Event, field: str) -> Keys:
    """The key that an event names itself, such as the number of a request; none where it names none."""
    try:
        value = event_data(event).get(field)
    except msgspec.DecodeError:
        return _NO_KEYS
    return (str(value),) if isinstance(value, str | int) and not isinstance(value, bool) else _NO_KEYS


def _late(event: Event, seq: int) -> Late | None:
    """What a person said only later than it was done."""
    heard = word_heard_at(event)
    if heard is None:
        return None
    return event.at, event.device, seq, event.clock_error_ms, heard, event.person or ""


def _pause(event: Event, seq: int, *, begins: bool) -> PauseMark:
    """What was only said later than it was stops the clock from when it was heard."""
    heard = word_heard_at(event) if begins else None
    return (event.at if heard is None else heard), event.device, seq, begins


def _reviewed(event: Event) -> _Review | None:
    """The episode of which a review accepts what was said; None where it accepts nothing."""
    try:
        found = msgspec.json.decode(event.data, type=_Review)
    except msgspec.DecodeError:
        return None
    return found if found.accepts else None
