"""`sitewarden replay`: files in, a file out, with progress while a terminal looks on."""

import contextlib
import sys
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import IO

import msgspec
from rich.console import Console
from rich.progress import Progress

from cloud.correlation.replay import ReplayResult, replay
from cloud.correlation.rule_files import load_rules
from contract.problems import ConfigError, Problem
from contract.site_files import load_site

_STDIN = "-"


class ReplayOptions(msgspec.Struct, frozen=True, kw_only=True):
    """What was typed."""

    site: Path
    rules: Path
    events: str
    out: str
    since: int | None = None
    until: int | None = None
    history: bool = False
    skip_bad: bool = False


def run_replay(options: ReplayOptions, console: Console) -> None:
    """Judge the events and write the verdicts; what was odd about the events is told on `console`.

    Raises:
        ConfigError: Files of the site, the rules or the events have mistakes; nothing was written.
    """
    site = load_site(options.site)
    rules = load_rules(options.rules, site)
    with recorded_lines(options.events, console) as lines:
        result = replay(
            site,
            rules,
            lines,
            since=options.since,
            until=options.until,
            history=options.history,
            skip_bad=options.skip_bad,
            file=options.events,
        )
    _write(options.out, result.verdicts)
    _tell(result, console)


@contextlib.contextmanager
def recorded_lines(name: str, console: Console) -> Iterator[Iterable[bytes]]:
    """The lines of a file, or of standard input, with progress while a terminal looks on.

    Raises:
        ConfigError: The file can't be read.
    """
    if name == _STDIN:
        yield sys.stdin.buffer
        return
    path = Path(name)
    try:
        file = path.open("rb")
    except OSError as error:
        raise ConfigError([Problem(name, 1, "", f"can't be read: {error.strerror}")]) from error
    with file, Progress(console=console, transient=True, disable=not console.is_terminal) as progress:
        task = progress.add_task("reading", total=path.stat().st_size)
        yield _counted(file, lambda size: progress.advance(task, size))


def _counted(file: IO[bytes], advance: Callable[[int], None]) -> Iterator[bytes]:
    pending = 0
    for line in file:
        pending += len(line)
        if pending > 1 << 20:
            advance(pending)
            pending = 0
        yield line


def _write(name: str, lines: list[bytes]) -> None:
    body = b"".join(line + b"\n" for line in lines)
    if name == _STDIN:
        sys.stdout.buffer.write(body)
        sys.stdout.flush()
        return
    try:
        Path(name).write_bytes(body)
    except OSError as error:
        raise ConfigError([Problem(name, 1, "", f"can't be written: {error.strerror}")]) from error


def _tell(result: ReplayResult, console: Console) -> None:
    for problem in result.bad[:20]:
        console.print(f"skipped: {problem}")
    if len(result.bad) > 20:
        console.print(f"skipped {len(result.bad)} bad lines in all")
    for what, counted in (("device", result.unknown_devices), ("event type", result.unknown_types)):
        for name, count in sorted(counted.items()):
            console.print(f"kept, but decides nothing: {count} events of the unknown {what} {name}")
