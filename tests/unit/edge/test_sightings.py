"""Reads that count only when repeated: beacons near a station, and ghosts of cheap readers."""

import pytest

from contract.profile.load import load_profile
from contract.profile.messages import Confirm
from contract.profile.model import MqttProfile
from contract.site import Device
from edge.presence import LinePresence, Signs
from edge.sightings import MOST, Sightings
from edge.topicmap import TopicMap
from tests.bus import PROFILES, kinds
from tests.unit.edge.test_published_payloads import Listener

BEACON = "iBeacon:426c7565-4368-6172-6d42-6561636f6e73-3838-4949"
TWICE = Confirm(times=2, within="5s", again_after="1m")


def near(distance: float) -> dict[str, object]:
    """A payload as captured from a station, with another distance."""
    return {
        "mac": "dd8800003777",
        "id": BEACON,
        "rssi@1m": -59,
        "rssi": -81.1,
        "distance": distance,
        "int": 2028,
    }


def test_a_beacon_is_a_visit_after_three_reads_nearby_and_one_visit_while_it_stays() -> None:
    station = Listener("espresense-station", "lobby")
    told = [
        station.hears(f"espresense/devices/{BEACON}/lobby", near(d)) for d in (6.58, 2.5, 2.1, 2.9, 1.0, 1.2)
    ]
    assert [kinds(seen) for seen in told] == [[], [], [], ["checkpoint.scan"], [], []]
    assert told[3][0].person == BEACON  # type: ignore[union-attr]


def test_a_read_afar_in_between_begins_the_count_anew() -> None:
    station = Listener("espresense-station", "lobby")
    told = [station.hears(f"espresense/devices/{BEACON}/lobby", near(d)) for d in (1, 1, 9, 1, 1)]
    assert [kinds(seen) for seen in told] == [[]] * 5


def test_a_ghost_of_a_cheap_reader_is_nobody_and_a_card_held_for_a_moment_is() -> None:
    reader = Listener("tasmota-rdm6300", "door")
    told = [
        reader.hears("tele/door/SENSOR", {"RDM6300": {"UID": uid}}) for uid in ("7A0012", "FFFF00", "7A0012")
    ]
    assert [kinds(seen) for seen in told] == [[], [], ["checkpoint.scan"]]


@pytest.mark.parametrize(("gap", "told"), [(5_000, True), (5_001, False)])
def test_the_reads_must_follow_each_other_closely(gap: int, told: bool) -> None:
    seen = Sightings()
    seen.counts(TWICE, "a", 0, near=True)
    assert seen.counts(TWICE, "a", gap, near=True) is told


def test_who_comes_again_is_another_visit() -> None:
    seen = Sightings()
    told = [seen.counts(TWICE, "a", at, near=True) for at in (0, 1_000, 30_000, 80_000, 141_000, 142_000)]
    assert told == [False, True, False, False, False, True]


def test_passers_by_do_not_fill_the_memory() -> None:
    seen = Sightings()
    for number in range(3 * MOST):
        seen.counts(TWICE, str(number), number, near=True)
    assert len(seen._seen) == MOST


def test_a_tap_of_a_card_that_the_site_knows_is_a_scan_at_once_and_a_ghost_is_none() -> None:
    loaded = load_profile(PROFILES / "tasmota-rdm6300.yaml")
    assert isinstance(loaded, MqttProfile)
    topics = TopicMap([(Device(id="cp-1", address="cp1"), loaded)])
    line = LinePresence(["cp-1"], signs=Signs(), cards=frozenset({"04F9A3BC"}))

    def reads(uid: str, at: int) -> list[str]:
        payload = b'{"Time":"2026-11-30T10:00:00","RDM6300":{"UID":"%s"}}' % uid.encode()
        return [kind for said in topics.read("tele/cp1/SENSOR", payload, at) for kind in kinds(line.takes(said, at, retained=False))]  # fmt: skip

    assert reads("04F9A3BC", 0) == ["checkpoint.scan"]
    held = [reads("04F9A3BC", at) for at in (12_000, 14_100, 16_200)]
    assert held == [["checkpoint.scan"], [], []]
    assert reads("FFFF0000", 20_000) == []
