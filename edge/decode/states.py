"""What is so and what is not: states judged from values, and their changes told as events."""

from collections.abc import Iterator, Mapping
from enum import Enum

import msgspec

from contract.causes import Cause
from contract.events import STATE, is_mode
from contract.parts import part_name
from contract.profile.points import StateRule, Told
from contract.state_words import CLEARED, state_word
from edge.decode.values import Value
from edge.ports import Happened

Key = tuple[str, str]
"""A state within a device: the point's name and the rule's."""
AGAIN = "\0again"
"""In place of a state's word: it was so, but a reset ended it; what is so is told as if it had not been."""


KEPT = "\0kept:"
"""Before a state's word: it was so when the agent stopped. What is so now is told anew, what is not is told as over."""


class Verdict(Enum):
    """What a value says of a state. `ABSENT`: the device has no such thing."""

    SO = "so"
    NOT_SO = "not_so"
    ABSENT = "absent"
    UNKNOWN = "unknown"


class Moment(msgspec.Struct, frozen=True, kw_only=True):
    """When something must have changed: between the read before and this one.

    `since` is when the last read that knew it was asked; None when there was none. Beyond `bridge_ms` the time
    between counts as unseen, and what is found after it is told as of when it was found, `initial` when nothing
    was known before.
    """

    since: int | None
    answered_at: int
    bridge_ms: int

    @property
    def seen(self) -> bool:
        """Whether the change itself was witnessed: the state was known right before."""
        return self.since is not None and self.answered_at - self.since <= self.bridge_ms

    @property
    def at(self) -> int:
        """The earliest that it can have been, or when it was found.

        Not the middle: two devices are polled at different paces, and a gate that opened because of a fire must
        not come before the fire on record, or the linkage would seem to have failed.
        """
        return self.since if self.since is not None and self.seen else self.answered_at

    @property
    def error_ms(self) -> int:
        """How far the true moment may be from `at`."""
        return self.answered_at - self.at


class Outcome(msgspec.Struct, frozen=True):
    """The states of one point after a read: those that are so, with their word; events; trouble, if any."""

    active: Mapping[Key, str]
    events: tuple[Happened, ...] = ()
    cause: str = ""


def judge(rule: StateRule, value: Value, *, was_so: bool) -> tuple[Verdict, str]:
    """What a value that is known says of a state, and the word for it."""
    if rule.mask == 0:
        so = _beyond(rule, value.number, was_so=was_so)
        return (Verdict.SO if so != rule.inverted else Verdict.NOT_SO), ""
    code = (value.raw & rule.mask) >> rule.shift
    if code in rule.absent:
        return Verdict.ABSENT, ""
    if rule.words and code not in rule.words:
        return Verdict.UNKNOWN, ""
    so = code in rule.codes
    return (Verdict.SO if so != rule.inverted else Verdict.NOT_SO), rule.words.get(code, "")


def _beyond(rule: StateRule, number: float | None, *, was_so: bool) -> bool:
    if number is None:
        return was_so
    if rule.above is not None:
        limit = rule.clear if was_so and rule.clear is not None else rule.above
        return number > limit
    floor = rule.below or 0.0
    limit = rule.clear if was_so and rule.clear is not None else floor
    return number < limit


def follow(
    name: str,
    told: Told,
    rules: tuple[StateRule, ...],
    value: Value,
    before: Mapping[Key, str],
    moment: Moment,
) -> Outcome:
    """The states of a point whose value is known, against those that were so before.

    A state that is so is told when it was not, when its word changed, and when nothing was known; one that is
    not so is told only when it was.
    """
    active: dict[Key, str] = {}
    events: list[Happened] = []
    cause = ""
    for rule in rules:
        key = (name, rule.name)
        old = before.get(key)
        verdict, word = judge(rule, value, was_so=old is not None)
        if verdict is Verdict.SO:
            active[key] = word
        elif old is not None and verdict is not Verdict.NOT_SO:
            active[key] = old
        if verdict is Verdict.UNKNOWN or (verdict is Verdict.ABSENT and old is not None):
            cause = Cause.UNKNOWN_CODE if verdict is Verdict.UNKNOWN else Cause.VANISHED
        elif active.get(key) != old and not (rule.once and key in active and _is_word(old)):
            # After a reset it is told as of now: what stands began after what ended it.
            when = moment if old != AGAIN else msgspec.structs.replace(moment, since=moment.answered_at)
            gone = old.removeprefix(KEPT) if old is not None and old != AGAIN else None
            if rule.is_part_by_word and gone is not None and gone != active.get(key):
                events += _told(told, rule, gone, when, so=False)
            if verdict is Verdict.SO or not rule.is_part_by_word:
                events += _told(told, rule, word, when, so=verdict is Verdict.SO)
    return Outcome(active, tuple(events), cause)


def _is_word(old: str | None) -> bool:
    return old is not None and old != AGAIN and not old.startswith(KEPT)


def _told(told: Told, rule: StateRule, word: str, moment: Moment, *, so: bool) -> Iterator[Happened]:
    type_ = rule.on if so else rule.off
    if type_ is None:
        return
    data = {**told.data, **(rule.on_data if so else rule.off_data)}
    if word:
        data[rule.label] = word
    if not so and rule.on == rule.off and not is_mode(type_) and state_word(data.get(STATE)) != CLEARED:
        # One type for both: without this the end would be told as the beginning once more.
        data[STATE] = CLEARED
    state = ".".join(one for one in (rule.part, word if rule.is_part_by_word else "") if one)
    if state:
        data["part"] = f"{part_name(told.data)}.{state}"
    if moment.since is None:
        data["initial"] = True
    elif not moment.seen:
        data["unseen_ms"] = moment.answered_at - moment.since
    yield Happened(
        device=told.device,
        type=type_,
        at=moment.at,
        observed_at=moment.answered_at,
        error_ms=moment.error_ms,
        zone=told.zone,
        data=data,
    )
