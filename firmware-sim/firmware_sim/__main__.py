"""The simulators' command line: parses, and calls `firmware_sim.app`.

Each line that is served is told on standard output, as `{"line":"bus-1","endpoint":"modbus-tcp://127.0.0.1:502"}`,
and then `{"ready":true}`; the log goes to standard error.
"""

import argparse
import json
import logging
import sys
from collections.abc import Mapping


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="sitewarden sim",
        description="Simulated devices and people of a site, over real protocols.",
        epilog="Each setting may also stand in the environment, as SITEWARDEN_SITE, SITEWARDEN_SCENARIO and so on.",
    )
    parser.add_argument(
        "verb", nargs="?", choices=["serve", "run"], default="serve", help="`run` has its own --help"
    )
    parser.add_argument("named", nargs="?", metavar="SCENARIO", help="the same as --scenario")
    parser.add_argument("--site", metavar="DIR", help="the site's files")
    parser.add_argument("--scenario", metavar="NAME", help="a scenario's name or file (default demo)")
    parser.add_argument(
        "--mqtt", metavar="URL", help="the broker of the patrol readers; without it they are out"
    )
    parser.add_argument("--mqtt-user", metavar="NAME", help="how to sign in to it")
    parser.add_argument("--mqtt-password-file", metavar="FILE", help="a file with the password alone in it")
    parser.add_argument("--host", metavar="ADDRESS", help="where Modbus lines listen (default 127.0.0.1)")
    parser.add_argument(
        "--ports", choices=["site", "free"], help="as the site says (default), or any free ones"
    )
    parser.add_argument("--trace", metavar="FILE", help="write every physical event to this file")
    parser.add_argument("--speed", metavar="FACTOR", help="how fast time runs, in place of the scenario's")
    parser.add_argument("--seed", metavar="NUMBER", help="in place of the scenario's")
    return parser


def _announce(endpoints: Mapping[str, str]) -> None:
    for line, endpoint in endpoints.items():
        sys.stdout.write(json.dumps({"line": line, "endpoint": endpoint}) + "\n")
    sys.stdout.write(json.dumps({"ready": True}) + "\n")
    sys.stdout.flush()


def main() -> int:
    """Run the simulators; the exit status: 0 stopped, 1 failed, 2 wrong settings or files."""
    arguments = vars(_parser().parse_args())
    # Loaded only now: `--help` answers at once.
    import structlog

    from contract.problems import ConfigError
    from firmware_sim.app import run
    from firmware_sim.errors import SettingsError, SimError
    from firmware_sim.settings import read_settings

    del arguments["verb"]
    arguments["scenario"] = arguments.pop("named") or arguments["scenario"]
    structlog.configure(
        processors=[
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.add_log_level,
            structlog.processors.JSONRenderer(ensure_ascii=False),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )
    try:
        return run(read_settings(arguments), _announce)
    except (ConfigError, SettingsError) as error:
        sys.stderr.write(f"{error}\n")
        return 2
    except SimError as error:
        sys.stderr.write(f"{error}\n")
        return 1


if __name__ == "__main__":
    sys.exit(main())
