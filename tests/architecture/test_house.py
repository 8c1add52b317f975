"""The house stays in order: direction of imports, room sizes, what an edge box must not need."""

import ast
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SIDES = ("contract", "edge", "cloud", "firmware-sim/firmware_sim", "sitewarden")
SOURCES = sorted(path for side in SIDES for path in (ROOT / side).rglob("*.py"))
TESTS = sorted((ROOT / "tests").rglob("*.py"))
MOST_LINES = 500
NOT_ON_AN_EDGE_BOX = {"fastapi", "numpy", "pydantic", "psycopg", "nats", "uvicorn", "starlette"}


def test_the_direction_of_imports_holds() -> None:
    command = [sys.executable, "-c", "from importlinter.cli import lint_imports_command as c; c()"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("path", SOURCES + TESTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_module_is_one_room(path: Path) -> None:
    assert len(path.read_text("utf-8").splitlines()) <= MOST_LINES


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_module_says_what_it_is_for(path: Path) -> None:
    assert ast.get_docstring(ast.parse(path.read_text("utf-8")))


def test_an_edge_box_needs_nothing_of_the_cloud() -> None:
    code = "import edge.app, sys; print(*{name.split('.')[0] for name in sys.modules})"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert not NOT_ON_AN_EDGE_BOX & set(done.stdout.split())


def test_every_extra_is_named_where_its_part_is_missing() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    assert {"edge", "cloud", "sim", "demo"} <= set(project["optional-dependencies"])


def test_no_file_carries_a_path_of_one_machine_or_an_open_end() -> None:
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True)
    marks = ["/ro" + "ot/", "/ho" + "me/", "/wo" + "rk/", "TO" + "DO", "FIX" + "ME"]
    found = [
        f"{name}: {mark}"
        for name in listed.stdout.split()
        if name.endswith((".py", ".md", ".yaml", ".yml", ".toml", ".sql", ".js", ".html", ".css"))
        and (ROOT / name).is_file()
        for mark in marks
        if mark in (ROOT / name).read_text("utf-8")
    ]
    assert not found
