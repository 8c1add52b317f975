"""The runs of a device: from each start to the next stop, with what happened in between. Pure."""

from collections.abc import Iterator, Sequence
from enum import IntEnum
from typing import Final

import msgspec

from cloud.correlation.timeline import Mark

FOREVER: Final = 1 << 62


class Meaning(IntEnum):
    """What an event or a reading is to a quota."""

    COUNTS = 0
    START = 1
    STOP = 2
    MUST = 3
    MUST_NOT = 4
    GOOD = 5
    BAD = 6


class Run(msgspec.Struct):
    """A session under way or over: what happened in it, and what its readings said.

    `stop`: when it was over, and the number of the event that said so. `limit`: the last moment at which a stop could
    make it count, as far as what follows tells: a stop, another start, or what must not be in it.
    """

    begun: int
    stop: tuple[int, int] | None = None
    limit: int = FOREVER
    must: bool = False
    must_not: bool = False
    good: bool = False
    bad: bool = False


def in_order(marks: Sequence[Mark]) -> Sequence[Mark]:
    """Marks in order, readings behind the events of their moment: one at a start belongs to the run, one at a stop not."""
    if all(mark.seq >= 0 for mark in marks):
        return marks
    return sorted(marks, key=lambda mark: (mark.at, mark.seq < 0, mark.device, mark.seq))


def runs(marks: Sequence[Mark]) -> Iterator[Run]:
    """The sessions in marks, also those that have no known stop: a second start begins anew."""
    run: Run | None = None
    for mark in in_order(marks):
        if mark.meaning == Meaning.START:
            if run is not None:
                run.limit = min(run.limit, mark.at)
                yield run
            run = Run(mark.at)
        elif run is None:
            continue
        elif mark.meaning == Meaning.STOP:
            run.stop = mark.at, mark.seq
            run.limit = min(run.limit, mark.at)
            yield run
            run = None
        else:
            _note(run, mark)
    if run is not None:
        yield run


def _note(run: Run, mark: Mark) -> None:
    meaning = Meaning(mark.meaning)
    run.must |= meaning is Meaning.MUST
    run.must_not |= meaning is Meaning.MUST_NOT
    run.good |= meaning is Meaning.GOOD
    run.bad |= meaning is Meaning.BAD
    if meaning in {Meaning.MUST_NOT, Meaning.BAD}:
        run.limit = min(run.limit, mark.at)
