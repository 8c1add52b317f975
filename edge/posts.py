"""Devices that post what they have to say, followed from post to post: known while they are heard. Pure.

Times are boot clock ms.
"""

import contextlib
import re
from collections.abc import Callable, Iterable, Mapping
from typing import Final, assert_never

import msgspec

from contract.causes import Cause, because
from contract.profile.messages import Topic
from edge.messages import Messages
from edge.ports import Covered, Failed, Observation
from edge.said import Call, Heard, Nonsense, Presence, Said, Told, Values, device_of
from edge.topicmap import Entry, TopicMap

_POST: Final = Call()
_PLACE: Final = re.compile(r"\{([A-Za-z_.]+)\}")


class Post(msgspec.Struct, frozen=True):
    """What a post said; `why` it can't be read, or nothing. `forget` it, where it could not be kept: it will come again.

    `answer` is what its device expects to hear, or nothing in particular; `notes` are to be remembered then, and of each
    device the `states` (`Messages.note`).
    """

    seen: tuple[Observation, ...]
    why: str
    forget: Callable[[], None]
    answer: str = ""
    notes: bytes | None = None
    states: Mapping[str, bytes] = {}


def _filled(name: str, words: Mapping[str, str], kept: Mapping[str, str]) -> str:
    if name.startswith("kept."):
        return kept.get(name.removeprefix("kept."), "None")
    return words.get(name, "")


class Posts:
    """The devices of a line. `silent_after`: by device, how long it may be silent (ms); `remembered` as in a spool; `cards`: those that the site knows."""

    def __init__(
        self,
        topics: TopicMap,
        silent_after: Mapping[str, int],
        remembered: Iterable[tuple[str, str]] = (),
        cards: frozenset[str] = frozenset(),
    ) -> None:
        self._topics = topics
        self._silent_after = silent_after
        self._messages = {device: Messages(device, cards) for device in topics.devices}
        self._heard: dict[str, int] = {}
        self._covered_to: dict[tuple[str, str], int] = {}
        self._offline: set[str] = set()
        self._kept: dict[str, dict[str, str]] = {}
        for device, message in remembered:
            if device in self._messages:
                self._messages[device].remember(message)

    def expects(self, path: str, call: Call) -> bool:
        """Whether a device of ours calls there so."""
        return bool(self._topics.entries(path, call))

    @property
    def devices(self) -> Iterable[str]:
        """The devices that post."""
        return self._messages

    def recall_states(self, device: str, note: bytes | None) -> None:
        """See `Messages.recall`."""
        self._messages[device].recall(note)

    def recall(self, notes: bytes | None) -> None:
        """Go on with what devices said in an earlier life of the words to keep, from `Post.notes`."""
        with contextlib.suppress(msgspec.MsgspecError):
            self._kept = msgspec.json.decode(notes or b"{}", type=dict[str, dict[str, str]])

    def hears(self, path: str, body: bytes, now: int, call: Call = _POST) -> Post | None:
        """What a call of `path` tells, coverage last; None when no device of ours calls there."""
        entries = self._topics.entries(path, call)
        if not entries:
            return None
        seen: list[Observation] = []
        forgets: dict[str, Callable[[], None]] = {}
        refusal = ""
        read = self._topics.read(path, body, now, call)
        for said in read:
            device = device_of(said)
            if device not in forgets:
                forgets[device] = self._messages[device].as_it_was()
            refusal = refusal or (str(said.why) if isinstance(said, Nonsense) else "")
            seen += self._takes(device, said, now)
        for device in forgets:
            seen += self._covered(device, now)

        def forget() -> None:
            for back in forgets.values():
                back()

        states = {device: self._messages[device].note() for device in forgets}
        topic = next((entry.topic for entry in entries if entry.topic.answer), None)
        if topic is None or (read and all(isinstance(said, Nonsense) for said in read)):
            return Post(tuple(seen), refusal, forget, states=states)
        return Post(
            tuple(seen),
            "",
            forget,
            self._answer(topic, entries[0], call, len(read)),
            self._note(topic, forgets, call),
            states,
        )

    def _answer(self, topic: Topic, entry: Entry, call: Call, count: int) -> str:
        (route, *_) = entry.routes.values()
        kept = self._kept.get(route.device.id, {})
        words = {**call.query, "count": str(count), "address": route.device.address or route.device.id}
        return _PLACE.sub(lambda found: _filled(found[1], words, kept), topic.answer)

    def _note(self, topic: Topic, devices: Iterable[str], call: Call) -> bytes | None:
        """What is to be remembered of a call that is taken."""
        said = {name: call.query[name] for name in topic.keep if name in call.query}
        if not said:
            return None
        for device in devices:
            self._kept[device] = {**self._kept.get(device, {}), **said}
        return msgspec.json.encode(self._kept)

    def _takes(self, device: str, said: Said, now: int) -> list[Observation]:
        messages = self._messages[device]
        self._offline.discard(device)
        match said:
            case Told():
                return messages.told(said)
            case Values():
                return messages.values(said, now)
            case Nonsense():
                return messages.nonsense(said, now)
            case Presence(online=False):
                self._heard.pop(device, None)
                self._offline.add(device)
                messages.doubt()
                return []
            case Presence() | Heard():
                return messages.makes_sense(now)
            case _:
                assert_never(said)

    def _covered(self, device: str, now: int) -> list[Observation]:
        if device in self._offline:
            return [Failed(devices=self._told_of(device), at=now, why=because(Cause.OFFLINE))]
        silent, blind = self._is_silent(device, now), self._messages[device].blind
        self._heard[device] = now
        covered: dict[int, list[str]] = {}
        failed: list[str] = []
        for name in self._told_of(device):
            if name in blind:
                self._covered_to.pop((device, name), None)
                failed.append(name)
            else:
                since = now if silent else self._covered_to.get((device, name), now)
                self._covered_to[device, name] = now
                covered.setdefault(since, []).append(name)
        said: list[Observation] = (
            [Failed(devices=tuple(failed), at=now, why=because(Cause.NOT_UNDERSTOOD))] if failed else []
        )
        return said + [Covered(devices=tuple(told), since=since, to=now) for since, told in covered.items()]

    def _is_silent(self, device: str, now: int) -> bool:
        heard = self._heard.get(device)
        return heard is None or now - heard > self._silent_after[device]

    def look_around(self, now: int) -> list[Observation]:
        """Who has not been heard for too long. To be called every few seconds."""
        silent = tuple(device for device in self._messages if self._is_silent(device, now))
        for device in silent:
            self._messages[device].doubt()
        told = tuple(name for device in silent for name in self._told_of(device))
        return [Failed(devices=told, at=now, why=because(Cause.NOT_HEARD))] if silent else []

    def _told_of(self, device: str) -> tuple[str, ...]:
        return self._topics.told_of[device]
