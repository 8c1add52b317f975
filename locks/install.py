"""Installs the packages that are locked beside this file, and renews the locks.

It runs before anything else is installed: the standard library only, until `build.txt` is in place.
Usage, from the top folder, with the Python of the environment: `python locks/install.py install|bench|renew`.
"""

import itertools
import os
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from packaging.requirements import Requirement

ROOT = Path(__file__).resolve().parents[1]
LOCKS = ROOT / "locks"
INSTALL = (sys.executable, "-m", "pip", "--no-input", "--disable-pip-version-check", "install", "--quiet")
LOCKED = ("--require-hashes", "--no-build-isolation", "--retries=2")
"""Without isolation, a package that must be built is built by locked parts too."""
COMPILE = (
    "--universal",
    "--no-strip-extras",
    "--generate-hashes",
    "--no-emit-index-url",
    "--no-emit-find-links",
)
WHAT = {
    "dev": ("--extra=demo", "--group=build", "--group=dev", "--group=renew"),
    "image": ("--extra=edge", "--extra=cloud", "--extra=sim"),
    "build": ("--only-group=build",),
    "renew": ("--only-group=renew",),
    "bench": ("--only-group=bench",),
}
"""Each lock with what of pyproject.toml it holds; the first is what the others keep to."""


COMPARE = "`git diff pyproject.toml` shows what changed"


class InstallError(Exception):
    """Something can't be installed; the message says what to do."""


def explain(output: str) -> str:
    """One sentence on why pip has failed and what to do, from what it printed."""
    if "DO NOT MATCH THE HASHES" in output:
        names = re.findall(r"^\s+(\S+) from \S+", output, re.MULTILINE)
        what = f"{names[0]} from the package index is" if names else "a package from the index is"
        return (
            f"{what} not the file that was locked (its hash differs): ask whoever runs the index before you install "
            "it; if it was replaced for a good reason, run `make lock` and read what it changes"
        )
    if "--require-hashes mode" in output:
        return "a package that is needed has no hash in locks/: run `make lock` and commit what it writes"
    if re.search(
        r"connection broken by|Failed to establish|Connection\w*Error|Could not fetch URL|timed out", output
    ):
        return (
            "the package index can't be reached: check the network and pip's settings (`pip config list`, "
            "PIP_INDEX_URL, PIP_PROXY, PIP_CERT), then run the same command again"
        )
    if pages := re.search(r"the pages can't be built: .*", output):
        return pages[0]
    if absent := re.search(r"No matching distribution found for (\S+)", output):
        return (
            f"the package index has no {absent[1]} for this Python and platform: choose an index that has it "
            "(`pip config list`), or run `make lock` for versions that yours has"
        )
    if clash := re.search(r"╰─▶ (.*)", output, re.DOTALL):
        why = " ".join(clash[1].split())
        return f"what pyproject.toml asks for can't be had together: {why}: change a range"
    if caused := re.findall(r"Caused by: (.*)", output):
        return f"{caused[-1].strip()}: mend that, and run it again"
    errors = re.findall(r"^\s*(?:ERROR|error): (.*)", output, re.MULTILINE)
    return errors[-1] if errors else output.strip().rpartition("\n")[2] or "pip failed without a word"


LINE = re.compile(
    r"(?P<name>[\w.-]+)(?:\[(?P<extras>[\w., -]+)\])?==(?P<version>[^\s;\\]+)(?: ; (?P<marker>.+?))? \\"
)
"""A package in a lock; its hashes follow, indented."""
WRITTEN_FOR = re.compile(r"^#    make lock, for Python (\d+\.\d+) and newer$", re.MULTILINE)
MARKS = re.compile(r"<{7} |={7}$|>{7} |\|{7} ")
"""What Git leaves where two sides of a merge disagree."""


def packages(lock: str) -> Iterator[re.Match[str]]:
    """The packages of a lock, by `LINE`."""
    return (found for line in lock.splitlines() if (found := LINE.fullmatch(line)))


