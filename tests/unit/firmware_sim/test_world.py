"""The simulated estate lives the same life for the same seed, and a plausible one."""

from collections.abc import Callable
from itertools import pairwise
from random import Random

import msgspec
import pytest

from contract.site import Site
from firmware_sim.scenario import Scenario
from firmware_sim.world.effects import Effect, Happened, Inputs, Misbehaves, ReaderState
from firmware_sim.world.graph import Graph
from firmware_sim.world.world import World

Live = Callable[..., list[Effect]]
Lived = Callable[..., list[Happened]]
Shipped = Callable[[str], Scenario]
Written = Callable[[str], Scenario]

HOUR = 3_600_000


def of_type(events: list[Happened], *types: str) -> list[Happened]:
    return [event for event in events if event.type in types]


def of_kind(effects: list[Effect], kind: type[Effect]) -> list[Effect]:
    return [effect for effect in effects if isinstance(effect, kind)]


def test_the_same_seed_gives_the_same_history_byte_for_byte(shipped: Shipped, live: Live) -> None:
    one, two, other = (msgspec.json.encode(live(shipped("demo"), 60, seed)) for seed in (1, 1, 2))
    assert one == two
    assert one != other


@pytest.mark.parametrize("seed", range(3))
def test_a_history_does_not_depend_on_how_often_the_world_is_asked(
    demo: Site, shipped: Shipped, live: Live, seed: int
) -> None:
    often = World(demo, shipped("demo"), Random(seed))
    steps = Random(seed + 100)
    told, now = [], 0
    while now < HOUR:
        now = min(HOUR, now + steps.randint(0, 20_000))
        told += often.update(now)
    assert told == live(shipped("demo"), 60, seed)


def test_effects_come_in_the_order_of_their_times(shipped: Shipped, live: Live) -> None:
    times = [effect.at for effect in live(shipped("demo"), 60)]
    assert len(times) > 300
    assert times == sorted(times)


def test_the_world_says_when_it_must_be_asked_next(demo: Site, shipped: Shipped) -> None:
    world = World(demo, shipped("missed-fire"), Random(3))
    world.update(0)
    due = world.next_at()
    assert due is not None
    assert world.update(due - 1) == []
    assert world.update(due) or world.next_at() != due


@pytest.mark.parametrize("seed", range(10))
def test_nobody_walks_faster_than_the_site_can_be_walked(
    demo: Site, shipped: Shipped, happened: Lived, seed: int
) -> None:
    graph = Graph(demo)
    by_card: dict[str | None, list[Happened]] = {}
    for scan in of_type(happened(shipped("demo"), 120, seed), "checkpoint.scan"):
        by_card.setdefault(scan.person, []).append(scan)
    assert len(by_card) == 7
    for scans in by_card.values():
        for before, after in pairwise(scans):
            assert after.at - before.at >= 1000 * graph.seconds(before.zone, after.zone)


def test_a_scan_is_made_at_the_reader_of_the_zone_one_stands_in(
    demo: Site, shipped: Shipped, happened: Lived
) -> None:
    scans = of_type(happened(shipped("demo"), 60), "checkpoint.scan")
    assert {scan.zone == demo.devices[scan.device].zone for scan in scans} == {True}
    assert {scan.person for scan in scans} <= {card for p in demo.file.people for card in p.cards}


def test_a_round_visits_the_checkpoints_of_its_route_in_order(scenario: Written, happened: Lived) -> None:
    walk = scenario("people: [{person: p-008, at: gate-north, route: r-grounds}]\n")
    visited = [scan.device for scan in happened(walk, 60)]
    route = ["cp-gate-n", "cp-plaza", "cp-club", "cp-gate-s"]
    assert len(visited) >= 8
    assert visited == (route * len(visited))[: len(visited)]


NEAR_AND_FAR = """\
behaviour: {turns_out: 1, reaction: {least: 4s, most: 9s}, slowest: 1.5, dwell: {least: 2s, most: 3s}}
calls: {fire: {role: rescue, sends: 1}}
people: [{person: p-007, at: b1-f2}, {person: p-008, at: gate-south}, {person: p-010, at: b1}]
steps: [{do: fire, at: 10s, zones: [b1]}]
"""


