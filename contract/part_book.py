"""The parts of one device as the site's files bind them: to a zone, to a name, or to both. Pure."""

import bisect
import functools
import itertools
import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Final

import msgspec
from typing_extensions import override

from contract.parts import kin_of, tidy_part
from contract.problems import Problem

_BETWEEN: Final = re.compile(r"\.\.|~|至")
_NUMBERED: Final = re.compile(r"(.*?)(\d+)$")
MOST_NUMBER: Final = 2**32


class Span(msgspec.Struct, frozen=True, order=True):
    """The parts `prefix` + `first` to `prefix` + `last`, both included; a part alone is a span of one."""

    prefix: str
    first: int
    last: int

    @override
    def __str__(self) -> str:
        one = f"{self.prefix}{self.first}"
        return one if self.first == self.last else f"{one}..{self.prefix}{self.last}"


class BoundPart(msgspec.Struct, frozen=True, kw_only=True):
    """A line of a list: a part, or a range of parts, with its zone and its names in Chinese and English.

    `file`, `line`, `field`: where it stands.
    """

    part: str
    zone: str | None = None
    zh: str = ""
    en: str = ""
    file: str = ""
    line: int = 1
    field: str = ""

    def problem(self, message: str) -> Problem:
        """A mistake of this line."""
        return Problem(self.file, self.line, self.field, message)


@functools.lru_cache(maxsize=65_536)
def read_span(text: str) -> Span | str:
    """The parts that a text names: `3-12`, `132`, `3-1..3-40`; a part that ends in no number as it is.

    Raises:
        ValueError: It is no part, or a range of nothing; the message says how to write it.
    """
    ends = [tidy_part(end) for end in _BETWEEN.split(text)]
    if len(ends) > 2 or not all(ends) or any(re.search(r"[\s,;|]", end) for end in ends):
        raise ValueError(f"expected a part such as 3-12, or a range such as 3-1..3-40, found {text!r}")
    found = [_NUMBERED.fullmatch(end) for end in ends]
    if len(ends) == 1:
        only = found[0]
        return _span(only[1], only[2], only[2]) if only else ends[0]
    first, last = found
    if first is None or last is None or last[1] not in {first[1], ""}:
        raise ValueError(f"expected a range within one loop, such as 3-1..3-40, found {text!r}")
    if int(first[2]) > int(last[2]):
        raise ValueError(f"expected the lower end first, such as {ends[1]}..{ends[0]}, found {text!r}")
    return _span(first[1], first[2], last[2])


def _span(prefix: str, first: str, last: str) -> Span:
    if len(last) > 10 or int(last) >= MOST_NUMBER:
        raise ValueError(f"expected a number of at most {MOST_NUMBER - 1}, found {last}")
    return Span(prefix, int(first), int(last))


class PartBook:
    """Looks parts up by name: those bound one by one in a dictionary, ranges by bisection."""

    def __init__(self, bound: Iterable[BoundPart] = ()) -> None:
        self.bound: Sequence[BoundPart] = tuple(bound)
        self._alone: dict[str, BoundPart] = {}
        spans: dict[str, list[tuple[int, int, BoundPart]]] = {}
        for one in self.bound:
            span = read_span(one.part)
            if isinstance(span, str) or span.first == span.last:
                self._alone[str(span)] = one
            else:
                spans.setdefault(span.prefix, []).append((span.first, span.last, one))
        self._spans = {prefix: sorted(found, key=lambda s: s[:2]) for prefix, found in spans.items()}
        self.zones = frozenset(one.zone for one in self.bound if one.zone)

    def __bool__(self) -> bool:
        """Whether anything is bound."""
        return bool(self.bound)

    def find(self, part: str) -> BoundPart | None:
        """What binds a part: itself, else its component, else the same without its system (`contract.parts.kin_of`)."""
        for name in kin_of(part):
            found = self._alone.get(name) or self._in_span(name)
            if found is not None:
                return found
        return None

    def _in_span(self, name: str) -> BoundPart | None:
        if not self._spans or (numbered := _NUMBERED.fullmatch(name)) is None:
            return None
        spans, number = self._spans.get(numbered[1], ()), int(numbered[2])
        place = bisect.bisect_right(spans, number, key=lambda span: span[0]) - 1
        return spans[place][2] if place >= 0 and number <= spans[place][1] else None


def doubles(bound: Iterable[BoundPart]) -> Iterator[Problem]:
    """What is bound twice: the same part, or ranges that overlap. Each is told at the later line."""
    same: dict[str, tuple[Span | str, BoundPart]] = {}
    for one in bound:
        span = read_span(one.part)
        _, first = same.setdefault(str(span), (span, one))
        if first is not one:
            yield one.problem(f"part {span} is bound already {_where(first, one)}")
    spans = sorted((span, one.line, one) for span, one in same.values() if isinstance(span, Span))
    reach: tuple[Span, BoundPart] | None = None
    for span, _, one in spans:
        if reach is not None and reach[0].prefix == span.prefix and span.first <= reach[0].last:
            (first_span, first), (later, last) = sorted((reach, (span, one)), key=lambda pair: pair[1].line)
            yield last.problem(f"{later} overlaps {first_span} {_where(first, last)}")
        if reach is None or reach[0].prefix != span.prefix or span.last > reach[0].last:
            reach = (span, one)


def _where(first: BoundPart, later: BoundPart) -> str:
    return f"at line {first.line}" if first.file == later.file else f"at {first.file}:{first.line}"


def holes(bound: Iterable[BoundPart], most: int) -> Iterator[tuple[BoundPart, Span]]:
    """What stands between bound parts of one loop and is bound to nothing, with the line before it.

    Holes of more than `most` parts are none: loops begin anew at round numbers.
    """
    spans = sorted((span, one.line, one) for one in bound if isinstance(span := read_span(one.part), Span))
    for (before, _, one), (after, _, _) in itertools.pairwise(spans):
        if before.prefix == after.prefix and 0 < after.first - before.last - 1 <= most:
            yield one, Span(before.prefix, before.last + 1, after.first - 1)


def gathered(parts: Iterable[str]) -> list[str]:
    """Parts in few words: `1-1..1-159, 2-1..2-40, system`."""
    numbers: dict[str, list[int]] = {}
    others: list[str] = []
    for part in parts:
        found = _NUMBERED.fullmatch(part)
        if found is None:
            others.append(part)
        else:
            numbers.setdefault(found[1], []).append(int(found[2]))
    spans: list[str] = []
    for prefix, found_numbers in numbers.items():
        run: list[int] = []
        for number in sorted(found_numbers):
            if run and number > run[-1] + 1:
                spans.append(str(Span(prefix, run[0], run[-1])))
                run = []
            run.append(number)
        spans.append(str(Span(prefix, run[0], run[-1])))
    return spans + others