def pinned(lock: str) -> dict[str, list[str]]:
    """The versions that a lock holds of each package; several where the platform or the Python decides."""
    found: dict[str, list[str]] = {}
    for one in packages(lock):
        found.setdefault(plain(one["name"]), []).append(one["version"])
    return found


def plain(name: str) -> str:
    """A package's name as locks write it (PEP 503)."""
    return re.sub(r"[-_.]+", "-", name).lower()


def check_form(name: str, lock: str) -> None:
    """Look for lines that no lock has.

    Raises:
        InstallError: There is one; the message says which and what to do.
    """
    for number, line in enumerate(lock.splitlines(), 1):
        where = f"locks/{name}.txt:{number}"
        if MARKS.match(line):
            raise InstallError(
                f"{where} holds the marks of a merge: take one side (`git checkout --ours locks/`, or "
                "`git checkout HEAD -- locks/` if they were committed before), then run `make lock KEEP=1`"
            )
        if not (LINE.fullmatch(line) or re.match(r"\s*#|\s+--hash=sha256:[0-9a-f]{64}( \\)?$|$", line)):
            raise InstallError(
                f"{where} is no line of a lock ({line.strip()[:60]!r}): `git checkout locks/{name}.txt`, "
                "or run `make lock`"
            )


def read_project(text: str) -> dict[str, Any]:
    """What pyproject.toml says.

    Raises:
        InstallError: It is broken; the message says where and what was expected.
    """
    if marks := [number for number, line in enumerate(text.splitlines(), 1) if MARKS.match(line)]:
        raise InstallError(
            f"pyproject.toml:{marks[0]} holds the marks of a merge: choose what stays, run it again"
        )
    try:
        project = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise InstallError(
            f"pyproject.toml is not valid TOML: {error}: mend that line ({COMPARE})"
        ) from error
    floor(project)
    return project


def floor(project: dict[str, Any]) -> tuple[int, ...]:
    """The oldest Python that the package is for.

    Raises:
        InstallError: `requires-python` names none.
    """
    needed = table(project, "project").get("requires-python")
    if found := re.fullmatch(r">=\s*(\d+)\.(\d+)\s*(,.*)?", str(needed)):
        return int(found[1]), int(found[2])
    raise InstallError(
        f'pyproject.toml: project.requires-python is {needed!r}: expected a least version, as ">=3.11"'
    )


def table(project: dict[str, Any], *path: str) -> dict[str, Any]:
    """A table of pyproject.toml.

    Raises:
        InstallError: There is none.
    """
    found: dict[str, Any] = project
    for depth, name in enumerate(path, 1):
        below = found.get(name)
        if not isinstance(below, dict):
            raise InstallError(
                f"pyproject.toml has no table {'.'.join(path[:depth])}: put it back ({COMPARE})"
            )
        found = below
    return found


def requirements(project: dict[str, Any], *path: str) -> list[tuple[str, str]]:
    """The requirements of a list in pyproject.toml, each with the list's name.

    Raises:
        InstallError: There is no such list.
    """
    where, found = ".".join(path), table(project, *path[:-1]).get(path[-1])
    if not isinstance(found, list):
        raise InstallError(
            f"pyproject.toml: {where} is {found!r}: expected a list of requirements ({COMPARE})"
        )
    return [(where, str(text)) for text in found]


def asked_for(project: dict[str, Any]) -> dict[str, list[tuple[str, str]]]:
    """What each lock must hold: where in pyproject.toml it is asked for, and the requirement as it is written."""
    optional = table(project, "project", "optional-dependencies")
    base = requirements(project, "project", "dependencies")
    extras = {
        name: requirements(project, "project", "optional-dependencies", name)
        for name in (*optional, "edge", "cloud", "sim")
    }
    groups = {
        name: requirements(project, "dependency-groups", name) for name in ("dev", "build", "renew", "bench")
    }
    return {
        "dev": [*base, *itertools.chain(*extras.values()), *groups["dev"]],
        "build": [*requirements(project, "build-system", "requires"), *groups["build"]],
        "renew": groups["renew"],
        "bench": groups["bench"],
        "image": [*base, *itertools.chain(*(extras[name] for name in ("edge", "cloud", "sim")))],
    }


