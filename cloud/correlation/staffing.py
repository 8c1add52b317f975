"""The kind `staffing`: enough people at a post (verdicts.md section 3).

Somebody is present in the zone of their latest scan, entry or signing on until seen elsewhere, leaving, going off duty, or until
`presence_ttl` has passed. Too few for longer than `tolerance` within a window is a breach; each span is one episode.
"""

import bisect
import datetime as dt
import functools
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Final

import msgspec
from typing_extensions import override

from cloud.correlation.coverage import NOTHING
from cloud.correlation.episodes import Chain, Host, Judged, Machine, Past, Told
from cloud.correlation.people import qualifies
from cloud.correlation.rules import OFF_DUTY, ON_DUTY, PRESENT_BY, By, RuleVersion, Staffing
from cloud.correlation.timeline import READ, Dated, InForce, Mark, Place, Span, Timeline
from cloud.correlation.timeline_machine import Line, TimelineMachine
from cloud.correlation.verdict import BlindSpan, EventId, Outcome, Reason, Recall, Verdict
from cloud.correlation.windows import WindowsOf, midnight
from contract.duration import parse_duration
from contract.events import Event, event_data, word_heard_at
from contract.site import Site
from contract.site_parts import event_zone

_DAY_MS: Final = 86_400_000
_FOREVER: Final = 1 << 62
_ALWAYS: Final = (NOTHING, _FOREVER)
_WEEK_MS: Final = 7 * _DAY_MS
_TRACKED: Final = 128
"""So many places of one person are remembered for posts to which they have not come yet."""
_OUT: Final = frozenset({"out", "exit"})
"""What the `direction` of an entry says of somebody who leaves."""


Held = Callable[[str], Sequence[Span]]
"""When a person qualifies, by their id."""


class Change(msgspec.Struct, frozen=True, order=True):
    """The number of people present changes by `by`. `mark`: the last event that did it, None where time alone did."""

    at: int
    by: int
    mark: Mark | None = None


class Shortage(msgspec.Struct, frozen=True):
    """Too few people from `since` until `until` (None: no end known); the events that began and ended it, if any."""

    since: int
    until: int | None
    began: Mark | None = None
    ended: Mark | None = None


def posts_of(rule: Staffing, site: Site) -> list[str]:
    """The zones that a rule is about."""
    if rule.posts is not None:
        return [zone.id for zone in site.file.zones if zone.post == rule.posts]
    return [rule.post] if isinstance(rule.post, str) else list(rule.post)


def watchers(site: Site, zone: str) -> tuple[str, ...]:
    """The devices that can tell that somebody is in a zone."""
    return tuple(
        device.id
        for device in site.file.devices
        if site.emits(device) & PRESENT_BY and zone in site.zones_seen_by[device.id]
    )


class VersionOf(InForce):
    """A version of a rule, ready to judge. See `timeline.Dated`."""

    def __init__(self, dated: RuleVersion, rule: Staffing, site: Site, host: Host, data_from: int) -> None:
        super().__init__(dated)
        self.rule = rule
        self.host = host
        self._site = site
        self._role = By(rule.role) if rule.role else None
        self.types = PRESENT_BY | {OFF_DUTY}
        self.tolerance = parse_duration(rule.tolerance).ms
        self.ttl = parse_duration(rule.presence_ttl).ms or _FOREVER
        self.windows = WindowsOf(rule.during, site, max(dated.start, data_from), joined=True)
        self.held: Held = functools.cache(self._held)

    def says(self, event: Event, seq: int) -> Mark | None:
        """Where somebody is from then on: meaning 1 in the mark's zone, 0 nowhere. Whether they qualify, each moment tells."""
        person = self._site.people.get(event.person) if event.person else None
        if person is None or not qualifies(person, self._role, event.at, self._site):
            return None
        if event.type == OFF_DUTY or _leaves(event):
            return Mark(event.at, event.device, seq, 0, person.id)
        zone = event_zone(self._site, event) or ""
        # Who only says later that they signed on is there from when that was heard.
        heard = word_heard_at(event) if event.type == ON_DUTY else None
        return Mark(event.at if heard is None else heard, event.device, seq, 1, person.id, zone)

    def _held(self, name: str) -> Sequence[Span]:
        """When a person holds the qualification, by the days of the site's calendar; always where none is asked for."""
        wanted, person = self.rule.qualification, self._site.people.get(name)
        if wanted is None or person is None:
            return (_ALWAYS,)
        zone, day = self._site.timezone, dt.timedelta(days=1)
        found: list[Span] = []
        for start, end in sorted(
            (
                midnight(held.from_, zone) if held.from_ else NOTHING,
                midnight(held.to + day, zone) if held.to else _FOREVER,
            )
            for held in person.qualifications
            if held.name == wanted
        ):
            if found and start <= found[-1][1]:
                found[-1] = found[-1][0], max(end, found[-1][1])
            else:
                found.append((start, end))
        return found


