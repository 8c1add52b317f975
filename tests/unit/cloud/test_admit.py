"""What is taken of a message, and what becomes of the rest."""

import json
from typing import Any

import pytest

from cloud.ingest.admit import FUTURE_MS, Admission, Admitted, Delivery
from cloud.ingest.facts import SiteFacts
from cloud.ingest.health import Health
from cloud.ingest.ledger import Ledger
from cloud.ingest.openings import Openings
from cloud.store.base import BlindRow, DeviceHealth, Flag
from contract.batch import Coverage, Lane
from contract.site import Agent, Binding, Device, Line, ProfileHead, Site, SiteFile
from contract.topics import Address

NOW = 1_764_547_200_000
SITE = Site(
    SiteFile(
        site="demo",
        devices=(
            Device(id="cp-1", line="patrol"),
            Device(id="wand", line="patrol", profile="wand"),
            Device(id="module", line="bus", points={"di_1": Binding(device="gate", on="gate.swung")}),
            Device(id="gate"),
        ),
        agents=(
            Agent(
                id="gw-1", lines=(Line(id="patrol", endpoint="mqtt://x"), Line(id="bus", endpoint="mqtt://y"))
            ),
            Agent(id="gw-2"),
        ),
    ),
    {"wand": ProfileHead(profile="wand", buffers=True)},
)


class Desk:
    """Admission to one site, from an empty ledger."""

    def __init__(self, *devices: DeviceHealth) -> None:
        self.health = Health("demo", devices, ())
        facts = SiteFacts(SITE)
        self._admission = Admission(Ledger(), lambda _: facts, lambda _: self.health, Openings({}))

    def admit(self, *events: Any, agent: str = "gw-1", sender: str = "gw-1", **more: Any) -> Admitted:
        first = events[0]["seq"] if events else 1
        body = {
            "agent": agent,
            "epoch": 7,
            "first": first,
            "last": first + len(events) - 1,
            "sent_at": NOW,
            "events": events,
        }
        payload = json.dumps(body | more).encode()
        return self._admission.admit(Delivery(Address("demo", sender), payload, NOW))

    def statements(self) -> dict[str, Coverage]:
        return {told.device: told.coverage for told in self._admission.statements()}


@pytest.fixture
def desk() -> Desk:
    return Desk()


def event(seq: int, **more: Any) -> dict[str, Any]:
    return {"seq": seq, "at": NOW, "device": "cp-1", "type": "checkpoint.scan"} | more


def nested(levels: int) -> Any:
    found: Any = 1
    for _ in range(levels):
        found = [found]
    return found


def stored(admitted: Admitted) -> list[int]:
    return [row.seq for row in admitted.events.events] if admitted.events else []


def test_fresh_events_are_stored_and_judged(desk: Desk) -> None:
    admitted = desk.admit(event(1), event(2))
    assert stored(admitted) == [row.seq for row in admitted.judged] == [1, 2]
    assert admitted.events is not None
    assert admitted.events.flags == ()


def test_known_numbers_are_left_out_and_counted(desk: Desk) -> None:
    desk.admit(event(2), event(3))
    admitted = desk.admit(event(1), event(2), event(3), event(4))
    assert (stored(admitted), admitted.duplicates) == ([1, 4], 2)


def test_an_agent_speaks_for_itself_only(desk: Desk) -> None:
    admitted = desk.admit(event(1), agent="gw-1", sender="gw-2")
    assert (stored(admitted), admitted.ack, admitted.refused) == ([], None, None)
    assert [row.kind for row in admitted.quarantine] == ["spoof"]
    assert stored(desk.admit(event(1))) == [1]


