"""`python -m cloud.broker` writes a configuration that the real broker takes, from secrets in files."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from sitewarden.embedded.broker import nats_server

SITES = Path(__file__).parents[3] / "config" / "sites"
USERS = ("cloud", "demo.gw-1", "demo.gw-2", "field")
FIELD = "field=patrol/+/scan,patrol/+/status"


@pytest.fixture
def secrets(tmp_path: Path) -> Path:
    folder = tmp_path / "secrets"
    folder.mkdir()
    for user in USERS:
        (folder / f"broker-{user}").write_text(f"a-long-secret-of-{user}\n")
    return folder


def write(tmp_path: Path, secrets: Path, *more: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "cloud.broker", "--sites", str(SITES), "--secrets", str(secrets)]
    command += ["--store", str(tmp_path / "js"), "--out", str(tmp_path / "nats.conf"), *more]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_the_broker_takes_what_is_written(tmp_path: Path, secrets: Path) -> None:
    done = write(tmp_path, secrets, "--field", FIELD, "--host", "0.0.0.0", "--monitor-port", "8222")
    assert (done.returncode, done.stderr) == (0, "")
    configuration = tmp_path / "nats.conf"
    checked = subprocess.run(
        [str(nats_server()), "-t", "-c", str(configuration)], capture_output=True, text=True, check=False
    )
    assert checked.returncode == 0, checked.stderr
    assert configuration.stat().st_mode & 0o077 == 0
    users = json.loads(configuration.read_text())["accounts"]["SITEWARDEN"]["users"]
    assert {user["user"]: user["password"] for user in users} == {u: f"a-long-secret-of-{u}" for u in USERS}


@pytest.mark.parametrize(
    ("user", "secret", "message"),
    [
        ("demo.gw-2", None, "can't read the password of demo.gw-2"),
        ("cloud", "short", "the password of cloud needs at least 12 characters"),
        ("field", "a-long-secret-of-cloud", "two users share one password"),
    ],
)
def test_a_secret_that_cannot_be_taken_is_named_and_nothing_is_written(
    tmp_path: Path, secrets: Path, user: str, secret: str | None, message: str
) -> None:
    if secret is None:
        (secrets / f"broker-{user}").unlink()
    else:
        (secrets / f"broker-{user}").write_text(secret)
    done = write(tmp_path, secrets, "--field", FIELD)
    assert done.returncode == 2
    assert message in done.stderr
    assert not (tmp_path / "nats.conf").exists()


def test_a_field_user_without_topics_is_refused(tmp_path: Path, secrets: Path) -> None:
    done = write(tmp_path, secrets, "--field", "field")
    assert (done.returncode, "expected a field user such as" in done.stderr) == (2, True)
