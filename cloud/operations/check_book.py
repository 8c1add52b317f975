"""Presence checks (查岗): at moments nobody can foresee a post is asked to answer; an alarm puts it off.

Source: GB 26875.1-2011 4.1.2.3 (the centre asks, the site answers); rule PT-7 judges the answer.
"""

import hashlib
from collections.abc import Callable, Iterable, Iterator
from typing import Annotated, Final

import msgspec
from msgspec import Meta

from cloud.correlation.windows import WindowsOf
from cloud.errors import RefusedError
from cloud.operations.command import AnswerPresence, AskPresence
from cloud.operations.effects import Deed, Effects
from cloud.operations.record import Record, RecordKind, Register, content_id
from cloud.operations.sections import Placed, read_list
from contract.duration import parse_duration
from contract.problems import ConfigError, Problem
from contract.site import Id, Site
from contract.yamlfile import unknown_name

DEFER_MS: Final = 10 * 60_000
"""So long an alarm, or work on one, puts a check off."""
_DAY_MS: Final = 86_400_000


class PresencePlan(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A post (a zone) that is asked so many times in each window of a schedule."""

    id: Id
    post: Id
    during: Id
    times: Annotated[int, Meta(ge=1, le=24)] = 2
    answer: Annotated[str, Meta(pattern=r"^[0-9]+(s|m)$", description="a duration such as 60s")] = "60s"


class Check(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One check. `worked`: somebody at the post had just dealt with an alarm, which answers it."""

    id: str
    plan: str
    post: str
    opened_at: int
    asked_at: int | None = None
    due_at: int | None = None
    answered_at: int | None = None
    answered_by: str = ""
    by: str = ""
    deferred: int = 0
    worked: bool = False
    missed: bool = False
    revision: int = 0
    changed_at: int = 0

    @property
    def state(self) -> str:
        """`deferred`, `asked`, `answered`, `at_work` or `missed`."""
        if self.worked:
            return "at_work"
        if self.answered_at is not None:
            return "answered"
        if self.missed:
            return "missed"
        return "asked" if self.asked_at is not None else "deferred"

    @property
    def is_live(self) -> bool:
        """Whether an answer is waited for, or it is still to be asked."""
        return self.state in {"deferred", "asked"}


class CheckBook:
    """The presence checks of a site. `busy()`: an alarm runs; `worked(now)`: who just dealt with one.

    `began`: moments before it were not this worker's; `seed`: what only the system knows, for `moments`.
    """

    def __init__(  # noqa: PLR0913 - each is needed
        self,
        site: Site,
        plans: Iterable[PresencePlan],
        effects: Effects,
        busy: Callable[[], bool],
        worked: Callable[[int], str],
        records: Iterable[Record] = (),
        *,
        began: int = 0,
        seed: str = "",
    ) -> None:
        self._site = site
        self._plans = tuple(plans)
        self._effects = effects
        self._busy = busy
        self._worked = worked
        self._register = Register(site.id, RecordKind.CHECK, Check, records)
        self._seed = seed
        self._looked_to = began
        self._ahead: list[tuple[int, PresencePlan]] = []
        self._ahead_to = began

    def ask(self, action: AskPresence, identity: str, person: str, at: int, now: int) -> Check:
        """Somebody asks a post now.

        Raises:
            RefusedError: There is no such zone, or it is being asked.
        """
        if action.post not in self._site.zones:
            raise RefusedError("unknown", f"没有区域 {action.post}", f"no zone {action.post}")
        if any(check.post == action.post and check.asked_at is not None for check in self._register.all()):
            raise RefusedError("conflict", "该岗位正在应答查岗", "this post is being asked already")
        check = Check(id=identity, plan="", post=action.post, opened_at=at, by=person)
        return self._ask(check, "60s", now)

    def answer(self, action: AnswerPresence, person: str, at: int, now: int) -> Check:
        """The post answers.

        Raises:
            RefusedError: There is no such check, or it is answered; too late is recorded all the same.
        """
        check = self._register.get(action.check)
        if check is None or check.asked_at is None:
            raise RefusedError("conflict", "没有待应答的查岗", "no check waits for this answer")
        self._effects.deed(
            Deed(type="presence.answered", at=at, person=person, zone=check.post, data={"check": check.id})
        )
        return self._register.put(
            msgspec.structs.replace(check, answered_at=at, answered_by=person, missed=False), now
        )

    def _ask(self, check: Check, within: str, now: int) -> Check:
        self._effects.deed(Deed(type="presence.asked", at=now, zone=check.post, data={"check": check.id}))
        due = now + parse_duration(within).ms
        return self._register.put(msgspec.structs.replace(check, asked_at=now, due_at=due), now)

    # --- time

    def settle(self, now: int) -> None:
        """Ask those whose moment has come, and see who has not answered."""
        self._look_ahead(now)
        while self._ahead and self._ahead[0][0] <= now:
            moment, plan = self._ahead.pop(0)
            identity = content_id(self._site.id, "check", plan.id, str(moment))
            if moment > self._looked_to and identity not in self._register:
                self._come(Check(id=identity, plan=plan.id, post=plan.post, opened_at=moment), now)
        self._looked_to = max(self._looked_to, now)
        for check in self._register.all():
            if check.asked_at is None and check.opened_at + check.deferred * DEFER_MS <= now:
                self._come(check, now)
            elif check.due_at is not None and check.answered_at is None and now > check.due_at:
                self._register.put(msgspec.structs.replace(check, missed=True), now)

    def _come(self, check: Check, now: int) -> None:
        """Its moment is there: ask, put off while an alarm runs, or leave alone who is at work."""
        at_work = self._worked(now)
        if self._busy():
            self._register.put(msgspec.structs.replace(check, deferred=check.deferred + 1), now)
        elif at_work:
            self._register.put(
                msgspec.structs.replace(check, worked=True, answered_by=at_work, answered_at=now), now
            )
        else:
            plan = next((plan for plan in self._plans if plan.id == check.plan), None)
            self._ask(check, plan.answer if plan is not None else "60s", now)

    def _look_ahead(self, now: int) -> None:
        if now + _DAY_MS <= self._ahead_to:
            return
        since, self._ahead_to = max(self._looked_to, now - _DAY_MS), now + 2 * _DAY_MS
        self._ahead = sorted(
            ((moment, plan) for plan in self._plans for moment in self._moments(plan, since)),
            key=lambda pair: (pair[0], pair[1].id),
        )

    def _moments(self, plan: PresencePlan, since: int) -> Iterator[int]:
        windows = WindowsOf(plan.during, self._site, since - _DAY_MS)
        for start, end in windows.between(since, self._ahead_to):
            for moment in moments(self._seed, plan, start, end):
                if since < moment <= self._ahead_to:
                    yield moment

    def next_at(self) -> int | None:
        """When `settle` wants to be called next."""
        wanted = [moment for moment, _ in self._ahead[:1]]
        if self._plans:
            wanted.append(self._ahead_to - _DAY_MS)
        for check in self._register.all():
            if check.due_at is None:
                wanted.append(check.opened_at + check.deferred * DEFER_MS)
            elif check.answered_at is None and not check.missed:
                wanted.append(check.due_at + 1)
        return min(wanted, default=None)

    def get(self, identity: str) -> Check | None:
        """One that is in memory."""
        return self._register.get(identity)

    def recall(self, record: Record) -> None:
        """Take back one that is stored."""
        self._register.recall(record)

    def take_records(self) -> list[Record]:
        """What changed since this was asked last."""
        return self._register.take_records()


def moments(seed: str, plan: PresencePlan, start: int, end: int) -> list[int]:
    """When a post is asked in a window `[start, end)`: one moment in each of `times` equal parts of it.

    Who does not know the seed can't work them out; with it they are the same again after a restart.
    """
    part = (end - start) // plan.times
    found = []
    for number in range(plan.times):
        digest = hashlib.sha256(f"{seed}\x1f{plan.id}\x1f{start}\x1f{number}".encode()).digest()
        found.append(start + number * part + int.from_bytes(digest[:8]) % max(part, 1))
    return found


def load_checks(site: Site) -> tuple[PresencePlan, ...]:
    """The presence checks in a site's files.

    Raises:
        ConfigError: They have mistakes; every one is named with its file and line.
    """
    placed, problems = read_list(site, "checks", PresencePlan)
    for one in placed:
        problems += _mistakes(one, site)
    if problems:
        raise ConfigError(problems)
    return tuple(one.item for one in placed)


def _mistakes(one: Placed[PresencePlan], site: Site) -> Iterator[Problem]:
    if one.item.post not in site.zones:
        yield one.problem(unknown_name("zone", one.item.post, site.zones), "post")
    if one.item.during not in site.schedules:
        yield one.problem(unknown_name("schedule", one.item.during, site.schedules), "during")
