"""The lines of a site in virtual time: simulated devices read by the agent's own decisions, with no wire in between. Pure.

`now` is ms since the rehearsal began, which is the boot clock of its agents; `epoch` is what the wall clock showed then.
"""

import urllib.parse
import zoneinfo
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Final, Protocol

from contract.duration import parse_duration
from contract.profile.model import HttpProfile, MeterProfile, ModbusProfile, MqttProfile, TransmitterProfile
from contract.site import Device
from edge.decode.device import Memory, Refusal, is_lacking, on_answer, on_failure, on_refusal
from edge.decode.kept import after_restart, standing
from edge.decode.request import Answer
from edge.decode.sheet import Sheet
from edge.gb26875.frame import FrameReader
from edge.gb26875.transmitter import Transmitter
from edge.jwm import session
from edge.jwm.session import Saying, Taken
from edge.jwm.wand import Rounds
from edge.jwm.wand import Wand as WandReader
from edge.poll import Turn, Turns
from edge.ports import Covered, Observation
from edge.posts import Posts
from edge.presence import LinePresence
from edge.said import Call
from edge.topicmap import TopicMap
from firmware_sim.device import Inputs
from firmware_sim.device.publisher import Message, Publisher
from firmware_sim.device.transmitter import FireTransmitter
from firmware_sim.device.wand import Wand as SimWand
from firmware_sim.device.wand import wall_clock
from sitewarden.rehearsal.asked import AskedDevice, DigitDevice, RegisterDevice

ANSWER_MS: Final = 20
LOOK_MS: Final = 1_000
DOCK_LOOK_MS: Final = 30_000
SILENT: Final = frozenset({"silence", "late", "wrong-unit", "bad-crc", "garbage", "restart"})
"""Faults that the driver takes for no answer at all."""
_BUSY: Final = 4
_NOTHING: Final[Inputs] = {}


class VirtualLine(Protocol):
    """A line that lives when it is told to. `due`: when it next wants to."""

    due: int

    def live(self, now: int) -> Sequence[Observation]:
        """What is seen at `now`."""

    def takes(self, now: int, device: str, inputs: Inputs) -> Sequence[Observation]:
        """Something happens to a device; what is seen of it at once.

        Raises:
            KeyError: An input that it does not have.
        """

    def misbehaves(self, now: int, device: str, fault: str | None) -> None:
        """A device answers wrongly from now on, or rightly again."""


