"""What is said to the wand in which order, as generators: each yields what to send, and is given the answer. Pure.

The wand wants one command at a time, its answer read whole, and a breath before the next. Reading leaves its memory
as it is; only `wipe` clears it, so that comes when what was read is on disk.
"""

import datetime as dt
from collections.abc import Generator
from typing import TypeVar

import msgspec

from edge.errors import WandError
from edge.jwm import words
from edge.jwm.words import Record

Result = TypeVar("Result")


class Ask(msgspec.Struct, frozen=True):
    """Bytes to send, and how many come back."""

    send: bytes
    size: int


class Taken(msgspec.Struct, frozen=True):
    """What the wand held, None for a record that can't be read; `damaged` says what stood in each of those."""

    records: tuple[Record | None, ...]
    damaged: tuple[str, ...] = ()


Saying = Generator[Ask, bytes, Result]


def take(local: dt.datetime) -> Saying[Taken]:
    """Set the wand's clock to `local` and read all it holds; what it holds stays there.

    Raises:
        WandError: It answered something else than a wand would.
    """
    yield from _open()
    yield from _echoed(words.set_time(local), 11)
    yield from _echoed(words.STATUS, 8)
    yield from _open()
    yield from _echoed(words.STATUS, 8)
    yield from _echoed(words.STATUS, 8)
    count = words.read_count((yield from _echoed(words.DOWNLOAD, 7)))
    records: list[Record | None] = []
    damaged: list[str] = []
    for _ in range(count):
        answer = yield Ask(words.NEXT, len(words.NEXT) + words.RECORD_SIZE)
        try:
            records.append(words.read_record(answer))
        except WandError as error:
            records.append(None)
            damaged.append(str(error))
    return Taken(tuple(records), tuple(damaged))


def wipe(local: dt.datetime) -> Saying[None]:
    """Set the clock again and end the session, which clears the wand's memory.

    Raises:
        WandError: It answered something else than a wand would.
    """
    # While the disk worked, the wand may have gone back to waiting for a greeting.
    yield from _open()
    yield from _echoed(words.set_time(local), 11)
    yield from _echoed(words.CLOSE, 5)


def _open() -> Saying[None]:
    greeting = yield Ask(words.HELLO, words.HELLO_SIZE)
    if not greeting.startswith(words.HELLO):
        raise WandError(f"expected a greeting, got {greeting.hex(' ')}")
    ready = yield Ask(words.READY, len(words.READY))
    if ready != words.READY:
        raise WandError(f"expected to be let in, got {ready.hex(' ')}")


def _echoed(command: bytes, size: int) -> Saying[bytes]:
    answer = yield Ask(command, size)
    if not answer.startswith(command):
        raise WandError(f"asked {command.hex(' ')}, got {answer.hex(' ')}")
    return answer
