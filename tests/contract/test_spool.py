"""One suite for every spool: on disk and in memory they promise the same."""

import random
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from contract.batch import MAX_EPOCH, Lane
from edge.errors import SpoolDamaged, SpoolError
from edge.spool.base import BatchName, Damage, NewRow, Spool
from edge.spool.limits import Limits
from edge.spool.memory import MemorySpool
from edge.spool.sqlite import SqliteSpool, open_spool

SMALL = Limits(max_bytes=400_000, life_reserve=200_000, ballast_bytes=0, keep_ms=1_000)


@pytest.fixture(params=["sqlite", "memory"])
def make_spool(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Callable[[], Spool]]:
    opened: list[Spool] = []

    def make() -> Spool:
        limits = SMALL
        source = random.Random(7)
        if request.param == "memory":
            spool: Spool = MemorySpool(boot="boot-a", limits=limits, random_source=source)
        else:
            spool, _ = open_spool(tmp_path / "spool.db", boot="boot-a", limits=limits, random_source=source)
        opened.append(spool)
        return spool

    yield make
    for spool in opened:
        spool.close()


@pytest.fixture
def spool(make_spool: Callable[[], Spool]) -> Spool:
    return make_spool()


def main(*bodies: bytes) -> list[NewRow]:
    return [NewRow(Lane.MAIN, body) for body in bodies]


def life(*bodies: bytes) -> list[NewRow]:
    return [NewRow(Lane.LIFE, body) for body in bodies]


def bodies_after(spool: Spool, lane: Lane, after: int) -> list[bytes]:
    batch = spool.next_batch(lane, after, 1_000, 1_000_000)
    return [row.body for row in batch.rows] if batch else []


def test_rows_are_numbered_per_lane_without_gaps(spool: Spool) -> None:
    assert spool.append([*main(b"a"), *life(b"fire"), *main(b"b")]).seqs == (1, 1, 2)
    assert spool.append(main(b"c")).seqs == (3,)
    assert (spool.last(Lane.MAIN), spool.last(Lane.LIFE)) == (3, 1)


def test_the_epoch_fits_the_identity(spool: Spool) -> None:
    assert 1 <= spool.epoch <= MAX_EPOCH


def test_a_batch_names_its_rows(spool: Spool) -> None:
    spool.append(main(b"a", b"b", b"c"))
    batch = spool.next_batch(Lane.MAIN, after=1, max_rows=10, max_bytes=100)
    assert batch is not None
    assert batch.name == BatchName(spool.epoch, Lane.MAIN, 2, 3)
    assert [(row.seq, row.boot, row.body) for row in batch.rows] == [
        (2, "boot-a", b"b"),
        (3, "boot-a", b"c"),
    ]


def test_there_is_no_batch_after_the_last_row(spool: Spool) -> None:
    spool.append(main(b"a"))
    assert spool.next_batch(Lane.MAIN, 1, 10, 100) is None
    assert spool.next_batch(Lane.LIFE, 0, 10, 100) is None


def test_a_batch_keeps_to_its_bounds_but_never_is_empty(spool: Spool) -> None:
    spool.append(main(b"12345", b"67890", b"x"))
    by_rows = spool.next_batch(Lane.MAIN, 0, 2, 1_000)
    by_bytes = spool.next_batch(Lane.MAIN, 0, 10, 7)
    by_less_than_one = spool.next_batch(Lane.MAIN, 0, 10, 1)
    assert by_rows
    assert by_bytes
    assert by_less_than_one
    assert [len(batch.rows) for batch in (by_rows, by_bytes, by_less_than_one)] == [2, 1, 1]


def test_reading_a_batch_does_not_take_it_away(spool: Spool) -> None:
    spool.append(main(b"a"))
    assert bodies_after(spool, Lane.MAIN, 0) == bodies_after(spool, Lane.MAIN, 0) == [b"a"]


def test_accepting_is_monotone_and_never_beyond_what_is_there(spool: Spool) -> None:
    spool.append(main(b"a", b"b", b"c"))
    spool.accept(Lane.MAIN, 2, now=0)
    spool.accept(Lane.MAIN, 1, now=0)
    assert spool.accepted(Lane.MAIN) == 2
    spool.accept(Lane.MAIN, 99, now=0)
    assert spool.accepted(Lane.MAIN) == 3
    assert spool.append(main(b"d")).seqs == (4,)


def test_the_depth_counts_what_waits(spool: Spool) -> None:
    spool.append([*main(b"a", b"b"), *life(b"fire")])
    spool.accept(Lane.MAIN, 1, now=0)
    assert spool.depth().waiting == {Lane.MAIN: 1, Lane.LIFE: 1}


def test_accepted_rows_are_kept_for_a_restored_database(spool: Spool) -> None:
    spool.append(main(b"a", b"b", b"c"))
    spool.accept(Lane.MAIN, 3, now=0)
    assert spool.rewind(Lane.MAIN, 1) == 1
    assert bodies_after(spool, Lane.MAIN, 1) == [b"b", b"c"]
    assert spool.depth().waiting[Lane.MAIN] == 2


