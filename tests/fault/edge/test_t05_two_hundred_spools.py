"""T5: two hundred spools with a flipped bit or a cut end. None brings the agent down, none gives a row that was not written."""

import random
from pathlib import Path

from contract.batch import Lane
from edge.errors import SpoolDamaged
from edge.rows import EventRow, new_row, row_decoder
from edge.spool.limits import Limits
from edge.spool.sqlite import SqliteSpool, open_spool

FILES = 200
ROWS = 60


def opened(path: Path) -> tuple[SqliteSpool, Path | None]:
    return open_spool(path, boot="b", limits=Limits(), random_source=random.Random(7))


def person(number: int) -> str:
    return f"card:{number:06}"


def written(path: Path) -> None:
    spool, _ = opened(path)
    rows = [
        EventRow(device="cp", type="checkpoint.scan", at=n, observed_at=n, person=person(n))
        for n in range(ROWS)
    ]
    spool.append([new_row(row) for row in rows])
    spool.close()


def damaged(path: Path, chance: random.Random) -> None:
    content = bytearray(path.read_bytes())
    if chance.random() < 0.5:
        del content[chance.randrange(len(content)) :]
    else:
        content[chance.randrange(len(content))] ^= 1 << chance.randrange(8)
    path.write_bytes(content)


def read(spool: SqliteSpool) -> list[str | None]:
    batch = spool.next_batch(Lane.MAIN, 0, ROWS, 1 << 20)
    events = [row_decoder.decode(row.body) for row in batch.rows] if batch else []
    return [event.person for event in events if isinstance(event, EventRow)]


def test_t05_two_hundred_damaged_spools(tmp_path: Path) -> None:
    chance = random.Random(5)
    told = {person(number) for number in range(ROWS)}
    aside = 0
    for number in range(FILES):
        path = tmp_path / str(number) / "spool.db"
        path.parent.mkdir()
        written(path)
        damaged(path, chance)
        for _ in range(3):  # the supervisor begins again
            spool, kept = opened(path)
            aside += kept is not None
            try:
                found = read(spool)
                spool.append([new_row(EventRow(device="cp", type="checkpoint.scan", at=1, observed_at=1))])
            except SpoolDamaged:
                spool.close()
                continue
            assert set(found) <= told, "no row that nobody wrote"
            assert len(found) == len(set(found))
            spool.close()
            break
        else:
            raise AssertionError(f"spool {number} never came up again")
    assert aside > FILES // 4
