"""The dock of a patrol wand: a serial port that is asked every few seconds whether a wand lies in it.

Its records go to disk first and are wiped off the wand after that; a wand that is pulled out, a cut of the power or a
full disk in between costs nothing, since what was read twice is told once.
"""

import asyncio
import contextlib
import threading
import time
import urllib.parse
from collections.abc import Iterator
from typing import Final

import serial
import structlog

from contract.causes import Cause, because
from edge import clock
from edge.drivers.serial_errors import OPEN_ERRORS, why_not_open
from edge.endpoints import nothing_else
from edge.errors import LineLost, NoAnswer, SettingsError, WandError
from edge.jwm.session import Result, Saying, Taken, take, wipe
from edge.jwm.wand import Rounds, Wand
from edge.localtime import wall_clock
from edge.ports import Covered, Failed, Services, Sink

BAUD: Final = 19_200
BREATH_S: Final = 0.05
"""Before each command: under 10 ms the wand cuts its answer short, beyond 150 ms it greets anew."""
ANSWER_S: Final = 0.5
MOST_RECORDS: Final = 255
"""What one byte can count: a wand that says so may hold more."""
LOOK_S: Final = 5.0
DOCKED_LOOK_S: Final = 30.0

log = structlog.get_logger("edge.drivers.jwm")


def parse_dock(url: str) -> str:
    """The serial port that `jwm:///dev/ttyUSB0` names.

    Raises:
        SettingsError: The URL has another form.
    """
    parts = urllib.parse.urlsplit(url)
    if parts.scheme != "jwm" or not parts.path or parts.netloc:
        raise SettingsError(f"expected the port of a dock such as jwm:///dev/ttyUSB0, found {url!r}")
    nothing_else(url, parts, "path")
    return parts.path


class WandDriver:
    """See `edge.ports.Driver`. `rounds` is shared by all docks of the agent."""

    def __init__(self, line: str, port: str, wand: Wand, rounds: Rounds, services: Services) -> None:
        self._line = line
        self._port = port
        self._wand = wand
        self._rounds = rounds
        self._services = services
        self._note = f"wand:{wand.device}"
        self._lost_said = False
        self._recalled = False

    async def run(self, sink: Sink) -> None:
        """See `Driver.run`."""
        while True:
            try:
                docked = await self._look(sink)
            except LineLost as error:
                docked = False
                self._lost(sink, str(error))
            except WandError as error:
                docked = False
                log.warning("the wand was not understood", action="wand", line=self._line, why=str(error))
            await asyncio.sleep(DOCKED_LOOK_S if docked else LOOK_S)

    def _lost(self, sink: Sink, detail: str) -> None:
        if not self._lost_said:
            log.warning("line down", action="line_down", line=self._line, why=detail)
        self._lost_said = True
        sink.put(
            [
                Failed(
                    devices=(self._wand.device,),
                    at=clock.boot_ms(),
                    why=because(Cause.DOCK_LOST, detail=detail),
                )
            ]
        )

    async def _look(self, sink: Sink) -> bool:
        """Read the wand, if there is one, and wipe it; whether there was.

        As long as nobody knows what time it is, a wand keeps what it has: its clock can't be set nor its stamps be
        placed.
        """
        wall = self._services.wall()
        if wall is None:
            return False
        with _opened(self._port) as dock:
            self._lost_said = False
            now = clock.boot_ms()
            try:
                taken = await dock.says(take(wall_clock(wall, self._wand.zone)))
            except NoAnswer:
                return False
            if await self._keep(taken, sink, now, wall):
                await self._wipe(dock, now, wall)
            return True

    async def _keep(self, taken: Taken, sink: Sink, now: int, wall: int) -> bool:
        """Put on disk what was taken; whether it is there whole, so that the wand may forget it."""
        if not self._recalled:
            held = await self._services.recall(f"{self._note}:held")
            self._wand.remember(held.decode().split() if held else ())
            self._recalled = True
        told = await self._services.recall(self._note)
        seen = self._wand.tells(taken, now, wall, int(told) if told else None)
        sink.put(seen)
        refused = await self._services.kept()
        lost = [one for one in seen if refused.has(one)]
        self._wand.kept(taken, lost)
        if lost:
            log.error("the disk refused records, the wand keeps them", action="refused", line=self._line)
            return False
        raws = " ".join(record.raw for record in taken.records if record is not None)
        await self._services.remember(f"{self._note}:held", raws.encode())
        if taken.damaged or len(taken.records) >= MOST_RECORDS:
            why = "records can't be read" if taken.damaged else "there may be more records than it can count"
            log.error("the wand keeps its records", action="not_wiped", line=self._line, why=why)
            return False
        known = self._rounds.read(self._wand.device, now)
        sink.put([Covered(devices=(name,), since=to, to=to) for name, to in known.items()])
        log.info("wand read", action="wand_read", line=self._line, records=len(taken.records))
        return True

    async def _wipe(self, dock: "_Dock", read_at: int, read_wall: int) -> None:
        wall = read_wall + clock.boot_ms() - read_at
        try:
            await dock.says(wipe(wall_clock(wall, self._wand.zone)))
        except NoAnswer:
            log.warning("the wand was pulled out", action="wand_pulled", line=self._line)
        else:
            await self._services.remember(self._note, str(wall).encode())


class _Dock:
    """An open port, spoken to in a thread, since its bytes want their time."""

    def __init__(self, port: serial.Serial) -> None:
        self._port = port
        self._stop = threading.Event()

    async def says(self, saying: Saying[Result]) -> Result:
        """Say all of it; what came of it.

        Raises:
            NoAnswer: Nobody there answers, or not to the end.
            LineLost: The port is gone.
            WandError: The answers are none of a wand's.
        """
        try:
            return await asyncio.to_thread(self._converse, saying)
        except asyncio.CancelledError:
            self._stop.set()
            raise

    def _converse(self, saying: Saying[Result]) -> Result:
        try:
            self._port.reset_input_buffer()
            ask = next(saying)
            while True:
                time.sleep(BREATH_S)
                self._port.write(ask.send)
                answer = self._port.read(ask.size)
                if len(answer) < ask.size or self._stop.is_set():
                    detail = f"{len(answer)} of {ask.size} bytes to {ask.send.hex(' ')}"
                    raise NoAnswer(because(Cause.UNREADABLE, detail=detail))
                ask = saying.send(answer)
        except StopIteration as end:
            result: Result = end.value
            return result
        except (OSError, serial.SerialException) as error:
            raise LineLost(str(error)) from error


@contextlib.contextmanager
def _opened(path: str) -> Iterator[_Dock]:
    port = serial.Serial(baudrate=BAUD, timeout=ANSWER_S, write_timeout=ANSWER_S, exclusive=True)
    port.port = path
    # A high line would restart the wand.
    port.dtr = port.rts = False
    try:
        port.open()
    except OPEN_ERRORS as error:
        raise LineLost(why_not_open(path, f"{BAUD} 8N1", error)) from error
    try:
        yield _Dock(port)
    finally:
        port.close()
