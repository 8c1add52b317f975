"""Settings are read once, from arguments or the environment; what is wrong is named."""

from pathlib import Path

import pytest
from psycopg.conninfo import conninfo_to_dict

from cloud.errors import SettingsError
from cloud.settings import Role, read_settings, with_password


@pytest.fixture
def given(tmp_path: Path) -> dict[str, str | None]:
    (tmp_path / "secret").write_text("hush, a secret\n")
    (tmp_path / "sites" / "demo").mkdir(parents=True)
    (tmp_path / "sites" / "other").mkdir()
    return {
        "sites": str(tmp_path / "sites"),
        "rules": "rules.yaml",
        "database": "postgresql://sw@db/name",
        "broker": "nats://broker:4222",
        "broker_password_file": str(tmp_path / "secret"),
    }


def test_what_is_not_given_has_a_sane_default(given: dict[str, str | None]) -> None:
    found = read_settings(given)
    assert found.roles == {Role.WORKER, Role.WEB}
    assert (found.web.host, found.web.port, found.web.token) == ("127.0.0.1", 8080, "")
    assert found.broker.password == "hush, a secret"


def test_people_are_told_once_there_are_channels(given: dict[str, str | None]) -> None:
    assert read_settings(given).channels is None
    found = read_settings(given | {"channels": "channels.yaml"})
    assert (found.roles, found.channels) == (set(Role), Path("channels.yaml"))
    assert read_settings(given | {"channels": "channels.yaml", "roles": "web"}).roles == {Role.WEB}


def test_a_directory_of_sites_stands_for_them_all(given: dict[str, str | None]) -> None:
    assert [path.name for path in read_settings(given).sites] == ["demo", "other"]


def test_an_argument_goes_before_the_environment(
    given: dict[str, str | None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SITEWARDEN_WEB_PORT", "9000")
    assert read_settings(given).web.port == 9000
    assert read_settings(given | {"web_port": "9001"}).web.port == 9001


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("sites", None),
        ("rules", ""),
        ("database", "mysql://x"),
        ("broker", "mqtt://broker"),
        ("broker_password_file", None),
        ("broker_password_file", "/no/such/file"),
        ("roles", "worker chief"),
        ("roles", "worker notify"),
        ("web_port", "http"),
        ("web_docs", "maybe"),
        ("partitions", "0 x"),
    ],
)
def test_what_is_wrong_is_named(given: dict[str, str | None], name: str, value: str | None) -> None:
    with pytest.raises(SettingsError, match=name):
        read_settings(given | {name: value})


@pytest.mark.parametrize(
    "dsn", ["postgresql://sw@db/name", "postgresql://sw@db/name?sslmode=require", "user=sw"]
)
@pytest.mark.parametrize("password", ["plain", "a b'c\\d", "p@ss/w?rd&=%", "三"])
def test_any_password_reaches_the_database_as_it_is(dsn: str, password: str) -> None:
    assert conninfo_to_dict(with_password(dsn, password))["password"] == password