def test_kept_rows_go_after_their_time(spool: Spool) -> None:
    spool.append(main(b"a", b"b"))
    spool.accept(Lane.MAIN, 1, now=0)
    spool.accept(Lane.MAIN, 2, now=10_000_000)
    assert bodies_after(spool, Lane.MAIN, 0) == [b"b"]
    assert spool.rewind(Lane.MAIN, 0) == 1


def test_rows_that_wait_are_never_let_go_by_time(spool: Spool) -> None:
    spool.append(main(b"a", b"b"))
    spool.accept(Lane.MAIN, 1, now=0)
    spool.accept(Lane.MAIN, 1, now=10_000_000)
    assert bodies_after(spool, Lane.MAIN, 1) == [b"b"]


def fill(spool: Spool) -> int:
    count = 0
    while spool.append(main(bytes(4_000))).refused == 0:
        count += 1
        assert count < 1_000
    return count


def test_a_full_spool_refuses_readings_and_still_takes_alarms(spool: Spool) -> None:
    fill(spool)
    mixed = spool.append([*main(bytes(4_000)), *life(b"fire")])
    assert mixed.seqs == (None, 1)
    assert mixed.refused == 1


def test_a_refused_row_leaves_no_gap(spool: Spool) -> None:
    count = fill(spool)
    assert spool.last(Lane.MAIN) == count
    spool.accept(Lane.MAIN, count, now=0)
    assert spool.append(main(b"next")).seqs == (count + 1,)


def test_what_is_accepted_makes_room_before_anything_is_refused(spool: Spool) -> None:
    first = fill(spool)
    spool.accept(Lane.MAIN, first, now=0)
    assert fill(spool) >= first - 1
    assert bodies_after(spool, Lane.MAIN, 0)[0] != b""


def test_the_last_lane_to_be_refused_is_life_safety(spool: Spool) -> None:
    fill(spool)
    count = 0
    while spool.append(life(bytes(4_000))).refused == 0:
        count += 1
        assert count < 1_000
    assert count * 4_000 > SMALL.life_reserve / 2


def test_refused_batches_are_on_record(spool: Spool) -> None:
    spool.append(main(b"a", b"b"))
    name = BatchName(spool.epoch, Lane.MAIN, 1, 2)
    spool.refuse(name, now=0)
    assert spool.refused_batches() == [name]
    assert bodies_after(spool, Lane.MAIN, 0) == [b"a", b"b"]


def test_notes_are_replaced_by_name(spool: Spool) -> None:
    assert spool.recall("clock") is None
    spool.remember({"clock": b"1", "coverage": b"x"})
    spool.remember({"clock": b"2"})
    assert (spool.recall("clock"), spool.recall("coverage")) == (b"2", b"x")


