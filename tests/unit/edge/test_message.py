"""Rows made into batches."""

import msgspec

from contract.batch import MAX_BATCH_BYTES, Batch, Coverage, Lane, batch_decoder, batch_digest
from contract.events import Quality, event_data
from edge.clockmap import ClockMap, Sample
from edge.rows import EventRow, ReadingRow, new_row
from edge.spool.base import BatchName, Row, SpoolBatch
from edge.uplink.message import Envelope, heartbeat, pack

CLOUD = 1_764_547_200_000
CLOCK = ClockMap().booted("boot", 0, 0).with_sample(Sample(1_000, CLOUD - 1_000, 3))
ENVELOPE = Envelope(agent="gw-1", sent_at=CLOUD, clock_offset_ms=12, through={Lane.MAIN: 2, Lane.LIFE: 0})


def spooled(*contents: EventRow | ReadingRow, lane: Lane = Lane.MAIN, boot: str = "boot") -> SpoolBatch:
    rows = tuple(Row(10 + n, boot, new_row(content).body) for n, content in enumerate(contents))
    return SpoolBatch(BatchName(7, lane, 10, 9 + len(rows)), rows)


def decoded(batch: SpoolBatch, envelope: Envelope | None = None, **more: object) -> Batch:
    parcel = pack(batch, envelope or ENVELOPE, CLOCK, **more)  # type: ignore[arg-type]
    assert parcel is not None
    assert parcel.digest == batch_digest(parcel.payload)
    return batch_decoder.decode(parcel.payload)


SCAN = EventRow(
    device="cp-1",
    type="checkpoint.scan",
    at=900,
    observed_at=1_000,
    error_ms=4,
    zone="lobby",
    person="card:7",
    data=b'{"n":17}',
)
WARM = ReadingRow(device="t-1", point="temperature", at=1_000, value=24.5, quality=Quality.GOOD)
BROKEN = ReadingRow(device="t-1", point="humidity", at=1_000, value=None, quality=Quality.BAD)


def test_events_and_readings_share_the_numbers_of_their_lane() -> None:
    batch = decoded(spooled(WARM, SCAN, BROKEN))
    assert (batch.agent, batch.epoch, batch.first, batch.last) == ("gw-1", 7, 10, 12)
    assert [event.seq for event in batch.events] == [11]
    assert batch.readings.seq == [10, 12]
    assert batch.readings.value == [24.5, None]
    assert batch.readings.quality == [Quality.GOOD, Quality.BAD]


def test_an_event_is_placed_in_cloud_time_with_all_that_is_uncertain_about_it() -> None:
    [event] = decoded(spooled(SCAN)).events
    assert (event.at, event.observed_at, event.clock_error_ms) == (CLOUD - 100, CLOUD, 7)
    assert (event.zone, event.person, event_data(event)) == ("lobby", "card:7", {"n": 17})


def test_the_envelope_says_what_makes_its_coverage_true() -> None:
    sources = {"cp-1": Coverage(CLOUD, [(CLOUD - 5, CLOUD)])}
    envelope = msgspec.structs.replace(ENVELOPE, sources=sources)
    beat = batch_decoder.decode(heartbeat(7, 12, envelope))
    assert (beat.first, beat.last) == (13, 12)
    assert (beat.sources, beat.through) == (sources, {Lane.MAIN: 2, Lane.LIFE: 0})
    assert (len(beat.events), len(beat.readings)) == (0, 0)


def test_rows_that_cannot_be_placed_yet_wait() -> None:
    later = CLOCK.booted("next boot", 0, 0)
    assert pack(spooled(SCAN, boot="next boot"), ENVELOPE, later) is None


