"""What the cloud is told at its start, read once. The only place of the cloud that reads the environment."""

import os
import urllib.parse
from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path
from typing import Final

import msgspec

from cloud.broker.client import Endpoint
from cloud.errors import SettingsError
from cloud.setting_names import NAMES
from cloud.web.options import WebOptions
from contract.site_files import shipped_config

PREFIX: Final = "SITEWARDEN_"


class Role(StrEnum):
    """What a process of the cloud does."""

    WORKER = "worker"
    WEB = "web"
    NOTIFY = "notify"


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """Everything a process of the cloud needs to know. `partitions` empty: all of them.

    `database_owner` is empty where the program's own login owns the tables. `channels` is there whenever the roles hold `notify`.
    """

    sites: tuple[Path, ...]
    rules: Path
    operations: Path
    database: str
    broker: Endpoint
    roles: frozenset[Role] = frozenset({Role.WORKER, Role.WEB})
    database_owner: str = ""
    channels: Path | None = None
    partitions: tuple[int, ...] = ()
    stream_bytes: int = 1024 * 1024 * 1024
    stream_s: int = 168 * 3600
    files: Path | None = None
    web: WebOptions = WebOptions(port=8080)


def read_settings(given: Mapping[str, str | None]) -> Settings:
    """Settings from command line arguments, else from the environment; `NAMES` says what there is.

    Raises:
        SettingsError: Something is missing or can't be understood; the message names it.
    """
    read = _Reader({name: value for name, value in given.items() if value}, os.environ)
    channels = read.optional("channels")
    return Settings(
        sites=_site_directories(read.needed("sites")),
        rules=Path(read.needed("rules")),
        operations=Path(read.optional("operations") or shipped_config() / "operations"),
        database=_database(read),
        database_owner=_database_owner(read),
        broker=_broker(read),
        roles=_roles(read.optional("roles", "worker web notify" if channels else "worker web"), channels),
        channels=Path(channels) if channels else None,
        partitions=tuple(_number("partitions", part) for part in read.optional("partitions").split()),
        stream_bytes=_number("stream_mb", read.optional("stream_mb", "1024")) * 1024 * 1024,
        stream_s=_number("stream_hours", read.optional("stream_hours", "168")) * 3600,
        files=Path(files) if (files := read.optional("files")) else None,
        web=WebOptions(
            host=read.optional("web_host", "127.0.0.1"),
            port=_number("web_port", read.optional("web_port", "8080")),
            token=read.secret("web_token_file"),
            metrics=_yes("web_metrics", read.optional("web_metrics", "no")),
            docs=_yes("web_docs", read.optional("web_docs", "no")),
        ),
    )


def environment() -> Mapping[str, str]:
    """The environment, for files that take secrets from it."""
    return os.environ


class _Reader:
    """Looks a setting up by name: as given, else in the environment."""

    def __init__(self, given: Mapping[str, str], environment: Mapping[str, str]) -> None:
        self._given = given
        self._environment = environment

    def optional(self, name: str, default: str = "") -> str:
        return self._given.get(name) or self._environment.get(PREFIX + name.upper()) or default

    def needed(self, name: str) -> str:
        if value := self.optional(name):
            return value
        option = name.replace("_", "-")
        raise SettingsError(f"--{option} (or {PREFIX}{name.upper()}) is missing: {NAMES[name]}")

    def secret(self, name: str) -> str:
        """What stands in the file that the setting names; empty when it names none."""
        path = self.optional(name)
        if not path:
            return ""
        try:
            secret = Path(path).read_text("utf-8").strip()
        except OSError as error:
            raise SettingsError(f"{name}: can't read {path}: {error.strerror}") from error
        if not secret:
            raise SettingsError(f"{name}: {path} is empty")
        return secret


def _site_directories(text: str) -> tuple[Path, ...]:
    """The directories named; one without files of its own stands for those in it."""
    found: list[Path] = []
    for path in map(Path, text.split()):
        inner = sorted(entry for entry in path.iterdir() if entry.is_dir()) if path.is_dir() else []
        found += inner if inner and not list(path.glob("*.yaml")) else [path]
    return tuple(found)


def _database(read: _Reader) -> str:
    return _login("database", read.needed("database"), read.secret("database_password_file"))


def _database_owner(read: _Reader) -> str:
    dsn = read.optional("database_owner")
    return _login("database_owner", dsn, read.secret("database_owner_password_file")) if dsn else ""


def _login(name: str, dsn: str, password: str) -> str:
    if not dsn.startswith(("postgresql://", "postgres://")) and "=" not in dsn:
        raise SettingsError(f"{name}: expected {NAMES['database']}")
    return with_password(dsn, password) if password else dsn


def with_password(dsn: str, password: str) -> str:
    """The same connection with a password, in libpq's own quoting."""
    quoted = password.replace("\\", "\\\\").replace("'", "\\'")
    if "://" not in dsn:
        return f"{dsn} password='{quoted}'"
    scheme, rest = dsn.split("://", 1)
    separator = "&" if "?" in rest else "?"
    return f"{scheme}://{rest}{separator}password={urllib.parse.quote(password, safe='')}"


def _broker(read: _Reader) -> Endpoint:
    url = read.needed("broker")
    if not url.startswith(("nats://", "tls://")):
        raise SettingsError(f"broker: expected {NAMES['broker']}, found {url}")
    password = read.secret("broker_password_file")
    if not password:
        raise SettingsError("broker_password_file is missing: the broker lets nobody in without a password")
    return Endpoint(url, read.optional("broker_user", "cloud"), password)


def _roles(text: str, channels: str) -> frozenset[Role]:
    try:
        found = frozenset(Role(part) for part in text.split())
    except ValueError as error:
        raise SettingsError(f"roles: expected worker, web or notify, found {text!r}") from error
    if Role.NOTIFY in found and not channels:
        raise SettingsError(f"roles: notify needs --channels: {NAMES['channels']}")
    return found


def _number(name: str, text: str) -> int:
    if not text.isdecimal():
        raise SettingsError(f"{name}: expected a number, found {text!r}")
    return int(text)


def _yes(name: str, text: str) -> bool:
    if text not in {"yes", "no"}:
        raise SettingsError(f"{name}: expected yes or no, found {text!r}")
    return text == "yes"
