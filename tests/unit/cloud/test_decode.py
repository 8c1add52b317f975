"""Bytes to a batch: the good parts are kept, the bad ones told with their reason, and nothing brings it down."""

import json
from typing import Any

import msgspec
import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from cloud.ingest.decode import Unreadable, decode, epoch_of
from contract.batch import Batch, Coverage, Lane, encode
from contract.events import Event, Quality, Readings, event_data

NOON = 1_764_547_200_000
ENVELOPE: dict[str, Any] = {"agent": "gw-1", "epoch": 7, "sent_at": NOON}


def payload(*events: Any, first: int = 1, last: int | None = None, **more: Any) -> bytes:
    numbered = {"first": first, "last": len(events) + first - 1 if last is None else last}
    return json.dumps({**ENVELOPE, **numbered, "events": list(events), **more}).encode()


def event(seq: int, **more: Any) -> dict[str, Any]:
    return {"seq": seq, "at": NOON, "device": "cp-1", "type": "checkpoint.scan", **more}


def columns(**more: Any) -> dict[str, Any]:
    good = {
        "seq": [1, 2],
        "device": ["t-1", "t-1"],
        "point": ["temperature", "humidity"],
        "at": [NOON, NOON],
        "value": [24.5, None],
        "quality": ["good", "bad"],
    }
    return good | more


def test_what_an_agent_encodes_is_read_back() -> None:
    batch = Batch(
        agent="gw-1",
        epoch=7,
        first=4,
        last=6,
        sent_at=NOON,
        lane=Lane.LIFE,
        through={Lane.MAIN: 3},
        sources={"cp-1": Coverage(NOON, [(1, 2)])},
        events=[Event(seq=4, at=NOON, device="cp-1", type="checkpoint.scan")],
        readings=Readings(
            seq=[5, 6],
            device=["t", "t"],
            point=["p", "q"],
            at=[NOON, NOON],
            value=[1.5, None],
            quality=[Quality.GOOD, Quality.BAD],
        ),
    )
    found = decode(encode(batch))
    assert (encode(found.batch), found.rejects) == (encode(batch), ())
    assert encode(decode(zstandard.compress(encode(batch))).batch) == encode(batch)


def test_a_heartbeat_is_a_batch_without_numbers() -> None:
    assert decode(payload(first=8, last=7)).batch.events == []


@pytest.mark.parametrize(
    "broken",
    [
        b"",
        b"null",
        b"\xff\xfe",
        b"[" * 100_000,
        b'{"agent":"gw-1"}',
        payload(v=2),
        payload(epoch=1 << 22),
        payload(epoch=-1),
        payload(event(1), last=2),
        payload(event(1), event(1)),
        payload(event(1), event(3)),
        payload(event(0), first=0),
        payload(first=5, last=3),
        payload(event(1 << 40), first=1 << 40),
        payload(readings=columns(seq=[1]), last=2),
        payload(readings="none", last=0),
        b"\x28\xb5\x2f\xfd rubbish",
        zstandard.compress(b" " * 5_000_000),
    ],
    ids=lambda broken: repr(broken[:24]),
)
def test_what_is_no_batch_is_unreadable(broken: bytes) -> None:
    with pytest.raises(Unreadable):
        decode(broken)


@pytest.mark.parametrize(
    "bad",
    [
        {"seq": 2},
        event(2, at="noon"),
        event(2, device=None),
        event(2, clock_error_ms=1.5),
        "scan",
        None,
    ],
)
def test_one_bad_event_is_told_and_the_others_are_kept(bad: Any) -> None:
    found = decode(payload(event(1), bad, event(3)))
    assert [kept.seq for kept in found.batch.events] == [1, 3]
    ((kind, body),) = [(reject.kind, reject.body) for reject in found.rejects]
    assert (kind, json.loads(body)) == ("event", bad)


def test_one_bad_reading_is_told_and_the_others_are_kept() -> None:
    found = decode(payload(readings=columns(value=[None, None]), last=2))
    assert (found.batch.readings.seq, found.batch.readings.value) == ([2], [None])
    assert [reject.kind for reject in found.rejects] == ["reading"]


def test_readings_of_a_wrong_type_leave_the_events_alone() -> None:
    found = decode(payload(event(3), readings=columns(at=[NOON, "noon"]), first=1, last=3))
    assert ([kept.seq for kept in found.batch.events], found.batch.readings.seq) == ([3], [1])


def test_one_bad_statement_is_told_and_the_others_hold() -> None:
    sources = {"cp-1": {"complete_to": NOON}, "cp-2": {"complete_to": "now"}}
    found = decode(payload(event(1), sources=sources))
    assert dict(found.batch.sources) == {"cp-1": Coverage(NOON)}
    assert [reject.kind for reject in found.rejects] == ["coverage"]


def test_the_epoch_of_an_unreadable_batch_is_told_where_it_can_be_read() -> None:
    assert epoch_of(payload(event(1), last=2)) == 7
    assert epoch_of(b"rubbish") == 0


@given(st.binary(max_size=200))
def test_no_bytes_bring_it_down(noise: bytes) -> None:
    try:
        decode(noise)
    except Unreadable:
        return


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4),
    max_leaves=12,
)


@given(
    st.fixed_dictionaries(
        {},
        optional={
            "events": st.lists(json_values, max_size=4),
            "readings": json_values,
            "sources": json_values,
            "through": json_values,
            "lane": json_values,
            "first": st.integers(-2, 3),
            "last": st.integers(-2, 3),
        },
    )
)
def test_what_is_kept_and_what_is_told_are_the_whole_batch(parts: dict[str, Any]) -> None:
    try:
        found = decode(json.dumps({**ENVELOPE, "first": 1, "last": 0, **parts}).encode())
    except Unreadable:
        return
    batch = found.batch
    told = sum(reject.kind != "coverage" for reject in found.rejects)
    assert len(batch.events) + len(batch.readings) + told == batch.last - batch.first + 1


def test_data_stays_the_bytes_that_were_sent() -> None:
    found = decode(payload(event(1, data={"a": [1, {"b": "三"}]})))
    assert event_data(found.batch.events[0]) == {"a": [1, {"b": "三"}]}
    assert isinstance(found.batch.events[0].data, msgspec.Raw)
