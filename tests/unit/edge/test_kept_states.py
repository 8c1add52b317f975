"""What was so when the agent stopped, and what is found when it begins again."""

import pytest

from contract.events import Phase, phase_of
from edge.decode.kept import after_restart, packed, standing, unpacked
from edge.ports import Happened
from tests.bus import Hand, events, on_site, shipped, simulated
from tests.truth.checks import as_event

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
