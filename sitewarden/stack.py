"""The whole line on embedded parts: database, broker, cloud, simulators and edges, as children of this process.

`Stack.start` brings them up in the order of the line and says each step; `Stack.watch` starts what has died
again; `Stack.stop` ends everything that was started, and nothing else.
"""

import contextlib
import json
import secrets
import sys
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from types import MappingProxyType

import msgspec

from cloud.broker.config import CLOUD_USER, AgentLogin, BrokerSettings, FieldLogin, agent_user, render
from contract.site_files import load_site, shipped_config
from contract.topics import Address
from sitewarden.embedded.broker import start_broker
from sitewarden.embedded.database import Database
from sitewarden.embedded.ports import free_port
from sitewarden.embedded.process import READY_S, Child

FIELD_USER = "field"
FIELD_TOPICS = ("patrol/+/scan", "patrol/+/status")

Say = Callable[[str], None]


class _Announced(msgspec.Struct):
    """What the simulators say in their first lines."""

    line: str = ""
    endpoint: str = ""
    ready: bool = False


class StackOptions(msgspec.Struct, frozen=True, kw_only=True):
    """What to run: files, the folder for data and logs, and the page's port (another if it is taken)."""

    folder: Path
    site: Path
    rules: Path
    scenario: Path
    port: int = 8080
    dsn: str | None = None


