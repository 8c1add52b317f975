"""One request's answer read point by point, against what the request brought the time before."""

from collections.abc import Iterable, Mapping, Sequence

import msgspec

from contract.profile.points import Point
from edge.decode.readings import Said, reading
from edge.decode.sheet import Sheet
from edge.decode.states import Key, Moment, follow
from edge.decode.values import Value, factor_of, read_value
from edge.plan import Request
from edge.ports import Happened, Observation

_NO_HEARTBEAT = 1 << 62
_NONE: Mapping[Key, str] = {}


def latest(asked_at: int, told: Iterable[Observation]) -> int:
    """When a state is known after a read: when it was asked, or as of when it was told, if that is later.

    What was found after a silence is told as of the answer. If its end were told as of the question, the end would come
    before the beginning on record, and the state would stand for ever.
    """
    return max([asked_at, *(one.at for one in told if isinstance(one, Happened))])


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """The registers (or bits) that a request brought; both times are of the boot clock."""

    request: Request
    asked_at: int
    answered_at: int
    words: tuple[int, ...]


class Trouble(msgspec.Struct, frozen=True, gc=False):
    """Why a point has no value, and when a read that knew it was last asked."""

    cause: str
    known_at: int | None


class RequestMemory(msgspec.Struct, frozen=True, kw_only=True):
    """The last answer to a request and what was made of it. `active`: the states that are so, with their word.

    `known_at`: from when on a change shows in the next answer: no earlier than what was told of this one.
    `factors`: by point, that by which its scale was multiplied, where it stands in another point.
    """

    words: tuple[int, ...]
    asked_at: int
    known_at: int
    active: Mapping[Key, str]
    troubles: Mapping[str, Trouble]
    said: Mapping[str, Said]
    heartbeat_at: int
    factors: Mapping[str, float | None] = {}


class Reading(msgspec.Struct, frozen=True, kw_only=True):
    """What one answer gave: what to remember, what to tell, and the values that derived points need."""

    memory: RequestMemory
    seen: tuple[Observation, ...]
    inputs: Mapping[str, Value]


def factors_of(sheet: Sheet, answer: Answer, inputs: Mapping[str, Value]) -> Mapping[str, float | None]:
    """By point of an answer whose scale stands in another point, what it is multiplied by.

    That point may be in the same answer; else its value from before counts, `inputs`.
    """
    points = sheet.scaled.get(answer.request.key, ())
    if not points:
        return {}
    here = {
        point.name: read_value(point, words_of(answer, point))
        for point in answer.request.points
        if point.name in sheet.scalers
    }
    known = {**inputs, **here}
    return {point.name: factor_of(point, known.get(point.scaled_by or "")) for point in points}


def words_of(answer: Answer, point: Point) -> tuple[int, ...]:
    """The registers (or the bit) of a point in the answer to its request."""
    start = point.address - answer.request.address
    return answer.words[start : start + point.width]


def is_quiet(old: RequestMemory, answer: Answer, factors: Mapping[str, float | None]) -> bool:
    """Nothing changed, nothing is amiss and nothing is due: the common case, made cheap."""
    same = old.words == answer.words and old.factors == factors
    return same and not old.troubles and answer.answered_at < old.heartbeat_at


def read_points(
    sheet: Sheet,
    old: RequestMemory | None,
    answer: Answer,
    factors: Mapping[str, float | None],
    kept: Mapping[Key, str],
) -> Reading:
    """Every point of an answer, in the order of its request.

    `factors` as `factors_of`; `kept`: where nothing was read yet, what was so when the agent stopped.
    """
    reader = _Reader(sheet, old, answer, factors, kept if old is None else old.active)
    for point in answer.request.points:
        reader.take(point)
    return reader.reading()


def _by_point(states: Mapping[Key, str]) -> Mapping[str, Mapping[Key, str]]:
    found: dict[str, dict[Key, str]] = {}
    for key, word in states.items():
        found.setdefault(key[0], {})[key] = word
    return found


