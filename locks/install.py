"""Installs the packages that are locked beside this file, and renews the locks.

It runs before anything else is installed: the standard library only, until `build.txt` is in place.
Usage, from the top folder, with the Python of the environment: `python locks/install.py install|bench|renew`.
"""

import os
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
LOCKS = ROOT / "locks"
INSTALL = (sys.executable, "-m", "pip", "--no-input", "--disable-pip-version-check", "install", "--quiet")
LOCKED = ("--require-hashes", "--no-build-isolation", "--retries=2")
"""Without isolation, a package that must be built is built by locked parts too."""
COMPILE = (
    "--universal",
    "--python-version=3.11",
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
    errors = re.findall(r"^\s*(?:ERROR|error): (.*)", output, re.MULTILINE)
    return errors[-1] if errors else output.strip().rpartition("\n")[2] or "pip failed without a word"


def pinned(lock: str) -> dict[str, list[str]]:
    """The versions that a lock holds of each package; several where the platform or the Python decides."""
    found: dict[str, list[str]] = {}
    for name, version in re.findall(r"^([\w.-]+)==([^\s;\\]+)", lock, re.MULTILINE):
        found.setdefault(plain(name), []).append(version)
    return found


def plain(name: str) -> str:
    """A package's name as locks write it (PEP 503)."""
    return re.sub(r"[-_.]+", "-", name).lower()


def misfits(project: dict[str, Any], locks: dict[str, str]) -> Iterator[str]:
    """What pyproject.toml asks for and the lock doesn't hold, one clause each.

    Args:
        project: The content of pyproject.toml.
        locks: The text of each lock, by name.
    """
    from packaging.requirements import Requirement  # noqa: PLC0415 - came with `build.txt`

    optional = project["project"]["optional-dependencies"]
    groups = project["dependency-groups"]
    asked = {
        "dev": [
            *project["project"]["dependencies"],
            *(one for extra in optional.values() for one in extra),
            *groups["dev"],
        ],
        "build": [*project["build-system"]["requires"], *groups["build"]],
        "renew": groups["renew"],
        "bench": groups["bench"],
        "image": [
            *project["project"]["dependencies"],
            *(one for name in ("edge", "cloud", "sim") for one in optional[name]),
        ],
    }
    for lock, requirements in asked.items():
        held = pinned(locks[lock])
        for text in requirements:
            wanted = Requirement(text)
            versions = held.get(plain(wanted.name))
            if wanted.name == project["project"]["name"]:
                continue
            if versions is None:
                yield f"{wanted.name} is not in locks/{lock}.txt"
            elif wrong := [one for one in versions if not wanted.specifier.contains(one, prereleases=True)]:
                yield f"locks/{lock}.txt has {wanted.name} {wrong[0]} and pyproject.toml asks for {wanted.specifier}"


def check(project: str, locks: dict[str, str]) -> None:
    """Compare the locks with the ranges.

    Raises:
        InstallError: They don't fit.
    """
    if wrong := sorted(set(misfits(tomllib.loads(project), locks))):
        raise InstallError(f"{'; '.join(wrong)}: run `make lock KEEP=1` and commit what it writes")


def read_locks() -> dict[str, str]:
    """The text of each lock, by name.

    Raises:
        InstallError: One is missing.
    """
    try:
        return {name: (LOCKS / f"{name}.txt").read_text("utf-8") for name in WHAT}
    except FileNotFoundError as error:
        missing = Path(error.filename).name
        raise InstallError(
            f"locks/{missing} is missing: `git checkout locks/{missing}`, or run `make lock`"
        ) from error


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
    run([*INSTALL, *LOCKED, "--requirement", "locks/build.txt"])
    check((ROOT / "pyproject.toml").read_text("utf-8"), locks)
    run([*INSTALL, *LOCKED, "--requirement", "locks/dev.txt"])
    run([*INSTALL, "--no-deps", "--no-build-isolation", "--editable", "."])


def bench() -> None:
    """What `make bench` is compared with."""
    run([*INSTALL, *LOCKED, "--requirement", "locks/bench.txt"])


def renew() -> None:
    """Write the locks anew: the newest versions within the ranges, or with KEEP=1 only what must change."""
    run([*INSTALL, *LOCKED, "--requirement", "locks/renew.txt"])
    uv = str(Path(sys.executable).with_name("uv"))
    upgrade = [] if os.environ.get("KEEP") else ["--upgrade"]
    for number, (name, parts) in enumerate(WHAT.items()):
        keep_to = ["--constraint=locks/dev.txt"] if number else []
        source = [] if parts[0].startswith("--only-group") else ["pyproject.toml"]
        chosen = [part.replace("--only-group", "--group") for part in parts]
        command = [uv, "pip", "compile", *source, *chosen, *COMPILE, *upgrade, *keep_to, "--quiet"]
        run(
            [*command, f"--output-file=locks/{name}.txt"],
            UV_CUSTOM_COMPILE_COMMAND="make lock",
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
