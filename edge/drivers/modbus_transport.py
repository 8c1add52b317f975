"""Byte streams to the field: TCP and serial, one shape. Opened from a line's endpoint URL."""

import asyncio
import urllib.parse
from typing import cast

import msgspec
from pymodbus.transport.serialtransport import create_serial_connection
from typing_extensions import override

from edge.clock import boot_ms
from edge.drivers.modbus_frames import Codec, RtuCodec, TcpCodec
from edge.drivers.serial_errors import OPEN_ERRORS, why_not_open
from edge.endpoints import nothing_else
from edge.errors import LineClosed, LineLost, SettingsError

_CHARACTER_BITS = 11
_SILENT_CHARACTERS = 3.5
"""Modbus over Serial Line V1.02, 2.5.1.1: frames are apart by at least 3.5 characters of 11 bits,"""
_LEAST_GAP_S = 0.00175
"""above 19200 baud by 1.75 ms."""
CONNECT_S = 3.0
_RATES = frozenset(
    {300, 600, 1_200, 1_800, 2_400, 4_800, 9_600, 14_400, 19_200, 28_800, 38_400, 56_000, 57_600, 76_800}
) | {115_200, 128_000, 230_400, 250_000, 256_000, 460_800, 500_000, 576_000, 921_600, 1_000_000}


class Endpoint(msgspec.Struct, frozen=True, kw_only=True):
    """Where a Modbus line is. With `device` it is serial, else TCP; `framed` tells Modbus TCP from RTU in TCP."""

    host: str = ""
    port: int = 0
    framed: bool = True
    device: str = ""
    baudrate: int = 9600
    parity: str = "N"
    bytesize: int = 8
    stopbits: int = 1

    @property
    def gap_s(self) -> float:
        """The silence to keep before a request, in seconds."""
        if not self.device:
            return 0.0
        return max(_LEAST_GAP_S, _SILENT_CHARACTERS * _CHARACTER_BITS / self.baudrate)

    def codec(self) -> Codec:
        """A codec for its framing."""
        return TcpCodec() if self.framed else RtuCodec()


def parse_endpoint(url: str) -> Endpoint:
    """The endpoint that a URL names; see `contract.site.Line` for the forms.

    Raises:
        SettingsError: The URL has another form.
    """
    parts = urllib.parse.urlsplit(url)
    if parts.scheme == "modbus-rtu" and parts.path:
        return serial_endpoint(url, parts)
    try:
        port = parts.port or 502
    except ValueError:
        port = 0
    if parts.scheme not in {"modbus-tcp", "modbus-rtu-tcp"} or not parts.hostname or not port:
        raise SettingsError(
            f"expected a line such as modbus-tcp://192.0.2.7:502, modbus-rtu-tcp://192.0.2.7:4196 or "
            f"modbus-rtu:///dev/ttyUSB0?baudrate=9600&parity=N, found {url!r}"
        )
    nothing_else(url, parts, "place")
    return Endpoint(host=parts.hostname, port=port, framed=parts.scheme == "modbus-tcp")


def serial_endpoint(url: str, parts: urllib.parse.SplitResult, **settings: str | int) -> Endpoint:
    """The serial port that a URL names; `settings` where it does not say otherwise.

    Raises:
        SettingsError: A setting is none.
    """
    nothing_else(url, parts, "path", "query")
    said = urllib.parse.parse_qsl(parts.query, keep_blank_values=True)
    given = {**settings, **dict(said)}
    twice = [name for name, _ in said if [one for one, _ in said].count(name) > 1]
    if twice:
        raise SettingsError(f"{url}: {twice[0]} is there twice")
    try:
        endpoint = msgspec.convert({**given, "device": parts.path, "framed": False}, Endpoint, strict=False)
    except msgspec.ValidationError as error:
        field = str(error).rpartition("$.")[2].strip("`")
        raise SettingsError(
            f"{url}: expected a number as {field}, found {given.get(field)!r}; settings are apart by &"
        ) from error
    unknown = sorted(given.keys() - {"baudrate", "parity", "bytesize", "stopbits"})
    if unknown or endpoint.parity not in {"N", "E", "O"} or endpoint.baudrate <= 0:
        raise SettingsError(
            f"expected baudrate, parity (N, E, O), bytesize and stopbits in {url!r}, found {parts.query!r}"
        )
    _usual(url, endpoint)
    return endpoint