class _Reader:
    """Takes the points of one answer in turn; lives only as long as the call that made it."""

    def __init__(
        self,
        sheet: Sheet,
        old: RequestMemory | None,
        answer: Answer,
        factors: Mapping[str, float | None],
        was_so: Mapping[Key, str],
    ) -> None:
        self._sheet = sheet
        self._was_so = _by_point(was_so)
        self._factors = factors
        self._old = old
        self._answer = answer
        self._bridge_ms = sheet.bridge_ms(answer.request)
        self._active: dict[Key, str] = {}
        self._said: dict[str, Said] = dict(old.said) if old else {}
        self._heartbeat_at = _NO_HEARTBEAT
        self._troubles: dict[str, Trouble] = {}
        self._inputs: dict[str, Value] = {}
        self._seen: list[Observation] = []

    def reading(self) -> Reading:
        memory = RequestMemory(
            words=self._answer.words,
            asked_at=self._answer.asked_at,
            known_at=latest(self._answer.asked_at, self._seen),
            active=self._active,
            troubles=self._troubles,
            said=self._said,
            heartbeat_at=self._heartbeat_at,
            factors=self._factors,
        )
        return Reading(memory=memory, seen=tuple(self._seen), inputs=self._inputs)

    def take(self, point: Point) -> None:
        start = point.address - self._answer.request.address
        words = self._answer.words[start : start + point.width]
        if self._is_old(point, words, start):
            if point.name in self._was_so:
                self._active.update(self._was_so[point.name])
            return
        value = read_value(point, words, self._factors.get(point.name, 1.0))
        if point.name in self._sheet.inputs:
            self._inputs[point.name] = value
        if value.number is None:
            self._without_value(point, value)
            return
        self._report(point, value)
        if not point.states:
            return
        outcome = follow(
            point.name, point.told, point.states, value, self._before(point), self._moment(point)
        )
        self._active.update(outcome.active)
        self._seen += outcome.events
        if outcome.cause:
            self._trouble(point, outcome.cause, outcome.events)

    def _is_old(self, point: Point, words: tuple[int, ...], start: int) -> bool:
        """Nothing can follow from it: the words are as before, made sense then, and are not told as a reading."""
        old = self._old
        if old is None or point.report or old.words[start : start + point.width] != words:
            return False
        return point.name not in old.troubles and point.name not in self._factors

    def _without_value(self, point: Point, value: Value) -> None:
        before = self._before(point)
        self._active.update(before)
        if value.absent and not point.expected and not before:
            return
        self._report(point, value)
        self._trouble(point, value.cause)

    def _before(self, point: Point) -> Mapping[Key, str]:
        """The states of the point that were so, so far as anything was known."""
        before = self._was_so.get(point.name, _NONE)
        if self._old is not None or not before:
            return before
        # A note of an earlier life may name what the profile does not have any more.
        rules = {rule.name for rule in point.states}
        return {key: word for key, word in before.items() if key[1] in rules}

    def _moment(self, point: Point) -> Moment:
        return Moment(
            since=self._known_at(point), answered_at=self._answer.answered_at, bridge_ms=self._bridge_ms
        )

    def _known_at(self, point: Point) -> int | None:
        if self._old is None:
            return None
        trouble = self._old.troubles.get(point.name)
        return trouble.known_at if trouble else self._old.known_at

    def _trouble(self, point: Point, cause: str, told: Sequence[Observation] = ()) -> None:
        known_at = self._known_at(point)
        self._troubles[point.name] = Trouble(cause, None if known_at is None else latest(known_at, told))

    def _report(self, point: Point, value: Value) -> None:
        if not point.report:
            return
        said = self._said.get(point.name)
        measured = reading(point, value, said, self._answer.answered_at)
        if measured is not None:
            self._seen.append(measured)
            said = self._said[point.name] = Said(measured.value, measured.at)
        if said is not None:
            self._heartbeat_at = min(self._heartbeat_at, said.at + point.heartbeat_ms)
