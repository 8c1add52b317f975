"""What the simulators are told at their start, read once. Their only place that reads the environment."""

import contextlib
import os
import urllib.parse
from collections.abc import Mapping
from pathlib import Path

import msgspec

from firmware_sim.adapters.mqtt import Broker
from firmware_sim.errors import SettingsError
from firmware_sim.scenario import FASTEST, SLOWEST
from firmware_sim.scenario_file import find_scenario

PREFIX = "SITEWARDEN_"
PORTS = {"mqtt": 1883, "mqtts": 8883}


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """Everything the simulators need to know.

    `scenario`: its file; `broker`: where patrol readers publish, None for no readers; `host`: the address that
    Modbus lines listen on; `free_ports`: on any free port, in place of those that the site's files name;
    `trace`: a file for every physical event; `speed` and `seed`: in place of the scenario's own.
    """

    site_dir: Path
    scenario: Path
    broker: Broker | None = None
    host: str = "127.0.0.1"
    free_ports: bool = False
    trace: Path | None = None
    speed: float | None = None
    seed: int | None = None


def read_settings(given: Mapping[str, str | None]) -> Settings:
    """Settings from command line arguments, else from the environment.

    Read are `SITEWARDEN_SITE`, `_SCENARIO`, `_MQTT`, `_MQTT_USER`, `_MQTT_PASSWORD_FILE`, `_HOST`, `_PORTS`
    (`site` or `free`), `_TRACE`, `_SPEED` and `_SEED`.

    Raises:
        SettingsError: Something is missing or can't be understood.
    """
    read = _Reader({name: value for name, value in given.items() if value}, os.environ)
    site_dir = Path(read.needed("site"))
    return Settings(
        site_dir=site_dir,
        scenario=find_scenario(read.optional("scenario") or "demo", site_dir),
        broker=_broker(read),
        host=read.optional("host") or "127.0.0.1",
        free_ports=_free_ports(read.optional("ports") or "site"),
        trace=Path(trace) if (trace := read.optional("trace")) else None,
        speed=_speed(speed) if (speed := read.optional("speed")) else None,
        seed=_seed(seed) if (seed := read.optional("seed")) else None,
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


def _broker(read: _Reader) -> Broker | None:
    url = read.optional("mqtt")
    if url is None:
        return None
    parts = urllib.parse.urlsplit(url)
    if parts.scheme not in PORTS or not parts.hostname:
        raise SettingsError(f"expected a broker such as mqtt://127.0.0.1:1883, found {url!r}")
    return Broker(
        host=parts.hostname,
        port=parts.port or PORTS[parts.scheme],
        user=read.optional("mqtt_user"),
        password=_secret(Path(file)) if (file := read.optional("mqtt_password_file")) else None,
        tls=parts.scheme == "mqtts",
    )


def _secret(path: Path) -> str:
    try:
        secret = path.read_text("utf-8").strip()
    except OSError as error:
        raise SettingsError(f"can't read the password file {path}: {error.strerror}") from error
    if not secret:
        raise SettingsError(f"the password file {path} is empty")
    return secret


def _free_ports(text: str) -> bool:
    if text not in {"site", "free"}:
        raise SettingsError(f"expected site or free for ports, found {text!r}")
    return text == "free"


def _speed(text: str) -> float:
    with contextlib.suppress(ValueError):
        if SLOWEST <= float(text) <= FASTEST:
            return float(text)
    raise SettingsError(f"expected a speed between {SLOWEST} and {FASTEST}, found {text!r}")


def _seed(text: str) -> int:
    if not text.isdecimal():
        raise SettingsError(f"expected a whole number for seed, found {text!r}")
    return int(text)
