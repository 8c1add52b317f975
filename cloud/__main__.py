"""The cloud's command line: parses, and calls `cloud.app`."""

import argparse
import sys

from cloud.setting_names import NAMES


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="sitewarden cloud",
        description="Takes what agents send, judges it, keeps it, and shows it: ingest, verdicts, API and page.",
        epilog="Each setting may also stand in the environment, as SITEWARDEN_SITES, SITEWARDEN_RULES and so on.",
    )
    for name, said in NAMES.items():
        parser.add_argument(f"--{name.replace('_', '-')}", metavar="TEXT", help=said)
    return parser


def main() -> int:
    """Run the cloud; the exit status: 0 stopped, 1 failed, 2 wrong files."""
    arguments = vars(_parser().parse_args())
    # Loaded only now: `--help` answers at once.
    from cloud import logs
    from cloud.app import run
    from cloud.errors import CloudError
    from cloud.settings import read_settings
    from contract.problems import ConfigError

    logs.configure()
    try:
        return run(read_settings(arguments))
    except ConfigError as error:
        sys.stderr.write(f"{error}\n")
        return 2
    except CloudError as error:
        sys.stderr.write(f"{error}\n")
        return 1


if __name__ == "__main__":
    sys.exit(main())
