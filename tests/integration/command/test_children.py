"""Processes that the command starts end with it, however it ends, and nothing else ends."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from sitewarden.embedded.ports import free_port, is_listening
from sitewarden.embedded.process import Child
from sitewarden.errors import ChildFailedError
from tests.waiting import PATIENCE_S

SLEEPER = [sys.executable, "-c", "import time; time.sleep(3_600)"]
PARENT = """
import sys, time
from pathlib import Path
from sitewarden.embedded.process import Child
child = Child("sleeper", [sys.executable, "-c", "import time; time.sleep(3_600)"], Path(sys.argv[1]))
child.start()
print(child.pid, flush=True)
time.sleep(3_600)
"""


def gone(pid: int, within_s: float = PATIENCE_S) -> bool:
    """Whether a process has ended, or does so soon."""
    deadline = time.monotonic() + within_s
    while time.monotonic() < deadline:
        if not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE:
            return True
        time.sleep(0.02)
    return False


def test_a_child_ends_with_a_parent_that_is_killed(tmp_path: Path) -> None:
    parent = subprocess.Popen(
        [sys.executable, "-c", PARENT, str(tmp_path / "log")], stdout=subprocess.PIPE, text=True
    )
    assert parent.stdout is not None
    with parent, parent.stdout:
        pid = int(parent.stdout.readline())
        assert psutil.pid_exists(pid)
        parent.send_signal(signal.SIGKILL)
        parent.wait()
        assert gone(pid)


def test_stopping_a_child_ends_what_it_started_and_nothing_else(tmp_path: Path) -> None:
    other = Child("other", SLEEPER, tmp_path / "other.log")
    family = Child("family", ["sh", "-c", "sleep 3601 & echo $!; wait"], tmp_path / "family.log")
    other.start()
    family.start()
    family.wait_until(lambda: bool(family.tail().strip()), PATIENCE_S)
    grandchild = int(family.tail())
    family.stop()
    assert gone(grandchild)
    assert not family.running
    assert other.running
    other.stop()


def test_a_child_that_ignores_the_request_is_made_to_end(tmp_path: Path) -> None:
    stubborn = Child(
        "stubborn", ["sh", "-c", "trap '' TERM; echo up; while :; do sleep 1; done"], tmp_path / "log"
    )
    stubborn.start()
    stubborn.wait_until(lambda: "up" in stubborn.tail(), PATIENCE_S)
    stubborn.stop(grace_s=0.2)
    assert not stubborn.running


def test_a_child_that_ends_before_it_is_ready_is_told_with_its_last_words(tmp_path: Path) -> None:
    child = Child("hasty", ["sh", "-c", "echo no database here; exit 3"], tmp_path / "log")
    child.start()
    with pytest.raises(ChildFailedError, match="hasty ended before it was ready:\nno database here"):
        child.wait_until(lambda: False, PATIENCE_S)


def test_a_port_that_is_taken_is_passed_over() -> None:
    taken = free_port()
    server = subprocess.Popen(
        [sys.executable, "-m", "http.server", str(taken), "--bind", "127.0.0.1"], stderr=-3
    )
    try:
        while not is_listening(taken):
            os.sched_yield()
        assert free_port(taken) != taken
    finally:
        server.terminate()
        server.wait()


def test_ports_are_given_once_and_are_none_that_an_outgoing_connection_may_hold() -> None:
    given = [free_port() for _ in range(50)]
    assert len(set(given)) == 50
    assert max(given) < 32_768
