"""The words on the wire: batches, identities, topics, durations."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contract.batch import (
    MAX_EPOCH,
    MAX_SEQ,
    Batch,
    Coverage,
    Lane,
    batch_decoder,
    batch_digest,
    encode,
    identity_base,
)
from contract.duration import Duration, parse_duration
from contract.events import Event, event_data, raw_data
from contract.topics import Address, captured_address

IDENTITIES = st.tuples(st.integers(1, MAX_EPOCH), st.sampled_from(Lane), st.integers(1, MAX_SEQ))


def test_a_batch_survives_the_wire() -> None:
    event = Event(seq=1, at=2, device="cp-1", type="checkpoint.scan", data=raw_data({"b": 1, "a": 2}))
    batch = Batch(
        agent="gw-1",
        epoch=3,
        first=1,
        last=1,
        sent_at=9,
        sources={"cp-1": Coverage(8, [(1, 2)])},
        events=[event],
    )
    assert batch_decoder.decode(encode(batch)) == batch
    assert event_data(batch_decoder.decode(encode(batch)).events[0]) == {"a": 2, "b": 1}


@given(IDENTITIES, IDENTITIES)
def test_identities_of_different_epochs_lanes_and_numbers_never_meet(
    one: tuple[int, Lane, int], other: tuple[int, Lane, int]
) -> None:
    def identity(of: tuple[int, Lane, int]) -> int:
        return identity_base(of[0], of[1]) + of[2]

    assert (identity(one) == identity(other)) == (one == other)
    assert 0 < identity(one) < 1 << 63


def test_an_address_is_the_same_in_both_spellings() -> None:
    address = Address("demo", "gw-1")
    assert address.topic("events") == "sitewarden/v1/demo/gw-1/events"
    assert address.subject("events") == "sitewarden.v1.demo.gw-1.events"
    assert captured_address("sitewarden-up.3.demo.gw-1") == address
    with pytest.raises(ValueError, match="not a captured subject"):
        captured_address("sitewarden-up.3.demo")


def test_a_digest_names_the_bytes() -> None:
    assert batch_digest(b"x") == batch_digest(b"x") != batch_digest(b"y")


@pytest.mark.parametrize(
    ("text", "duration"),
    [
        ("90s", Duration(ms=90_000)),
        ("2m", Duration(ms=120_000)),
        ("24h", Duration(ms=86_400_000)),
        ("3d", Duration(ms=259_200_000)),
        ("500ms", Duration(ms=500)),
        ("2wd", Duration(working_days=2)),
    ],
)
def test_durations_are_read_as_people_write_them(text: str, duration: Duration) -> None:
    assert parse_duration(text) == duration
    assert parse_duration(str(duration)) == duration


@pytest.mark.parametrize("text", ["", "2", "m", "2 m", "-2m", "1.5h", "2min"])
def test_another_form_is_refused_with_what_was_expected(text: str) -> None:
    with pytest.raises(ValueError, match="expected a duration such as 90s"):
        parse_duration(text)
