"""Installing by the locks: what runs here is what is locked, and whatever goes wrong is one sentence that says what to do."""

import importlib.metadata
import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import psycopg
import pytest
from ruamel.yaml import YAML

from tests.architecture.test_locks import INSTALLER, LOCKS, ROOT
from tests.waiting import PATIENCE_S

TIMESCALE = os.environ.get("SITEWARDEN_TEST_DSN")


def test_what_runs_here_is_what_is_locked() -> None:
    held = INSTALLER.pinned(LOCKS["dev"])
    here = {INSTALLER.plain(one.name): one.version for one in importlib.metadata.distributions()}
    assert {name: here[name] for name in held.keys() & here.keys() if here[name] not in held[name]} == {}


def pip_install(folder: Path, requirements: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """What pip says of those requirements in an environment that asks no index but the one given."""
    (folder / "lock.txt").write_text(requirements, "utf-8")
    settings = {name: value for name, value in os.environ.items() if not name.startswith("PIP_")}
    settings |= {"PIP_CONFIG_FILE": os.devnull, "PIP_NO_CACHE_DIR": "1", **environment}
    command = [
        *INSTALLER.INSTALL,
        *INSTALLER.LOCKED,
        "--target",
        str(folder / "there"),
        "--requirement",
        "lock.txt",
    ]
    return subprocess.run(
        command, cwd=folder, env=settings, capture_output=True, text=True, check=False, timeout=PATIENCE_S
    )


def make_wheel(folder: Path) -> None:
    """A package with nothing in it, as an index would give it."""
    about = {
        "METADATA": "Metadata-Version: 2.1\nName: empty-part\nVersion: 1.0\n",
        "WHEEL": "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        "RECORD": "",
    }
    with zipfile.ZipFile(folder / "empty_part-1.0-py3-none-any.whl", "w") as wheel:
        for name, text in about.items():
            wheel.writestr(f"empty_part-1.0.dist-info/{name}", text)


def test_a_package_whose_hash_differs_is_told_with_what_to_do(tmp_path: Path) -> None:
    make_wheel(tmp_path)
    lock = f"empty-part==1.0 --hash=sha256:{'0' * 64}\n"
    done = pip_install(tmp_path, lock, PIP_NO_INDEX="1", PIP_FIND_LINKS=str(tmp_path))
    assert done.returncode != 0
    told = INSTALLER.explain(done.stdout + done.stderr)
    assert told.startswith("empty-part==1.0 from the package index is not the file that was locked")
    assert "ask whoever runs the index" in told
    assert "\n" not in told


def test_a_package_without_a_hash_is_told_with_what_to_do(tmp_path: Path) -> None:
    make_wheel(tmp_path)
    done = pip_install(tmp_path, "empty-part==1.0\n", PIP_NO_INDEX="1", PIP_FIND_LINKS=str(tmp_path))
    assert done.returncode != 0
    assert "has no hash in locks/: run `make lock`" in INSTALLER.explain(done.stdout + done.stderr)


def test_an_index_that_lacks_the_version_is_told_with_what_to_do(tmp_path: Path) -> None:
    make_wheel(tmp_path)
    lock = f"empty-part==2.0 --hash=sha256:{'0' * 64}\n"
    done = pip_install(tmp_path, lock, PIP_NO_INDEX="1", PIP_FIND_LINKS=str(tmp_path))
    assert done.returncode != 0
    assert "has no empty-part==2.0 for this Python" in INSTALLER.explain(done.stdout + done.stderr)


def test_an_index_that_is_out_of_reach_is_told_with_what_to_do(tmp_path: Path) -> None:
    lock = f"empty-part==1.0 --hash=sha256:{'0' * 64}\n"
    done = pip_install(tmp_path, lock, PIP_INDEX_URL="http://127.0.0.1:9/simple", PIP_RETRIES="0")
    assert done.returncode != 0
    told = INSTALLER.explain(done.stdout + done.stderr)
    assert told.startswith("the package index can't be reached: check the network and pip's settings")
    assert "\n" not in told


def make_in(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """What `make` does in a copy of the project without its packages: installing is a word in a file."""
    if not (folder / "Makefile").exists():
        shutil.copy(ROOT / "Makefile", folder)
        (folder / "locks").mkdir()
        shutil.copy(ROOT / "locks" / "new-venv.sh", folder / "locks")
        (folder / "locks" / "install.py").write_text(
            "import sys\nprint('installing by', sys.version.split()[0])\n"
        )
        for name in ("pyproject.toml", "hatch_build.py"):
            (folder / name).touch()
    settings = {
        name: value
        for name, value in os.environ.items()
        if name not in {"MAKEFLAGS", "MAKELEVEL", "MFLAGS", "PYTHON"}
    }
    return subprocess.run(
        ["make", "--no-print-directory", *words],
        cwd=folder,
        env=settings,
        capture_output=True,
        text=True,
        check=False,
    )


def a_program(path: Path, text: str) -> str:
    path.write_text(f"#!/bin/sh\n{text}\n", "utf-8")
    path.chmod(0o755)
    return str(path)


UNUSABLE = {
    "too old": (
        "echo python old 3.9.18 /opt/python3.9",
        "is too old (3.9.18): Sitewarden needs Python 3.11 or newer: ",
    ),
    "a shim without a version": (
        "echo 'pyenv: python3.11: command not found' >&2; echo >&2; echo 'It exists in: 3.12' >&2; exit 127",
        "does not run as a Python (pyenv: python3.11: command not found): install Python 3.11 or newer, or name one",
    ),
    "another program": (
        "exit 0",
        "is no Python (it said nothing when asked for its version): install Python 3.11",
    ),
    "no venv": (
        (
            "case $1 in -c) echo python new 3.12.1 /usr/bin/python3.12;; "
            "*) mkdir -p .venv/bin; echo 'ensurepip is not available'; exit 1;; esac"
        ),
        "can't make an environment (ensurepip is not available): on Debian install python3-venv, or name one",
    ),
}


@pytest.mark.parametrize("what", UNUSABLE)
def test_a_python_that_is_of_no_use_is_told_with_what_to_do(tmp_path: Path, what: str) -> None:
    script, told = UNUSABLE[what]
    done = make_in(tmp_path, "install", f"PYTHON={a_program(tmp_path / 'python-of-sorts', script)}")
    assert done.returncode != 0
    (said,) = [line for line in done.stderr.splitlines() if line.startswith("sitewarden: ")]
    assert told in said
    assert "make install PYTHON=/path/to/python3" in said
    assert not (tmp_path / ".venv").exists()


@pytest.mark.parametrize(
    ("python", "told"),
    [("", "PYTHON is empty: leave it out, or name one"), ("python3.0", "python3.0 is not here")],
)
def test_a_python_that_is_not_there_is_told_with_what_to_do(tmp_path: Path, python: str, told: str) -> None:
    done = make_in(tmp_path, "install", f"PYTHON={python}")
    assert done.returncode != 0
    assert told in done.stderr
    assert not (tmp_path / ".venv").exists()


def test_another_python_that_is_named_makes_the_environment_anew(tmp_path: Path) -> None:
    """Also when the one before it is complete, or was left behind by an installation that failed."""
    here = sys._base_executable
    assert make_in(tmp_path, "install", f"PYTHON={here}").stdout.startswith("installing by")
    assert (
        make_in(tmp_path, "install", f"PYTHON={here}").stdout == "make: Nothing to be done for 'install'.\n"
    )
    mark = tmp_path / ".venv" / "made-before"
    mark.touch()
    gone = make_in(tmp_path, "install", "PYTHON=python3.0")
    assert "python3.0 is not here" in gone.stderr
    assert mark.exists(), "what works stays until another one is known to work"
    # An environment of another Python: its interpreter says so.
    (tmp_path / ".venv" / "bin" / "python").unlink()
    a_program(tmp_path / ".venv" / "bin" / "python", "echo python new 3.99.0 /elsewhere/python3.99")
    assert make_in(tmp_path, "install").stdout == "make: Nothing to be done for 'install'.\n"
    anew = make_in(tmp_path, "install", f"PYTHON={here}")
    assert anew.stdout.startswith("installing by"), anew.stderr
    assert not mark.exists()


def test_an_environment_that_was_left_half_made_is_made_anew(tmp_path: Path) -> None:
    (tmp_path / ".venv" / "bin").mkdir(parents=True)
    done = make_in(tmp_path, "install", f"PYTHON={sys._base_executable}")
    assert done.stdout.startswith("installing by"), done.stderr


@pytest.mark.timescale
@pytest.mark.skipif(TIMESCALE is None, reason="needs the real TimescaleDB")
def test_compose_runs_the_database_that_the_tests_run() -> None:
    with psycopg.connect(str(TIMESCALE)) as connection:
        server = connection.execute("SHOW server_version_num").fetchone()
        timescale = connection.execute(
            "SELECT default_version FROM pg_available_extensions WHERE name = 'timescaledb'"
        ).fetchone()
    assert server is not None
    assert timescale is not None
    services: dict[str, Any] = YAML(typ="safe").load((ROOT / "docker-compose.yml").read_text("utf-8"))[
        "services"
    ]
    assert (
        services["database"]["image"] == f"timescale/timescaledb:{timescale[0]}-pg{int(server[0]) // 10_000}"
    )