MACHINES = (("linux", "x86_64"), ("linux", "aarch64"), ("darwin", "arm64"), ("win32", "AMD64"))


def places(oldest: tuple[int, ...]) -> Iterator[dict[str, str]]:
    """The platforms and Pythons on which a lock must hold what is asked for, as markers see them."""
    for minor in range(oldest[1], max(oldest[1], 14) + 1):
        for system, machine in MACHINES:
            yield {
                "python_version": f"{oldest[0]}.{minor}",
                "python_full_version": f"{oldest[0]}.{minor}.0",
                "sys_platform": system,
                "platform_machine": machine,
                "platform_system": {"linux": "Linux", "darwin": "Darwin", "win32": "Windows"}[system],
                "os_name": "nt" if system == "win32" else "posix",
                "implementation_name": "cpython",
                "platform_python_implementation": "CPython",
            }


def misfits(project: dict[str, Any], locks: dict[str, str]) -> Iterator[str]:
    """What pyproject.toml asks for and the lock doesn't hold, one clause each.

    Args:
        project: The content of pyproject.toml.
        locks: The text of each lock, by name.

    Raises:
        InstallError: Something that pyproject.toml asks for can't be understood.
    """
    oldest = floor(project)
    for lock, asked in asked_for(project).items():
        written_for = WRITTEN_FOR.search(locks[lock])
        if written_for is None or tuple(map(int, written_for[1].split("."))) > oldest:
            told = f"Python {written_for[1]} and newer" if written_for else "no Python that it names"
            yield f"locks/{lock}.txt is for {told} and pyproject.toml asks for {'.'.join(map(str, oldest))}"
        for where, text in asked:
            yield from _misfits_of(lock, locks[lock], requirement(where, text), oldest)


def requirement(where: str, text: str) -> "Requirement":
    """What a line of pyproject.toml asks for.

    Raises:
        InstallError: It is no requirement.
    """
    from packaging.requirements import InvalidRequirement, Requirement  # noqa: PLC0415 - came with `build.txt`

    try:
        return Requirement(text)
    except InvalidRequirement as error:
        why = str(error).partition("\n")[0]
        raise InstallError(
            f'pyproject.toml: {where}: {text!r} is no requirement ({why}): expected a name and a range, as "rich>=13.9"'
        ) from error


def _misfits_of(lock: str, text: str, wanted: "Requirement", oldest: tuple[int, ...]) -> Iterator[str]:
    from packaging.markers import Marker  # noqa: PLC0415 - came with `build.txt`

    name = plain(wanted.name)
    if name == "sitewarden":
        return
    held = [one for one in packages(text) if plain(one["name"]) == name]
    if not held:
        yield f"{wanted.name} is not in locks/{lock}.txt"
        return
    if wrong := [
        one["version"] for one in held if not wanted.specifier.contains(one["version"], prereleases=True)
    ]:
        yield f"locks/{lock}.txt has {wanted.name} {wrong[0]} and pyproject.toml asks for {wanted.specifier}"
    extras = {plain(extra) for one in held for extra in (one["extras"] or "").replace(" ", "").split(",")}
    if more := sorted(extra for extra in wanted.extras if plain(extra) not in extras):
        yield f"locks/{lock}.txt has {wanted.name} without [{','.join(more)}], which pyproject.toml asks for"
    markers = [Marker(one["marker"]) if one["marker"] else None for one in held]
    for place in places(oldest):
        asked = wanted.marker is None or wanted.marker.evaluate({"extra": "", **place})
        if asked and not any(marker is None or marker.evaluate({"extra": "", **place}) for marker in markers):
            where = f"{place['sys_platform']} on {place['platform_machine']} with Python {place['python_version']}"
            yield f"locks/{lock}.txt has no {wanted.name} for {where}"
            return


def check(project: str, locks: dict[str, str]) -> None:
    """Compare the locks with what is asked for.

    Raises:
        InstallError: They don't fit, or one of them is broken.
    """
    for name, lock in locks.items():
        check_form(name, lock)
    if wrong := sorted(set(misfits(read_project(project), locks))):
        raise InstallError(f"{'; '.join(wrong)}: run `make lock KEEP=1` and commit what it writes")