@pytest.mark.parametrize("seed", range(20))
def test_the_nearest_of_the_team_reaches_a_fire_within_reaction_and_walking_time(
    scenario: Written, happened: Lived, seed: int
) -> None:
    events = happened(scenario(NEAR_AND_FAR), 5, seed)
    alarm, scan = of_type(events, "fire.alarm", "checkpoint.scan")
    assert (scan.person, scan.device) == ("card:8812331", "cp-b1-03")
    least = 4_000 + 20_000 + 2_000
    most = 9_000 + 20_000 * 1.5 + 3_000
    assert least <= scan.at - alarm.at <= most


def test_a_floor_without_a_reader_is_answered_where_it_is_covered_from(
    scenario: Written, happened: Lived
) -> None:
    upstairs = scenario(NEAR_AND_FAR.replace("zones: [b1]", "zones: [b1-f2]"))
    (scan,) = of_type(happened(upstairs, 5), "checkpoint.scan")
    assert scan.device == "cp-b1-03"


def test_people_sometimes_do_not_turn_out(scenario: Written, happened: Lived) -> None:
    unsure = scenario(NEAR_AND_FAR.replace("turns_out: 1", "turns_out: 0.5"))
    came = sum(bool(of_type(happened(unsure, 5, seed), "checkpoint.scan")) for seed in range(100))
    assert 30 <= came <= 70


def test_nobody_comes_to_a_fire_that_is_not_answered(shipped: Shipped, happened: Lived) -> None:
    scans = of_type(happened(shipped("missed-fire"), 6), "checkpoint.scan")
    assert scans
    assert {scan.zone for scan in scans}.isdisjoint({"b2"})


def test_somebody_called_from_a_round_goes_back_to_it(scenario: Written, happened: Lived) -> None:
    called = scenario(
        "behaviour: {turns_out: 1}\n"
        "people: [{person: p-008, at: gate-north, route: r-grounds}]\n"
        "steps: [{do: fire, at: 50s, zones: [b1]}]\n"
    )
    visited = [scan.device for scan in of_type(happened(called, 12), "checkpoint.scan")]
    visited.remove("cp-b1-03")
    assert visited[:4] == ["cp-gate-n", "cp-plaza", "cp-club", "cp-gate-s"]


def test_fire_releases_its_escape_route_and_the_reset_locks_it_again(
    demo: Site, scenario: Written, happened: Lived
) -> None:
    events = happened(scenario("steps: [{do: fire, at: 10s, zones: [b3], lasts: 1m}]\n"), 5)
    alarm, reset = of_type(events, "fire.alarm", "fire.reset")
    released, locked = of_type(events, "gate.released"), of_type(events, "gate.locked")
    assert {gate.device for gate in released} == {gate.device for gate in locked} == {"gate-s", "door-b3"}
    assert all(1_000 <= gate.at - alarm.at <= 3_000 for gate in released)
    assert all(gate.at > reset.at for gate in locked)


def test_a_gate_stays_open_while_another_fire_wants_it(scenario: Written, happened: Lived) -> None:
    two = scenario(
        "steps:\n"
        "  - {do: fire, at: 10s, zones: [b3], lasts: 1m}\n"
        "  - {do: fire, at: 40s, zones: [club], lasts: 3m}\n"
    )
    moves = [(e.type, e.at) for e in happened(two, 10) if e.device == "gate-s"]
    assert [move for move, _ in moves] == ["gate.released", "gate.locked"]
    assert moves[1][1] > 220_000


def test_a_stuck_gate_releases_only_when_it_comes_free(shipped: Shipped, happened: Lived) -> None:
    released = {e.device: e.at for e in of_type(happened(shipped("gate-stuck"), 4), "gate.released")}
    assert released["gate-n"] == 140_000
    assert released["gate-n-walk"] < 25_000


def test_an_input_module_is_shown_what_its_wiring_makes_of_a_state(live: Live, scenario: Written) -> None:
    opened = scenario("steps: [{do: door-opened, door: door-b1, at: 1s, lasts: 2s}]\n")
    wired = [e.values for e in of_kind(live(opened, 1), Inputs) if e.device == "io-north"]
    assert wired[0]["di_4"] is True  # a reed contact is closed while the door is shut
    assert wired[0]["di_3"] is False
    assert wired[1:] == [{"di_4": False}, {"di_4": True}]


