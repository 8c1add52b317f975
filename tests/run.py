"""What `make test` runs: the whole suite, on the real TimescaleDB too where it can be had."""

import contextlib
import os
import subprocess
import sys

from tests import chromium, timescale


def main() -> int:
    """Runs pytest with what the command line adds; the exit status is pytest's."""
    # Tests start hundreds of processes: compiled once, each begins two seconds sooner.
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    with contextlib.ExitStack() as stack:
        try:
            os.environ["SITEWARDEN_TEST_DSN"] = stack.enter_context(timescale.running())
            said = "store and acceptance tests run on the real TimescaleDB too"
        except timescale.LeftOutError as why:
            said = f"LEFT OUT: the tests on the real TimescaleDB, since {why}"
        print(said, flush=True)
        try:
            chromium.find()
        except chromium.LeftOutError as why:
            print(f"LEFT OUT: the tests in a browser, since {why}", flush=True)
        # Most of the time goes by in waiting for real processes: three at a time, a file never torn apart.
        side_by_side = ["-n", "3", "--dist", "loadfile", "--no-loadscope-reorder"]
        command = [
            sys.executable,
            "-m",
            "pytest",
            "-m",
            "not long",
            "-q",
            "--durations=15",
            *side_by_side,
            *sys.argv[1:],
        ]
        return subprocess.run(command, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
