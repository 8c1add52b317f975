"""What was really so at a device, moment by moment: read off its simulator at once, with nothing in between."""

from collections.abc import Iterator
from functools import lru_cache

import msgspec

from edge.decode.device import Memory, Refusal, on_answer, on_refusal
from edge.decode.request import Answer
from edge.parts import PartNames
from edge.ports import Happened, Observation
from sitewarden.rehearsal.asked import AskedDevice, Words
from sitewarden.rehearsal.lines import AskedBus, VirtualLine
from tests.truth.device import Value, device_of, line_of, profile_of
from tests.truth.standing import Key, Standing, as_events, standing

Answers = tuple[Words | None, ...]
_SILENT: Words = (-1,)


class Change(msgspec.Struct, frozen=True):
    """Something began to be so (`so`), or ceased to be."""

    at: int
    key: Key
    so: bool


class Timeline:
    """What was so, from moment to moment."""

    def __init__(self, name: str, names: PartNames) -> None:
        self._name = name
        self._names = names
        self._so: Standing = {}
        self.changes: list[Change] = []

    def looks(self, now: int, line: VirtualLine, values: dict[str, Value]) -> None:
        """Something was done to the device just now."""
        is_so = self._read(line, values)
        for key in sorted(self._so.keys() | is_so.keys()):
            if is_so.get(key) != self._so.get(key):
                self.changes.append(Change(now, key, key in is_so))
        self._so = is_so

    def _read(self, line: VirtualLine, values: dict[str, Value]) -> Standing:
        if isinstance(line, AskedBus):
            seen = _found(self._name, tuple(_answers(line.played["dev"])))
        else:
            seen = _told(self._name, tuple(sorted(values.items())))
        return standing(as_events(seen, self._names))

    def spans(self, key: Key) -> Iterator[tuple[int, int | None]]:
        """When something was so; None: it is so still."""
        begun: int | None = None
        for change in self.changes:
            if change.key != key:
                continue
            if change.so:
                begun = change.at if begun is None else begun
            elif begun is not None:
                yield begun, change.at
                begun = None
        if begun is not None:
            yield begun, None


def _answers(device: AskedDevice) -> Iterator[Words | None]:
    for request in device.sheet.requests:
        try:
            yield device.answers(request)
        except TimeoutError:
            yield _SILENT


@lru_cache(maxsize=20_000)
def _found(name: str, answers: Answers) -> tuple[Happened, ...]:
    """What a reader finds that asks everything at once. Twice, since some is worked out of several answers."""
    line = line_of(profile_of(name), device_of(name))
    if not isinstance(line, AskedBus):
        raise TypeError(line)
    sheet, memory = line.played["dev"].sheet, Memory()
    found: list[Observation] = []
    for now in (0, 1):
        for request, words in zip(sheet.requests, answers, strict=True):
            if words is _SILENT or words == _SILENT:
                continue
            seen: tuple[Observation, ...]
            if words is None:
                refusal = Refusal(request=request, asked_at=now, answered_at=now, code=2)
                memory, seen = on_refusal(sheet, memory, refusal)
            else:
                answer = Answer(request=request, asked_at=now, answered_at=now, words=words)
                memory, seen = on_answer(sheet, memory, answer)
            found += seen
    return _of_states(found)


@lru_cache(maxsize=20_000)
def _told(name: str, values: tuple[tuple[str, Value], ...]) -> tuple[Happened, ...]:
    """What a device tells that never told anything before."""
    line = line_of(profile_of(name), device_of(name))
    return _of_states([*line.live(0), *line.takes(1, "dev", dict(values))])


def _of_states(seen: list[Observation]) -> tuple[Happened, ...]:
    return tuple(one for one in seen if isinstance(one, Happened) and not one.type.startswith("device."))