def test_rows_before_the_first_that_cannot_be_placed_go() -> None:
    first, second = spooled(SCAN).rows[0], spooled(SCAN, boot="next boot").rows[0]
    batch = SpoolBatch(BatchName(7, Lane.MAIN, 10, 11), (first, msgspec.structs.replace(second, seq=11)))
    parcel = pack(batch, ENVELOPE, CLOCK.booted("next boot", 0, 0))
    assert parcel is not None
    assert (parcel.name.first, parcel.name.last) == (10, 10)


def test_a_batch_never_grows_beyond_the_limit() -> None:
    big = msgspec.structs.replace(SCAN, data=msgspec.json.encode({"noise": "x" * 9_000}))
    batch = decoded(spooled(*[big] * 60))
    assert 15 <= len(batch.events) < 60
    assert batch.last == batch.first + len(batch.events) - 1
    parcel = pack(spooled(*[big] * 60), ENVELOPE, CLOCK)
    assert parcel is not None
    assert len(parcel.payload) <= MAX_BATCH_BYTES


def test_refused_rows_are_replaced_by_a_note_under_their_numbers() -> None:
    refused = [BatchName(7, Lane.MAIN, 11, 12), BatchName(7, Lane.LIFE, 10, 10)]
    batch = decoded(spooled(SCAN, WARM, SCAN), refused=refused)
    assert [(event.seq, event.type, event.device) for event in batch.events] == [
        (10, "checkpoint.scan", "cp-1"),
        (11, "device.fault", "gw-1"),
        (12, "device.fault", "gw-1"),
    ]
    assert event_data(batch.events[1]) == {"what": "refused", "device": "t-1", "kind": "temperature"}
    assert len(batch.readings) == 0


def test_life_safety_has_a_lane_of_its_own() -> None:
    assert new_row(SCAN).lane is Lane.MAIN
    assert new_row(WARM).lane is Lane.MAIN
    assert new_row(msgspec.structs.replace(SCAN, type="fire.alarm")).lane is Lane.LIFE
    assert decoded(spooled(SCAN, lane=Lane.LIFE)).lane is Lane.LIFE


def test_a_row_of_another_version_is_replaced_by_a_note_and_holds_nobody_up() -> None:
    spoiled = spooled(SCAN, SCAN)
    rows = (msgspec.structs.replace(spoiled.rows[0], body=b"what is this"), spoiled.rows[1])
    batch = decoded(msgspec.structs.replace(spoiled, rows=rows))
    assert [(event.seq, event.type) for event in batch.events] == [
        (10, "device.fault"),
        (11, "checkpoint.scan"),
    ]
    assert event_data(batch.events[0]) == {"what": "unreadable"}


def test_coverage_that_travels_with_rows_waits_for_these_rows_only() -> None:
    assert decoded(spooled(SCAN, SCAN)).through == {Lane.MAIN: 11, Lane.LIFE: 0}


LOST = SpoolBatch(
    BatchName(7, Lane.MAIN, 8, 12),
    (*spooled(SCAN).rows, Row(12, "boot", new_row(SCAN).body)),
    ((8, 9), (11, 11)),
)


def test_lost_rows_are_named_by_number_and_what_is_blind_holds_no_later_than_they_are_taken() -> None:
    sources = {"cp-1": Coverage(CLOUD, [(CLOUD - 5, CLOUD)])}
    batch = decoded(LOST, envelope=msgspec.structs.replace(ENVELOPE, sources=sources))
    assert (batch.first, batch.last, batch.lost) == (8, 12, [(8, 9), (11, 11)])
    assert [event.seq for event in batch.events] == [10, 12]
    assert batch.through == {Lane.MAIN: 12}
    assert batch.sources == {"cp-1": Coverage(0, [(CLOUD - 5, CLOUD)])}


def test_a_cloud_that_knows_of_no_lost_rows_gets_a_note_for_each() -> None:
    batch = decoded(LOST, refused=[LOST.name])
    assert batch.lost == []
    assert [event.seq for event in batch.events] == [8, 9, 10, 11, 12]
    assert event_data(batch.events[0]) == {"what": "lost"}
