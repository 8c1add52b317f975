"""Fire transmitters that call the agent over real TCP."""

import asyncio
import contextlib
import zoneinfo
from collections.abc import AsyncIterator

import msgspec
import pytest

from edge.drivers.gb26875 import Listener, TransmitterDriver, parse_listener
from edge.errors import SettingsError
from edge.gb26875.frame import CONFIRM, Frame, FrameReader, encode
from edge.gb26875.transmitter import Transmitter
from edge.ports import Refused, Services
from tests.bus import blind, coverage, events, kinds
from tests.lines import Agent, Notebook
from tests.waiting import PATIENCE_S

ADDRESS = bytes([1, 2, 3, 4, 5, 6])
LABEL = bytes([30, 15, 8, 22, 11, 26])


def fire(sequence: int, status: int = 0b11, source: bytes = ADDRESS) -> bytes:
    status_object = bytes([1, 3]) + status.to_bytes(2, "little") + LABEL
    return encode(
        Frame(
            sequence=sequence,
            version=b"\1\1",
            time=LABEL,
            source=source,
            destination=bytes(6),
            command=2,
            data=bytes([1, 1]) + status_object,
        )
    )


class Disk:
    """Says that all is kept, once it may; what is noted, an agent keeps."""

    def __init__(self) -> None:
        self.works = asyncio.Event()
        self.agent = Agent()

    def services(self) -> Services:
        return msgspec.structs.replace(self.agent.services(None), kept=self.kept)

    async def kept(self) -> Refused:
        await self.works.wait()
        return Refused()


@contextlib.asynccontextmanager
async def listening(disk: Disk, notebook: Notebook) -> AsyncIterator[int]:
    """The driver of one transmitter; the port that it listens on."""
    caller = Transmitter("panel", "auto", zoneinfo.ZoneInfo("Asia/Shanghai"), silent_after_ms=60_000)
    driver = TransmitterDriver("fire", Listener("127.0.0.1", 0), {ADDRESS.hex(): caller}, disk.services())
    running = asyncio.create_task(driver.run(notebook))
    try:
        await notebook.until(lambda seen: "panel" in blind(seen))
        yield driver.port
    finally:
        running.cancel()
        await asyncio.wait([running])


async def answers(reader: asyncio.StreamReader, count: int) -> list[Frame]:
    frames, found = FrameReader(), list[Frame]()
    async with asyncio.timeout(PATIENCE_S):
        while len(found) < count:
            found += frames.feed(await reader.read(100))
    return found


async def test_a_frame_is_confirmed_only_once_what_it_said_is_on_disk() -> None:
    disk, notebook = Disk(), Notebook()
    async with listening(disk, notebook) as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(fire(9))
        await notebook.until_told("fire.alarm")
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.2):
                await reader.read(1)
        disk.works.set()
        (answer,) = await answers(reader, 1)
        writer.close()
    assert (answer.sequence, answer.command, answer.destination) == (9, CONFIRM, ADDRESS)


async def test_garbage_and_cut_frames_lose_nothing() -> None:
    disk, notebook = Disk(), Notebook()
    disk.works.set()
    async with listening(disk, notebook) as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        stream = b"\x00@#junk" + fire(1) + b"@@" + fire(2, 0b01) + fire(3)
        for cut in range(0, len(stream), 7):
            writer.write(stream[cut : cut + 7])
            await writer.drain()
        assert [frame.sequence for frame in await answers(reader, 3)] == [1, 2, 3]
        writer.close()
    assert kinds(notebook.seen) == ["fire.alarm", "fire.alarm", "fire.alarm"]
    assert "panel" in coverage(notebook.seen)


async def test_a_fire_that_ended_while_the_agent_was_down_is_told_as_over_and_none_is_told_twice() -> None:
    disk = Disk()
    disk.works.set()
    told: list[list[object]] = []
    for statuses in ([0b111], [0b111, 0b101, 0b101]):
        notebook = Notebook()
        async with listening(disk, notebook) as port:
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            for number, status in enumerate(statuses):
                writer.write(fire(number, status))
            await answers(reader, len(statuses))
            writer.close()
        told.append([(one.type, one.data["state"]) for one in events(notebook.seen)])
    assert told == [[("fire.alarm", "active"), ("fire.fault", "active")], [("fire.alarm", "cleared")]]


async def test_a_transmitter_that_nobody_knows_is_not_confirmed() -> None:
    disk, notebook = Disk(), Notebook()
    disk.works.set()
    async with listening(disk, notebook) as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(fire(1, source=bytes(6)) + fire(2))
        assert [frame.sequence for frame in await answers(reader, 1)] == [2]
        writer.close()


async def test_one_that_hangs_up_is_not_known_any_more() -> None:
    disk, notebook = Disk(), Notebook()
    disk.works.set()
    async with listening(disk, notebook) as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(fire(1))
        await answers(reader, 1)
        writer.close()
        before = len(notebook.seen)
        await notebook.until(lambda seen: "panel" in blind(seen[before:]))


@pytest.mark.parametrize("url", ["gb26875://0.0.0.0", "gb26875://:99999", "tcp://0.0.0.0:5200"])
def test_another_address_is_refused(url: str) -> None:
    with pytest.raises(SettingsError, match="expected a listener such as"):
        parse_listener(url)
