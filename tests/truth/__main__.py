"""`make truth`: plays every shipped profile through many random histories, and tells of each difference that it finds."""

import argparse
import os
import sys
import time
import traceback
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from typing import Final

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from tests.truth.checks import differences
from tests.truth.device import profiles
from tests.truth.history import STEPS, History

_PIECE: Final = 50
"""Histories that a process plays in one go."""
_MOST_TOLD: Final = 5

Found = list[tuple[int, list[str]]]


def main() -> int:
    """Play `--cases` histories of each profile from `--seed` on; exit status 1 when there is a difference."""
    parser = argparse.ArgumentParser(prog="python -m tests.truth", description=__doc__)
    parser.add_argument("--cases", type=int, default=1, help="how many histories of each profile")
    parser.add_argument("--seed", type=int, default=0, help="the first of them")
    parser.add_argument("--only", nargs="*", default=profiles(), help="profiles, in place of all")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="how many processes")
    parser.add_argument("--steps", type=int, default=STEPS, help="how many things are done in a history")
    chosen = parser.parse_args()
    console = Console(stderr=True)
    pieces = list(_pieces(chosen.only, chosen.seed, chosen.cases))
    began, failed, played, spent = time.monotonic(), Counter[str](), Counter[str](), Counter[str]()
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with (
        Progress(*columns, console=console) as progress,
        ProcessPoolExecutor(max_workers=chosen.jobs) as pool,
    ):
        task = progress.add_task("histories", total=chosen.cases * len(chosen.only))
        runs = {pool.submit(play, *piece, chosen.steps): piece for piece in pieces}
        for run in as_completed(runs):
            name, _, count = runs[run]
            found, seconds = run.result()
            played[name] += count
            spent[name] += seconds
            for seed, wrong in found:
                failed[name] += 1
                if failed[name] <= _MOST_TOLD:
                    _tell(name, seed, wrong)
            progress.advance(task, count)
            if not console.is_terminal and played[name] == chosen.cases:
                _tell_profile(name, played[name], failed[name], spent[name])
    total = sum(played.values())
    print(f"{total} histories in {time.monotonic() - began:.0f} s, {sum(failed.values())} with a difference")
    return 1 if failed else 0


def _pieces(names: list[str], first: int, cases: int) -> Iterator[tuple[str, int, int]]:
    for start in range(first, first + cases, _PIECE):
        for name in names:
            yield name, start, min(_PIECE, first + cases - start)


def play(name: str, first: int, count: int, steps: int) -> tuple[Found, float]:
    """Play histories of a profile: those with differences, by seed, and how many seconds it took."""
    began = time.process_time()
    found: Found = []
    for seed in range(first, first + count):
        if wrong := _wrong(name, seed, steps):
            found.append((seed, wrong))
    return found, time.process_time() - began


def _wrong(name: str, seed: int, steps: int) -> list[str]:
    history = History(name, seed)
    try:
        history.play(steps)
        return differences(history)
    except Exception:  # noqa: BLE001 - a supervisor of histories
        # What the product raises is a difference, too; the other histories go on.
        return traceback.format_exc().splitlines()


def _tell(name: str, seed: int, wrong: list[str]) -> None:
    print(f"{name}, seed {seed}; again: python -m tests.truth --only {name} --seed {seed}")
    for one in wrong:
        print(f"  {one}")
    sys.stdout.flush()


def _tell_profile(name: str, played: int, failed: int, seconds: float) -> None:
    rate = played / seconds if seconds else 0
    print(f"{name}: {played} histories, {failed} with a difference, {rate:.1f} a second", flush=True)


if __name__ == "__main__":
    sys.exit(main())