def test_the_mains_go_and_come_back_and_an_engineer_is_called(shipped: Shipped, happened: Lived) -> None:
    events = happened(shipped("power-cut"), 5)
    lost, restored = of_type(events, "mains.lost", "mains.restored")
    assert (lost.device, lost.at, restored.at) == ("genset-1", 20_000, 140_000)
    assert ("cp-power", "card:8812352") in {(event.device, event.person) for event in events}


def test_a_trouble_begins_and_ends(scenario: Written, live: Live) -> None:
    troubled = live(
        scenario(
            "steps:\n"
            "  - {do: reader-offline, reader: cp-b1-03, at: 1s, lasts: 10s, keeps: false}\n"
            "  - {do: reader-clock, reader: cp-plaza, at: 2s, seconds: -90, lasts: 10s}\n"
            "  - {do: reader-repeats, reader: cp-club, at: 3s, copies: 3, lasts: 10s}\n"
            "  - {do: device-fault, device: t-ups, at: 4s, fault: garbage, lasts: 10s}\n"
        ),
        1,
    )
    assert [e for e in troubled if isinstance(e, ReaderState | Misbehaves)] == [
        ReaderState(1_000, "cp-b1-03", online=False, keeps=False),
        ReaderState(2_000, "cp-plaza", off_by_ms=-90_000),
        ReaderState(3_000, "cp-club", copies=3),
        Misbehaves(4_000, "t-ups", "garbage"),
        ReaderState(11_000, "cp-b1-03", online=True),
        ReaderState(12_000, "cp-plaza", off_by_ms=0),
        ReaderState(13_000, "cp-club", copies=1),
        Misbehaves(14_000, "t-ups", None),
    ]


def test_a_step_comes_again_at_its_interval_moved_by_its_jitter(scenario: Written, happened: Lived) -> None:
    often = scenario("steps: [{do: fire, at: 1m, every: 5m, jitter: 30s, zones: [b3], lasts: 1m}]\n")
    alarms = [event.at for event in of_type(happened(often, 60), "fire.alarm")]
    assert len(alarms) == 12
    assert all(0 <= at - (60_000 + n * 300_000) <= 30_000 for n, at in enumerate(alarms))
    assert len({at % 300_000 for at in alarms}) > 6


def test_a_zone_that_burns_does_not_catch_fire_again(scenario: Written, happened: Lived) -> None:
    twice = scenario(
        "steps: [{do: fire, at: 1s, zones: [b3], lasts: 5m}, {do: fire, at: 60s, zones: [b3], lasts: 5m}]\n"
    )
    assert [e.type for e in happened(twice, 10) if e.device == "fire-panel"] == ["fire.alarm", "fire.reset"]


def test_within_a_minute_the_demo_shows_a_patrol_an_alarm_and_an_arrival(
    shipped: Shipped, happened: Lived
) -> None:
    events = happened(shipped("demo"), 1)
    alarm = of_type(events, "fire.alarm")[0]
    arrivals = [e for e in of_type(events, "checkpoint.scan") if e.zone == alarm.zone and e.at > alarm.at]
    assert of_type(events, "checkpoint.scan")[0].at < alarm.at
    assert (arrivals[0].person, arrivals[0].at < 55_000) == ("card:8812331", True)


@pytest.mark.parametrize("seed", range(20))
def test_the_demo_shows_an_arrival_within_a_minute_whatever_the_chance(
    shipped: Shipped, happened: Lived, seed: int
) -> None:
    arrivals = [e for e in happened(shipped("demo"), 1, seed) if e.person == "card:8812331"]
    assert arrivals
    assert arrivals[0].device == "cp-b1-03"


def test_the_demo_keeps_living(shipped: Shipped, happened: Lived) -> None:
    events = happened(shipped("demo"), 60)
    assert len(of_type(events, "fire.alarm")) >= 10
    assert len(of_type(events, "mains.lost")) >= 3
    assert len(of_type(events, "checkpoint.scan")) >= 60
