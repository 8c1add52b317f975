"""Settings, read once: given on the command line or in the environment, with every mistake named."""

from pathlib import Path

import pytest

from edge.errors import SettingsError
from edge.mqtt import Endpoint
from edge.settings import read_settings

NEEDED = {"site": "config/sites/demo", "agent": "gw-1", "broker": "mqtt://broker", "spool": "spool.db"}


@pytest.fixture(autouse=True)
def empty_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (
        "SITE",
        "AGENT",
        "BROKER",
        "BROKER_USER",
        "BROKER_PASSWORD_FILE",
        "SPOOL",
        "LINES",
        "COMPRESS",
    ):
        monkeypatch.delenv(f"SITEWARDEN_{name}", raising=False)


def test_arguments_are_enough() -> None:
    settings = read_settings(NEEDED, ["bus-1=modbus-tcp://192.0.2.7:502"])
    assert (settings.site_dir, settings.agent) == (Path("config/sites/demo"), "gw-1")
    assert settings.broker == Endpoint(host="broker", port=1883)
    assert settings.lines == {"bus-1": "modbus-tcp://192.0.2.7:502"}


def test_the_environment_is_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in NEEDED.items():
        monkeypatch.setenv(f"SITEWARDEN_{name.upper()}", value)
    monkeypatch.setenv("SITEWARDEN_LINES", "a=mqtt://x b=mqtt://y")
    monkeypatch.setenv("SITEWARDEN_COMPRESS", "zstd")
    settings = read_settings({}, ["b=mqtt://z"])
    assert settings.lines == {"a": "mqtt://x", "b": "mqtt://z"}
    assert settings.compress


def test_arguments_go_before_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SITEWARDEN_AGENT", "gw-2")
    assert read_settings(NEEDED, []).agent == "gw-1"


@pytest.mark.parametrize("missing", list(NEEDED))
def test_what_is_missing_is_named(missing: str) -> None:
    with pytest.raises(SettingsError, match=f"--{missing} .or SITEWARDEN_{missing.upper()}. is missing"):
        read_settings({**NEEDED, missing: None}, [])


def test_a_password_comes_from_a_file(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("open sesame\n")
    given = NEEDED | {"broker_user": "demo.gw-1", "broker_password_file": str(tmp_path / "secret")}
    broker = read_settings(given, []).broker
    assert (broker.user, broker.password) == ("demo.gw-1", "open sesame")


@pytest.mark.parametrize("content", ["", " \n"])
def test_an_empty_password_is_refused(tmp_path: Path, content: str) -> None:
    (tmp_path / "secret").write_text(content)
    with pytest.raises(SettingsError, match="is empty"):
        read_settings(NEEDED | {"broker_password_file": str(tmp_path / "secret")}, [])


def test_a_missing_password_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="can't read the password file"):
        read_settings(NEEDED | {"broker_password_file": str(tmp_path / "none")}, [])


@pytest.mark.parametrize("url", ["broker:1883", "http://broker", "mqtt://", "mqtt://broker:port"])
def test_a_broker_must_be_an_mqtt_url(url: str) -> None:
    with pytest.raises(SettingsError, match="expected a broker such as"):
        read_settings(NEEDED | {"broker": url}, [])


@pytest.mark.parametrize("line", ["bus-1", "bus-1=", "bus-1=/dev/ttyUSB0"])
def test_a_line_must_name_an_endpoint(line: str) -> None:
    with pytest.raises(SettingsError, match="expected a line such as"):
        read_settings(NEEDED, [line])


@pytest.mark.parametrize("size", ["8", "much", "-1"])
def test_a_spool_must_have_room(size: str) -> None:
    with pytest.raises(SettingsError, match="at least 64"):
        read_settings(NEEDED | {"spool_max_mb": size}, [])


def test_a_password_in_a_url_is_understood_and_never_repeated() -> None:
    endpoint = Endpoint.parse("mqtts://edge:p%40ss@broker:9000")
    assert endpoint == Endpoint(host="broker", port=9000, tls=True, user="edge", password="p@ss")
    with pytest.raises(SettingsError) as caught:
        Endpoint.parse("ftp://edge:secret@broker")
    assert "secret" not in str(caught.value)
