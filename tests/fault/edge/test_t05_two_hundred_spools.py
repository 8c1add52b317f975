"""T5: two hundred damaged spools. None brings the agent down; what is whole is there, under its number; the rest is told."""

import random
import shutil
from pathlib import Path

import pytest

from contract.batch import Lane
from edge.errors import SpoolDamaged
from edge.rows import EventRow, new_row, row_decoder
from edge.spool.base import Damage
from edge.spool.limits import Limits
from edge.spool.sqlite import SqliteSpool, open_spool

FEW = 40
ALL = 200
ROWS = 300
ACCEPTED = 120
FIRES = 40
PAGE = 4_096
LIMITS = Limits(ballast_bytes=0)


def opened(path: Path) -> tuple[SqliteSpool, Damage | None]:
    return open_spool(path, boot="b", limits=LIMITS, random_source=random.Random(7))


def person(lane: Lane, number: int) -> str:
    return f"{lane}:{number:06}"


def append(spool: SqliteSpool, lane: Lane, first: int, count: int) -> None:
    kind = "fire.alarm" if lane is Lane.LIFE else "checkpoint.scan"
    rows = [
        EventRow(device="cp", type=kind, at=n, observed_at=n, person=person(lane, n))
        for n in range(first, first + count)
    ]
    spool.append([new_row(row) for row in rows])


def written(folder: Path, *, killed: bool) -> Path:
    """A spool with accepted rows and others, ended in order or not: then its newest rows stand in the log beside it."""
    alive = folder / "alive" / "spool.db"
    alive.parent.mkdir(parents=True)
    spool, _ = opened(alive)
    append(spool, Lane.LIFE, 1, FIRES)
    for first in range(1, ROWS, 30):
        append(spool, Lane.MAIN, first, 30)
    spool.accept(Lane.MAIN, ACCEPTED, now=0)
    spool.remember({"coverage": b"something"})
    if killed:
        shutil.copytree(alive.parent, folder / "dead")
        spool.close()
    else:
        spool.close()
        shutil.copytree(alive.parent, folder / "dead")
    return folder / "dead" / "spool.db"


def flip(path: Path, chance: random.Random) -> None:
    """Twenty bytes in a row."""
    content = bytearray(path.read_bytes())
    place = chance.randrange(len(content) - 20)
    content[place : place + 20] = bytes(
        byte ^ chance.randrange(1, 256) for byte in content[place : place + 20]
    )
    path.write_bytes(content)


def cut(path: Path, chance: random.Random) -> None:
    content = path.read_bytes()
    path.write_bytes(content[: chance.randrange(len(content))])


def read(spool: SqliteSpool, lane: Lane) -> tuple[dict[int, str], set[int]]:
    """Who stands under each number that is to be sent, and the numbers that are lost."""
    found: dict[int, str] = {}
    lost: set[int] = set()
    after = spool.accepted(lane)
    while batch := spool.next_batch(lane, after, 50, 1 << 20):
        lost |= {number for first, last in batch.lost for number in range(first, last + 1)}
        for row in batch.rows:
            if row.body:
                event = row_decoder.decode(row.body)
                assert isinstance(event, EventRow)
                found[row.seq] = event.person or ""
            else:
                lost.add(row.seq)
        after = batch.name.last
    return found, lost


def settled(path: Path) -> tuple[SqliteSpool, Damage | None, dict[Lane, tuple[dict[int, str], set[int]]]]:
    """The spool as it comes to be once the supervisor has begun again where damage was met only when it was read."""
    damages: list[Damage] = []
    for _ in range(3):
        spool, damage = opened(path)
        damages += [damage] if damage else []
        try:
            return spool, damages[-1] if damages else None, {lane: read(spool, lane) for lane in Lane}
        except SpoolDamaged:
            spool.close()
    raise AssertionError("the spool never came up again")


FILES = [FEW, pytest.param(ALL, marks=[pytest.mark.long, pytest.mark.timeout(600)])]


@pytest.mark.parametrize("files", FILES)
@pytest.mark.parametrize("killed", [False, True])
def test_t05_of_a_flipped_spool_all_that_is_whole_is_there_and_the_rest_is_told(
    tmp_path: Path, files: int, killed: bool
) -> None:
    chance = random.Random(5)
    source = written(tmp_path / "source", killed=killed)
    met = 0
    for number in range(files):
        path = tmp_path / str(number) / "spool.db"
        shutil.copytree(source.parent, path.parent)
        log = path.with_name("spool.db-wal")
        flip(log if killed and log.exists() and number % 2 else path, chance)
        spool, damage, lanes = settled(path)
        met += damage is not None
        for lane, (found, lost) in lanes.items():
            assert found == {n: person(lane, n) for n in found}, "each row under its own number"
            wanted = set(range(spool.accepted(lane) + 1, (FIRES if lane is Lane.LIFE else ROWS) + 1))
            assert wanted == found.keys() | lost, (number, lane)
            # At the worst a page is lost, or the last commit, which looks like one that a power cut tore.
            assert len(lost) <= PAGE // 30
        if damage is not None:
            assert damage.file.exists()
        append(spool, Lane.MAIN, ROWS + 1, 1)
        spool.close()
    assert met > files // 10


@pytest.mark.parametrize("files", FILES)
def test_t05_of_a_cut_spool_all_that_is_left_is_there(tmp_path: Path, files: int) -> None:
    chance = random.Random(6)
    source = written(tmp_path / "source", killed=False)
    for number in range(files):
        path = tmp_path / str(number) / "spool.db"
        shutil.copytree(source.parent, path.parent)
        cut(path, chance)
        spool, _, lanes = settled(path)
        for lane, (found, _) in lanes.items():
            assert found == {n: person(lane, n) for n in found}
        append(spool, Lane.MAIN, 1, 1)
        spool.close()
