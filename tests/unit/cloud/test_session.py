"""A worker over the in-memory store and line: what it commits, what it tells agents, what it does when things fail."""

import asyncio
import random
from collections.abc import AsyncIterator, Sequence
from typing import Any

import pytest

from cloud.store.base import Flag
from cloud.store.memory import stored_events
from contract.batch import Ack, Batch, Lane, batch_digest, encode, identity_base
from contract.events import Event
from contract.topics import Address
from tests.ingest_rig import GW_1, NOON, Bench
from tests.waiting import PATIENCE_S, until


@pytest.fixture
async def bench() -> AsyncIterator[Bench]:
    found = Bench()
    yield found
    await found.stop()


def event(
    seq: int, device: str = "cp-1", at: int = NOON, kind: str = "checkpoint.scan", **more: Any
) -> Event:
    return Event(seq=seq, at=at, device=device, type=kind, **more)


def identities(numbers: Sequence[int], device: str = "cp-1") -> list[tuple[str, int]]:
    base = identity_base(7, Lane.MAIN)
    return [(device, base + number) for number in numbers]


async def test_what_is_sent_is_stored_and_acked(bench: Bench) -> None:
    bench.start()
    await bench.until_taken(bench.send(event(1), event(2)))
    assert bench.stored() == identities([1, 2])
    assert bench.acks()[-1] == Ack(epoch=7, durable={Lane.LIFE: 0, Lane.MAIN: 2})


async def test_sending_twice_and_overlapping_stores_once_and_is_acked_again(bench: Bench) -> None:
    bench.start()
    bench.send(event(1), event(2))
    bench.send(event(1), event(2))
    await bench.until_taken(bench.send(event(2), event(3)))
    assert bench.stored() == identities([1, 2, 3])
    assert bench.acks()[-1].durable[Lane.MAIN] == 3


async def test_numbers_that_are_missing_hold_the_ack_back_until_they_come(bench: Bench) -> None:
    bench.start()
    await bench.until_taken(bench.send(event(3)))
    assert bench.acks()[-1].durable[Lane.MAIN] == 0
    await bench.until_taken(bench.send(event(1), event(2)))
    assert bench.acks()[-1].durable[Lane.MAIN] == 3


async def test_lanes_and_epochs_count_apart(bench: Bench) -> None:
    bench.start()
    bench.send(event(1), lane=Lane.LIFE)
    bench.send(event(1), epoch=8)
    await bench.until_taken(bench.send(event(1)))
    assert len(set(bench.stored())) == 3


async def test_a_worker_goes_on_where_the_last_one_ended(bench: Bench) -> None:
    bench.start()
    await bench.until_taken(bench.send(event(1)))
    await bench.stop()
    bench.start()
    await bench.until_taken(bench.send(event(2)))
    assert bench.stored() == identities([1, 2])
    assert sum(group.counts["messages"] for group in bench.groups) == 2


async def test_another_stream_is_read_from_its_beginning(bench: Bench) -> None:
    bench.start()
    bench.send(event(1))
    await bench.until_taken(bench.send(event(2)))
    await bench.stop()
    bench.line.recreate("second")
    bench.start()
    bench.send(event(3))
    async with asyncio.timeout(PATIENCE_S):
        while len(bench.stored()) < 3:
            bench.now += 25
            await asyncio.sleep(0.005)
    assert bench.stored() == identities([1, 2, 3])
    assert bench.store.partitions[0].position.stream == "second"


async def test_a_commit_whose_answer_was_lost_is_not_done_twice(bench: Bench) -> None:
    bench.store.lose_next_answer = True
    bench.start()
    bench.send(event(1))
    await bench.until_taken(bench.send(event(2)))
    await bench.until_taken(bench.send(event(2), event(3)))
    assert bench.stored() == identities([1, 2, 3])


async def test_a_missing_database_and_a_missing_broker_are_waited_for(bench: Bench) -> None:
    bench.store.away = bench.line.down = True
    bench.start()
    await until(lambda: bench.store.turned_away > 0)
    bench.store.away = False
    await until(lambda: 0 in bench.store.partitions)
    bench.line.down = False
    await bench.until_taken(bench.send(event(1)))
    assert bench.stored() == identities([1])