def _leaves(event: Event) -> bool:
    try:
        data: dict[str, Any] = event_data(event)
    except msgspec.DecodeError:
        return False
    return data.get("direction") in _OUT


class Stay(msgspec.Struct, frozen=True):
    """Somebody in a zone in `[since, until)`: the event that brought them, and the one that ended it, if one did."""

    person: str
    since: int
    until: int
    came: Mark
    left: Mark | None = None


def stays(marks: Sequence[Mark], zone: str, ttl: int) -> Iterator[Stay]:
    """Who was in a zone, by marks in order: from a mark there until one elsewhere, or until the last there is `ttl` old."""
    open_stays: dict[str, Stay] = {}
    for mark in marks:
        here = mark.meaning and mark.zone == zone
        stay = open_stays.pop(mark.person, None)
        if stay is not None and (stay.until <= mark.at or not here):
            yield stay if stay.until <= mark.at else msgspec.structs.replace(stay, until=mark.at, left=mark)
            stay = None
        if here:
            until = min(mark.at + ttl, _FOREVER)
            known = stay or Stay(mark.person, mark.at, until, mark)
            open_stays[mark.person] = msgspec.structs.replace(known, until=until)
    yield from open_stays.values()


def changes(marks: Sequence[Mark], zone: str, ttl: int, held: Held = lambda _: (_ALWAYS,)) -> list[Change]:
    """How the number of people who are in a zone and qualify changes, in order. `held`: when a person qualifies."""
    found: list[Change] = []
    for stay in stays(marks, zone, ttl):
        for start, end in held(stay.person):
            since, until = max(stay.since, start), min(stay.until, end)
            if since < until:
                found.append(Change(since, 1, stay.came if since == stay.since else None))
                if until < _FOREVER:
                    found.append(Change(until, -1, stay.left if until == stay.until else None))
    return _by_moment(found)


def _by_moment(found: list[Change]) -> list[Change]:
    """One change for each moment: who goes in the very moment in which another comes is replaced."""
    if len({one.at for one in found}) == len(found):
        return sorted(found, key=lambda one: one.at)
    whole: dict[int, list[Change]] = {}
    for change in sorted(found, key=lambda one: (one.at, one.mark.place if one.mark else (0, "", 0))):
        whole.setdefault(change.at, []).append(change)
    merged = []
    for at, own in whole.items():
        by = sum(one.by for one in own)
        marks = [one.mark for one in own if one.mark is not None and one.by * by > 0]
        if by:
            merged.append(Change(at, by, marks[-1] if marks else None))
    return merged


def shortages(found: Sequence[Change], at_least: int, window: Span) -> Iterator[Shortage]:
    """The spans of a window with too few people. One that reaches the window's end ends there."""
    present, began = 0, None
    since: int | None = None if at_least <= 0 else window[0]
    for change in found:
        if change.at >= window[1]:
            break
        before, present = present, present + change.by
        at = max(change.at, window[0])
        if before >= at_least > present:
            since, began = at, change.mark if change.at >= window[0] else None
        elif before < at_least <= present and since is not None:
            if change.at > since:
                yield Shortage(since, change.at, began, change.mark)
            since = None
    if since is not None and since < window[1]:
        yield Shortage(since, window[1] if window[1] < _FOREVER else None, began)


