"""What stands in the product is what stands at the device, whatever happened in between.

Every shipped profile is simulated and read by the agent's own decisions through random histories: set, cleared, several
at once, repeated, out of reach, restarted, doubled and late. `make truth CASES=n` plays n histories of each profile.
Numbers are equal within what a profile does not tell of: changes smaller than its dead band.
"""

import os

import pytest

from contract.profile.load import load_profile
from contract.profile.model import ModbusProfile
from contract.site import Site, SiteFile, Zone
from edge.parts import PartNames
from edge.ports import Happened
from tests.truth.history import (
    PROFILES,
    History,
    blind_spans,
    device_of,
    inputs_of,
    profiles,
    read_fresh,
    readings,
    standing,
)

CASES = int(os.environ.get("SITEWARDEN_CASES", "0")) or 2
STEPS = 12
ALIVE = {
    "comap-intelilite4",
    "dse-7320-mkii",
    "dse-73xx-mk1",
    "smartgen-hgm6120n",
    "smartgen-hsc941",
    "socomec-atys-pm",
}
"""Sets that start and take the load in their own time: when, only they know."""
BRIDGE_MS = 40_000
"""A device that was away for longer than any profile bridges was not known meanwhile."""


def played(name: str, seed: int) -> History:
    history = History(load_profile(PROFILES / f"{name}.yaml"), device_of(name), seed)
    history.play(STEPS)
    return history


def names_of(history: History) -> PartNames:
    return PartNames(Site(SiteFile(site="s", zones=(Zone(id="z"),), devices=(history.device,))))


@pytest.mark.parametrize("name", profiles())
def test_what_the_product_says_of_a_device_is_so(name: str) -> None:
    for seed in range(CASES):
        history = played(name, seed)
        stands_as_a_fresh_reader_finds_it(history, seed)
        is_blind_while_the_device_was_away(history, seed)
        if isinstance(history.profile, ModbusProfile) and name not in ALIVE:
            is_dated_within_its_error(history, seed)


def stands_as_a_fresh_reader_finds_it(history: History, seed: int) -> None:
    names, fresh = names_of(history), read_fresh(history)
    assert standing(history.played.seen, names) == standing(fresh.seen, names), f"seed {seed}"
    at_last, found = readings(history.played.seen), readings(fresh.seen)
    both = {key for key in at_last.keys() & found.keys() if at_last[key] is not None}
    assert {key: at_last[key] for key in both} == pytest.approx(
        {key: found[key] for key in both}, rel=0.02, abs=1
    ), f"seed {seed}"


def is_blind_while_the_device_was_away(history: History, seed: int) -> None:
    for start, end in history.silent:
        if end - start > BRIDGE_MS:
            middle = (start + end) // 2
            assert [span for span in blind_spans(history) if span[0] <= middle < span[1]], f"seed {seed}"


def is_dated_within_its_error(history: History, seed: int) -> None:
    """Of polled devices: those that speak tell of a change at once."""
    for one in history.played.seen:
        if not isinstance(one, Happened) or one.type.startswith("device.") or one.data.get("initial"):
            continue
        near = [at for at in moments(history) if one.at - one.error_ms <= at <= one.observed_at]
        assert near or not within_reach(history, one.at), f"seed {seed}: {one}"


def moments(history: History) -> list[int]:
    """When anything was done to the device."""
    return sorted({0, *history.moments})


def within_reach(history: History, at: int) -> bool:
    return not any(start - 1_000 <= at <= end + BRIDGE_MS for start, end in history.silent)


ONLY_CARDS = {"espresense-station", "hikvision-access", "json-post", "patrol-reader", "tasmota-pn532"}
ONLY_CARDS |= {"tasmota-rdm6300", "zkteco-push"}
"""Readers tell of moments, which end with themselves: nothing of theirs stands."""


@pytest.mark.parametrize("name", profiles())
def test_the_history_of_a_profile_moves_something(name: str) -> None:
    """A profile whose simulator takes no input would pass all of this by doing nothing."""
    moved = inputs_of(load_profile(PROFILES / f"{name}.yaml"), device_of(name))
    assert bool(moved) is (name not in ONLY_CARDS)
