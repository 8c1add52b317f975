"""Writes the broker's configuration for the sites of a deployment, with passwords from files.

    python -m cloud.broker --sites DIR --secrets DIR --store DIR --out nats.conf --field field=patrol/+/scan,…

In the folder of secrets, `broker-cloud` holds the cloud's password, `broker-{site}.{agent}` an agent's, and
`broker-{user}` that of a user of a field line.
"""

import argparse
import sys
from pathlib import Path

from cloud.broker.config import AgentLogin, BrokerSettings, FieldLogin, agent_user, render
from cloud.errors import SettingsError
from contract.problems import ConfigError
from contract.site_files import load_site
from contract.topics import Address


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m cloud.broker", description=__doc__.split("\n")[0])
    parser.add_argument("--sites", metavar="DIR", type=Path, required=True, help="the folder of the sites")
    parser.add_argument("--secrets", metavar="DIR", type=Path, required=True, help="a password a file")
    parser.add_argument("--store", metavar="DIR", required=True, help="where the broker keeps its stream")
    parser.add_argument("--out", metavar="FILE", type=Path, required=True, help="the file to write")
    parser.add_argument("--host", default="127.0.0.1", help="the address to listen on")
    parser.add_argument("--monitor-port", type=int, help="a port for health checks, on this machine only")
    parser.add_argument(
        "--field",
        metavar="USER=TOPIC,…",
        action="append",
        default=[],
        help="a user of a field line over the same broker, and the topics it may use",
    )
    return parser


def write_config(arguments: argparse.Namespace) -> None:
    """Write the file, readable by its owner alone.

    Raises:
        ConfigError: A site's files have mistakes.
        SettingsError: A password is missing or can't be taken, or a field user is written wrongly.
    """
    addresses = [
        Address(site.id, agent.id)
        for site in map(load_site, sorted(path for path in arguments.sites.iterdir() if path.is_dir()))
        for agent in site.file.agents
    ]
    configuration = render(
        BrokerSettings(
            store=arguments.store,
            cloud_password=_secret(arguments.secrets, "cloud"),
            agents=[AgentLogin(one, _secret(arguments.secrets, agent_user(one))) for one in addresses],
            field=[_field(text, arguments.secrets) for text in arguments.field],
            host=arguments.host,
            monitor_port=arguments.monitor_port,
        )
    )
    arguments.out.touch(mode=0o600)
    arguments.out.write_text(configuration, "utf-8")


def _field(text: str, secrets: Path) -> FieldLogin:
    user, found, topics = text.partition("=")
    if not found or not user or not topics:
        raise SettingsError(f"expected a field user such as field=patrol/+/scan, found {text!r}")
    return FieldLogin(user, _secret(secrets, user), tuple(topics.split(",")))


def _secret(folder: Path, user: str) -> str:
    path = folder / f"broker-{user}"
    try:
        return path.read_text("utf-8").strip()
    except OSError as error:
        raise SettingsError(f"can't read the password of {user} from {path}: {error.strerror}") from error


def main() -> int:
    """The exit status: 0 written, 2 bad input and nothing written."""
    try:
        write_config(_parser().parse_args())
    except (ConfigError, SettingsError) as error:
        sys.stderr.write(f"{error}\n")
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
