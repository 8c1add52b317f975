"""A folder that takes files: `<inbox>/<device>/*.csv`, read once they are whole, kept, and moved to `done`.

Lines with a mistake are left out: they are named in a text file beside it, and told as a fault of the device until the
next file without any. A file of which nothing can be read is moved to `refused`. What
was told is remembered in `done`: a line that was told before, in whatever file, is not told again.
"""

import asyncio
import urllib.parse
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Final

import msgspec
import structlog

from contract.causes import Cause, because
from edge import clock
from edge.endpoints import nothing_else
from edge.errors import SettingsError
from edge.logbook import Log, Mistake, Moment
from edge.ports import Covered, Failed, Happened, Observation, Services, Sink
from edge.receipts import Message, Receipts

LOOK_S: Final = 5.0
QUIET_S: Final = 2.0
"""A file that nobody has written to for so long is whole."""

MOST_WHY: Final = 1_000
"""Characters of what is wrong that travel with the fault; all of it stands beside the file."""
_MEMORY: Final = "told.keys"
"""Beside the files that were taken: what each of their lines is known by."""

Read = Callable[[bytes, Moment], Log]
"""Reads a file of one device."""

log = structlog.get_logger("edge.drivers.inbox")


def parse_inbox(url: str) -> Path:
    """The folder that `csv:///var/lib/sitewarden/inbox` names.

    Raises:
        SettingsError: The URL has another form.
    """
    parts = urllib.parse.urlsplit(url)
    if parts.scheme != "csv" or not parts.path.strip("/") or parts.netloc:
        raise SettingsError(f"expected a folder such as csv:///var/lib/sitewarden/inbox, found {url!r}")
    nothing_else(url, parts, "path")
    return Path(urllib.parse.unquote(parts.path))


def drop(name: str, body: bytes, folder: Path) -> Path:
    """Put a file into a folder of an inbox, whole or not at all; where it lies.

    Raises:
        OSError: It can't be written, or one of that name lies there.
    """
    folder.mkdir(parents=True, exist_ok=True)
    place = folder / name
    if place.exists():
        raise FileExistsError(f"{place} waits to be taken already")
    part = folder / f".{name}.part"
    part.write_bytes(body)
    part.replace(place)
    return place


