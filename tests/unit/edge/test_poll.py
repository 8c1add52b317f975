"""Everybody on a line gets their turn, and who is silent takes ever less of it."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contract.profile.expand import device_map
from contract.profile.points import Point, StateRule, Told
from edge.decode.sheet import sheet
from edge.plan import Request, plan
from edge.poll import LONGEST_PAUSE_MS, Turn, Turns
from tests.bus import MODBUS_PROFILES, on_site, shipped


def requests(count: int, interval_ms: int = 1_000) -> list[tuple[Request, int]]:
    return [
        (Request(function=3, address=n, count=1, poll="normal", optional=False, points=()), interval_ms)
        for n in range(count)
    ]


def live(
    turns: Turns, until: int, *, cost_ms: int = 20, silent: str = "", timeout_ms: int = 1_000
) -> list[tuple[int, Turn]]:
    """Take every turn as it comes; each costs time on the line."""
    now, taken = 0, []
    while now < until:
        turn = turns.next(now)
        if isinstance(turn, int):
            now = turn
            continue
        taken.append((now, turn))
        if turn.device == silent:
            now += timeout_ms
            turns.failed(turn, now)
        else:
            now += cost_ms
            turns.answered(turn, now, 0)
    return taken


def gaps(taken: list[tuple[int, Turn]], device: str) -> list[int]:
    times = [at for at, turn in taken if turn.device == device]
    return [later - earlier for earlier, later in itertools.pairwise(times)]


def test_each_request_is_made_at_its_own_pace() -> None:
    turns = Turns({"a": requests(1, 1_000), "b": requests(1, 5_000)}, 0)
    taken = live(turns, 60_000)
    assert sum(turn.device == "a" for _, turn in taken) == 60
    assert sum(turn.device == "b" for _, turn in taken) == 12


def test_a_device_with_a_hundred_requests_holds_up_nobody() -> None:
    turns = Turns({"panel": requests(100), "gate": requests(1)}, 0)
    assert max(gaps(live(turns, 60_000, cost_ms=50), "gate")) <= 1_100


def panel(count: int, interval_ms: int = 1_000) -> list[tuple[Request, int]]:
    """Requests that tell of fires."""
    smoke = StateRule(name="smoke", mask=1, codes=frozenset({1}), on="fire.alarm")
    point = Point(name="p", told=Told(device="panel"), function=3, address=0, states=(smoke,))
    return [
        (Request(function=3, address=n, count=1, poll="normal", optional=False, points=(point,)), interval_ms)
        for n in range(count)
    ]


def test_what_lives_depend_on_goes_first() -> None:
    meters = {f"m{n}": requests(10) for n in range(6)}
    turns = Turns(meters | {"panel": panel(1)}, 0)
    taken = live(turns, 60_000, cost_ms=40)
    assert max(gaps(taken, "panel")) <= 1_040, "at most one other turn comes before it"


def test_a_panel_that_takes_the_whole_line_leaves_every_second_turn_to_the_others() -> None:
    turns = Turns({"meter": requests(1, 500), "panel": panel(100)}, 0)
    assert max(gaps(live(turns, 60_000, cost_ms=50), "meter")) <= 600


def test_a_line_that_is_too_slow_still_reads_everything_in_turn() -> None:
    turns = Turns({"panel": requests(40)}, 0)
    taken = live(turns, 60_000, cost_ms=100)
    counts = [sum(turn.request.address == n for _, turn in taken) for n in range(40)]
    assert max(counts) - min(counts) <= 1


def test_a_silent_device_is_asked_ever_more_rarely_but_always_again() -> None:
    turns = Turns({"dead": requests(3)}, 0)
    asked = gaps(live(turns, 120_000, silent="dead", timeout_ms=1_000), "dead")
    assert asked[:5] == [1_500, 2_000, 3_000, 5_000, 9_000]
    assert set(asked[5:]) == {1_000 + LONGEST_PAUSE_MS}


def test_one_silent_device_of_eight_does_not_slow_the_others() -> None:
    """T40: others' period at most twice the nominal one."""
    turns = Turns({"dead": requests(1)} | {f"d{n}": requests(1, 2_000) for n in range(7)}, 0)
    taken = live(turns, 120_000, silent="dead", timeout_ms=1_000)
    assert max(gap for n in range(7) for gap in gaps(taken, f"d{n}")) <= 4_000