class OnDisk:
    """A spool file that can be left behind as a killed process leaves it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.generation = 0

    @property
    def path(self) -> Path:
        return self.folder / str(self.generation) / "spool.db"

    def crash(self) -> None:
        before = self.path.parent
        self.generation += 1
        shutil.copytree(before, self.path.parent)


@pytest.fixture
def disk(tmp_path: Path) -> OnDisk:
    (tmp_path / "0").mkdir()
    return OnDisk(tmp_path)


def reopen(disk: OnDisk, boot: str = "boot-b") -> tuple[SqliteSpool, Damage | None]:
    return open_spool(disk.path, boot=boot, limits=SMALL, random_source=random.Random(8))


def test_a_killed_process_loses_nothing_that_was_appended(disk: OnDisk) -> None:
    spool, aside = reopen(disk, "boot-a")
    assert aside is None
    spool.append([*main(b"a", b"b"), *life(b"fire")])
    disk.crash()
    again, aside = reopen(disk)
    assert aside is None
    assert again.epoch == spool.epoch
    assert bodies_after(again, Lane.MAIN, 0) == [b"a", b"b"]
    assert bodies_after(again, Lane.LIFE, 0) == [b"fire"]
    assert again.append(main(b"c")).seqs == (3,)
    spool.close()
    again.close()


def test_rows_keep_the_boot_they_were_written_in(disk: OnDisk) -> None:
    spool, _ = reopen(disk, "boot-a")
    spool.append(main(b"a"))
    spool.close()
    again, _ = reopen(disk, "boot-b")
    again.append(main(b"b"))
    batch = again.next_batch(Lane.MAIN, 0, 10, 100)
    assert batch
    assert [row.boot for row in batch.rows] == ["boot-a", "boot-b"]
    again.close()


def test_an_orderly_end_remembers_what_was_accepted(disk: OnDisk) -> None:
    spool, _ = reopen(disk)
    spool.append(main(b"a", b"b"))
    spool.accept(Lane.MAIN, 1, now=0)
    spool.accept(Lane.MAIN, 2, now=0)
    spool.close()
    again, _ = reopen(disk)
    assert again.accepted(Lane.MAIN) == 2
    again.close()


def test_numbers_are_never_given_twice_even_when_every_row_is_gone(disk: OnDisk) -> None:
    spool, _ = reopen(disk)
    spool.append(main(b"a", b"b"))
    spool.accept(Lane.MAIN, 2, now=0)
    spool.accept(Lane.MAIN, 2, now=10_000_000)
    assert bodies_after(spool, Lane.MAIN, 0) == []
    disk.crash()
    spool.close()
    again, _ = reopen(disk)
    assert again.append(main(b"c")).seqs == (3,)
    again.close()


def test_of_a_file_that_is_no_spool_any_more_nothing_is_left_and_a_new_epoch_begins(disk: OnDisk) -> None:
    spool, _ = reopen(disk)
    spool.append(main(b"a"))
    spool.close()
    disk.path.write_bytes(b"no database" * 900)
    again, damage = reopen(disk)
    assert damage is not None
    assert damage.file.exists()
    assert (damage.saved, again.last(Lane.MAIN)) == (0, 0)
    again.append(main(b"a"))
    assert bodies_after(again, Lane.MAIN, 0) == [b"a"]
    again.close()


def test_what_is_left_of_a_cut_file_goes_on_under_its_numbers(disk: OnDisk) -> None:
    spool, _ = reopen(disk)
    spool.append(main(*(bytes([n]) * 3_000 for n in range(40))))
    spool.close()
    content = disk.path.read_bytes()
    disk.path.write_bytes(content[: len(content) // 2])
    again, damage = reopen(disk)
    assert damage is not None
    assert damage.saved > 5
    assert again.epoch == spool.epoch
    assert all(body == bytes([body[0]]) * 3_000 for body in bodies_after(again, Lane.MAIN, 0))
    again.close()


def test_a_row_that_is_not_as_written_is_lost_and_told_and_the_others_are_saved(disk: OnDisk) -> None:
    spool, _ = reopen(disk)
    spool.append(main(b"a" * 500, b"z" * 500, b"c" * 500))
    spool.close()
    content = disk.path.read_bytes()
    place = content.index(b"z" * 500)
    disk.path.write_bytes(content[:place] + b"y" + content[place + 1 :])
    again, damage = reopen(disk)
    assert damage is None
    with pytest.raises(SpoolDamaged, match="row 2"):
        again.next_batch(Lane.MAIN, 0, 10, 10_000)
    fresh, damage = reopen(disk)
    assert damage == Damage(
        disk.path.with_name("spool.db.damaged-1"), 2, {Lane.LIFE: (), Lane.MAIN: ((2, 2),)}
    )
    batch = fresh.next_batch(Lane.MAIN, 0, 10, 10_000)
    assert batch is not None
    assert (batch.name.first, batch.name.last, batch.lost) == (1, 3, ((2, 2),))
    assert fresh.epoch == spool.epoch
    fresh.close()


def test_a_salvage_that_is_cut_short_is_done_anew(disk: OnDisk) -> None:
    spool, _ = reopen(disk)
    spool.append(main(b"a", b"b"))
    spool.close()
    disk.path.with_name("spool.db.damage").touch()
    disk.path.with_name("spool.db.new").write_bytes(b"half of one")
    again, damage = reopen(disk)
    assert damage is not None
    assert bodies_after(again, Lane.MAIN, 0) == [b"a", b"b"]
    again.close()
    disk.path.rename(disk.path.with_name("spool.db.new"))
    last, damage = reopen(disk)
    assert damage is None
    assert bodies_after(last, Lane.MAIN, 0) == [b"a", b"b"]
    last.close()


def test_a_flipped_log_is_noticed_though_sqlite_passes_over_it(disk: OnDisk) -> None:
    spool, _ = reopen(disk)
    for number in range(20):
        spool.append(main(b"row %d" % number))
    before = disk.path.parent
    disk.crash()
    spool.close()
    log = disk.path.with_name("spool.db-wal")
    content = bytearray(log.read_bytes())
    place = content.index(b"row 7")
    content[place : place + 3] = b"bad"
    log.write_bytes(content)
    again, damage = reopen(disk)
    assert damage is not None
    assert before != disk.path.parent
    assert bodies_after(again, Lane.MAIN, 0) == [b"row %d" % number for number in range(20)]
    again.close()


def test_a_second_process_cannot_take_the_same_spool(disk: OnDisk) -> None:

    spool, _ = reopen(disk)
    spool.append(main(b"a"))
    with pytest.raises(SpoolError, match="locked"):
        reopen(disk)
    spool.close()


def test_the_ballast_stands_ready_and_is_taken_up_again(disk: OnDisk) -> None:
    limits = Limits(ballast_bytes=100_000)
    spool, _ = open_spool(disk.path, boot="b", limits=limits, random_source=random.Random(1))
    ballast = disk.path.with_name("spool.db.ballast")
    assert ballast.stat().st_size == 100_000
    ballast.unlink()
    assert spool.append([*main(b"a"), *life(b"fire")]).seqs == (None, 1)
    spool.remember({})
    assert ballast.stat().st_size == 100_000
    assert spool.append(main(b"a")).seqs == (1,)
    spool.close()
