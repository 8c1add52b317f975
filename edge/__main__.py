"""The agent's command line: parses, and calls `edge.app`."""

import argparse
import sys


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="sitewarden edge",
        description="The agent on site: reads devices, keeps what they say, sends it up. Never writes to one.",
        epilog="Each setting may also stand in the environment, as SITEWARDEN_SITE, SITEWARDEN_AGENT and so on. "
        "To look at devices and lines: sitewarden edge probe, scan, check. SIGHUP reads the files anew.",
    )
    parser.add_argument("--site", metavar="DIR", help="the site's files")
    parser.add_argument("--agent", metavar="ID", help="which of the site's agents this is")
    parser.add_argument("--broker", metavar="URL", help="mqtt://host:port or mqtts://host:port")
    parser.add_argument("--broker-user", metavar="NAME", help="how to sign in to the broker")
    parser.add_argument("--broker-password-file", metavar="FILE", help="a file with the password alone in it")
    parser.add_argument("--broker-ca-file", metavar="FILE", help="whom to trust, for mqtts://")
    parser.add_argument("--spool", metavar="FILE", help="where events wait until the cloud has them")
    parser.add_argument("--spool-max-mb", metavar="MB", help="how big it may grow (default 512)")
    parser.add_argument("--compress", choices=["zstd", "none"], help="send batches as zstd frames")
    parser.add_argument(
        "--share",
        action="append",
        default=[],
        metavar="URL",
        help="let others read along: homeassistant+mqtt://host:1883, sparkplug+mqtt://host:1883/group",
    )
    parser.add_argument(
        "--line",
        action="append",
        default=[],
        metavar="ID=URL",
        help="another endpoint for a line, such as bus-1=modbus-tcp://127.0.0.1:5020",
    )
    return parser


def main() -> int:
    """Run the agent; the exit status: 0 stopped, 1 failed, 2 wrong settings or files."""
    arguments = vars(_parser().parse_args())
    # Loaded only now: `--help` answers at once.
    from contract.problems import ConfigError
    from edge import logs
    from edge.app import run
    from edge.errors import EdgeError, SettingsError
    from edge.settings import read_settings

    logs.configure()
    lines, share = arguments.pop("line"), arguments.pop("share")
    try:
        return run(read_settings(arguments, lines, share))
    except (ConfigError, SettingsError) as error:
        sys.stderr.write(f"{error}\n")
        return 2
    except EdgeError as error:
        sys.stderr.write(f"{error}\n")
        return 1


if __name__ == "__main__":
    sys.exit(main())
