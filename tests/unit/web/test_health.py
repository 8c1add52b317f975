"""How a device is doing."""

import pytest

from cloud.store.base import BlindRow
from cloud.web.health import BLIND_DAY_MS, SILENT_MS, Blindness, DeviceState, blindness, device_state
from tests import samples
from tests.samples import NOON, SITE

SEEING = Blindness()


def span(start: int, end: int) -> BlindRow:
    return BlindRow(site=SITE, device="cp-b1", start=NOON + start, end=NOON + end)


@pytest.mark.parametrize(
    ("health", "agent_age", "blind", "buffers", "state"),
    [
        (samples.device(), 0, SEEING, False, DeviceState.OK),
        (samples.device(), SILENT_MS, SEEING, False, DeviceState.OK),
        (samples.device(), SILENT_MS + 1, SEEING, False, DeviceState.UNREACHABLE),
        (samples.device(), 0, Blindness(NOON - 1), False, DeviceState.BLIND),
        (samples.device(), SILENT_MS + 1, Blindness(NOON - 1), False, DeviceState.UNREACHABLE),
        (samples.device(complete_to=NOON - SILENT_MS), 0, SEEING, False, DeviceState.OK),
        (samples.device(complete_to=NOON - SILENT_MS - 1), 0, SEEING, False, DeviceState.BEHIND),
        (samples.device(complete_to=NOON - SILENT_MS - 1), 0, SEEING, True, DeviceState.OK),
        (samples.device(complete_to=None), 0, SEEING, False, DeviceState.OK),
        (samples.device(complete_to=None, last_seen=None), 0, SEEING, False, DeviceState.NEVER),
        (None, 0, SEEING, False, DeviceState.NEVER),
        (samples.device(known=False), SILENT_MS + 1, SEEING, False, DeviceState.STRANGER),
    ],
)
def test_the_state_is_the_first_that_fits(
    health: object, agent_age: int, blind: Blindness, buffers: bool, state: DeviceState
) -> None:
    agent = samples.agent(at=NOON - agent_age)
    assert device_state(health, agent, blind, NOON, buffers=buffers) is state  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("known_ago", "quiet", "state"),
    [
        (600_000, 1_200_000, DeviceState.OK),
        (1_200_000 + SILENT_MS, 1_200_000, DeviceState.OK),
        (1_200_001 + SILENT_MS, 1_200_000, DeviceState.BEHIND),
        (SILENT_MS + 1, 0, DeviceState.BEHIND),
    ],
)
def test_a_device_is_behind_when_it_says_nothing_for_longer_than_its_own_heartbeat(
    known_ago: int, quiet: int, state: DeviceState
) -> None:
    health = samples.device(complete_to=NOON - known_ago)
    found = device_state(health, samples.agent(), SEEING, NOON, buffers=False, quiet_ms=quiet)
    assert found is state


def test_a_device_without_an_agent_is_unreachable() -> None:
    assert device_state(samples.device(), None, SEEING, NOON, buffers=False) is DeviceState.UNREACHABLE


def test_a_span_that_reaches_what_is_known_goes_on() -> None:
    assert blindness([span(-50, -40), span(-9, 0)], NOON, NOON).since == NOON - 9
    assert blindness([span(-9, -1)], NOON, NOON).since is None
    assert blindness([span(-9, 0)], None, NOON).since is None


def test_a_device_that_is_blind_again_and_again_is_not_well_though_it_was_just_read() -> None:
    found = blindness([span(-60_000 * n - 9, -60_000 * n) for n in range(5)], NOON + 1, NOON)
    assert found.often
    assert not blindness([span(-3_600_000 * n - 9, -3_600_000 * n) for n in range(5)], NOON + 1, NOON).often
    state = device_state(samples.device(), samples.agent(), Blindness(often=True), NOON, buffers=False)
    assert state is DeviceState.BLIND


def test_overlapping_spans_count_once_and_only_the_last_day_counts() -> None:
    spans = [span(-100, -50), span(-80, -40), span(-10, 5), span(-BLIND_DAY_MS - 70, -BLIND_DAY_MS + 7)]
    assert blindness(spans, NOON + 9, NOON).day_ms == 60 + 10 + 7
