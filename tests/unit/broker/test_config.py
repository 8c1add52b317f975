"""The broker's configuration: allow-lists only, and no secret that ships with the program."""

import json

import pytest

from cloud.broker.config import AgentLogin, BrokerSettings, FieldLogin, render, subject_filter
from cloud.errors import SettingsError
from contract.topics import Address

GW_1 = AgentLogin(Address("demo", "gw-1"), "a-long-secret-1")
READERS = FieldLogin("readers", "a-long-secret-2", ("patrol/#",))


def settings(**changed: object) -> BrokerSettings:
    """Good settings but for what is changed."""
    given: dict[str, object] = {
        "store": "/tmp/js",
        "cloud_password": "a-long-secret-0",
        "agents": [GW_1],
        "field": [READERS],
    }
    return BrokerSettings(**(given | changed))  # type: ignore[arg-type]


def test_an_agent_may_use_its_own_channels_and_nothing_else() -> None:
    users = json.loads(render(settings()))["accounts"]["SITEWARDEN"]["users"]
    agent = next(user for user in users if user["user"] == "demo.gw-1")
    assert agent["permissions"]["publish"]["allow"] == [
        "sitewarden.v1.demo.gw-1.events",
        "sitewarden.v1.demo.gw-1.state",
        "sitewarden.v1.demo.gw-1.time",
    ]
    assert all("deny" not in permission for user in users for permission in user["permissions"].values())
    assert not any(">" in subject for subject in agent["permissions"]["subscribe"]["allow"])


def test_everything_is_synced_to_disk_and_bound_to_one_address() -> None:
    configuration = json.loads(render(settings()))
    assert configuration["jetstream"]["sync_interval"] == "always"
    assert configuration["listen"].startswith("127.0.0.1:")
    assert "http" not in configuration


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"cloud_password": ""}, "the password of cloud needs at least 12 characters"),
        ({"cloud_password": "Change-Me"}, "the password of cloud needs"),
        ({"agents": [GW_1, GW_1]}, "the user demo.gw-1 is named twice"),
        ({"cloud_password": GW_1.password}, "two users share one password"),
    ],
)
def test_a_missing_or_shipped_secret_is_refused(changed: dict[str, object], message: str) -> None:
    with pytest.raises(SettingsError, match=message):
        render(settings(**changed))


def test_an_mqtt_filter_is_spelled_for_the_broker() -> None:
    assert subject_filter("patrol/+/scan") == "patrol.*.scan"
    assert subject_filter("patrol/#") == "patrol.>"
