"""Meters by DL/T 645-2007 on a serial line or behind a converter: asked one at a time, as Modbus devices are.

Frames carry the meter's address and what was asked for, so that a late answer is known for what it is.
"""

import asyncio
import urllib.parse
from collections.abc import Sequence
from typing import Final

from contract.causes import Cause, because
from contract.profile.expand import binding_mistakes
from contract.profile.meter import FIRST_FUNCTION, meter_map
from contract.profile.model import MeterProfile
from contract.site import Device
from edge.clock import boot_ms
from edge.decode.sheet import sheet
from edge.dlt645.frame import ANSWER, MORE, REFUSAL, WAKE, Frame, FrameReader, ask, encode
from edge.dlt645.values import words_of
from edge.drivers.modbus import ModbusDriver
from edge.drivers.modbus_frames import Ask
from edge.drivers.modbus_line import Answered
from edge.drivers.modbus_transport import Channel, Endpoint, open_channel, serial_endpoint
from edge.endpoints import nothing_else
from edge.errors import LineLost, NoAnswer, Refused, SettingsError

_NO_SUCH_DATA: Final = 2
_REFUSED: Final = 4


def parse_meter_line(url: str) -> Endpoint:
    """The line that a URL names: `dlt645:///dev/ttyUSB0?baudrate=2400&parity=E` or `dlt645-tcp://192.0.2.7:4196`.

    Raises:
        SettingsError: The URL has another form.
    """
    parts = urllib.parse.urlsplit(url)
    if parts.scheme == "dlt645" and parts.path:
        return serial_endpoint(url, parts, baudrate=2_400, parity="E")
    try:
        port = parts.port
    except ValueError:
        port = None
    if parts.scheme != "dlt645-tcp" or not parts.hostname or not port:
        raise SettingsError(
            "expected a line such as dlt645:///dev/ttyUSB0?baudrate=2400&parity=E or "
            f"dlt645-tcp://192.0.2.7:4196, found {url!r}"
        )
    nothing_else(url, parts, "place")
    return Endpoint(host=parts.hostname, port=port, framed=False)


def meter_driver(line: str, endpoint: str, devices: Sequence[tuple[Device, MeterProfile]]) -> ModbusDriver:
    """The driver of a line with its meters.

    Raises:
        SettingsError: The endpoint, or what the site says of a meter, can't be done.
    """
    mistakes = [
        f"{device.id}: {'.'.join(map(str, path))}: {message}"
        for device, profile in devices
        for path, message in binding_mistakes(profile, device)
    ]
    if mistakes:
        raise SettingsError("\n".join(mistakes))
    sheets = [sheet(meter_map(profile, device, unit)) for unit, (device, profile) in enumerate(devices)]
    return ModbusDriver(line, MeterLine(parse_meter_line(endpoint), devices), sheets)


class MeterLine:
    """A line of meters to be asked, one question at a time; a unit is the number of a meter on it, a function of a block."""

    def __init__(self, endpoint: Endpoint, meters: Sequence[tuple[Device, MeterProfile]]) -> None:
        self._endpoint = endpoint
        self._meters = [((device.address or "").zfill(12), profile) for device, profile in meters]
        self._reader = FrameReader()
        self._channel: Channel | None = None

    async def open(self) -> None:
        """Open the line unless it is.

        Raises:
            LineLost: It can't be opened now.
        """
        if self._channel is not None and self._channel.lost_at is not None:
            self.close()
        if self._channel is None:
            self._channel = await open_channel(self._endpoint)
            self._reader.reset()

    def close(self) -> None:
        """Close the line; `open` opens it again."""
        if self._channel is not None:
            self._channel.close()
            self._channel = None

    async def read(self, question: Ask, timeout_ms: int, probes: Sequence[Ask]) -> Answered:  # noqa: ARG002 - of the line's form
        """Ask and wait for the answer.

        Raises:
            LineLost: The line is gone; it has been closed.
            NoAnswer: None came in time, or one of another form.
            Refused: The meter answered that it won't.
        """
        if self._channel is None:
            raise LineLost("not open")
        address, profile = self._meters[question.unit]
        block = profile.blocks[question.function - FIRST_FUNCTION]
        asked_at = boot_ms()
        try:
            self._channel.take()
            self._reader.reset()
            self._channel.send(WAKE + encode(ask(address, block.id)))
            async with asyncio.timeout(timeout_ms / 1_000):
                frame = await self._awaited(self._channel, address, block.id.upper())
        except TimeoutError:
            raise NoAnswer from None
        except LineLost:
            self.close()
            raise
        if frame.control == REFUSAL:
            raise Refused(_NO_SUCH_DATA if frame.has_no_such else _REFUSED, asked_at, boot_ms())
        if frame.control == MORE:
            raise NoAnswer(because(Cause.UNREADABLE, detail="longer than one frame"))
        words = words_of(block, frame.data[4:])
        start = question.address
        return Answered(words[start : start + question.count], asked_at, boot_ms())

    async def _awaited(self, channel: Channel, address: str, identifier: str) -> Frame:
        """The answer of that meter to that question; an echo of the question, and answers to others, are passed over."""
        while True:
            for frame in self._reader.feed(await channel.receive()):
                if frame.address != address:
                    continue
                if frame.control == REFUSAL or (
                    frame.control in {ANSWER, MORE} and frame.identifier == identifier
                ):
                    return frame