class InboxDriver:
    """See `edge.ports.Driver`. `readers`: by device, how its files are read; `told_of`: all that they tell of."""

    def __init__(
        self,
        line: str,
        inbox: Path,
        readers: Mapping[str, Read],
        told_of: Mapping[str, tuple[str, ...]],
        services: Services,
    ) -> None:
        self._line = line
        self._told_of = told_of
        self._inbox = inbox
        self._readers = readers
        self._services = services
        self._receipts = Receipts(services.kept)
        self._told: dict[str, set[str]] = {}
        self._lost: set[str] = set()
        self._faulty: set[str] = set()
        self._note = f"inbox:{line}:faulty"

    async def run(self, sink: Sink) -> None:
        """See `Driver.run`."""
        if note := await self._services.recall(self._note):
            self._faulty = msgspec.json.decode(note, type=set[str])
        while True:
            for device, read in self._readers.items():
                try:
                    await self._look(device, read, sink)
                except OSError as error:
                    self._say_lost(device, sink, error)
                else:
                    self._lost.discard(device)
            await asyncio.sleep(LOOK_S)

    def _say_lost(self, device: str, sink: Sink, error: OSError) -> None:
        if device not in self._lost:
            log.warning("inbox lost", action="line_down", line=self._line, device=device, why=str(error))
        self._lost.add(device)
        sink.put([Failed(devices=(device,), at=clock.boot_ms(), why=because(Cause.INBOX_LOST))])

    async def _look(self, device: str, read: Read, sink: Sink) -> None:
        folder = self._inbox / device
        for path in await asyncio.to_thread(_whole_files, folder):
            wall = self._services.wall()
            if wall is None:
                return  # as long as nobody knows what time it is, nothing can be placed
            body = await asyncio.to_thread(path.read_bytes)
            now = Moment(clock.boot_ms(), wall)
            if device not in self._told:
                self._told[device] = await asyncio.to_thread(_told_before, folder) | self._told_lately()
            found = await asyncio.to_thread(read, body, now)
            faults = self._faults(device, path.name, found, now)
            if not await self._keep(device, path.name, found, faults, now, sink):
                continue
            await self._note_faulty(device, is_faulty=bool(found.mistakes))
            if found.unread:
                await asyncio.to_thread(_refuse, path, found.mistakes)
                log.warning("a file was refused", action="refused", line=self._line, file=path.name)
            else:
                keys = [key for key, _ in keyed(found)]
                await asyncio.to_thread(_done, path, keys, found.mistakes)
                log.info(
                    "a file was taken",
                    action="taken",
                    line=self._line,
                    file=path.name,
                    left_out=len(found.mistakes),
                )

    async def _note_faulty(self, device: str, *, is_faulty: bool) -> None:
        if is_faulty is not (device in self._faulty):
            self._faulty ^= {device}
            await self._services.remember(self._note, msgspec.json.encode(sorted(self._faulty)))

    def _faults(self, device: str, file: str, found: Log, now: Moment) -> list[Happened]:
        """What is amiss with a file, or that nothing is any more."""
        data: dict[str, str | int]
        if found.mistakes:
            said = "; ".join(map(str, found.mistakes))[:MOST_WHY]
            cause = Cause.FILE_REFUSED if found.unread else Cause.LINES_LEFT_OUT
            first = found.mistakes[0]
            where: dict[str, str | int] = {
                "line": first.line,
                "column": first.column or "*",
                "lines": len(found.mistakes),
            }
            data = {"state": "active", **because(cause, file=file, detail=said, **where).data}
        elif device in self._faulty:
            data = {"state": "cleared"}
        else:
            return []
        return [Happened(device=device, type="device.fault", at=now.boot, observed_at=now.boot, data=data)]

    async def _keep(
        self, device: str, file: str, found: Log, faults: list[Happened], now: Moment, sink: Sink
    ) -> bool:
        """Put what a file says on disk, but for what was told before; whether it is there."""
        told = self._told[device]
        fresh = [(key, seen) for key, seen in keyed(found) if key not in told]
        message = Message((device, file), [*(seen for _, seen in fresh), *faults], lambda: None)
        if not await self._receipts.keep(sink, message):
            return False
        told.update(key for key, _ in fresh)
        if found.newest is not None and found.oldest is not None:
            to, since = (now.boot - (now.wall - at) for at in (found.newest, found.oldest))
            known, partly = self._known(device, found)
            sink.put([Covered(devices=known, since=to, to=to)] if known else [])
            sink.put([Covered(devices=partly, since=since, to=to, partly=True)] if partly else [])
        return True

    def _known(self, device: str, found: Log) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """The devices of which all is known that a log tells, and those of which something was left out."""
        told = self._told_of[device]
        partly = told if None in found.unknown else tuple(name for name in told if name in found.unknown)
        return tuple(name for name in told if name not in partly), partly

    def _told_lately(self) -> set[str]:
        """What is in the spool: a life may have ended before it could move a file."""
        return {f"{device}/{key.partition('/')[0]}" for device, key in self._services.recent}


def keyed(found: Log) -> list[tuple[str, Observation]]:
    """Each thing that a log says, with what makes it the same one again."""
    events: list[tuple[str, Observation]] = [(_message(event), event) for event in found.events]
    return events + [(f"{one.point}/{at}", one) for at, one in found.readings]


def _message(event: Happened) -> str:
    return f"{event.device}/{event.data['message']}"


def _whole_files(folder: Path) -> list[Path]:
    folder.mkdir(parents=True, exist_ok=True)
    now = clock.wall_ms() / 1_000
    return sorted(
        path
        for path in folder.iterdir()
        if path.is_file() and path.suffix.lower() == ".csv" and now - path.stat().st_mtime >= QUIET_S
    )


def _told_before(folder: Path) -> set[str]:
    memory = folder / "done" / _MEMORY
    return set(memory.read_text("utf-8").splitlines()) if memory.is_file() else set()


def _done(path: Path, keys: Sequence[str], mistakes: Sequence[Mistake]) -> None:
    """Move a file out of the way, and remember what it told; beside it stands what was left out."""
    folder = path.parent / "done"
    folder.mkdir(exist_ok=True)
    with (folder / _MEMORY).open("a", encoding="utf-8") as memory:
        memory.write("".join(f"{key}\n" for key in keys))
    place = _move(path, folder)
    if mistakes:
        _say(place, mistakes)


def _refuse(path: Path, mistakes: Sequence[Mistake]) -> None:
    _say(_move(path, path.parent / "refused"), mistakes)


def _say(place: Path, mistakes: Sequence[Mistake]) -> None:
    text = "".join(f"{mistake}\n" for mistake in mistakes)
    place.with_suffix(".errors.txt").write_text(text, encoding="utf-8")


def _move(path: Path, folder: Path) -> Path:
    """Move a file; beside one of the same name it gets a number."""
    folder.mkdir(exist_ok=True)
    place, number = folder / path.name, 1
    while place.exists():
        number += 1
        place = folder / f"{path.stem}-{number}{path.suffix}"
    Path(path).replace(place)
    return place
