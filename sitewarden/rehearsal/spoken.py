"""Lines whose devices speak by themselves, in virtual time: they publish, post, call, or lie in a dock. Pure."""

import urllib.parse
import zoneinfo
from collections.abc import Mapping, Sequence
from typing import Final

from typing_extensions import override

from contract.causes import Cause, because
from contract.duration import parse_duration
from contract.profile.model import HttpProfile, MqttProfile, TransmitterProfile
from contract.site import Device
from edge.gb26875.frame import FrameReader
from edge.gb26875.transmitter import Transmitter
from edge.jwm import session
from edge.jwm.session import Saying, Taken
from edge.jwm.wand import Rounds
from edge.jwm.wand import Wand as WandReader
from edge.ports import Covered, Failed, Observation
from edge.posts import Posts
from edge.presence import LinePresence
from edge.said import Call
from edge.topicmap import TopicMap
from firmware_sim.device import Inputs
from firmware_sim.device.publisher import Message, Publisher
from firmware_sim.device.transmitter import FireTransmitter
from firmware_sim.device.wand import Wand as SimWand
from firmware_sim.device.wand import wall_clock
from sitewarden.rehearsal.lines import AGENT, DOCK_LOOK_MS, LOOK_MS, VirtualLine

_NOTHING: Final[Inputs] = {}


class MqttBus:
    """A line whose devices publish."""

    def __init__(
        self, devices: Sequence[tuple[Device, MqttProfile]], buffering: frozenset[str], epoch: int
    ) -> None:
        self._topics = TopicMap(devices)
        self._buffering = buffering
        self._presence = self._unknowing()
        self._played = {
            device.id: Publisher(profile, device.address or device.id) for device, profile in devices
        }
        self._epoch = epoch
        self._begun = False
        self._cut: str | None = None
        self._retained: dict[str, Message] = {}
        self._notes: dict[str, bytes] = {}
        self._waiting: list[Message] = []
        self.due = 0

    def _unknowing(self) -> LinePresence:
        topics = self._topics
        return LinePresence(topics.devices, signs=topics.signs, buffering=self._buffering)

    def live(self, now: int) -> Sequence[Observation]:
        """See `VirtualLine.live`."""
        self.due = now + LOOK_MS
        seen: list[Observation] = []
        if not self._begun:
            self._presence.connected(now, remembered=False)
            for publisher in self._played.values():
                seen += self._takes(publisher.bridge(online=True), now)
                seen += self._takes(publisher.presence(online=True), now)
        self._begun = True
        return [*seen, *self._presence.look_around(now)] if self._cut != AGENT else seen

    def takes(self, now: int, device: str, inputs: Inputs) -> Sequence[Observation]:
        """See `VirtualLine.takes`."""
        publisher = self._played[device]
        was_online = publisher.online
        messages = publisher.update(self._epoch + now, inputs)
        seen: list[Observation] = []
        if was_online != publisher.online:
            seen += self._takes(publisher.presence(online=publisher.online), now)
        for message in messages:
            seen += self._takes(message, now)
        return seen

    def _takes(self, message: Message | None, now: int) -> list[Observation]:
        """The broker takes a message, and passes it on or keeps it for an agent that is away."""
        if message is None:
            return []
        if message.retain:
            self._retained[message.topic] = message
        if self._cut is not None:
            self._waiting.append(message)
            return []
        return self._hears(message, now, retained=False)

    def _hears(self, message: Message, now: int, *, retained: bool) -> list[Observation]:
        return [
            seen
            for said in self._topics.read(message.topic, message.payload, now)
            for seen in self._presence.takes(said, now, retained=retained)
        ]

    def misbehaves(self, now: int, device: str, fault: str | None) -> None:
        """A device that publishes has inputs for its troubles."""

    def cut(self, *, agent: bool) -> None:
        """See `VirtualLine.cut`."""
        self._cut = AGENT if agent else "line down"
        self._notes = {device: self._presence.note(device) for device in self._played}
        self._presence.disconnected()

    def mend(self, now: int, *, kept: bool) -> Sequence[Observation]:
        """See `VirtualLine.mend`. What waited comes first, then what the broker retains."""
        if self._cut == AGENT:
            self._presence = self._unknowing()
            for device, note in self._notes.items():
                self._presence.recall(device, note)
        waiting, self._waiting, self._cut = self._waiting if kept else [], [], None
        self._presence.connected(now, remembered=kept)
        seen = [one for message in waiting for one in self._hears(message, now, retained=False)]
        retained = self._retained.values()
        return seen + [one for message in retained for one in self._hears(message, now, retained=True)]


