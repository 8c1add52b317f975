"""The simulators' settings: the command line goes before the environment, and a mistake is named."""

from pathlib import Path

import pytest

from firmware_sim.adapters.mqtt import Broker
from firmware_sim.errors import SettingsError
from firmware_sim.settings import read_settings

CONFIG = Path(__file__).parents[3] / "config"
SITE = str(CONFIG / "sites" / "demo")


def test_little_needs_to_be_said() -> None:
    settings = read_settings({"site": SITE})
    assert settings.scenario == CONFIG / "scenarios" / "demo.yaml"
    assert (settings.broker, settings.host, settings.free_ports) == (None, "127.0.0.1", False)


def test_a_scenario_is_named_by_its_id_or_its_file(tmp_path: Path) -> None:
    assert read_settings({"site": SITE, "scenario": "quiet"}).scenario == CONFIG / "scenarios" / "quiet.yaml"
    own = str(tmp_path / "own.yaml")
    assert read_settings({"site": SITE, "scenario": own}).scenario == Path(own)
    elsewhere = read_settings({"site": str(tmp_path), "scenario": "quiet"})
    assert elsewhere.scenario.is_file()


def test_the_command_line_goes_before_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SITEWARDEN_SITE", SITE)
    monkeypatch.setenv("SITEWARDEN_SCENARIO", "quiet")
    monkeypatch.setenv("SITEWARDEN_SPEED", "4")
    settings = read_settings({"scenario": "gate-stuck", "seed": "7", "ports": "free", "speed": None})
    assert settings.scenario.stem == "gate-stuck"
    assert (settings.speed, settings.seed, settings.free_ports) == (4.0, 7, True)


def test_the_broker_is_a_url_with_a_user_and_a_password_in_a_file(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("a-long-secret\n")
    given = {"mqtt": "mqtts://broker", "mqtt_user": "field", "mqtt_password_file": str(secret)}
    assert read_settings({"site": SITE, **given}).broker == Broker(
        host="broker", port=8883, user="field", password="a-long-secret", tls=True
    )


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"site": None}, r"--site \(or SITEWARDEN_SITE\) is missing"),
        ({"mqtt": "http://broker"}, "expected a broker such as mqtt://127.0.0.1:1883, found 'http://broker'"),
        ({"mqtt": "mqtt://b", "mqtt_password_file": "/nowhere/secret"}, "can't read the password file"),
        ({"ports": "any"}, "expected site or free for ports, found 'any'"),
        ({"speed": "fast"}, "expected a speed between 0.1 and 100, found 'fast'"),
        ({"speed": "0"}, "expected a speed between 0.1 and 100, found '0'"),
        ({"seed": "x"}, "expected a whole number for seed, found 'x'"),
    ],
)
def test_a_mistake_is_named(given: dict[str, str | None], message: str) -> None:
    with pytest.raises(SettingsError, match=message):
        read_settings({"site": SITE, **given})