class AskedBus:
    """A line whose devices are asked: one question at a time, by the turns of the real scheduler."""

    def __init__(self, played: Mapping[str, AskedDevice]) -> None:
        self.played = dict(played)
        """The simulated devices by name; another line may be given them, as when an agent is put in another's place."""
        self._inputs: dict[str, dict[str, float | int | bool | str]] = {name: {} for name in played}
        self._sheets = {name: one.sheet for name, one in played.items()}
        self._memories = {name: Memory() for name in played}
        self._faults: dict[str, str] = {}
        self._turns = Turns(
            {
                name: [(request, one.map.polls[request.poll]) for request in one.requests]
                for name, one in self._sheets.items()
            },
            0,
        )
        self.due = 0

    def live(self, now: int) -> Sequence[Observation]:
        """See `VirtualLine.live`."""
        turn = self._turns.next(now)
        if isinstance(turn, int):
            self.due = max(turn, now + 1)
            return ()
        return self._ask(turn, now)

    def _ask(self, turn: Turn, now: int) -> Sequence[Observation]:
        name, request = turn.device, turn.request
        one, fault = self._sheets[name], self._faults.get(name)
        if fault in SILENT:
            return self._silence(turn, now, fault)
        self.played[name].live(now, _NOTHING, shows=fault != "frozen")
        try:
            words = None if fault == "exception" else self.played[name].answers(request)
        except TimeoutError:
            return self._silence(turn, now, "no answer")
        self.due = later = now + ANSWER_MS
        if words is None:
            refusal = Refusal(request=request, asked_at=now, answered_at=later, code=_code(fault))
            lacking = is_lacking(self._memories[name], refusal)
            self._memories[name], seen = on_refusal(one, self._memories[name], refusal)
            self._turns.answered(turn, later, one.map.limits.pause_ms, lacking=lacking)
            return seen
        read = Answer(request=request, asked_at=now, answered_at=later, words=words)
        self._memories[name], seen = on_answer(one, self._memories[name], read)
        self._turns.answered(turn, later, one.map.limits.pause_ms)
        return seen

    def _silence(self, turn: Turn, now: int, why: str) -> Sequence[Observation]:
        one = self._sheets[turn.device]
        self.due = now + one.map.limits.response_timeout_ms
        self._turns.failed(turn, self.due)
        return [on_failure(one, why, self.due)]

    def takes(self, now: int, device: str, inputs: Inputs) -> Sequence[Observation]:
        """See `VirtualLine.takes`."""
        self._inputs[device] |= inputs
        self.played[device].live(now, inputs, shows=self._faults.get(device) != "frozen")
        return ()

    def misbehaves(self, now: int, device: str, fault: str | None) -> None:
        """See `VirtualLine.misbehaves`."""
        if self._faults.pop(device, None) == "restart":
            self.played[device].restart()
            self.takes(now, device, dict(self._inputs[device]))
        if fault is not None:
            self._faults[device] = fault

    def restart_agent(self) -> None:
        """The agent begins again, with what it noted of the states of its devices."""
        kept = {name: standing(self._sheets[name], memory) for name, memory in self._memories.items()}
        self._memories = {name: after_restart(states) for name, states in kept.items()}


def _code(fault: str | None) -> int:
    return _BUSY if fault == "exception" else 2


class ModbusBus(AskedBus):
    """A Modbus line. `sheets`: those that are known, by device; `refresh_ms` as in `RegisterDevice`."""

    def __init__(
        self,
        devices: Sequence[tuple[Device, ModbusProfile]],
        sheets: Mapping[str, Sheet] = MappingProxyType({}),
        refresh_ms: int = 0,
    ) -> None:
        super().__init__(
            {
                device.id: RegisterDevice(device, profile, sheets.get(device.id), refresh_ms)
                for device, profile in devices
            }
        )


class MeterBus(AskedBus):
    """A line of meters by DL/T 645."""

    def __init__(self, devices: Sequence[tuple[Device, MeterProfile]]) -> None:
        super().__init__(
            {device.id: DigitDevice(device, profile, unit) for unit, (device, profile) in enumerate(devices)}
        )


class MqttBus:
    """A line whose devices publish."""

    def __init__(
        self, devices: Sequence[tuple[Device, MqttProfile]], buffering: frozenset[str], epoch: int
    ) -> None:
        self._topics = TopicMap(devices)
        self._presence = LinePresence(
            self._topics.devices,
            signs=self._topics.signs,
            buffering=buffering,
        )
        self._played = {
            device.id: Publisher(profile, device.address or device.id) for device, profile in devices
        }
        self._epoch = epoch
        self._begun = False
        self.due = 0

    def live(self, now: int) -> Sequence[Observation]:
        """See `VirtualLine.live`."""
        seen: list[Observation] = []
        if not self._begun:
            self._presence.connected(now, remembered=False)
            for publisher in self._played.values():
                seen += self._hears(publisher.bridge(online=True), now)
                seen += self._hears(publisher.presence(online=True), now)
        self._begun = True
        self.due = now + LOOK_MS
        return [*seen, *self._presence.look_around(now)]

    def takes(self, now: int, device: str, inputs: Inputs) -> Sequence[Observation]:
        """See `VirtualLine.takes`."""
        publisher = self._played[device]
        was_online = publisher.online
        messages = publisher.update(self._epoch + now, inputs)
        seen: list[Observation] = []
        if was_online != publisher.online:
            seen += self._hears(publisher.presence(online=publisher.online), now)
        for message in messages:
            seen += self._hears(message, now)
        return seen

    def _hears(self, message: Message | None, now: int) -> list[Observation]:
        if message is None:
            return []
        return [
            seen
            for said in self._topics.read(message.topic, message.payload, now)
            for seen in self._presence.takes(said, now, retained=False)
        ]

    def misbehaves(self, now: int, device: str, fault: str | None) -> None:
        """A device that publishes has inputs for its troubles."""


