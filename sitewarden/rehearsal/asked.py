"""Devices that are asked, in virtual time: each simulated, and read by what its line's driver would ask. Pure."""

import copy
from typing import Final, Protocol

from pymodbus.pdu import ExceptionResponse

from contract.profile.expand import device_map
from contract.profile.meter import FIRST_FUNCTION, meter_map
from contract.profile.model import MeterProfile, ModbusProfile
from contract.site import Device
from edge.decode.sheet import Sheet, sheet
from edge.dlt645.frame import ANSWER, FrameReader, ask, encode
from edge.dlt645.values import words_of
from edge.plan import Request
from firmware_sim.adapters.modbus_frames import Asked, answer
from firmware_sim.device import Image, Inputs
from firmware_sim.device.catalogue import build
from firmware_sim.device.meter import Meter

Words = tuple[int, ...]
_NOTHING: Final[Inputs] = {}
_NEVER: Final = 1 << 62


class AskedDevice(Protocol):
    """A simulated device with the sheet by which it is read."""

    sheet: Sheet

    def live(self, now: int, inputs: Inputs, *, shows: bool) -> None:
        """Live until `now` with those inputs; what it `shows` is as it was, where it is frozen.

        Raises:
            KeyError: An input that it does not have.
        """

    def answers(self, request: Request) -> Words | None:
        """The words that it shows; None where it refuses.

        Raises:
            TimeoutError: It does not answer at all.
        """

    def restart(self) -> None:
        """Forget everything."""

    def hold(self) -> None:
        """Change no more without being told to."""


class RegisterDevice:
    """A Modbus device. `known`: its sheet, if it is known; `refresh_ms`: how often it works its registers out anew."""

    def __init__(
        self, device: Device, profile: ModbusProfile, known: Sheet | None = None, refresh_ms: int = 0
    ) -> None:
        self._device, self._profile = device, profile
        self._refresh_ms = refresh_ms
        self._fresh_to = 0
        self._played = build(device, profile)
        self._image = self._played.update(0, _NOTHING)
        self._answers: dict[str, Words | None] = {}
        self.sheet = known or sheet(device_map(profile, device))

    def live(self, now: int, inputs: Inputs, *, shows: bool) -> None:
        """See `AskedDevice.live`."""
        if not inputs and now < self._fresh_to:
            return
        self._fresh_to = now + self._refresh_ms
        image = self._played.update(now, inputs)
        if shows and image is not self._image:
            self._image = image
            self._answers.clear()

    def answers(self, request: Request) -> Words | None:
        """See `AskedDevice.answers`."""
        if request.key not in self._answers:
            self._answers[request.key] = _words(request, self._image)
        return self._answers[request.key]

    def restart(self) -> None:
        """See `AskedDevice.restart`."""
        self._played = build(self._device, self._profile)

    def hold(self) -> None:
        """See `AskedDevice.hold`."""
        self._fresh_to = _NEVER


def _words(request: Request, image: Image) -> Words | None:
    reply = answer(Asked(1, 0, request.function, request.address, request.count), image)
    if reply is None or isinstance(reply, ExceptionResponse):
        return None
    words = reply.bits[: request.count] if request.function in {1, 2} else reply.registers
    return tuple(int(word) for word in words)


class DigitDevice:
    """A meter by DL/T 645, asked and heard in frames."""

    def __init__(self, device: Device, profile: MeterProfile, unit: int) -> None:
        self._address = (device.address or "").zfill(12)
        self._profile = profile
        self._meter = Meter(profile, self._address)
        self._frozen: Meter | None = None
        self.sheet = sheet(meter_map(profile, device, unit))

    def live(self, now: int, inputs: Inputs, *, shows: bool) -> None:
        """See `AskedDevice.live`."""
        if shows:
            self._frozen = None
        elif self._frozen is None:
            self._frozen = copy.deepcopy(self._meter)
        self._meter.update(now, inputs)

    def answers(self, request: Request) -> Words | None:
        """See `AskedDevice.answers`."""
        block = self._profile.blocks[request.function - FIRST_FUNCTION]
        shown = self._frozen or self._meter
        frames = FrameReader().feed(shown.hears(encode(ask(self._address, block.id))))
        if not frames:
            raise TimeoutError
        if frames[0].control != ANSWER:
            return None
        return words_of(block, frames[0].data[4:])[request.address : request.address + request.count]

    def restart(self) -> None:
        """See `AskedDevice.restart`."""
        self._meter = Meter(self._profile, self._address)

    def hold(self) -> None:
        """See `AskedDevice.hold`. No meter of the simulation changes by itself."""
