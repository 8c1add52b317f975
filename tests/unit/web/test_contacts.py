"""How long a client was out of reach, as its signed notes say it."""

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloud.broker.memory import MemoryLine
from cloud.operations.command import Command
from cloud.web.contacts import OUTAGE_MS, SENDING_MS, Contacts

NOW = 1_764_547_200_000
TOKEN = "a-token-of-some-length"
MIN = 60_000


@pytest.fixture
def contacts() -> Contacts:
    return Contacts(TOKEN)


def test_a_client_that_is_in_contact_can_have_done_nothing_long_ago(contacts: Contacts) -> None:
    note = ""
    for minute in range(10):
        contact = contacts.hear(note, NOW + minute * MIN)
        note = contacts.note(contact)
        assert contact.earliest(NOW + minute * MIN) == NOW + minute * MIN - OUTAGE_MS


def test_a_client_that_was_out_of_reach_may_tell_what_was_done_since_then(contacts: Contacts) -> None:
    note = contacts.note(contacts.hear("", NOW))
    back = contacts.hear(note, NOW + 40 * MIN)
    assert back.earliest(NOW + 40 * MIN) == NOW
    later = contacts.hear(contacts.note(back), NOW + 41 * MIN)
    assert later.earliest(NOW + 41 * MIN) == NOW
    assert later.earliest(NOW + 40 * MIN + SENDING_MS + 1) > NOW


def test_a_note_outlives_the_process_that_gave_it(contacts: Contacts) -> None:
    note = contacts.note(contacts.hear("", NOW))
    assert Contacts(TOKEN).hear(note, NOW + 40 * MIN).earliest(NOW + 40 * MIN) == NOW


def test_an_older_note_that_is_shown_again_makes_no_outage(contacts: Contacts) -> None:
    first = contacts.note(contacts.hear("", NOW))
    note = first
    for minute in range(1, 40):
        note = contacts.note(contacts.hear(note, NOW + minute * MIN))
    now = NOW + 40 * MIN
    assert contacts.hear(first, now).earliest(now) == now - OUTAGE_MS


def test_a_client_whose_stream_is_taken_is_in_contact(contacts: Contacts) -> None:
    contact = contacts.hear("", NOW)
    for second in range(0, 2_400, 5):
        contacts.reached(contact.client, NOW + second * 1_000)
    now = NOW + 40 * MIN
    assert contacts.hear(contacts.note(contact), now).earliest(now) == now - OUTAGE_MS


@given(st.text(max_size=60))
def test_a_note_that_was_not_given_here_makes_a_new_client(shown: str) -> None:
    assert Contacts(TOKEN).hear(shown, NOW).lost_at == 0


def test_a_forged_note_is_none(contacts: Contacts) -> None:
    client, *rest = contacts.note(contacts.hear("", NOW)).split(".")
    forged = ".".join((client, str(NOW - 86_400_000), *rest[1:]))
    assert contacts.hear(forged, NOW).earliest(NOW) == NOW - OUTAGE_MS


async def test_a_command_carries_when_it_was_heard_and_since_when_its_sender_was_out_of_reach(
    client: Any, line: MemoryLine, time: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("cloud.web.action_routes.DECIDED_WITHIN_S", 0)
    async with client() as web:
        await web.get("/api/v1/sites")
        heard = time.now()
        time.added += 40 * MIN
        act = {"do": "acknowledge", "incident": "one"}
        await web.post("/api/v1/sites/demo/actions", json={"person": "p-007", "action": act, "at": heard + 5})
        (message,) = await line.after(0, 10, 0)
        command = msgspec.json.decode(message.payload, type=Command)
        assert (command.at, command.heard_at, command.since) == (heard + 5, time.now(), heard)