class Doorway(VirtualLine):
    """A line whose devices post."""

    def __init__(
        self, devices: Sequence[tuple[Device, HttpProfile]], epoch: int, zone: zoneinfo.ZoneInfo
    ) -> None:
        self._silent = {device.id: parse_duration(profile.silent_after).ms for device, profile in devices}
        self._topics = TopicMap(devices, zone)
        self._posts = Posts(self._topics, self._silent)
        self._cut: str | None = None
        self._waiting: list[Message] = []
        self._notes: bytes | None = None
        self._states: dict[str, bytes] = {}
        self._played = {
            device.id: Publisher(profile, device.address or device.id, zone=zone)
            for device, profile in devices
        }
        self._epoch = epoch
        self.due = 0

    @override
    def live(self, now: int) -> Sequence[Observation]:
        """See `VirtualLine.live`."""
        self.due = now + LOOK_MS
        return self._posts.look_around(now) if self._cut != AGENT else ()

    @override
    def takes(self, now: int, device: str, inputs: Inputs) -> Sequence[Observation]:
        """See `VirtualLine.takes`."""
        messages = self._played[device].update(self._epoch + now, inputs)
        if self._cut is not None:
            self._waiting += messages
            return ()
        return [seen for message in messages for seen in self._hears(message, now)]

    def _hears(self, message: Message, now: int) -> Sequence[Observation]:
        path, _, words = message.topic.partition("?")
        call = Call(message.method, dict(urllib.parse.parse_qsl(words)))
        post = self._posts.hears(path, message.payload, now, call)
        if post is None:
            return ()
        self._notes = post.notes or self._notes
        self._states |= post.states
        return post.seen

    @override
    def misbehaves(self, now: int, device: str, fault: str | None) -> None:
        """A device that posts has inputs for its troubles."""

    @override
    def cut(self, *, agent: bool) -> None:
        """See `VirtualLine.cut`."""
        self._cut = AGENT if agent else "line down"

    @override
    def mend(self, now: int, *, kept: bool) -> Sequence[Observation]:
        """See `VirtualLine.mend`. What posts does so until it is answered, so that nothing is lost."""
        if self._cut == AGENT:
            self._posts = Posts(self._topics, self._silent)
            self._posts.recall(self._notes)
            for device, note in self._states.items():
                self._posts.recall_states(device, note)
        waiting, self._waiting, self._cut = self._waiting, [], None
        return [seen for message in waiting for seen in self._hears(message, now)]


