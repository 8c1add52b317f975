"""Any sequence of append, next batch, accept, rewind, crash and reopen: the spool equals a list per lane."""

import random
import shutil
import tempfile
from pathlib import Path

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule
from typing_extensions import override

from contract.batch import Lane
from edge.spool.base import NewRow
from edge.spool.limits import Limits
from edge.spool.sqlite import SqliteSpool, open_spool
from tests.cases import sized

LIMITS = Limits(ballast_bytes=0, keep_ms=1_000)
LANES = st.sampled_from(list(Lane))


class SpoolOnDisk(RuleBasedStateMachine):
    """`rows` is what was appended; `told` the highest number that the spool was told is accepted."""

    @initialize()
    def begin(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="spool-"))
        self.generation = self.boots = self.now = 0
        self.rows: dict[Lane, list[bytes]] = {lane: [] for lane in Lane}
        self.told = dict.fromkeys(Lane, 0)
        self.spool = self.open()
        self.epoch = self.spool.epoch

    def open(self) -> SqliteSpool:
        self.boots += 1
        path = self.folder / f"{self.generation}.db"
        spool, aside = open_spool(
            path, boot=f"boot-{self.boots}", limits=LIMITS, random_source=random.Random(self.boots)
        )
        assert aside is None
        return spool

    @rule(new=st.lists(st.tuples(LANES, st.binary(max_size=300)), min_size=1, max_size=8))
    def append(self, new: list[tuple[Lane, bytes]]) -> None:
        seqs = self.spool.append([NewRow(lane, body) for lane, body in new]).seqs
        for (lane, body), seq in zip(new, seqs, strict=True):
            self.rows[lane].append(body)
            assert seq == len(self.rows[lane])

    @rule(lane=LANES, back=st.integers(0, 20), most=st.integers(1, 10))
    def next_batch(self, lane: Lane, back: int, most: int) -> None:
        after = max(self.told[lane], len(self.rows[lane]) - back)
        expected = list(enumerate(self.rows[lane], start=1))[after : after + most]
        batch = self.spool.next_batch(lane, after, most, 1_000_000)
        assert [(row.seq, row.body) for row in batch.rows] == expected if batch else not expected

    @rule(lane=LANES, step=st.integers(0, 10), later=st.sampled_from([0, 10, 200_000]))
    def accept(self, lane: Lane, step: int, later: int) -> None:
        self.now += later
        through = min(self.spool.accepted(lane) + step, len(self.rows[lane]))
        self.spool.accept(lane, through, self.now)
        self.told[lane] = max(self.told[lane], through)
        assert self.spool.accepted(lane) == through

    @rule(lane=LANES, back=st.integers(0, 10))
    def rewind(self, lane: Lane, back: int) -> None:
        wanted = max(0, self.spool.accepted(lane) - back)
        got = self.spool.rewind(lane, wanted)
        assert wanted <= got <= max(wanted, self.told[lane])
        batch = self.spool.next_batch(lane, got, 1, 1_000_000)
        assert (batch.name.first if batch else None) == (got + 1 if got < len(self.rows[lane]) else None)

    @rule()
    def stop_in_order(self) -> None:
        accepted = {lane: self.spool.accepted(lane) for lane in Lane}
        self.spool.close()
        self.spool = self.open()
        assert accepted == {lane: self.spool.accepted(lane) for lane in Lane}

    @rule()
    def crash(self) -> None:
        before = f"{self.generation}.db"
        self.generation += 1
        for part in ("", "-wal"):
            if (file := self.folder / (before + part)).exists():
                shutil.copy(file, self.folder / (f"{self.generation}.db" + part))
        self.spool.close()
        self.spool = self.open()
        # What was accepted since the last write may be sent once more; it is never the other way round.
        assert all(self.spool.accepted(lane) <= self.told[lane] for lane in Lane)

    @invariant()
    def holds_all_that_waits(self) -> None:
        if not hasattr(self, "spool"):
            return
        assert self.spool.epoch == self.epoch
        for lane in Lane:
            assert self.spool.last(lane) == len(self.rows[lane])
            waiting = self.rows[lane][self.spool.accepted(lane) :]
            batch = self.spool.next_batch(lane, self.spool.accepted(lane), 100_000, 10_000_000)
            assert [row.body for row in batch.rows] == waiting if batch else not waiting

    @override
    def teardown(self) -> None:
        if hasattr(self, "spool"):
            self.spool.close()
            shutil.rmtree(self.folder)


TestSpoolOnDisk = SpoolOnDisk.TestCase
TestSpoolOnDisk.settings = sized(0.3, long=0.01, stateful_step_count=25)