def _usual(url: str, endpoint: Endpoint) -> None:
    if endpoint.baudrate not in _RATES:
        near = min(_RATES, key=lambda rate: abs(rate - endpoint.baudrate))
        raise SettingsError(f"{url}: no serial port runs at {endpoint.baudrate} baud; did you mean {near}?")
    if endpoint.bytesize not in {7, 8} or endpoint.stopbits not in {1, 2}:
        raise SettingsError(f"{url}: expected bytesize 7 or 8, and stopbits 1 or 2")


class Channel(asyncio.Protocol):
    """An open byte stream. What comes in is kept until it is taken. `lost_at`: boot clock ms when it ended, if it did."""

    def __init__(self) -> None:
        self._transport: asyncio.WriteTransport | None = None
        self._taken_in = bytearray()
        self._changed = asyncio.Event()
        self._lost = ""
        self.lost_at: int | None = None
        self.opened = asyncio.Event()

    @override
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.WriteTransport, transport)
        self.opened.set()

    @override
    def data_received(self, data: bytes) -> None:
        self._taken_in += data
        self._changed.set()

    @override
    def connection_lost(self, exc: Exception | None) -> None:
        self._lost = str(exc) if exc else "closed by the other side"
        self.lost_at = boot_ms()
        self._changed.set()

    def send(self, data: bytes) -> None:
        """Send bytes, as soon as may be.

        Raises:
            LineClosed: The stream has ended.
        """
        if self._lost or self._transport is None:
            raise LineClosed(self._lost or "not open")
        self._transport.write(data)

    def take(self) -> bytes:
        """What has come in by now."""
        data = bytes(self._taken_in)
        self._taken_in.clear()
        self._changed.clear()
        return data

    async def receive(self) -> bytes:
        """Wait for bytes and take them.

        Raises:
            LineClosed: The stream ended and everything that came before has been taken.
        """
        while not self._taken_in:
            if self._lost:
                raise LineClosed(self._lost)
            self._changed.clear()
            await self._changed.wait()
        return self.take()

    async def ended(self, within_s: float) -> bool:
        """Whether the other side ends the stream within that time."""
        try:
            async with asyncio.timeout(within_s):
                while self.lost_at is None:
                    self._changed.clear()
                    await self._changed.wait()
        except TimeoutError:
            return False
        return True

    def close(self) -> None:
        """End the stream at once."""
        if self._transport is not None and not self._lost:
            self._transport.abort()


async def open_channel(endpoint: Endpoint) -> Channel:
    """Open the stream of an endpoint.

    Raises:
        LineLost: It can't be opened now; the message says what it is and why.
    """
    loop = asyncio.get_running_loop()
    try:
        async with asyncio.timeout(CONNECT_S):
            if endpoint.device:
                return await _open_serial(endpoint)
            _, channel = await loop.create_connection(Channel, endpoint.host, endpoint.port)
            return channel
    except TimeoutError as error:
        where = endpoint.device or f"{endpoint.host}:{endpoint.port}"
        raise LineLost(f"{where} did not open within {CONNECT_S:g} s") from error
    except OPEN_ERRORS as error:
        raise LineLost(_why(endpoint, error)) from error


def _why(endpoint: Endpoint, error: Exception) -> str:
    if not endpoint.device:
        return str(error) or type(error).__name__
    settings = f"{endpoint.baudrate} {endpoint.bytesize}{endpoint.parity}{endpoint.stopbits}"
    return why_not_open(endpoint.device, settings, error)


async def _open_serial(endpoint: Endpoint) -> Channel:
    _, protocol = await create_serial_connection(
        asyncio.get_running_loop(),
        Channel,
        endpoint.device,
        baudrate=endpoint.baudrate,
        bytesize=endpoint.bytesize,
        parity=endpoint.parity,
        stopbits=endpoint.stopbits,
        timeout=0,
    )
    channel = cast(Channel, protocol)
    await channel.opened.wait()
    return channel