class Switchboard(VirtualLine):
    """A line where fire transmitters call."""

    def __init__(
        self, devices: Sequence[tuple[Device, TransmitterProfile]], zone: zoneinfo.ZoneInfo, epoch: int
    ) -> None:
        self._epoch = epoch
        self._played = {
            device.id: FireTransmitter(bytes.fromhex(device.address or ""), zone) for device, _ in devices
        }
        self._devices, self._zone = devices, zone
        self._callers = self._unknowing()
        self._notes: dict[str, bytes] = {}
        self._doubled: set[str] = set()
        self._cut: str | None = None
        self._waiting: list[tuple[str, bytes]] = []
        self.due = 0

    def _unknowing(self) -> dict[str, Transmitter]:
        return {
            device.id: Transmitter(
                device.id, profile.time, self._zone, parse_duration(profile.silent_after).ms
            )
            for device, profile in self._devices
        }

    @override
    def live(self, now: int) -> Sequence[Observation]:
        """See `VirtualLine.live`."""
        self.due = now + LOOK_MS
        seen = [one for device in self._played for one in self.takes(now, device, _NOTHING)]
        silent = tuple(name for name, caller in self._callers.items() if caller.is_silent(now))
        if silent and self._cut != AGENT:
            seen.append(Failed(devices=silent, at=now, why=because(Cause.NOT_HEARD)))
        return seen

    @override
    def takes(self, now: int, device: str, inputs: Inputs) -> Sequence[Observation]:
        """See `VirtualLine.takes`."""
        sent = [(device, data) for data in self._played[device].update(self._epoch + now, inputs)]
        self._waiting += sent * 2 if device in self._doubled else sent
        return self._hears(now) if self._cut is None else ()

    def _hears(self, now: int) -> list[Observation]:
        """What has come in."""
        waiting, self._waiting = self._waiting, []
        seen: list[Observation] = []
        for device, data in waiting:
            caller = self._callers[device]
            for frame in FrameReader().feed(data):
                seen += caller.hears(frame, now, self._epoch + now)
                self._notes[device] = caller.note(self._epoch + now) or self._notes.get(device, b"")
        return seen

    @override
    def misbehaves(self, now: int, device: str, fault: str | None) -> None:
        """`doubled`: it sends every frame twice; it has inputs for its other troubles."""
        self._doubled = self._doubled | {device} if fault == "doubled" else self._doubled - {device}

    @override
    def cut(self, *, agent: bool) -> None:
        """See `VirtualLine.cut`."""
        self._cut = AGENT if agent else "line down"
        for caller in self._callers.values():
            caller.away()

    @override
    def mend(self, now: int, *, kept: bool) -> Sequence[Observation]:
        """See `VirtualLine.mend`. A transmitter sends again what was not confirmed, so that nothing is lost."""
        if self._cut == AGENT:
            self._callers = self._unknowing()
            for device, caller in self._callers.items():
                caller.recall(self._notes.get(device), self._epoch + now)
        self._cut = None
        return self._hears(now)


class Dock(VirtualLine):
    """A dock in which a wand lies: read and wiped every half minute. `places`: badge by checkpoint."""

    def __init__(self, reader: WandReader, rounds: Rounds, places: Mapping[str, str], epoch: int) -> None:
        self._reader = reader
        self._rounds = rounds
        self._places = places
        self._wand = SimWand()
        self._epoch = epoch
        self._set_at: int | None = epoch
        self.due = 0

    @override
    def live(self, now: int) -> Sequence[Observation]:
        """See `VirtualLine.live`."""
        self.due = now + DOCK_LOOK_MS
        wall = self._epoch + now
        local = wall_clock(wall, self._reader.zone)
        taken = self._says(session.take(local))
        seen = self._reader.tells(taken, now, wall, self._set_at)
        self._reader.kept(taken)
        self._says(session.wipe(local))
        self._set_at = wall
        known = self._rounds.read(self._reader.device, now)
        return [*seen, *(Covered(devices=(name,), since=to, to=to) for name, to in known.items())]

    def _says(self, saying: Saying[Taken] | Saying[None]) -> Taken:
        try:
            ask = next(saying)
            while True:
                ask = saying.send(self._wand.hears(ask.send))
        except StopIteration as end:
            return end.value or Taken(())

    @override
    def takes(self, now: int, device: str, inputs: Inputs) -> Sequence[Observation]:
        """See `VirtualLine.takes`."""
        if "card" in inputs:
            badge = bytes.fromhex(self._places[device])
            self._wand.touch(badge, wall_clock(self._epoch + now, self._reader.zone))
        return ()

    @override
    def misbehaves(self, now: int, device: str, fault: str | None) -> None:
        """A wand has no troubles of its own."""

    @override
    def cut(self, *, agent: bool) -> None:
        """A wand keeps what it has read until it is taken."""

    @override
    def mend(self, now: int, *, kept: bool) -> Sequence[Observation]:
        """See `cut`."""
        return ()