class Doorway:
    """A line whose devices post."""

    def __init__(
        self, devices: Sequence[tuple[Device, HttpProfile]], epoch: int, zone: zoneinfo.ZoneInfo
    ) -> None:
        silent = {device.id: parse_duration(profile.silent_after).ms for device, profile in devices}
        self._posts = Posts(TopicMap(devices, zone), silent)
        self._played = {
            device.id: Publisher(profile, device.address or device.id, zone=zone)
            for device, profile in devices
        }
        self._epoch = epoch
        self.due = 0

    def live(self, now: int) -> Sequence[Observation]:
        """See `VirtualLine.live`."""
        self.due = now + LOOK_MS
        return self._posts.look_around(now)

    def takes(self, now: int, device: str, inputs: Inputs) -> Sequence[Observation]:
        """See `VirtualLine.takes`."""
        seen: list[Observation] = []
        for message in self._played[device].update(self._epoch + now, inputs):
            path, _, words = message.topic.partition("?")
            call = Call(message.method, dict(urllib.parse.parse_qsl(words)))
            post = self._posts.hears(path, message.payload, now, call)
            seen += post.seen if post is not None else ()
        return seen

    def misbehaves(self, now: int, device: str, fault: str | None) -> None:
        """A device that posts has inputs for its troubles."""


class Switchboard:
    """A line where fire transmitters call."""

    def __init__(
        self, devices: Sequence[tuple[Device, TransmitterProfile]], zone: zoneinfo.ZoneInfo, epoch: int
    ) -> None:
        self._epoch = epoch
        self._played = {
            device.id: FireTransmitter(bytes.fromhex(device.address or ""), zone) for device, _ in devices
        }
        self._callers = {
            device.id: Transmitter(device.id, profile.time, zone, parse_duration(profile.silent_after).ms)
            for device, profile in devices
        }
        self.due = 0

    def live(self, now: int) -> Sequence[Observation]:
        """See `VirtualLine.live`."""
        self.due = now + LOOK_MS
        return [seen for device in self._played for seen in self.takes(now, device, _NOTHING)]

    def takes(self, now: int, device: str, inputs: Inputs) -> Sequence[Observation]:
        """See `VirtualLine.takes`."""
        frames = FrameReader()
        wall = self._epoch + now
        return [
            seen
            for sent in self._played[device].update(wall, inputs)
            for frame in frames.feed(sent)
            for seen in self._callers[device].hears(frame, now, wall)
        ]

    def misbehaves(self, now: int, device: str, fault: str | None) -> None:
        """A transmitter has inputs for its troubles."""


class Dock:
    """A dock in which a wand lies: read and wiped every half minute. `places`: badge by checkpoint."""

    def __init__(self, reader: WandReader, rounds: Rounds, places: Mapping[str, str], epoch: int) -> None:
        self._reader = reader
        self._rounds = rounds
        self._places = places
        self._wand = SimWand()
        self._epoch = epoch
        self._set_at: int | None = epoch
        self.due = 0

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

    def takes(self, now: int, device: str, inputs: Inputs) -> Sequence[Observation]:
        """See `VirtualLine.takes`."""
        if "card" in inputs:
            badge = bytes.fromhex(self._places[device])
            self._wand.touch(badge, wall_clock(self._epoch + now, self._reader.zone))
        return ()

    def misbehaves(self, now: int, device: str, fault: str | None) -> None:
        """A wand has no troubles of its own."""
