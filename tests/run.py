"""What `make test` runs: the whole suite, on the real TimescaleDB too where it can be had."""

import contextlib
import os
import subprocess
import sys

from tests import timescale


def main() -> int:
    """Runs pytest with what the command line adds; the exit status is pytest's."""
    with contextlib.ExitStack() as stack:
        try:
            os.environ["SITEWARDEN_TEST_DSN"] = stack.enter_context(timescale.running())
            said = "store and acceptance tests run on the real TimescaleDB too"
        except timescale.LeftOutError as why:
            said = f"LEFT OUT: the tests on the real TimescaleDB, since {why}"
        print(said, flush=True)
        # Most of the time goes by in waiting for real processes: two at a time, a file never torn apart.
        side_by_side = ["-n", "2", "--dist", "loadfile"]
        command = [sys.executable, "-m", "pytest", "-m", "not long", "-q", *side_by_side, *sys.argv[1:]]
        return subprocess.run(command, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
