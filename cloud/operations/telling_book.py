"""Escalations of one site: who is told next, until somebody acknowledges; withdrawals, quiet hours, digests."""

from collections.abc import Callable, Iterable
from typing import Final, Literal

import msgspec

from cloud.operations.alarm import Priority
from cloud.operations.duty_book import DutyBook
from cloud.operations.effects import Concern
from cloud.operations.notice import Notice, Stopped
from cloud.operations.record import Record, RecordKind, Register, content_id
from cloud.operations.roster import works
from cloud.operations.telling import Chain, ChainStep, Telling, chain_for, not_before
from contract.duration import parse_duration
from contract.site import Site, Text

_SAID: Final = 10_000
"""So many concerns are remembered; the outbox itself takes none twice."""
_NAMED: Final = 20
"""So many titles stand in a digest; the others are counted."""


class Told(msgspec.Struct, frozen=True):
    """Somebody was told through a channel: by which message, in which step of the escalation."""

    person: str
    channel: str
    notice: str = ""
    step: int = -1


class Escalation(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One escalation: `step` is the number of the step that comes next, at `next_at`; `rounds` counts repeats.

    `ended`: acknowledged, withdrawn, over (the alarm has gone), or empty while it runs.
    """

    id: str
    about: str
    chain: str
    priority: Priority
    title: Text
    text: Text
    opened_at: int
    next_at: int
    step: int = 0
    rounds: int = 0
    drill: str = ""
    told: tuple[Told, ...] = ()
    ended: str = ""
    resume_at: int | None = None
    nobody: bool = False
    revision: int = 0
    changed_at: int = 0

    @property
    def state(self) -> str:
        """`running`, or why it ended."""
        return self.ended or "running"

    @property
    def is_live(self) -> bool:
        """Whether it may tell anybody anything still."""
        return not self.ended or self.resume_at is not None


class Digest(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What one person is told in one message at `due_at`, through one channel."""

    id: str
    person: str
    channel: str
    opened_at: int
    due_at: int
    titles: tuple[str, ...] = ()
    sent: bool = False
    revision: int = 0
    changed_at: int = 0

    @property
    def state(self) -> str:
        """`gathering`, then `sent`."""
        return "sent" if self.sent else "gathering"

    @property
    def is_live(self) -> bool:
        """Whether it must be sent still."""
        return not self.sent


class TellingBook:
    """Every call notes what changed. `nobody(chain, step, there)`: a step finds nobody (True), or somebody again."""

    def __init__(
        self,
        site: Site,
        telling: Telling,
        duty: DutyBook,
        records: Iterable[Record] = (),
        nobody: Callable[[str, bool], None] = lambda _name, _there: None,
    ) -> None:
        kept = list(records)
        self._site = site
        self._telling = telling
        self._duty = duty
        self._nobody = nobody
        self._chains = {chain.id: chain for chain in telling.chains}
        self._escalations = Register(site.id, RecordKind.ESCALATION, Escalation, kept)
        self._digests = Register(site.id, RecordKind.DIGEST, Digest, kept)
        self._notices: list[Notice] = []
        self._stopped: list[Stopped] = []
        self._recent: dict[str, list[int]] = {}
        self._said: dict[str, None] = {}
        self._next: tuple[int, int | None] = (-1, None)
        self.flooding = False

    # --- what happens

    def begin(
        self,
        about: str,
        priority: Priority,
        emergency: str,
        title: Text,
        text: Text,
        now: int,
        *,
        drill: str = "",
    ) -> None:
        """Somebody must act: the chain that is meant for it begins; once for each `about`."""
        chain = chain_for(self._telling, priority, emergency)
        identity = content_id(self._site.id, "escalation", about)
        known = self._escalations.get(identity)
        if chain is None or (known is not None and not known.ended):
            return
        first = now + parse_duration(chain.steps[0].after).ms
        self._escalations.put(
            Escalation(
                id=identity,
                about=about,
                chain=chain.id,
                priority=priority,
                title=title,
                text=text,
                opened_at=now,
                next_at=first,
                drill=drill,
                revision=known.revision if known else 0,
            ),
            now,
        )

    def acknowledged(self, about: str, now: int) -> None:
        """Somebody has it: nobody else is told, and what was not sent yet is not sent."""
        running = self._running(about)
        if running is None:
            return
        chain = self._chains.get(running.chain)
        resume = parse_duration(chain.resume).ms if chain is not None and chain.resume else None
        self._end(running, "acknowledged", now, now + resume if resume is not None else None)

    def progressed(self, about: str, now: int) -> None:
        """Something followed the acknowledgement: it does not go on by itself."""
        known = self._escalations.get(content_id(self._site.id, "escalation", about))
        if known is not None and known.ended and known.resume_at is not None:
            self._escalations.put(msgspec.structs.replace(known, resume_at=None), now)

    def over(self, about: str, now: int) -> None:
        """There is nothing to act upon any more."""
        running = self._running(about)
        if running is not None:
            self._end(running, "over", now, None)
        else:
            self.progressed(about, now)

    def withdraw(self, about: str, why: Text, now: int) -> None:
        """It was wrong: all who were told are told so, through the channels that carried it."""
        known = self._escalations.get(content_id(self._site.id, "escalation", about))
        if known is None:
            return
        self._stopped.append(Stopped(site=self._site.id, about=about, at=now))
        for told in known.told:
            title = self._in(
                Text(zh=f"撤回：{known.title.in_('zh')}", en=f"Withdrawn: {known.title.in_('en')}")
            )
            self._notice(known, told.person, told.channel, "withdrawal", title, self._in(why), now, now)
        self._escalations.put(msgspec.structs.replace(known, ended="withdrawn", resume_at=None, told=()), now)

    def not_sent(self, about: str, notice: str, now: int) -> None:
        """A message was given up: its person was not told, and a step that reached nobody does not cost its time."""
        known = self._escalations.get(content_id(self._site.id, "escalation", about))
        lost = next((one for one in known.told if notice and one.notice == notice), None) if known else None
        if known is None or lost is None:
            return
        told = tuple(one for one in known.told if one is not lost)
        chain, last = self._chains.get(known.chain), known.step - 1
        reached_nobody = lost.step == last and not any(one.step == last for one in told)
        if known.ended or chain is None or not reached_nobody:
            self._escalations.put(msgspec.structs.replace(known, told=told), now)
            return
        self._notice_nobody(chain, min(last, len(chain.steps) - 1), there=False)
        # What comes again and again at the end of a chain keeps its pace.
        next_at = min(known.next_at, now) if known.step < len(chain.steps) else known.next_at
        self._escalations.put(msgspec.structs.replace(known, told=told, nobody=True, next_at=next_at), now)

    def concern(self, concern: Concern, now: int) -> None:
        """Somebody should know; once for each key."""
        if concern.key in self._said:
            return
        self._said[concern.key] = None
        while len(self._said) > _SAID:
            del self._said[next(iter(self._said))]
        priority = Priority.HIGH if concern.urgent else Priority.MEDIUM
        people = dict.fromkeys(concern.people)
        people |= dict.fromkeys(self._duty.on_duty(concern.role, now) if concern.role else ())
        for person in people:
            for channel in self._telling.concerns:
                identity = content_id(self._site.id, "concern", concern.key, person, channel)
                self._tell(
                    Notice(
                        site=self._site.id,
                        id=identity,
                        about=concern.about,
                        person=person,
                        channel=channel,
                        kind="concern",
                        priority=priority,
                        title=self._in(concern.text),
                        text="",
                        made_at=now,
                        not_before=not_before(self._telling.quiet, priority, self._site, now),
                    ),
                    now,
                )

    # --- time

    def settle(self, now: int) -> None:
        """Tell those whose step has come."""
        due = self.next_at()
        if due is None or due > now:
            return
        for running in self._escalations.all():
            if running.ended and running.resume_at is not None and running.resume_at <= now:
                running = self._resumed(running, now)  # noqa: PLW2901 - it goes on as another
            while not running.ended and running.next_at <= now:
                running = self._step(running, now)  # noqa: PLW2901 - and on
        for digest in self._digests.all():
            if digest.due_at <= now:
                self._send_digest(digest, now)

    def _resumed(self, running: Escalation, now: int) -> Escalation:
        """It was acknowledged, and nothing followed."""
        return self._escalations.put(
            msgspec.structs.replace(running, ended="", resume_at=None, next_at=now), now
        )

    def _step(self, running: Escalation, now: int) -> Escalation:
        chain = self._chains.get(running.chain)
        if chain is None:
            return self._end(running, "over", now, None)
        number = min(running.step, len(chain.steps) - 1)
        step = chain.steps[number]
        skipped = bool(running.drill) and step.outward
        people = () if skipped else self._people(step, now)
        if not skipped:
            self._notice_nobody(chain, number, there=bool(people))
        told = {(one.person, one.channel): one for one in running.told}
        for person in people:
            for channel in step.through:
                notice = self._alarm(running, person, channel, number, now)
                told[person, channel] = Told(person, channel, notice, running.step)
        moved = msgspec.structs.replace(
            running,
            step=running.step + 1,
            rounds=running.rounds + (running.step >= len(chain.steps)),
            told=tuple(told.values()),
            nobody=running.nobody or (not people and not skipped),
            next_at=self._next_step(chain, running, now, found=bool(people)),
        )
        return self._escalations.put(moved, now)

    def _next_step(self, chain: Chain, running: Escalation, now: int, *, found: bool) -> int:
        coming = running.step + 1
        if coming < len(chain.steps):
            planned = running.opened_at + parse_duration(chain.steps[coming].after).ms
            # A step that finds nobody must not cost the time of waiting for nobody.
            return max(planned, running.next_at) if found or running.drill else min(planned, now)
        return now + parse_duration(chain.repeat).ms

    def _people(self, step: ChainStep, now: int) -> tuple[str, ...]:
        found: dict[str, None] = dict.fromkeys(step.to.people)
        if step.to.duty is not None:
            found |= dict.fromkeys(self._duty.on_duty(step.to.duty, now))
        if step.to.role is not None:
            found |= dict.fromkeys(p.id for p in self._site.file.people if step.to.role in p.roles)
        return tuple(
            name
            for name in found
            if name in self._site.people and works(self._site.people[name], now, self._site)
        )

    def _notice_nobody(self, chain: Chain, number: int, *, there: bool) -> None:
        self._nobody(f"{chain.id}/{number + 1}", not there)

    def _alarm(self, running: Escalation, person: str, channel: str, number: int, now: int) -> str:
        when = not_before(self._telling.quiet, running.priority, self._site, now)
        title, text = self._in(running.title), self._in(running.text)
        return self._notice(running, person, channel, "alarm", title, text, now, when, number)

    def _notice(  # noqa: PLR0913, PLR0917 - each is a field of it
        self,
        running: Escalation,
        person: str,
        channel: str,
        kind: Literal["alarm", "withdrawal"],
        title: str,
        text: str,
        now: int,
        when: int,
        number: int = 0,
    ) -> str:
        """Tell it; its id."""
        identity = content_id(
            running.id, kind, str(running.opened_at), str(running.step), str(running.rounds), person, channel
        )
        self._tell(
            Notice(
                site=self._site.id,
                id=identity,
                about=running.about,
                person=person,
                channel=channel,
                kind=kind,
                priority=running.priority,
                title=title,
                text=text,
                made_at=now,
                not_before=when,
                chain=running.chain,
                step=number,
            ),
            now,
            drill=running.drill,
        )
        return identity

    def _tell(self, notice: Notice, now: int, drill: str = "") -> None:
        """Send it alone, or with others when too many come: those of a drill never make a real one wait."""
        if (
            not drill
            and notice.priority is not Priority.CRITICAL
            and notice.kind != "withdrawal"
            and self._too_many(notice, now)
        ):
            self._gather(notice, now)
        else:
            self._notices.append(notice)

    def _too_many(self, notice: Notice, now: int) -> bool:
        within = parse_duration(self._telling.digests.within).ms
        recent = [at for at in self._recent.get(notice.person, ()) if at > now - within]
        self._recent[notice.person] = recent
        if self.flooding or len(recent) >= self._telling.digests.most:
            return True
        recent.append(now)
        return False

    def _gather(self, notice: Notice, now: int) -> None:
        waiting = next(
            (
                digest
                for digest in self._digests.all()
                if (digest.person, digest.channel, digest.sent) == (notice.person, notice.channel, False)
            ),
            None,
        )
        if waiting is None:
            due = max(now + parse_duration(self._telling.digests.within).ms, notice.not_before)
            waiting = Digest(
                id=content_id(self._site.id, "digest", notice.person, notice.channel, str(now)),
                person=notice.person,
                channel=notice.channel,
                opened_at=now,
                due_at=due,
            )
        titles = (*waiting.titles, notice.title)
        self._digests.put(msgspec.structs.replace(waiting, titles=titles), now)

    def _send_digest(self, digest: Digest, now: int) -> None:
        count, named = len(digest.titles), digest.titles[:_NAMED]
        more = f"\n… +{count - len(named)}" if count > len(named) else ""
        self._notices.append(
            Notice(
                site=self._site.id,
                id=digest.id,
                about=f"digest:{digest.id}",
                person=digest.person,
                channel=digest.channel,
                kind="digest",
                priority=Priority.MEDIUM,
                title=self._in(Text(zh=f"{count} 条消息汇总", en=f"{count} messages in one")),
                text="\n".join(named) + more,
                made_at=now,
                not_before=now,
            )
        )
        self._digests.put(msgspec.structs.replace(digest, sent=True), now)

    def _end(self, running: Escalation, why: str, now: int, resume_at: int | None) -> Escalation:
        if running.nobody:
            chain = self._chains.get(running.chain)
            for number in range(len(chain.steps) if chain is not None else 0):
                self._nobody(f"{running.chain}/{number + 1}", False)
        self._stopped.append(Stopped(site=self._site.id, about=running.about, at=now))
        return self._escalations.put(msgspec.structs.replace(running, ended=why, resume_at=resume_at), now)

    def _running(self, about: str) -> Escalation | None:
        known = self._escalations.get(content_id(self._site.id, "escalation", about))
        return known if known is not None and not known.ended else None

    def _in(self, text: Text) -> str:
        return text.in_(self._site.file.language)

    def next_at(self) -> int | None:
        """When `settle` wants to be called next."""
        seen = self._escalations.changes + self._digests.changes
        if seen != self._next[0]:
            self._next = (seen, self._earliest())
        return self._next[1]

    def _earliest(self) -> int | None:
        wanted = [one.next_at for one in self._escalations.all() if not one.ended]
        wanted += [one.resume_at for one in self._escalations.all() if one.resume_at is not None]
        wanted += [one.due_at for one in self._digests.all() if not one.sent]
        return min(wanted, default=None)

    # --- handing over

    def take_notices(self) -> list[Notice]:
        """What is to be told since this was asked last."""
        taken, self._notices = self._notices, []
        return taken

    def take_stopped(self) -> list[Stopped]:
        """What is not to be told any more."""
        taken, self._stopped = self._stopped, []
        return taken

    def take_records(self) -> list[Record]:
        """What changed since this was asked last."""
        return self._escalations.take_records() + self._digests.take_records()
