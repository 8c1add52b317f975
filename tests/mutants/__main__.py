"""`make mutants`: plants small faults in the code that decides, one at a time, and says which no fast test notices.

A map of which test executes which line is made first, by a run of the fast tests under `coverage`. Each fault then
gets the tests that execute its line, nearest first, in a copy of the tree. A fault in a line that no fast test
executes is one that nobody notices.
"""

import argparse
import itertools
import os
import random
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections import deque
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from queue import Queue

import coverage

from tests.mutants.faults import Fault, faults_in, sources

ROOT = Path(__file__).parents[2]
PACKAGES = [
    "cloud/correlation",
    "cloud/ingest",
    "cloud/operations",
    "cloud/incidents",
    "cloud/condition",
    "cloud/notify/decide.py",
    "cloud/store/memory.py",
    "cloud/store/memory_reads.py",
    "cloud/web/stream.py",
    "contract",
    "edge/decode",
    "edge/uplink/machine.py",
    "edge/uplink/message.py",
    "edge/spool/memory.py",
    "edge/clockmap.py",
    "edge/coverage.py",
    "edge/deviceclock.py",
    "edge/doors.py",
    "edge/plan.py",
    "edge/poll.py",
    "edge/stamp.py",
    "edge/topicmap.py",
]
FAST = ["tests/unit", "tests/rules", "tests/contract"]
PROPERTIES = {
    "cloud/correlation": "tests/properties",
    "cloud/operations": "tests/properties/test_orders.py tests/properties/test_people.py",
    "cloud/ingest": "tests/properties/test_spools.py tests/simulation/test_line.py",
    "edge/uplink": "tests/properties/test_spools.py tests/simulation/test_line.py",
}
"""Tests that take too long under `coverage`, by the packages that they are of; tried after all others."""
COPIED = ["cloud", "config", "contract", "edge", "firmware-sim", "sitewarden", "tests", "docs"]
FILES = ["pyproject.toml", "docker-compose.yml", "Makefile", "README.md", "CHANGELOG.md"]
MOST_TESTS = 250
LIMIT_S = 240
"""A fault that makes a test run for ever is noticed by that."""


def main() -> int:
    """Plant `--count` faults; exit status 1 when less than `--least` per cent of them are noticed."""
    parser = argparse.ArgumentParser(prog="make mutants", description=__doc__)
    parser.add_argument("--count", type=int, default=300, help="how many faults to plant")
    parser.add_argument("--seed", type=int, default=1, help="which of them")
    parser.add_argument("--least", type=float, default=90, help="the share to be noticed, in per cent")
    parser.add_argument(
        "--only", nargs="*", default=PACKAGES, help="packages or files, in place of all that decide"
    )
    chosen = parser.parse_args()
    planted = [fault for path in sources(ROOT, chosen.only) for fault in faults_in(ROOT / path)]
    sample = random.Random(chosen.seed).sample(planted, min(chosen.count, len(planted)))
    print(f"{len(sample)} of {len(planted)} faults, seed {chosen.seed}", flush=True)
    with tempfile.TemporaryDirectory(prefix="mutants-") as folder:
        data = make_map(Path(folder))
        noticed = try_all(sample, data, Path(folder))
    missed = [fault for fault, seen in zip(sample, noticed, strict=True) if not seen]
    for fault in sorted(missed, key=lambda fault: (fault.path, fault.line)):
        print(f"not noticed: {_relative(fault)}")
    share = 100 * (1 - len(missed) / len(sample)) if sample else 100.0
    print(f"{len(sample) - len(missed)} of {len(sample)} noticed: {share:.1f} %")
    return 0 if share >= chosen.least else 1


