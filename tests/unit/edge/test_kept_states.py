"""What was so when the agent stopped, and what is found when it begins again."""

import pytest

from contract.events import Phase, phase_of
from contract.profile.model import MqttProfile
from contract.site import Device
from edge.decode.kept import after_restart, packed, standing, unpacked
from edge.messages import Messages
from edge.ports import Covered, Happened, Observation
from edge.said import Nonsense, Values
from edge.topicmap import TopicMap
from tests.bus import Hand, events, on_site, shipped, simulated
from tests.truth.device import device_of, line_of, profile_of
from tests.truth.standing import as_event

PANEL = "notifier-modbus-gw"
DEVICE = on_site(PANEL, unit=3, l1d001={"zone": "z"}, l1d002={"zone": "z"})


def restarted(before: Hand) -> Hand:
    """The same device read by an agent that has only its note."""
    note = packed(standing(before.sheet, before.memory))
    after = Hand(shipped(PANEL), DEVICE)
    after.memory = after_restart(unpacked(note))
    return after


def told(hand: Hand, *burning: str, at: int) -> list[Happened]:
    panel = simulated(DEVICE)
    image = panel.update(0, {name: name in burning for name in ("l1d001", "l1d002")})
    return events(hand.reads(image, at))


@pytest.mark.parametrize(
    ("before", "after", "over", "so"),
    [
        ((), (), [], []),
        (("l1d001",), (), ["l1d001"], []),
        (("l1d001",), ("l1d001",), [], ["l1d001"]),
        (("l1d001",), ("l1d002",), ["l1d001"], ["l1d002"]),
        (("l1d001", "l1d002"), ("l1d002",), ["l1d001"], ["l1d002"]),
        ((), ("l1d001",), [], ["l1d001"]),
    ],
)
def test_what_ended_while_the_agent_was_down_is_told_as_over(
    before: tuple[str, ...], after: tuple[str, ...], over: list[str], so: list[str]
) -> None:
    first = Hand(shipped(PANEL), DEVICE)
    told(first, *before, at=1_000)
    seen = told(restarted(first), *after, at=90_000)
    ended = [one for one in seen if one.type == "fire.reset"]
    begun = [one for one in seen if one.type == "fire.alarm"]
    assert ([one.data["point"] for one in ended], [one.data["point"] for one in begun]) == (over, so)
    assert all(one.data["initial"] for one in (*ended, *begun))
    assert all(phase_of(as_event(one)) is not Phase.ENDS for one in begun)


def test_two_restarts_in_a_row_forget_nothing() -> None:
    """The first of them ends before the panel was read."""
    first = Hand(shipped(PANEL), DEVICE)
    told(first, "l1d001", at=1_000)
    assert [one.data["point"] for one in told(restarted(restarted(first)), at=90_000)] == ["l1d001"]


def test_a_note_that_can_not_be_read_is_none() -> None:
    assert unpacked(b"[1") == unpacked(None) == {}


def test_a_fault_of_the_device_that_ended_meanwhile_is_told_as_over() -> None:
    sensor = on_site("xy-md02")
    before, after = Hand(shipped("xy-md02"), sensor), Hand(shipped("xy-md02"), sensor)
    request = before.request("temperature")
    (fault,) = events(before.answers(request, [0x7000, 500], 1_000))
    after.memory = after_restart(unpacked(packed(standing(before.sheet, before.memory))))
    assert events(after.answers(request, [220, 500], 90_000)) == []
    (over,) = events(after.answers(request, [220, 500], 96_000))
    assert (fault.type, over.type, over.data) == ("device.fault", "device.fault", {"state": "cleared"})


@pytest.mark.parametrize("remembered", [True, False])
def test_what_may_have_changed_unheard_is_not_known_until_it_is_told_again(remembered: bool) -> None:
    """A broker that kept nothing for the agent: the switch may be off by now, and no verdict may say that it is on."""
    line = line_of(profile_of("tasmota-switch"), device_of("tasmota-switch"))
    line.live(0)
    line.takes(500, "dev", {"power": "ON"})
    known = [line.live(at) for at in range(1_000, 20_000, 1_000)]
    assert isinstance(known[-1][-1], Covered)
    line.cut(agent=False)
    line.mend(25_000, kept=remembered)
    for at in range(26_000, 80_000, 1_000):
        seen = line.live(at)
    assert [type(one) for one in seen] == ([Covered] if remembered else [])
    line.takes(80_000, "dev", {"power": "OFF"})
    seen = [one for at in range(81_000, 95_000, 1_000) for one in line.live(at)]
    since = min(one.since for one in seen if isinstance(one, Covered))
    assert (since >= 80_000) is not remembered


def test_a_note_of_messages_goes_on_with_what_was_so_lacking_and_not_understood() -> None:
    door = Device(id="d", profile="zigbee2mqtt-contact", address="d")
    profile = profile_of("zigbee2mqtt-contact")
    assert isinstance(profile, MqttProfile)
    topics = TopicMap([(door, profile)])

    def heard(messages: Messages, payload: bytes, now: int) -> list[Happened]:
        found: list[Observation] = []
        for said in topics.read("zigbee2mqtt/d", payload, now):
            if isinstance(said, Nonsense):
                found += messages.nonsense(said, now)
            elif isinstance(said, Values):
                found += [*messages.values(said, now)]
        return events(found)

    before, after = Messages("d"), Messages("d")
    assert [one.type for one in heard(before, b'{"contact": false}', 1_000)] == ["door.opened"]
    assert [one.type for one in heard(before, b"{", 2_000)] == ["device.fault"]
    after.recall(before.note())
    assert after.blind
    told = [(one.type, one.data.get("state")) for one in heard(after, b'{"contact": true}', 9_000)]
    assert told == [("door.closed", None), ("device.fault", "cleared")]
    assert heard(after, b'{"contact": true}', 9_500) == []


@pytest.mark.parametrize("note", [None, b"", b"[1", b'{"so": 1}'])
def test_a_note_of_messages_that_can_not_be_read_is_none(note: bytes | None) -> None:
    messages = Messages("d")
    messages.recall(note)
    assert messages.note() == Messages("d").note()
