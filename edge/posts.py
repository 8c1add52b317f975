"""Devices that post what they have to say, followed from post to post: known while they are heard. Pure.

Times are boot clock ms.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import assert_never

import msgspec

from edge.messages import Messages
from edge.ports import Covered, Failed, Observation
from edge.topicmap import Nonsense, Presence, Told, TopicMap, Values


class Post(msgspec.Struct, frozen=True):
    """What a post said; `why` it can't be read, or nothing. `forget` it, where it could not be kept: it will come again."""

    seen: tuple[Observation, ...]
    why: str
    forget: Callable[[], None]


class Posts:
    """The devices of a line. `silent_after`: by device, how long it may be silent (ms); `remembered` as in a spool."""

    def __init__(
        self, topics: TopicMap, silent_after: Mapping[str, int], remembered: Iterable[tuple[str, str]] = ()
    ) -> None:
        self._topics = topics
        self._silent_after = silent_after
        self._messages = {device: Messages(device) for device in topics.devices}
        self._heard: dict[str, int] = {}
        for device, message in remembered:
            if device in self._messages:
                self._messages[device].remember(message)

    def hears(self, path: str, body: bytes, now: int) -> Post | None:
        """What a post to `path` tells, coverage last; None when no device of ours posts there."""
        device = self._topics.owner(path)
        if device is None:
            return None
        messages = self._messages[device]
        forget = messages.as_it_was()
        said = self._topics.read(path, body, now)
        match said:
            case Told():
                seen = messages.told(said)
            case Values():
                seen = messages.values(said, now)
            case Nonsense():
                seen = messages.nonsense(said, now)
            case Presence(online=False):
                self._heard.pop(device, None)
                messages.doubt()
                return Post((Failed(devices=self._told_of(device), at=now, why="offline"),), "", forget)
            case Presence() | None:  # a heartbeat, or an event that its profile leaves out
                seen = messages.makes_sense(now)
            case _:
                assert_never(said)
        why = said.why if isinstance(said, Nonsense) else ""
        return Post((*seen, *self._covered(device, messages, now)), why, forget)

    def _covered(self, device: str, messages: Messages, now: int) -> list[Observation]:
        if messages.is_blind:
            self._heard.pop(device, None)
            return [Failed(devices=self._told_of(device), at=now, why="not understood")]
        since = now if self._is_silent(device, now) else self._heard[device]
        self._heard[device] = now
        return [Covered(devices=self._told_of(device), since=since, to=now)]

    def _is_silent(self, device: str, now: int) -> bool:
        heard = self._heard.get(device)
        return heard is None or now - heard > self._silent_after[device]

    def look_around(self, now: int) -> list[Observation]:
        """Who has not been heard for too long. To be called every few seconds."""
        silent = tuple(device for device in self._messages if self._is_silent(device, now))
        for device in silent:
            self._messages[device].doubt()
        told = tuple(name for device in silent for name in self._told_of(device))
        return [Failed(devices=told, at=now, why="not heard")] if silent else []

    def _told_of(self, device: str) -> tuple[str, ...]:
        return self._topics.told_of[device]
