"""A child process: started with its output in a file, watched, and stopped with everything below it.

A child never outlives its parent: on Linux the kernel ends it when the parent dies, however it dies.
"""

import contextlib
import ctypes
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import IO, Final

from sitewarden.clock import monotonic_s
from sitewarden.errors import ChildFailedError
from sitewarden.settings import environment

_PR_SET_PDEATHSIG: Final = 1
_TICK_S: Final = 0.02
READY_S: Final = 120.0
"""How long a part may take until it is ready: one that fails ends by itself, and is noticed at once."""
_libc = ctypes.CDLL(None) if sys.platform == "linux" else None


class Child:
    """One process of ours. Its standard output and error go to `log`; `env` is added to our environment."""

    def __init__(
        self, name: str, command: Sequence[str], log: Path, env: Mapping[str, str] = MappingProxyType({})
    ) -> None:
        self.name = name
        self.log = log
        self._command = list(command)
        self._env = environment(env)
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Starts it; the output is appended to the log."""
        with self.log.open("ab") as out:
            self._process = _spawn(self._command, out, self._env)

    @property
    def pid(self) -> int | None:
        """The process id while it has been started."""
        return self._process.pid if self._process else None

    @property
    def running(self) -> bool:
        """Whether it has been started and has not ended."""
        return self._process is not None and self._process.poll() is None

    def wait_until(self, ready: Callable[[], bool], timeout_s: float) -> None:
        """Returns when `ready()` is true.

        Raises:
            ChildFailedError: It ended before, or `timeout_s` passed; the message carries the end of its log.
        """
        deadline = monotonic_s() + timeout_s
        while not ready():
            if not self.running:
                raise ChildFailedError(f"{self.name} ended before it was ready:\n{self.tail()}")
            if monotonic_s() > deadline:
                raise ChildFailedError(f"{self.name} was not ready within {timeout_s:.0f} s:\n{self.tail()}")
            time.sleep(_TICK_S)

    def stop(self, grace_s: float = 5.0) -> None:
        """Asks the process and all that it started to end, and makes them after `grace_s`."""
        if self._process is None:
            return
        if self._process.poll() is None:
            self._signal(signal.SIGTERM)
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(grace_s)
        self._signal(signal.SIGKILL)
        self._process.wait()

    def kill(self) -> None:
        """Ends it at once, without a word of warning."""
        self._signal(signal.SIGKILL)
        if self._process is not None:
            self._process.wait()

    def tail(self, lines: int = 15) -> str:
        """The last lines of its log."""
        if not self.log.exists():
            return ""
        return "\n".join(self.log.read_text("utf-8", "replace").splitlines()[-lines:])

    def _signal(self, number: signal.Signals) -> None:
        if self._process is not None:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self._process.pid, number)


def _spawn(command: list[str], out: IO[bytes], env: dict[str, str]) -> subprocess.Popen[bytes]:
    return subprocess.Popen(  # noqa: S603 - starting what the caller names is its whole purpose
        command,
        stdin=subprocess.DEVNULL,
        stdout=out,
        stderr=subprocess.STDOUT,
        start_new_session=True,
        env=env,
        preexec_fn=_die_with_parent,  # noqa: PLW1509 - one prctl call; no other thread holds a lock it needs
    )


def _die_with_parent() -> None:
    if _libc is not None:
        _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
