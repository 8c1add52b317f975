"""What the agent is told at its start, read once. The only place of the edge that reads the environment."""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path

import msgspec

from edge.errors import SettingsError
from edge.mqtt import Endpoint
from edge.spool.limits import Limits
from edge.uplink.machine import Pace

PREFIX = "SITEWARDEN_"


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """Everything an agent needs to know.

    `site_dir`: the site's files; `agent`: its id in them; `broker`: where batches go; `spool`: the file they
    wait in; `share`: other systems that read along, as URLs (see `edge.drivers.sharing`); `lines`: endpoints in place of those of the site's files, by line id; `compress`: send batches as
    zstd frames; `pace` differs from its default in tests only.
    """

    site_dir: Path
    agent: str
    broker: Endpoint
    spool: Path
    lines: Mapping[str, str] = {}
    share: tuple[str, ...] = ()
    compress: bool = False
    limits: Limits = Limits()
    pace: Pace = Pace()


def read_settings(given: Mapping[str, str | None], lines: list[str], share: Sequence[str] = ()) -> Settings:
    """Settings from command line arguments (`given`, `lines` as `name=url`, `share`), else from the environment.

    Read are `SITEWARDEN_SITE`, `_AGENT`, `_BROKER`, `_BROKER_USER`, `_BROKER_PASSWORD_FILE`, `_BROKER_CA_FILE`,
    `_SPOOL`, `_SPOOL_MAX_MB`, `_LINES` and `_SHARE` (several, separated by spaces) and `_COMPRESS` (`zstd`).

    Raises:
        SettingsError: Something is missing or can't be understood.
    """
    read = _Reader({name: value for name, value in given.items() if value}, os.environ)
    return Settings(
        site_dir=Path(read.needed("site")),
        agent=read.needed("agent"),
        broker=_broker(read),
        spool=Path(read.needed("spool")),
        lines=_lines([*(read.optional("lines") or "").split(), *lines]),
        share=(*(read.optional("share") or "").split(), *share),
        compress=_compress(read.optional("compress")),
        limits=_limits(read.optional("spool_max_mb")),
    )


class _Reader:
    """Looks a setting up by name: as given, else in the environment."""

    def __init__(self, given: Mapping[str, str], environment: Mapping[str, str]) -> None:
        self._given = given
        self._environment = environment

    def optional(self, name: str) -> str | None:
        return self._given.get(name) or self._environment.get(PREFIX + name.upper()) or None

    def needed(self, name: str) -> str:
        if value := self.optional(name):
            return value
        raise SettingsError(f"--{name} (or {PREFIX}{name.upper()}) is missing")


def _broker(read: _Reader) -> Endpoint:
    endpoint = Endpoint.parse(read.needed("broker"))
    password_file = read.optional("broker_password_file")
    return msgspec.structs.replace(
        endpoint,
        user=read.optional("broker_user") or endpoint.user,
        password=_secret(Path(password_file)) if password_file else endpoint.password,
        ca_file=read.optional("broker_ca_file"),
    )


def _secret(path: Path) -> str:
    try:
        secret = path.read_text("utf-8").strip()
    except OSError as error:
        raise SettingsError(f"can't read the password file {path}: {error.strerror}") from error
    if not secret:
        raise SettingsError(f"the password file {path} is empty")
    return secret


def _lines(texts: list[str]) -> dict[str, str]:
    lines = {}
    for text in texts:
        name, found, url = text.partition("=")
        if not found or "://" not in url:
            raise SettingsError(f"expected a line such as bus-1=modbus-tcp://192.0.2.7:502, found {text!r}")
        lines[name] = url
    return lines


def _compress(text: str | None) -> bool:
    if text not in {None, "zstd", "none"}:
        raise SettingsError(f"expected zstd or none for compress, found {text!r}")
    return text == "zstd"


def _limits(text: str | None) -> Limits:
    if text is None:
        return Limits()
    if not text.isdecimal() or int(text) < 64:
        raise SettingsError(f"expected at least 64 (MB) for spool_max_mb, found {text!r}")
    return Limits(max_bytes=int(text) * 1024 * 1024)