async def test_one_message_the_store_refuses_is_set_aside_and_the_rest_is_kept(bench: Bench) -> None:
    bench.store.poison = "bad"
    for number in range(1, 6):
        bench.send(event(number, device="bad" if number == 3 else "cp-1"))
    bench.start()
    await bench.until_taken(5)
    assert bench.stored() == identities([1, 2, 4, 5])
    assert bench.quarantine() == [("batch", "can't be stored")]
    assert any(ack.refused for ack in bench.acks())


async def test_what_is_no_batch_is_refused_by_its_digest_and_the_next_one_is_taken(bench: Bench) -> None:
    bench.start()
    bench.send(event(1))
    bench.line.capture(GW_1, b'{"epoch": 7, "agent": "gw-1"')
    await bench.until_taken(bench.send(event(2)))
    assert bench.stored() == identities([1, 2])
    assert bench.quarantine()[0][0] == "batch"
    refused = [digest for ack in bench.acks() for digest in ack.refused]
    assert refused == [batch_digest(b'{"epoch": 7, "agent": "gw-1"')]


async def test_s19_a_spoofed_batch_makes_no_row_but_an_entry(bench: Bench) -> None:
    bench.start()
    await bench.until_taken(bench.send(event(1), sender=Address("demo", "gw-2"), agent="gw-1"))
    assert bench.stored() == []
    assert [kind for kind, _ in bench.quarantine()] == ["spoof"]
    assert bench.acks() == []
    assert bench.acks(Address("demo", "gw-2")) == []


async def test_an_event_that_can_not_be_read_goes_alone_into_quarantine(bench: Bench) -> None:
    bench.start()
    payload = encode(
        Batch(agent="gw-1", epoch=7, first=1, last=3, sent_at=NOON, events=[event(1), event(2), event(3)])
    )
    await bench.until_taken(
        bench.line.capture(GW_1, payload.replace(b'"seq":2,"at":', b'"seq":2,"at":"noon","was":'))
    )
    assert bench.stored() == identities([1, 3])
    assert [kind for kind, _ in bench.quarantine()] == ["event"]
    assert bench.acks()[-1].durable[Lane.MAIN] == 3


async def test_t31_stamps_that_can_not_be_true_are_kept_and_withheld(bench: Bench) -> None:
    bench.start()
    odd = [NOON + 80 * 365 * 86_400_000, 0, NOON // 1_000, NOON]
    await bench.until_taken(bench.send(*(event(seq, at=at) for seq, at in enumerate(odd, 1))))
    flags = [row.flags & ~Flag.UNKNOWN_DEVICE for row in stored_events(bench.store.partitions[0], "demo")]
    assert flags == [Flag.FUTURE, Flag.IMPOSSIBLE_TIME, Flag.SECONDS_FOR_MS, Flag.NONE]
    health = bench.store.partitions[0].devices["demo", "cp-1"][1]
    assert health.last_at == NOON


async def test_t27_replaying_everything_shuffled_and_twice_changes_nothing(bench: Bench) -> None:
    batches = [[event(n) for n in range(first, first + 5)] for first in range(1, 200, 5)]
    order = [*batches, *batches]
    random.Random(5).shuffle(order)
    bench.start()
    for batch in order:
        last = bench.send(*batch)
    await bench.until_taken(last)
    assert sorted(bench.stored()) == sorted(identities(range(1, 201)))
    assert bench.acks()[-1].durable[Lane.MAIN] == 200


async def test_two_workers_never_both_write(bench: Bench) -> None:
    bench.start()
    await bench.until_taken(bench.send(event(1)))
    bench.store.abandon(0)
    bench.start()
    for number in range(2, 30):
        bench.send(event(number))
        bench.now += 25
        await asyncio.sleep(0.002)
    await bench.until_taken(29)
    assert bench.stored() == identities(range(1, 30))
