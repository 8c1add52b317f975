"""The real TimescaleDB for the tests: Debian's own build in a folder of its own, run in a chroot.

It needs root on Debian. The folder (some 700 MB) is kept between runs; each run has a cluster of its own.
"""

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from sitewarden.embedded.ports import free_port
from tests.waiting import PATIENCE_S

SUITE = "trixie"
PACKAGES = "postgresql-17,postgresql-17-timescaledb"
BIN = "/usr/lib/postgresql/17/bin"


class LeftOutError(Exception):
    """TimescaleDB can't be had here; the message says why."""


def root_folder() -> Path:
    """Where the Debian with TimescaleDB is kept."""
    return Path(os.environ.get("SITEWARDEN_TIMESCALE_ROOT", "/var/cache/sitewarden/timescale"))


def build() -> Path:
    """The folder, made if it is not there yet.

    Raises:
        LeftOutError: Not root, not Debian, or debootstrap has failed.
    """
    root = root_folder()
    if os.geteuid() != 0 or not Path("/etc/debian_version").exists():
        raise LeftOutError("it needs root on Debian")
    if (root / f".{BIN}/postgres").exists():
        return root
    if shutil.which("debootstrap") is None:
        _quietly("apt-get", "update")
        _quietly("apt-get", "install", "--yes", "debootstrap")
    half_done = root.with_name(root.name + ".part")
    shutil.rmtree(half_done, ignore_errors=True)
    half_done.parent.mkdir(parents=True, exist_ok=True)
    print(f"making {root} with debootstrap, once: a minute or two", flush=True)
    _quietly("debootstrap", "--variant=minbase", f"--include={PACKAGES}", SUITE, str(half_done))
    half_done.rename(root)
    return root


@contextlib.contextmanager
def running() -> Iterator[str]:
    """The DSN of a running server with a fresh cluster, gone afterwards.

    Raises:
        LeftOutError: It can't be had here.
    """
    root = build()
    inside = f"/srv/cluster-{os.getpid()}"
    data = root / inside.lstrip("/")
    data.mkdir(parents=True)
    shutil.chown(data, *_ids(root))
    port = free_port()
    _in_chroot(root, f"{BIN}/initdb --auth=trust --encoding=utf8 --locale=C.UTF-8 -D {inside}")
    server = _serve(root, inside, port)
    try:
        _wait_ready(root, port, server)
        yield f"postgresql://postgres@127.0.0.1:{port}/postgres"
    finally:
        server.send_signal(signal.SIGINT)
        server.wait(PATIENCE_S)
        shutil.rmtree(data)


def _serve(root: Path, inside: str, port: int) -> subprocess.Popen[bytes]:
    settings = {
        "shared_preload_libraries": "timescaledb",
        "dynamic_shared_memory_type": "mmap",
        "unix_socket_directories": "/tmp",
        "listen_addresses": "127.0.0.1",
        "timescaledb.telemetry_level": "off",
        # No scheduler: it would hold on to the database that others are copied from.
        "timescaledb.max_background_workers": "0",
        "fsync": "off",
    }
    options = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
    user, group = _ids(root)
    return subprocess.Popen(
        [
            "chroot",
            f"--userspec={user}:{group}",
            str(root),
            f"{BIN}/postgres",
            "-D",
            inside,
            "-p",
            str(port),
            *options,
        ],
        stdout=subprocess.DEVNULL,
        stderr=(root / "srv" / "last.log").open("wb"),
    )


def _wait_ready(root: Path, port: int, server: subprocess.Popen[bytes]) -> None:
    for _ in range(10 * PATIENCE_S):
        ready = subprocess.run(
            ["chroot", str(root), f"{BIN}/pg_isready", "-q", "-h", "127.0.0.1", "-p", str(port)], check=False
        )
        if ready.returncode == 0:
            return
        if server.poll() is not None:
            break
        time.sleep(0.1)
    raise LeftOutError("it did not start: " + (root / "srv" / "last.log").read_text()[-800:])


def _ids(root: Path) -> tuple[int, int]:
    """User and group id of `postgres` in there, which need not exist out here."""
    for line in (root / "etc/passwd").read_text().splitlines():
        name, _, uid, gid, *_ = line.split(":")
        if name == "postgres":
            return int(uid), int(gid)
    raise LeftOutError("no user postgres in " + str(root))


def _in_chroot(root: Path, command: str) -> None:
    user, group = _ids(root)
    _quietly("chroot", f"--userspec={user}:{group}", str(root), *command.split())


def _quietly(*command: str) -> None:
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, check=False)
    if done.returncode != 0:
        said = (done.stdout + done.stderr).decode("utf-8", "replace").strip().splitlines()[-3:]
        raise LeftOutError(f"{command[0]} failed: " + " / ".join(said))


if __name__ == "__main__":
    try:
        print(build())
    except LeftOutError as why:
        sys.exit(f"TimescaleDB can't be had here: {why}")