class Stack:
    """The running parts. Start it once."""

    def __init__(self, options: StackOptions) -> None:
        self._options = options
        self._folder = options.folder
        self._site = load_site(options.site)
        self._port = free_port(options.port)
        self._nats_port, self._mqtt_port = free_port(), free_port()
        self._database: Database | None = None
        self._children: list[Child] = []
        self._passwords = {name: secrets.token_urlsafe(24) for name in self._users()}
        self._lines: dict[str, str] = {}

    @property
    def url(self) -> str:
        """The page's address."""
        return f"http://127.0.0.1:{self._port}"

    @property
    def site_id(self) -> str:
        """The site that runs."""
        return self._site.id

    @property
    def mqtt_port(self) -> int:
        """Where the field's readers and the agents publish."""
        return self._mqtt_port

    @property
    def children(self) -> tuple[Child, ...]:
        """The processes, in the order in which they were started."""
        return tuple(self._children)

    def password_file(self, user: str) -> Path:
        """The file with a user's password, for that user only to read."""
        return self._folder / "secrets" / user

    def start(self, say: Say) -> None:
        """Bring everything up; returns when the page answers and the edges run.

        Raises:
            CommandError: A part did not come up; the message carries its last words.
        """
        self._write_passwords()
        dsn = self._options.dsn
        if dsn is None:
            say("database")
            self._database = Database(self._folder / "database")
            dsn = self._database.dsn
        say("broker")
        self._children.append(self._start_broker())
        say("cloud")
        self._start_child("cloud", self._cloud_command(), {"SITEWARDEN_DATABASE": dsn}).wait_until(
            self._healthy, READY_S
        )
        say("simulated devices")
        self._start_simulators()
        for agent in self._site.agents:
            say(f"edge {agent}")
            self._start_child(f"edge-{agent}", self._edge_command(agent), self._edge_lines(agent))

    def watch(self) -> Iterator[str]:
        """Start again what has died; yields the name of each such part."""
        for child in self._children:
            if not child.running:
                yield child.name
                child.start()

    def stop(self) -> None:
        """End everything that was started, devices and edges first."""
        for child in reversed(self._children):
            child.stop()
        self._children.clear()
        if self._database is not None:
            self._database.stop()

    def get(self, path: str) -> object:
        """What the API answers to a GET.

        Raises:
            OSError: It did not answer, or with an error.
        """
        with urllib.request.urlopen(self.url + path, timeout=5) as answer:  # noqa: S310 - our own address
            return json.load(answer)

    def _users(self) -> list[str]:
        return [
            CLOUD_USER,
            FIELD_USER,
            *(agent_user(Address(self._site.id, agent)) for agent in self._site.agents),
        ]

    def _write_passwords(self) -> None:
        folder = self._folder / "secrets"
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        for user, password in self._passwords.items():
            path = folder / user
            path.touch(mode=0o600)
            path.write_text(password, "utf-8")

    def _start_broker(self) -> Child:
        addresses = [Address(self._site.id, agent) for agent in self._site.agents]
        settings = BrokerSettings(
            store=str(self._folder / "broker"),
            cloud_password=self._passwords[CLOUD_USER],
            agents=[AgentLogin(address, self._passwords[agent_user(address)]) for address in addresses],
            field=[FieldLogin(FIELD_USER, self._passwords[FIELD_USER], FIELD_TOPICS)],
            nats_port=self._nats_port,
            mqtt_port=self._mqtt_port,
        )
        return start_broker(render(settings), self._folder, (self._nats_port, self._mqtt_port))

    def _start_child(
        self, name: str, command: list[str], env: Mapping[str, str] = MappingProxyType({})
    ) -> Child:
        child = Child(name, [sys.executable, "-m", *command], self._folder / f"{name}.log", env)
        self._children.append(child)
        child.start()
        return child

    def _cloud_command(self) -> list[str]:
        return [
            "cloud",
            *("--sites", str(self._options.site)),
            *("--rules", str(self._options.rules)),
            *("--operations", str(self._options.rules.parent / "operations")),
            *("--channels", str(self._options.rules.parent / "channels.demo.yaml")),
            *("--roles", "worker web notify"),
            *("--files", str(self._folder / "files")),
            *("--broker", f"nats://127.0.0.1:{self._nats_port}"),
            *("--broker-password-file", str(self.password_file(CLOUD_USER))),
            *("--web-port", str(self._port)),
        ]

    def _start_simulators(self) -> None:
        command = [
            "firmware_sim",
            *("--site", str(self._options.site)),
            *("--scenario", str(self._options.scenario)),
            *("--ports", "free"),
            *("--mqtt", f"mqtt://127.0.0.1:{self._mqtt_port}"),
            *("--mqtt-user", FIELD_USER),
            *("--mqtt-password-file", str(self.password_file(FIELD_USER))),
        ]
        child = self._start_child("simulators", command)
        child.wait_until(lambda: self._read_lines(child), READY_S)

    def _read_lines(self, child: Child) -> bool:
        """The simulators say in their first lines where each line of the site is served."""
        ready = False
        for text in child.log.read_text("utf-8").splitlines():
            with contextlib.suppress(msgspec.DecodeError):
                said = msgspec.json.decode(text, type=_Announced)
                self._lines |= {said.line: said.endpoint} if said.line else {}
                ready |= said.ready
        return ready

    def _edge_command(self, agent: str) -> list[str]:
        user = agent_user(Address(self._site.id, agent))
        return [
            "edge",
            *("--site", str(self._options.site)),
            *("--agent", agent),
            *("--broker", f"mqtt://127.0.0.1:{self._mqtt_port}"),
            *("--broker-user", user),
            *("--broker-password-file", str(self.password_file(user))),
            *("--spool", str(self._folder / f"{agent}.spool")),
        ]

    def _edge_lines(self, agent: str) -> dict[str, str]:
        """Where the agent finds its lines; in the environment, since the readers' line carries a password."""
        return {
            "SITEWARDEN_LINES": " ".join(
                f"{line.id}={self._lines.get(line.id) or self._field_broker()}"
                for line in self._site.agents[agent].lines
            )
        }

    def _field_broker(self) -> str:
        """The readers' own line: they publish to the same broker."""
        return f"mqtt://{FIELD_USER}:{self._passwords[FIELD_USER]}@127.0.0.1:{self._mqtt_port}"

    def _healthy(self) -> bool:
        try:
            self.get("/healthz")
        except (OSError, urllib.error.URLError, ValueError):
            return False
        return True


def named_file(name: str, folder: str) -> Path:
    """A file given by path, or by its name in `config/FOLDER/`."""
    path = Path(name)
    return path if path.suffix else shipped_config() / folder / f"{name}.yaml"
