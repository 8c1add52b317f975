"""What stands: the alarms of a device equal a plain model of its states, in any order of arrival."""

from typing import Any

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from cloud.operations.alarm_book import AlarmBook
from cloud.operations.alarm_kinds import load_alarm_kinds
from cloud.operations.command import AcknowledgeAlarms
from cloud.plan.states import states
from contract.events import Event, raw_data
from contract.site import Device, Site, SiteFile
from contract.site_files import shipped_config

KINDS = load_alarm_kinds(shipped_config() / "operations" / "alarms.yaml")
SITE = Site(SiteFile(site="s", devices=(Device(id="panel"), Device(id="other"))))
PARTS = ("", "1-1", "1-2")
WORDS: tuple[dict[str, Any], ...] = (
    {},
    {"state": "active"},
    {"state": "active"},
    {"state": "cleared"},
    {"state": "cleared"},
    {"state": "Restored"},
    {"state": False},
)
OVER = ("cleared", "Restored", False)


@st.composite
def histories(draw: st.DrawFn) -> list[Event]:
    """Beginnings, ends, repetitions and resets of the parts of two panels, each with its number."""
    found = []
    for seq in range(draw(st.integers(0, 16))):
        reset = draw(st.integers(0, 5)) == 0
        part = draw(st.sampled_from(PARTS))
        word = {} if reset else draw(st.sampled_from(WORDS))
        found.append(
            Event(
                seq=seq,
                at=draw(st.integers(0, 8)) * 1_000,
                device=draw(st.sampled_from(["panel", "panel", "other"])),
                type="fire.reset" if reset else "fire.alarm",
                data=raw_data(({"part": part} if part else {}) | word),
            )
        )
    return found


def standing(events: list[Event]) -> set[tuple[str, str]]:
    """Device and part of what stands: the newest that was told of each."""
    found: dict[tuple[str, str], bool] = {}
    for event in sorted(events, key=lambda event: (event.at, event.seq)):
        data = msgspec.json.decode(event.data)
        part = data.get("part", "")
        if event.type == "fire.reset":
            found |= {key: False for key in found if key[0] == event.device and part in {"", key[1]}}
        else:
            over = any(
                data.get("state") is word or data.get("state") == word for word in OVER if "state" in data
            )
            found[event.device, part] = not over
    return {key for key, stands in found.items() if stands}


def alarms(book: AlarmBook) -> set[tuple[str, str]]:
    """Device and part of the alarms whose condition is there."""
    return {(one.source, one.part) for device in ("panel", "other") for one in book.stands_at(device)}


@given(histories(), st.randoms(use_true_random=False), st.data())
def test_the_alarms_that_stand_are_the_states_that_stand(
    events: list[Event], chance: Any, data: st.DataObject
) -> None:
    arriving = data.draw(st.permutations(events))
    book = AlarmBook(SITE, KINDS)
    for now, event in enumerate(arriving, start=100_000):
        book.on_event(event, event.seq, now)
        waiting = [one for one in book.stands_at("panel") if one.acked_at is None]
        if waiting and chance.random() < 0.3:
            seen = book.acknowledge(AcknowledgeAlarms(alarms=(waiting[0].id,)), "p", now, now)
            assert all(one.acked_at is not None and one.acked_at >= one.opened_at for one in seen)
        if chance.random() < 0.5:
            book.take_records()
        if chance.random() < 0.2:
            book.on_event(event, event.seq, now)
    assert alarms(book) == standing(events)


@given(histories())
def test_what_plans_show_is_what_stands(events: list[Event]) -> None:
    shown = {(one.event.device, one.part or "") for one in states(events) if one.event.type == "fire.alarm"}
    assert shown == standing(events)
