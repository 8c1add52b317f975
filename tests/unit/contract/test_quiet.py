"""How long a device that is well may say nothing."""

from pathlib import Path

import pytest

from contract.quiet import polls_of, quiet_ms, silence_of
from contract.site import Binding, Device, ProfileHead, Site, SiteFile
from contract.site_files import load_site
from contract.yamlfile import load_yaml

CONFIG = Path(__file__).parents[3] / "config"
HOUR_MS = 3_600_000


def shipped(name: str) -> dict[str, object]:
    found: dict[str, object] = load_yaml(CONFIG / "profiles" / f"{name}.yaml").value
    return found


@pytest.mark.parametrize(
    ("profile", "silent_ms"),
    [
        ("milesight-ws301", 25 * HOUR_MS),  # says nothing of its availability: heard daily
        ("zigbee2mqtt-contact", 0),  # its bridge says whether it is there
        ("gb26875-transmitter", 300_000),
        ("xy-md02", 0),  # is asked
        ("wand-export", 0),
    ],
)
def test_a_device_that_speaks_by_itself_has_its_heartbeat(profile: str, silent_ms: int) -> None:
    assert silence_of(shipped(profile)) == silent_ms


def test_a_device_that_is_asked_is_quiet_between_two_questions() -> None:
    polls = polls_of(shipped("dse-7320-mkii"))
    assert polls == {"normal": 1_000}
    assert polls_of(shipped("milesight-ws301")) == {}


def test_a_profile_with_mistakes_has_no_heartbeat() -> None:
    assert (silence_of({"protocol": "mqtt"}), polls_of({"protocol": "modbus", "points": 3})) == (0, {})


def test_the_site_sets_another_pace_and_what_hangs_on_a_module_has_its_pace() -> None:
    module = Device(id="io", profile="module", poll="5m", points={"di_1": Binding(device="gate")})
    sensor = Device(id="leak", profile="leak")
    site = Site(
        SiteFile(site="demo", devices=(module, Device(id="gate"), sensor, Device(id="desk"))),
        {
            "module": ProfileHead(profile="module", polls_ms={"normal": 1_000, "slow": 60_000}),
            "leak": ProfileHead(profile="leak", silent_after_ms=24 * HOUR_MS),
        },
    )
    assert quiet_ms(site) == {"io": 600_000, "gate": 600_000, "leak": 24 * HOUR_MS, "desk": 0}


@pytest.mark.parametrize("name", [path.name for path in (CONFIG / "sites").iterdir() if path.is_dir()])
def test_every_device_of_a_shipped_site_has_a_time_for_which_it_may_be_quiet(name: str) -> None:
    site = load_site(CONFIG / "sites" / name)
    assert quiet_ms(site).keys() == site.devices.keys()
