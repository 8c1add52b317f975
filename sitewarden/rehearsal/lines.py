"""The lines of a site in virtual time: simulated devices read by the agent's own decisions, with no wire in between. Pure.

`now` is ms since the rehearsal began, which is the boot clock of its agents; `epoch` is what the wall clock showed then.
"""

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Final, Protocol

from typing_extensions import override

from contract.causes import Cause, Why, because
from contract.profile.model import MeterProfile, ModbusProfile
from contract.site import Device
from edge.decode.device import Memory, Refusal, is_lacking, on_answer, on_failure, on_refusal
from edge.decode.kept import after_restart, standing
from edge.decode.request import Answer
from edge.decode.sheet import Sheet
from edge.poll import Turn, Turns
from edge.ports import Observation
from firmware_sim.device import Inputs
from sitewarden.rehearsal.asked import AskedDevice, DigitDevice, RegisterDevice
from sitewarden.rehearsal.converter import Converter

ANSWER_MS: Final = 20
LOOK_MS: Final = 1_000
DOCK_LOOK_MS: Final = 30_000
SILENT: Final = frozenset({"silence", "late", "wrong-unit", "bad-crc", "garbage", "restart"})
"""Faults that the driver takes for no answer at all."""
_BUSY: Final = 4
AGENT: Final = "agent stopped"
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

    def cut(self, *, agent: bool) -> None:
        """The cable is out, or the `agent` has stopped: nothing comes in."""

    def mend(self, now: int, *, kept: bool) -> Sequence[Observation]:
        """It is back; what is seen at once.

        An agent that had stopped knows what its notes say. `kept`: what was said meanwhile was kept for it.
        """


class AskedBus(VirtualLine):
    """A line whose devices are asked: one question at a time, by the turns of the real scheduler."""

    def __init__(self, played: Mapping[str, AskedDevice]) -> None:
        self.played = dict(played)
        """The simulated devices by name; another line may be given them, as when an agent is put in another's place."""
        self._inputs: dict[str, dict[str, float | int | bool | str]] = {name: {} for name in played}
        self._sheets = {name: one.sheet for name, one in played.items()}
        self._memories = {name: Memory() for name in played}
        self._faults: dict[str, str] = {}
        self._converter = Converter()
        self._cut: str | None = None
        self._turns = self._first_turns(0)
        self.due = 0

    def _first_turns(self, now: int) -> Turns:
        return Turns(
            {
                name: [(request, one.map.polls[request.poll]) for request in one.requests]
                for name, one in self._sheets.items()
            },
            now,
        )

    @override
    def live(self, now: int) -> Sequence[Observation]:
        """See `VirtualLine.live`."""
        if self._cut == AGENT:
            self.due = now + LOOK_MS
            return ()
        turn = self._turns.next(now)
        if isinstance(turn, int):
            self.due = max(turn, now + 1)
            return ()
        return self._ask(turn, now)

    def _ask(self, turn: Turn, now: int) -> Sequence[Observation]:
        name, request = turn.device, turn.request
        one, fault = self._sheets[name], self._faults.get(name)
        if self._cut is not None or fault in SILENT:
            return self._silence(turn, now, because(Cause.NO_ANSWER))
        asked = self._converter.asked(now, one.map.limits.response_timeout_ms)
        self.played[name].live(asked, _NOTHING, shows=fault != "frozen")
        try:
            words = None if fault == "exception" else self.played[name].answers(request)
        except TimeoutError:
            return self._silence(turn, now, because(Cause.NO_ANSWER))
        later = asked + ANSWER_MS
        self.due = self._converter.answered(later)
        if words is None:
            refusal = Refusal(request=request, asked_at=asked, answered_at=later, code=_code(fault))
            lacking = is_lacking(self._memories[name], refusal)
            self._memories[name], seen = on_refusal(one, self._memories[name], refusal)
            self._turns.answered(turn, later, one.map.limits.pause_ms, lacking=lacking)
            return seen
        read = Answer(request=request, asked_at=asked, answered_at=later, words=words)
        self._memories[name], seen = on_answer(one, self._memories[name], read)
        self._turns.answered(turn, later, one.map.limits.pause_ms)
        return seen

    def _silence(self, turn: Turn, now: int, why: Why) -> Sequence[Observation]:
        one = self._sheets[turn.device]
        self.due = now + one.map.limits.response_timeout_ms
        self._turns.failed(turn, self.due)
        return [on_failure(one, why, self.due)]

    @override
    def takes(self, now: int, device: str, inputs: Inputs) -> Sequence[Observation]:
        """See `VirtualLine.takes`."""
        self._inputs[device] |= inputs
        self.played[device].live(now, inputs, shows=self._faults.get(device) != "frozen")
        return ()

    @override
    def misbehaves(self, now: int, device: str, fault: str | None) -> None:
        """See `VirtualLine.misbehaves`."""
        if self._faults.pop(device, None) == "restart":
            self.played[device].restart()
            self.takes(now, device, dict(self._inputs[device]))
        if fault is not None:
            self._faults[device] = fault

    def hold(self) -> None:
        """No device changes any more by itself."""
        for one in self.played.values():
            one.hold()

    def closes(self, *, answers: int = 0, idle_ms: int = 0) -> None:
        """The converter before the line closes its connection after so many answers, or so long a silence; 0: never."""
        self._converter.closes(answers=answers, idle_ms=idle_ms)

    @override
    def cut(self, *, agent: bool) -> None:
        """See `VirtualLine.cut`."""
        self._cut = AGENT if agent else "line down"

    @override
    def mend(self, now: int, *, kept: bool) -> Sequence[Observation]:
        """See `VirtualLine.mend`. Nobody keeps what was not asked."""
        if self._cut == AGENT:
            kept_states = {name: standing(self._sheets[name], one) for name, one in self._memories.items()}
            self._memories = {name: after_restart(states) for name, states in kept_states.items()}
            self._turns = self._first_turns(now)
        self._cut = None
        return ()


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
