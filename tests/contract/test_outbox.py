"""What every outbox promises those who send from it."""

import threading
from collections.abc import Callable, Iterator

import pytest

from cloud.operations.alarm import Priority
from cloud.operations.notice import Stopped
from cloud.store.base import PartitionWriter, Store
from cloud.store.memory import MemoryStore
from cloud.store.memory_outbox import MemoryOutbox
from cloud.store.outbox import Outbox, Room
from cloud.store.postgres.outbox import PostgresOutbox
from cloud.store.postgres.writer import PostgresStore
from tests.outboxes import NOON, SITE, Attempt, Filler, Told, attempts, notice, stopped, told
from tests.waiting import PATIENCE_S

LEASE = 10_000


class Sides:
    """The outbox of a store, and what stands in it."""

    def __init__(self, store: Store) -> None:
        assert isinstance(store, MemoryStore | PostgresStore)
        self.kept: MemoryStore | str = store if isinstance(store, MemoryStore) else store._dsn

    def outbox(self) -> Outbox:
        return MemoryOutbox(self.kept) if isinstance(self.kept, MemoryStore) else PostgresOutbox(self.kept)

    def told(self, name: str) -> Told:
        return told(self.kept, name)

    def attempts(self, name: str) -> list[Attempt]:
        return attempts(self.kept, name)


@pytest.fixture
def sides(store: Store) -> Sides:
    return Sides(store)


@pytest.fixture
def outbox(sides: Sides) -> Iterator[Outbox]:
    found = sides.outbox()
    yield found
    found.close()


@pytest.fixture
def filler(take: Callable[[int], PartitionWriter]) -> Filler:
    return Filler(take(3))


def claimed(
    outbox: Outbox, now: int = NOON, most: int = 8, rooms: dict[str, Room] | None = None
) -> list[str]:
    return [claim.notice.id for claim in outbox.claim(now, most, LEASE, rooms or {})]


def test_what_is_due_is_taken_once_the_urgent_first(outbox: Outbox, filler: Filler) -> None:
    filler.put(
        notice("low", priority=Priority.LOW),
        notice("newer", made_at=NOON + 1),
        notice("older"),
        notice("fire", priority=Priority.CRITICAL, made_at=NOON + 2),
        notice("later", not_before=NOON + 6),
    )
    assert claimed(outbox, NOON + 5, most=3) == ["fire", "older", "newer"]
    assert claimed(outbox, NOON + 5) == ["low"]
    assert claimed(outbox, NOON + 5) == []
    assert claimed(outbox, NOON + 6) == ["later"]


def test_a_claim_carries_the_whole_notice(outbox: Outbox, filler: Filler) -> None:
    whole = notice("n", chain="night", step=2, kind="withdrawal")
    filler.put(whole)
    (claim,) = outbox.claim(NOON, 1, LEASE)
    assert (claim.notice, claim.attempt, claim.until) == (whole, 1, NOON + LEASE)


def test_the_same_notice_is_put_in_once(outbox: Outbox, filler: Filler) -> None:
    filler.put(notice("n"))
    filler.put(notice("n", title="another"))
    (claim,) = outbox.claim(NOON, 8, LEASE)
    assert claim.notice == notice("n")


def test_what_nobody_settles_is_free_again_after_the_lease(outbox: Outbox, filler: Filler) -> None:
    filler.put(notice("n"))
    assert claimed(outbox) == ["n"]
    assert outbox.next_at(NOON) == NOON + LEASE
    assert claimed(outbox, NOON + LEASE - 1) == []
    (again,) = outbox.claim(NOON + LEASE, 1, LEASE)
    assert again.attempt == 2


def test_what_was_sent_is_never_taken_again(outbox: Outbox, filler: Filler, sides: Sides) -> None:
    filler.put(notice("n"))
    (claim,) = outbox.claim(NOON, 1, LEASE)
    for _ in range(2):
        outbox.settle(claim, NOON + 7, ok=True, answer="200 OK")
    assert claimed(outbox, NOON + 2 * LEASE) == []
    assert outbox.next_at(NOON) is None
    assert sides.told("n") == Told("sent", 1, "200 OK", NOON + 7)
    assert sides.attempts("n") == [Attempt(1, NOON + 7, True, "200 OK")]


def test_what_failed_is_taken_again_when_it_is_time(outbox: Outbox, filler: Filler, sides: Sides) -> None:
    filler.put(notice("n"))
    (claim,) = outbox.claim(NOON, 1, LEASE)
    outbox.settle(claim, NOON + 7, ok=False, answer="500\0", again_at=NOON + 1_007)
    assert outbox.next_at(NOON + 7) == NOON + 1_007
    assert claimed(outbox, NOON + 1_006) == []
    (again,) = outbox.claim(NOON + 1_007, 1, LEASE)
    outbox.settle(again, NOON + 1_010, ok=False, answer="410 Gone")
    assert sides.told("n") == Told("failed", 2, "410 Gone", NOON + 1_010)
    assert [(one.attempt, one.ok) for one in sides.attempts("n")] == [(1, False), (2, False)]


def test_what_was_stopped_is_not_sent(outbox: Outbox, filler: Filler, sides: Sides) -> None:
    filler.put(notice("alarm"), notice("withdrawn", kind="withdrawal"), notice("other", about="incident:2"))
    filler.put(stopped=[stopped()])
    assert claimed(outbox) == ["other", "withdrawn"]
    assert sides.told("alarm") == Told("stopped", 0, "", NOON + 500)