class StaffingChain(Timeline):
    """One post under one version of a rule."""

    def __init__(self, version: VersionOf, zone: str, site: Site, data_from: int) -> None:
        name = f"staff|{version.rule.id}|{version.label}|{zone}"
        super().__init__(name, zone, version, watchers(site, zone))
        self._of = version
        self._data_from = data_from
        self.next_at: int | None = None
        self._now = NOTHING

    def _shortages(self, found: Sequence[Change], now: int) -> Iterator[Shortage]:
        for window in self._of.windows.between(max(self.base, self._data_from), now + 1):
            for short in shortages(found, self._of.rule.at_least, window):
                if self.base <= short.since <= now and self._of.judges(short.since):
                    yield short

    @override
    def judged(self, now: int) -> Iterator[Judged]:
        found = changes(self.marks, self.key, self._of.ttl, self._of.held)
        self._look_ahead(found, now)
        for short in self._shortages(found, now):
            judged = self._judge(short, now)
            if judged is not None:
                yield judged

    def _look_ahead(self, found: Sequence[Change], now: int) -> None:
        """When time alone changes something next: presence runs out, a window begins, or what was told ahead is so."""
        coming = [one.at for one in found if one.at > now]
        start = self._of.windows.next_start(now + 1)
        self.next_at = min([*coming, *([start] if start is not None else [])], default=None)

    def _judge(self, short: Shortage, now: int) -> Judged | None:
        due_at = short.since + self._of.tolerance
        until = short.until if short.until is not None and short.until <= now else None
        if short.until is not None and short.until <= due_at:
            return None
        if now <= due_at or not self._is_known(due_at, now):
            return self._pending(short, due_at, now)
        # Who came unseen as long ago as presence lasts is there still.
        hidden_from = max(short.since - self._of.ttl + 1, NOTHING)
        blind = self._of.host.book.blind(self.devices, hidden_from, due_at)
        if not self.devices or blind:
            reason = Reason.BLIND if blind else Reason.NO_SOURCE
            return Judged(
                self._verdict(short, due_at, Outcome.UNKNOWN, reason, None, final=True, blind=blind)
            )
        final = until is not None and self._is_known(until, now)
        reason = Reason.ENDED_LATE if until is not None else Reason.TOO_FEW_PEOPLE
        verdict = self._verdict(short, due_at, Outcome.BREACHED, reason, until, final=final)
        if final:
            return Judged(verdict, answered=True)
        if until is not None:
            return Judged(verdict, None, self.lagging(until), until, answered=True)
        return Judged(verdict, short.until)

    def _is_known(self, moment: int, now: int) -> bool:
        """Whether all is known beyond a moment. A post that no device can tell of is known by the clock alone."""
        return self.complete > moment if self.devices else now > moment

    def _pending(self, short: Shortage, due_at: int, now: int) -> Judged:
        overdue = now > due_at
        reason = Reason.WAITING_FOR_COVERAGE if overdue else Reason.WAITING
        verdict = self._verdict(short, due_at, Outcome.PENDING, reason, None, overdue=overdue)
        if overdue:
            return Judged(verdict, None, self.lagging(due_at), due_at)
        return Judged(verdict, due_at + 1, quiet=True)

    def _verdict(  # noqa: PLR0913 - each is a field of it
        self,
        short: Shortage,
        due_at: int,
        outcome: Outcome,
        reason: Reason,
        until: int | None,
        *,
        final: bool = False,
        overdue: bool = False,
        blind: tuple[BlindSpan, ...] = (),
    ) -> Verdict:
        ended = until is not None
        marks = (short.began, short.ended if ended else None)
        evidence: tuple[EventId, ...] = tuple((one.device, one.seq) for one in marks if one is not None)
        return Verdict(
            rule=self._of.rule.id,
            version=self._of.rule.version,
            kind="staffing",
            key=self.key,
            opened_at=short.since,
            due_at=due_at,
            outcome=outcome,
            final=final,
            reason=reason,
            elapsed_ms=until - short.since if until is not None else None,
            evidence=evidence,
            overdue=overdue,
            blind=blind,
        )

    @override
    def needed_from(self) -> int | None:
        """The oldest shortage that is open, or holds still."""
        opened = [at for at, told in self.told.items() if not told.verdict.final]
        quiet = [at for at in self._yielded if at not in self.told]
        known = min(self.complete, self._now) if self.devices else self._now
        return min([*opened, *quiet, known])

    @override
    def unsettled_by(self, start: int, end: int) -> int | None:
        """A shortage may have been filled by who came unseen, as long as presence lasts."""
        place = bisect.bisect_left(self._lapses, start - self._of.tolerance)
        found = self._lapses[place] if place < len(self._lapses) else None
        return found if found is not None and found < end + self._of.ttl else None

    @override
    def still_needed(self, gone: Sequence[Mark]) -> Sequence[Mark]:
        """Where everybody was last."""
        last = {mark.person: mark for mark in gone}
        return sorted(last.values(), key=lambda mark: mark.place)

    @override
    def let_go(self, now: int) -> None:
        self._now = now
        super().let_go(now)
        needed = self.needed_from()
        if needed is not None and needed > self.base:
            self.base = needed
            self.forget(self.base)


