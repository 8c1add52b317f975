"""Installing by the locks: what runs here is what is locked, and whatever goes wrong is one sentence that says what to do."""

import importlib.metadata
import os
import shutil
import subprocess
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


def test_a_python_that_is_too_old_or_missing_is_told_with_what_to_do(tmp_path: Path) -> None:
    shutil.copy(ROOT / "Makefile", tmp_path)
    for name in ("pyproject.toml", "hatch_build.py"):
        (tmp_path / name).touch()
    old = tmp_path / "python3.9"
    # The Makefile asks an interpreter two things: whether it is new enough, and its version.
    old.write_text('#!/bin/sh\ncase "$2" in *exit*) exit 1;; *) echo 3.9.18;; esac\n', "utf-8")
    old.chmod(0o755)
    for python, told in ((str(old), "is too old (3.9.18)"), ("python3.0", "python3.0 is not here")):
        done = subprocess.run(
            ["make", "install", f"PYTHON={python}"], cwd=tmp_path, capture_output=True, text=True, check=False
        )
        assert done.returncode != 0
        assert told in done.stderr
        assert "Python 3.11 or newer" in done.stderr
        assert not (tmp_path / ".venv").exists()


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