@pytest.mark.parametrize(
    ("more", "flag"),
    [
        ({"device": "stranger"}, Flag.UNKNOWN_DEVICE),
        ({"type": "cat.seen"}, Flag.UNKNOWN_TYPE),
        ({"at": NOW + FUTURE_MS + 1}, Flag.FUTURE),
        ({"at": NOW + FUTURE_MS}, Flag.NONE),
        ({"at": 0}, Flag.IMPOSSIBLE_TIME),
        ({"at": -5}, Flag.IMPOSSIBLE_TIME),
        ({"at": NOW // 1000}, Flag.SECONDS_FOR_MS),
        ({"at": NOW - 10 * 365 * 86_400_000}, Flag.NONE),
        ({"at": 0, "device": "stranger"}, Flag.IMPOSSIBLE_TIME | Flag.UNKNOWN_DEVICE),
        ({"type": "gate.swung"}, Flag.NONE),
    ],
)
def test_odd_events_are_kept_with_a_flag(desk: Desk, more: dict[str, Any], flag: Flag) -> None:
    admitted = desk.admit(event(1), event(2, **more))
    assert admitted.events is not None
    assert stored(admitted) == [1, 2]
    assert list(admitted.events.flags or (0, 0)) == [0, flag]


def test_stamps_that_can_not_be_true_reach_no_rule_and_move_no_time(desk: Desk) -> None:
    admitted = desk.admit(event(1), event(2, at=NOW + 80 * 365 * 86_400_000), event(3, at=0))
    assert [row.seq for row in admitted.judged] == [1]
    assert desk.health.changed_devices()[0].last_at == NOW


@pytest.mark.parametrize(
    "more",
    [
        {"at": 10**17},
        {"observed_at": -1},
        {"clock_error_ms": -1},
        {"device": "d" * 201},
        {"device": "a\0b"},
        {"person": "\0"},
        {"zone": "z" * 300},
        {"data": 7},
        {"data": {"text": "\0"}},
        {"data": [1]},
        {"data": {"text": "x" * 17_000}},
        {"data": {"deep": nested(300)}},
        {"data": {"deep": nested(33)}},
    ],
    ids=lambda more: str(more)[:60],
)
def test_what_can_not_be_kept_is_set_aside_alone(desk: Desk, more: dict[str, Any]) -> None:
    admitted = desk.admit(event(1), event(2, **more), event(3))
    assert (stored(admitted), [row.kind for row in admitted.quarantine]) == ([1, 3], ["event"])
    assert desk.admit(event(2)).duplicates == 1


def test_an_unreadable_message_is_refused_by_its_digest_and_takes_no_number(desk: Desk) -> None:
    admitted = desk.admit(event(1), last=5)
    assert admitted.refused == admitted.quarantine[0].digest
    assert admitted.epoch == 7
    assert stored(desk.admit(event(1))) == [1]


def test_a_bad_part_of_a_batch_sent_twice_is_set_aside_once(desk: Desk) -> None:
    assert len(desk.admit(event(1), event(2, at="noon")).quarantine) == 1
    assert len(desk.admit(event(1), event(2, at="noon")).quarantine) == 0


def test_coverage_waits_for_every_number_it_speaks_of(desk: Desk) -> None:
    desk.admit(sources={"wand": {"complete_to": NOW}}, through={"main": 2, "life": 1})
    assert desk.statements() == {}
    desk.admit(event(1), event(2))
    assert "wand" not in desk.statements()
    desk.admit(event(1), lane="life")
    assert desk.statements()["wand"] == Coverage(NOW)


def test_coverage_of_a_batch_without_through_waits_for_the_numbers_before_it(desk: Desk) -> None:
    desk.admit(event(3), sources={"wand": {"complete_to": NOW}})
    assert "wand" not in desk.statements()
    desk.admit(event(1), event(2))
    assert desk.statements()["wand"] == Coverage(NOW)


def test_statements_held_together_become_one_that_says_it_all(desk: Desk) -> None:
    for number in range(100):
        blind = [[number * 10, number * 10 + 5]]
        desk.admit(
            sources={"wand": {"complete_to": NOW - 1000 + number, "blind": blind}}, through={"main": 1}
        )
    desk.admit(event(1))
    told = desk.statements()["wand"]
    assert told.complete_to == NOW - 901
    assert len(told.blind) == 100


def test_a_device_without_any_statement_is_covered_as_far_as_its_agent_was_heard(desk: Desk) -> None:
    desk.admit(event(1, observed_at=NOW - 40))
    assert desk.statements() == {device: Coverage(NOW - 40) for device in ("cp-1", "gate", "module")}


def test_a_source_that_buffers_is_covered_by_its_own_word_only(desk: Desk) -> None:
    desk.admit(event(1), event(2, device="wand"))
    assert "wand" not in desk.statements()


def test_a_device_that_was_stated_once_is_never_covered_by_default_again() -> None:
    known = DeviceHealth(site="demo", device="cp-1", agent="gw-1", complete_to=5)
    desk = Desk(known)
    desk.admit(event(1))
    assert "cp-1" not in desk.statements()


@pytest.mark.parametrize(
    "statement",
    [{"complete_to": NOW + FUTURE_MS + 1}, {"complete_to": -1}, {"complete_to": 5, "blind": [[9, 3]]}],
)
def test_a_statement_that_can_not_be_true_is_set_aside(desk: Desk, statement: dict[str, Any]) -> None:
    admitted = desk.admit(sources={"cp-1": statement, "gate": {"complete_to": NOW}})
    assert [row.kind for row in admitted.quarantine] == ["coverage"]
    assert desk.statements()["gate"] == Coverage(NOW)


def test_blind_spans_are_noted_once_however_often_they_are_stated(desk: Desk) -> None:
    blind = {"cp-1": {"complete_to": NOW, "blind": [[NOW - 900, NOW - 500]]}}
    desk.admit(sources=blind)
    desk.statements()
    assert desk.health.new_blind() == [BlindRow(site="demo", device="cp-1", start=NOW - 900, end=NOW - 500)]
    desk.admit(sources=blind)
    desk.statements()
    assert desk.health.new_blind() == []


def test_readings_are_admitted_by_the_same_rules(desk: Desk) -> None:
    columns = {
        "seq": [1, 2, 3],
        "device": ["cp-1", "stranger", "cp-1"],
        "point": ["temperature", "temperature", "t" * 201],
        "at": [NOW, 0, NOW],
        "value": [24.5, 1.0, 2.0],
        "quality": ["good", "good", "good"],
    }
    admitted = desk.admit(readings=columns, last=3)
    assert admitted.readings is not None
    assert admitted.readings.readings.seq == [1, 2]
    assert list(admitted.readings.flags) == [0, Flag.UNKNOWN_DEVICE | Flag.IMPOSSIBLE_TIME]
    assert [row.kind for row in admitted.quarantine] == ["reading"]
    assert desk.admit(readings=columns, last=3).duplicates == 3


def test_a_lane_of_its_own_counts_on_its_own(desk: Desk) -> None:
    desk.admit(event(1))
    admitted = desk.admit(event(1), lane="life")
    assert stored(admitted) == [1]
    assert admitted.ack is not None
    assert admitted.ack.lane is Lane.LIFE


def test_a_reading_of_the_future_is_kept_but_moves_no_time_of_its_device(desk: Desk) -> None:
    columns = {"seq": [1], "device": ["cp-1"], "point": ["t"], "at": [NOW + FUTURE_MS + 1], "value": [1.0]}
    readings = columns | {"quality": ["good"]}
    admitted = desk.admit(first=1, last=1, readings=readings)
    assert admitted.readings is not None
    assert admitted.readings.flags == [Flag.FUTURE]
    (told,) = desk.health.changed_devices()
    assert told.last_at is None


@pytest.mark.parametrize(("late", "known"), [(-1, NOW - 1), (0, NOW), (3_600_000, NOW)])
def test_nothing_is_covered_beyond_the_moment_at_which_it_was_received(
    desk: Desk, late: int, known: int
) -> None:
    """An agent whose clock is an hour ahead can't promise what has not happened yet."""
    desk.admit(sent_at=NOW + late)
    assert desk.statements()["cp-1"] == Coverage(known)


def test_an_event_observed_in_the_future_covers_no_further_than_it_was_received(desk: Desk) -> None:
    desk.admit(event(1, observed_at=NOW + 60_000))
    assert desk.statements()["cp-1"] == Coverage(NOW)


@pytest.mark.parametrize(
    ("sender", "told", "why"),
    [
        ("gw-2", event(1), "gw-2 told of cp-1, which is read by gw-1"),
        ("gw-2", event(1, device="gate", type="gate.swung"), "gw-2 told of gate, which is read by gw-1"),
        ("gw-9", event(1), "the site has no agent gw-9"),
    ],
)
def test_an_agent_tells_of_its_own_devices_only(
    desk: Desk, sender: str, told: dict[str, Any], why: str
) -> None:
    admitted = desk.admit(told, agent=sender, sender=sender)
    assert (stored(admitted), list(admitted.judged)) == ([], [])
    assert [(row.kind, row.reason, row.agent) for row in admitted.quarantine] == [("spoof", why, sender)]
    (kept,) = json.loads(admitted.quarantine[0].body)
    assert kept["device"] == told["device"]
    assert admitted.ack is not None  # its number is taken: it is kept, and comes no more


def test_a_pair_that_its_agent_told_before_is_none_the_more_anothers(desk: Desk) -> None:
    assert stored(desk.admit(event(1))) == [1]
    assert stored(desk.admit(event(1), agent="gw-2", sender="gw-2")) == []


def test_one_foreign_event_takes_nothing_else_of_its_batch_with_it(desk: Desk) -> None:
    told = [event(1, device="stranger"), event(2), event(3, device="another-stranger"), event(4)]
    admitted = desk.admit(*told, agent="gw-2", sender="gw-2")
    assert stored(admitted) == [1, 3]
    (row,) = admitted.quarantine
    assert [one["seq"] for one in json.loads(row.body)] == [2, 4]


def test_numbers_that_an_agent_lost_are_taken_and_told(desk: Desk) -> None:
    admitted = desk.admit(event(1), event(4), last=6, lost=[(2, 3), (5, 6)])
    assert (stored(admitted), admitted.lost) == ([1, 4], [(2, 3), (5, 6)])
    assert stored(desk.admit(event(3), event(4), event(5), event(6), event(7))) == [7]


def test_of_lost_numbers_only_those_are_told_that_nobody_had(desk: Desk) -> None:
    desk.admit(event(1), event(2), event(3))
    admitted = desk.admit(event(6), first=1, last=6, lost=[(1, 5)])
    assert admitted.lost == [(4, 5)]


@pytest.mark.parametrize("lost", [[(0, 1)], [(3, 2)], [(2, 3), (3, 3)], [(1, 9)], [(1, 1)]])
def test_lost_numbers_that_can_not_be_so_are_refused(desk: Desk, lost: list[tuple[int, int]]) -> None:
    assert desk.admit(event(1), last=3, lost=lost).refused


def test_what_an_agent_tells_of_itself_is_found(desk: Desk) -> None:
    admitted = desk.admit(event(1), event(2, device="gw-1", type="device.fault"))
    assert [one.seq for one in admitted.own] == [2]
    assert desk.admit(event(3)).own == ()