def read_locks() -> dict[str, str]:
    """The text of each lock, by name.

    Raises:
        InstallError: One is missing.
    """
    try:
        return {name: read(f"locks/{name}.txt") for name in WHAT}
    except FileNotFoundError as error:
        missing = Path(error.filename).name
        raise InstallError(
            f"locks/{missing} is missing: `git checkout locks/{missing}`, or run `make lock`"
        ) from error


def read(name: str) -> str:
    """The text of a file of the project.

    Raises:
        FileNotFoundError: It is missing.
        InstallError: It is no text.
    """
    try:
        return (ROOT / name).read_text("utf-8")
    except UnicodeDecodeError as error:
        raise InstallError(f"{name} is not UTF-8 text: `git checkout {name}`") from error


def run(command: Iterable[str], **environment: str) -> None:
    """Run a command of pip's; its output is shown only by what it means.

    Raises:
        InstallError: It has failed.
    """
    done = subprocess.run(
        list(command),
        cwd=ROOT,
        text=True,
        capture_output=True,
        check=False,
        env={**os.environ, **environment},
    )
    if done.returncode != 0:
        if os.environ.get("VERBOSE"):
            sys.stderr.write(done.stdout + done.stderr)
        raise InstallError(explain(done.stdout + done.stderr))


def install() -> None:
    """Everything that `make demo`, `make test` and `make check` need, and the package itself, editable."""
    locks = read_locks()
    for name, lock in locks.items():
        check_form(name, lock)
    project = read("pyproject.toml")
    read_project(project)
    run([*INSTALL, *LOCKED, "--requirement", "locks/build.txt"])
    check(project, locks)
    run([*INSTALL, *LOCKED, "--requirement", "locks/dev.txt"])
    run([*INSTALL, "--no-deps", "--no-build-isolation", "--editable", "."])


def bench() -> None:
    """What `make bench` is compared with."""
    run([*INSTALL, *LOCKED, "--requirement", "locks/bench.txt"])


def renew() -> None:
    """Write the locks anew: the newest versions within the ranges, or with KEEP=1 only what must change."""
    oldest = ".".join(map(str, floor(read_project(read("pyproject.toml")))))
    check_form("renew", read("locks/renew.txt"))
    run([*INSTALL, *LOCKED, "--requirement", "locks/renew.txt"])
    uv = str(Path(sys.executable).with_name("uv"))
    upgrade = [] if os.environ.get("KEEP") else ["--upgrade"]
    for number, (name, parts) in enumerate(WHAT.items()):
        keep_to = ["--constraint=locks/dev.txt"] if number else []
        source = [] if parts[0].startswith("--only-group") else ["pyproject.toml"]
        chosen = [part.replace("--only-group", "--group") for part in parts]
        command = [uv, "pip", "compile", *source, *chosen, *COMPILE, *upgrade, *keep_to, "--quiet"]
        run(
            [*command, f"--python-version={oldest}", f"--output-file=locks/{name}.txt"],
            UV_CUSTOM_COMPILE_COMMAND=f"make lock, for Python {oldest} and newer",
            **index_of_pip(),
        )


def index_of_pip() -> dict[str, str]:
    """The index that pip is told to use, for uv, unless uv has one of its own."""
    if "UV_DEFAULT_INDEX" in os.environ or "UV_INDEX_URL" in os.environ:
        return {}
    told = subprocess.run(
        [sys.executable, "-m", "pip", "config", "list"], text=True, capture_output=True, check=False
    ).stdout
    found = re.search(r"^(?:global|install|:env:)\.index-url='([^']+)'", told, re.MULTILINE)
    return {"UV_DEFAULT_INDEX": found[1]} if found else {}


def main() -> None:
    """Run what is asked for, or say in one sentence why not."""
    try:
        {"install": install, "bench": bench, "renew": renew}[sys.argv[1]]()
    except InstallError as error:
        sys.exit(f"sitewarden: {error}")


if __name__ == "__main__":
    main()