class Track:
    """Where one person was seen of late, and the posts where they were seen: only those care where they are now.

    What is older than `floor` may have been let go, or was never told after a restart. `posts`: from which place on a
    post knows all of the person; None for all that is kept.
    """

    def __init__(self, floor: Place | None) -> None:
        self.marks: list[Mark] = []
        self.posts: dict[StaffingChain, Place | None] = {}
        self.floor = floor

    def put(self, mark: Mark) -> None:
        """Take in where the person was."""
        place = bisect.bisect_left(self.marks, mark)
        if place == len(self.marks) or self.marks[place] != mark:
            self.marks.insert(place, mark)

    def let_go(self) -> None:
        """The older half."""
        del self.marks[: len(self.marks) // 2]
        self.floor = self.marks[0].place


class StaffingMachine(TimelineMachine):
    """See `Machine`. Whoever is seen anywhere is no longer at the post where they were."""

    def __init__(
        self, rule: str, lines: Sequence[Line], chains: Sequence[StaffingChain], host: Host, data_from: int
    ) -> None:
        super().__init__(rule, lines, host, data_from)
        self._posts = chains
        self._begun = False
        self._tracks: list[dict[str, Track]] = [{} for _ in lines]
        self._floor: Place | None = None

    @override
    def timelines(self, number: int, event: Event) -> Sequence[Timeline]:
        return tuple(self.lines[number][1].values())

    @override
    def taker(self, number: int, version: Dated) -> Callable[[Event, int], None]:
        posts: dict[str, StaffingChain] = dict(self.lines[number][1])  # type: ignore[arg-type]

        def take(event: Event, seq: int) -> None:
            mark = version.says(event, seq)
            if mark is None:
                return
            track = self._track(number, mark.person)
            track.put(mark)
            here = posts.get(mark.zone) if mark.meaning else None
            if here is not None:
                self._arrive(track, here, mark)
            for post in track.posts:
                self.put(post, mark)
            if self.host.keep_ms is not None and len(track.marks) > _TRACKED:
                track.let_go()

        return take

    def _track(self, number: int, person: str) -> Track:
        tracks = self._tracks[number]
        track = tracks.get(person)
        if track is None:
            track = tracks[person] = Track(self._floor)
        return track

    def _arrive(self, track: Track, post: StaffingChain, mark: Mark) -> None:
        """Somebody is at a post: where they were seen since matters there too, also what is not remembered of it."""
        known = post in track.posts
        since = track.posts[post] if known else track.floor
        if since is not None and mark.place < since:
            self.host.recall(self, post.key, (mark.at, since[0] + 1))
            since = mark.place
        track.posts[post] = since
        if not known:
            for one in track.marks:
                self.put(post, one)

    @override
    def restore(self, name: str, cell: bytes) -> Chain | None:
        chain = super().restore(name, cell)
        for number, (_, chains) in enumerate(self.lines):
            for post in chains.values():
                if post is chain and isinstance(post, StaffingChain):
                    for mark in post.marks:
                        track = self._track(number, mark.person)
                        track.put(mark)
                        track.posts.setdefault(post, mark.place)
        return chain

    def resumed(self, latest: int) -> None:
        """After a restart, with the latest moment that was told of before it: what was before is not remembered."""
        self._floor = (latest + 1, "", -READ)
        for tracks in self._tracks:
            for track in tracks.values():
                track.floor = self._floor

    @override
    def take_back(self, recall: Recall, missing: Span, past: Past, told: Mapping[int, Told]) -> Span | None:
        """Who turns out to have been at the post matters to it from then on."""
        more = super().take_back(recall, missing, past, told)
        for number, (_, chains) in enumerate(self.lines):
            post = chains.get(recall.key)
            if isinstance(post, StaffingChain):
                for person in {mark.person for mark in post.marks if mark.zone == post.key}:
                    track = self._track(number, person)
                    if post not in track.posts:
                        track.posts[post] = track.floor
                        for known in track.marks:
                            post.put(known)
                        if track.floor is not None and track.floor[0] >= recall.end:
                            more = missing[0], max(track.floor[0] + 1, more[1] if more else NOTHING)
        return more

    @override
    def begin(self, now: int) -> None:
        for chain in self._posts:
            if not self._begun or (chain.next_at is not None and chain.next_at <= now):
                chain.look()
                self.host.mark(chain)
        self._begun = True

    @override
    def next_opening(self) -> int | None:
        return min((chain.next_at for chain in self._posts if chain.next_at is not None), default=None)

    @override
    def look_back(self) -> int:
        return _WEEK_MS


def staffing_machine(versions: Sequence[RuleVersion], site: Site, host: Host, data_from: int) -> Machine:
    """The machine of a rule of this kind, with all its versions."""
    lines: list[Line] = []
    posts: list[StaffingChain] = []
    for dated in versions:
        if isinstance(dated.rule, Staffing):
            version = VersionOf(dated, dated.rule, site, host, data_from)
            found = [StaffingChain(version, zone, site, data_from) for zone in posts_of(dated.rule, site)]
            chains: dict[str, Timeline] = {chain.key: chain for chain in found}
            lines.append((version, chains))
            posts += found
    return StaffingMachine(versions[0].rule.id, lines, posts, host, data_from)