def test_a_commit_stops_what_it_says_itself_only_if_that_was_made_before(
    outbox: Outbox, filler: Filler
) -> None:
    filler.put(notice("before", made_at=NOON), notice("after", made_at=NOON + 501), stopped=[stopped()])
    assert claimed(outbox, NOON + 600) == ["after"]


def test_what_is_made_and_stopped_in_one_millisecond_is_not_sent(outbox: Outbox, filler: Filler) -> None:
    filler.put(notice("same", made_at=NOON + 500), stopped=[stopped()])
    assert claimed(outbox, NOON + 600) == []


def test_an_older_stamp_still_stops_what_earlier_commits_put_in(outbox: Outbox, filler: Filler) -> None:
    filler.put(notice("n"))
    filler.put(stopped=[Stopped(site=SITE, about="incident:1", at=NOON - 1)])
    assert claimed(outbox) == []


@pytest.mark.parametrize("ok", [True, False])
def test_a_send_that_happened_though_it_was_stopped_is_kept(
    outbox: Outbox, filler: Filler, sides: Sides, ok: bool
) -> None:
    filler.put(notice("n"))
    (claim,) = outbox.claim(NOON, 1, LEASE)
    filler.put(stopped=[stopped()])
    outbox.settle(claim, NOON + 900, ok=ok, answer="said", again_at=None if ok else NOON + 2_000)
    assert sides.told("n") == Told("stopped", 1, "", NOON + 500)
    assert sides.attempts("n") == [Attempt(1, NOON + 900, ok, "said")]
    assert claimed(outbox, NOON + 60_000) == []


def test_a_late_failure_does_not_disturb_who_holds_it_now(
    outbox: Outbox, filler: Filler, sides: Sides
) -> None:
    filler.put(notice("n"))
    (slow,) = outbox.claim(NOON, 1, LEASE)
    (claim,) = outbox.claim(NOON + LEASE, 1, LEASE)
    outbox.settle(slow, NOON + LEASE + 1, ok=False, answer="timeout", again_at=NOON + LEASE + 2)
    assert claimed(outbox, NOON + LEASE + 5) == []
    outbox.settle(claim, NOON + LEASE + 9, ok=True, answer="200")
    assert sides.told("n").state == "sent"


def test_a_full_channel_does_not_fill_the_hand(outbox: Outbox, filler: Filler) -> None:
    filler.put(*(notice(f"a{n}", channel="slow") for n in range(9)))
    filler.put(*(notice(f"b{n}", channel="quick", priority=Priority.LOW) for n in range(3)))
    filler.put(notice("c", channel="unheard-of"))
    assert claimed(outbox, rooms={"slow": Room(2, 2), "quick": Room(2, 2)}) == ["a0", "a1", "c", "b0", "b1"]
    assert claimed(outbox, rooms={"slow": Room(0, 0), "quick": Room(2, 2)}) == ["b2"]


def test_a_limited_channel_still_takes_what_is_critical(outbox: Outbox, filler: Filler) -> None:
    filler.put(*(notice(f"a{n}") for n in range(4)), notice("fire", priority=Priority.CRITICAL))
    assert claimed(outbox, rooms={"hook": Room(4, 2)}) == ["fire", "a0", "a1"]
    filler.put(notice("smoke", priority=Priority.CRITICAL))
    assert claimed(outbox, rooms={"hook": Room(4, 0)}) == ["smoke"]


def test_several_notifiers_never_hold_the_same(sides: Sides, filler: Filler) -> None:
    names = {f"n{number}" for number in range(60)}
    filler.put(*map(notice, sorted(names)))
    found: list[str] = []

    def empty() -> None:
        outbox = sides.outbox()
        while left.is_set():
            found.extend(claimed(outbox, most=3))
            if len(found) >= len(names):
                left.clear()
        outbox.close()

    left = threading.Event()
    left.set()
    threads = [threading.Thread(target=empty) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(PATIENCE_S)
    assert sorted(found) == sorted(names)


def test_who_waits_is_woken_by_a_commit_with_notices_only(outbox: Outbox, filler: Filler) -> None:
    while outbox.wait(0):
        pass
    filler.put(stopped=[stopped()])
    assert not outbox.wait(0.05)
    filler.put(notice("n"))
    assert outbox.wait(PATIENCE_S)


def test_what_was_given_up_is_told_to_the_partition_that_it_came_from(
    outbox: Outbox, filler: Filler, take: Callable[[int], PartitionWriter]
) -> None:
    filler.put(notice("a"), notice("b"))
    first, second = outbox.claim(NOON, 8, LEASE)
    outbox.settle(first, NOON + 5, ok=False, answer="410 Gone")
    outbox.settle(second, NOON + 6, ok=True, answer="200 OK")
    (refused,) = filler.writer.refused(NOON)
    lost = first.notice
    assert (refused.notice, refused.about, refused.person) == (lost.id, lost.about, lost.person)
    assert (refused.channel, refused.answer, refused.settled_at) == (lost.channel, "410 Gone", NOON + 5)
    assert filler.writer.refused(NOON + 5) == []
    assert take(4).refused(NOON) == []