def make_map(folder: Path) -> Path:
    """The data file of a run of the fast tests, with the name of the test beside each line that it executed."""
    began = time.monotonic()
    settings = folder / "coveragerc"
    settings.write_text(
        f"[run]\ndynamic_context = test_function\ndata_file = {folder}/map\nsource = {','.join(_roots())}\n"
    )
    command = [sys.executable, "-m", "coverage", "run", f"--rcfile={settings}", "-m", "pytest", *FAST]
    print("the map: a run of the fast tests, some minutes", flush=True)
    with subprocess.Popen(
        [*command, *_quiet()],
        cwd=ROOT,
        env=_environment() | {"PYTHONUNBUFFERED": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as running:
        last = "".join(_told(running.stdout or ()))
    if running.returncode != 0:
        print(last)
        sys.exit("the fast tests fail without any fault: mend them first")
    print(f"the map took {time.monotonic() - began:.0f} s", flush=True)
    return folder / "map"


def _told(lines: Iterable[str]) -> list[str]:
    """Says how far a run of pytest is, once in five per cent; gives its last lines."""
    said, last = 0, deque[str](maxlen=40)
    for line in lines:
        last.append(line)
        if (found := re.search(r"\[ *(\d+)%\]$", line.rstrip())) and int(found[1]) >= said + 5:
            said = int(found[1])
            print(f"the map: {said} %", flush=True)
    return list(last)


def _roots() -> list[str]:
    return [str(ROOT / side) for side in ("cloud", "contract", "edge")]


def _quiet() -> list[str]:
    return [
        "-q",
        "-x",
        "-m",
        "not long",
        "-k",
        "not server",
        "-p",
        "no:cacheprovider",
        "--no-header",
        "--tb=no",
    ]


def _environment() -> dict[str, str]:
    # The same examples of property tests each time, so that only the fault makes a difference.
    return os.environ | {"CI": "true", "PYTHONDONTWRITEBYTECODE": "1"}


def try_all(sample: list[Fault], data: Path, folder: Path) -> list[bool]:
    """Whether each fault is noticed, two at a time, each in a copy of the tree."""
    tests = {fault: _tests_of(fault, data) for fault in sample}
    copies: Queue[Path] = Queue()
    tried = itertools.count(1)
    for number in range(2):
        copies.put(_copy(folder / f"copy-{number}"))

    def one(fault: Fault) -> bool:
        copy = copies.get()
        try:
            seen = _is_noticed(fault, tests[fault], copy)
        finally:
            copies.put(copy)
        done = next(tried)
        if not seen:
            print(f"missed {_relative(fault)}", flush=True)
        if done % 10 == 0 or done == len(sample):
            print(f"tried {done} of {len(sample)}", flush=True)
        return seen

    with ThreadPoolExecutor(2) as pool:
        return list(pool.map(one, sample))


def _copy(place: Path) -> Path:
    for name in COPIED:
        skip = shutil.ignore_patterns("node_modules", "__pycache__", "static")
        shutil.copytree(ROOT / name, place / name, ignore=skip)
    for name in FILES:
        shutil.copy(ROOT / name, place / name)
    return place


def _is_noticed(fault: Fault, tests: list[str], copy: Path) -> bool:
    """Whether one of the tests fails, or none of them ends, with the fault in place."""
    if not tests:
        return False
    target = copy / fault.path.relative_to(ROOT)
    right = target.read_bytes()
    target.write_bytes(fault.planted())
    command = [sys.executable, "-m", "pytest", *_quiet(), *tests]
    path = {"PYTHONPATH": f"{copy}{os.pathsep}{copy / 'firmware-sim'}"}
    try:
        done = subprocess.run(
            command, cwd=copy, env=_environment() | path, check=False, capture_output=True, timeout=LIMIT_S
        )
    except subprocess.TimeoutExpired:
        return True
    finally:
        target.write_bytes(right)
    return done.returncode != 0


def _tests_of(fault: Fault, data: Path) -> list[str]:
    """The tests that execute the fault's line, those whose file is named like the module first."""
    stem = fault.path.stem

    def distance(test: str) -> tuple[bool, str]:
        return (stem not in test.partition("::")[0], test)

    lines = coverage.CoverageData(str(data))
    lines.read()
    contexts = lines.contexts_by_lineno(str(fault.path))
    here = range(fault.line, fault.line + fault.old.count("\n") + 1)
    found = {one for line in here for one in contexts.get(line, ()) if one}
    if not found and any(line in contexts for line in here):
        # Executed while the module is loaded: whatever uses the module may notice.
        found = {one for line in contexts for one in contexts[line] if one}
    relative = fault.path.relative_to(ROOT).as_posix()
    slow = [tests.split() for package, tests in PROPERTIES.items() if relative.startswith(package)]
    return [*sorted(filter(None, map(_node, found)), key=distance)[:MOST_TESTS], *itertools.chain(*slow)]


def _node(context: str) -> str:
    """A test's address for pytest, from the dotted name that `coverage` gives it."""
    parts = context.split(".")
    module = max(
        (end for end in range(1, len(parts)) if (ROOT / Path(*parts[:end]).with_suffix(".py")).is_file()),
        default=0,
    )
    if not module:
        return ""
    return f"{Path(*parts[:module]).with_suffix('.py')}::{'::'.join(parts[module:])}"


def _relative(fault: Fault) -> str:
    return str(fault).replace(f"{ROOT}/", "")


if __name__ == "__main__":
    sys.exit(main())