def test_a_device_that_came_back_does_not_take_the_line_for_itself() -> None:
    turns = Turns({"back": requests(50), "gate": requests(1)}, 0)
    now = 0
    for _ in range(6):
        turn = turns.next(now)
        assert isinstance(turn, Turn)
        if turn.device == "back":
            turns.failed(turn, now)
        else:
            turns.answered(turn, now, 0)
        now += 8_000
    taken = []
    for _ in range(20):
        turn = turns.next(now)
        assert isinstance(turn, Turn)
        taken.append(turn.device)
        now += 20
        turns.answered(turn, now, 0)
    assert "gate" in taken[:2]


def test_a_device_is_left_alone_between_two_requests_for_as_long_as_it_needs() -> None:
    turns = Turns({"slow": requests(2)}, 0)
    turn = turns.next(0)
    assert isinstance(turn, Turn)
    turns.answered(turn, 10, 100)
    assert turns.next(10) == 110


def test_an_interval_that_was_missed_is_not_made_up_for() -> None:
    turns = Turns({"a": requests(1)}, 0)
    turn = turns.next(60_000)
    assert isinstance(turn, Turn)
    turns.answered(turn, 60_020, 0)
    assert turns.next(60_020) == 61_020


def test_what_a_device_lacks_is_asked_for_rarely() -> None:
    turns = Turns({"a": requests(1)}, 0)
    turn = turns.next(0)
    assert isinstance(turn, Turn)
    turns.answered(turn, 20, 0, lacking=True)
    assert turns.next(20) == 600_000


def test_a_suspect_device_waits_without_being_blamed() -> None:
    turns = Turns({"a": requests(1), "b": requests(1)}, 0)
    turn = turns.next(0)
    assert isinstance(turn, Turn)
    turns.held(turn, 2_000, 5)
    other = turns.next(5)
    assert isinstance(other, Turn)
    assert other.device != turn.device
    turns.answered(other, 30, 0)
    assert turns.next(30) == 1_000


def paused(device: str, until: int, *, cost_ms: int = 20) -> dict[str, list[int]]:
    """The times at which each request of a shipped profile is made, with the pauses that its device needs."""
    mapped = device_map(shipped(device), on_site(device))
    paces = [(request, mapped.polls[request.poll]) for request in plan(mapped.points, mapped.limits)]
    turns, now, asked = Turns({"dev": paces}, 0), 0, dict[str, list[int]]()
    while now < until:
        turn = turns.next(now)
        if isinstance(turn, int):
            now = turn
            continue
        asked.setdefault(turn.request.key, []).append(now)
        now += cost_ms
        turns.answered(turn, now, mapped.limits.pause_ms)
    return asked


@pytest.mark.parametrize("device", MODBUS_PROFILES)
def test_no_shipped_device_is_blind_alone_on_its_line(device: str) -> None:
    """Pauses between requests count: ComAp's 13 with 500 ms each are more than its second has room for."""
    own = sheet(device_map(shipped(device), on_site(device)))
    asked = paused(device, 120_000)
    bearing = {key for of_device in own.told.values() for key in of_device}
    for request in (one for one in own.requests if one.key in bearing):
        times = asked[request.key]
        assert max((b - a for a, b in itertools.pairwise(times)), default=0) <= own.bridge_ms(request), (
            request.key
        )


LOADS = st.lists(
    st.tuples(st.sampled_from([1_000, 2_000, 10_000, 30_000]), st.integers(1, 12)), min_size=1, max_size=4
)


@given(LOADS, st.integers(10, 500))
def test_slow_requests_never_starve_quick_ones(loads: list[tuple[int, int]], cost_ms: int) -> None:
    """Two of three turns are theirs once they are late; the third is what is late by most of its intervals."""
    own = [
        (Request(function=3, address=100 * n + k, count=1, poll="p", optional=False, points=()), every)
        for n, (every, count) in enumerate(loads)
        for k in range(count)
    ]
    factor = max(1.0, sum(cost_ms / every for _, every in own))
    quickest = min(every for _, every in own)
    quick = sum(every == quickest for _, every in own)
    taken = live(Turns({"dev": own}, 0), 400_000, cost_ms=cost_ms)
    for request, every in own:
        times = [at for at, turn in taken if turn.request is request]
        longest = max((b - a for a, b in itertools.pairwise(times)), default=400_000)
        if every == quickest:
            assert longest <= 1.5 * (every + quick * cost_ms) + 3 * cost_ms
        assert longest <= (2 + factor) * every + 4 * len(own) * cost_ms


def test_a_quick_device_is_not_held_up_by_fifty_slow_ones() -> None:
    turns = Turns({"gate": requests(1, 1_000)} | {f"m{n}": requests(1, 10_000) for n in range(50)}, 0)
    assert max(gaps(live(turns, 60_000, cost_ms=50), "gate")) <= 1_100
