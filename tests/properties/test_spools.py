"""Spools that are copied, put back, opened twice and restarted: nothing is lost, and nothing is taken twice."""

import random
import shutil
import tempfile
from collections import Counter
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from cloud.ingest.admit import Admission, Delivery
from cloud.ingest.facts import SiteFacts
from cloud.ingest.health import Health
from cloud.ingest.ledger import Ledger
from cloud.ingest.openings import Openings, SpoolId
from cloud.store.base import LedgerKey
from contract.batch import Ack, Lane
from contract.site import Agent, Device, Line, Site, SiteFile
from contract.topics import Address
from edge.clockmap import ClockMap, Sample
from edge.rows import EventRow, new_row
from edge.spool.limits import Limits
from edge.spool.sqlite import open_spool
from edge.uplink import machine as decide
from edge.uplink.message import Envelope, pack
from tests.cases import sized

BOOT = "boot"
NOON = 1_764_547_200_000
GW = Address("s", "gw")
SITE = Site(
    SiteFile(
        site="s",
        devices=(Device(id="cp", line="l"),),
        agents=(Agent(id="gw", lines=(Line(id="l", endpoint="mqtt://x"),)),),
    )
)
CLOCK = ClockMap().booted(BOOT, 0, NOON).with_sample(Sample(0, NOON, 0))


class Cloud:
    """Admission with its ledger, and what it took."""

    def __init__(self) -> None:
        self.ledger = Ledger()
        self.openings = Openings({})
        facts, health = SiteFacts(SITE), Health("s", (), ())
        self._admission = Admission(self.ledger, lambda _: facts, lambda _: health, self.openings)
        self.taken: Counter[str] = Counter()

    def take(self, payload: bytes) -> Ack:
        admitted = self._admission.admit(Delivery(GW, payload, NOON))
        assert admitted.ack is not None
        self.taken.update(event.person or "" for event in admitted.judged)
        forked = admitted.forked
        return Ack(
            epoch=admitted.ack.epoch,
            durable={lane: self.ledger.high(LedgerKey("s", "gw", admitted.ack.epoch, lane)) for lane in Lane},
            opening=self.openings.holder(SpoolId("s", "gw", admitted.ack.epoch)),
            forked={forked.opening: forked.common} if forked and forked.common is not None else {},
        )


class Box:
    """A machine with a spool in a file: what stands in it, and the process that has it open."""

    def __init__(self, path: Path, chance: random.Random) -> None:
        self.path = path
        self._chance = chance
        self.start()

    def start(self) -> None:
        self.spool, _ = open_spool(self.path, boot=BOOT, limits=Limits(), random_source=self._chance)
        self._begin()

    def _begin(self) -> None:
        last = {lane: self.spool.last(lane) for lane in Lane}
        accepted = {lane: self.spool.accepted(lane) for lane in Lane}
        pace = decide.Pace()
        self.machine = decide.Machine(self.spool.epoch, accepted, last, 0, pace, self.spool.lineage)
        self.machine.connect(0)
        self.machine.time_answered(0)

    def restart(self) -> None:
        self.spool.close()
        self.start()

    def copy_to(self, path: Path) -> None:
        """What a backup of the file holds."""
        self.spool.close()
        shutil.copy(self.path, path)
        self.start()

    def put_back(self, copy: Path) -> None:
        self.spool.close()
        shutil.copy(copy, self.path)
        self.start()

    def write(self, content: str, lane: Lane) -> None:
        kind = "fire.alarm" if lane is Lane.LIFE else "checkpoint.scan"
        self.spool.append([new_row(EventRow(device="cp", type=kind, at=1, observed_at=1, person=content))])
        self.machine.kept({one: self.spool.last(one) for one in Lane}, 0)

    def contents(self) -> set[str]:
        found: set[str] = set()
        for lane in Lane:
            batch = self.spool.next_batch(lane, self.spool.accepted(lane), 10_000, 10_000_000)
            found |= {str(row.body) for row in batch.rows} if batch else set()
        return found

    def talk(self, cloud: Cloud, *, hears: bool = True) -> bool:
        """Send what is to be sent now, and hear the answers; whether there was anything."""
        did = False
        for action in self.machine.wake(0):
            match action:
                case decide.Fetch(lane, after, _, most):
                    rows = self.spool.next_batch(lane, after, min(most, 3), 10_000)
                    parcel = pack(rows, self._envelope(), CLOCK) if rows else None
                    assert parcel is not None
                    self.machine.sent(parcel.name, parcel.digest, len(parcel.payload), 0)
                    self.machine.delivered(parcel.name, 0)
                    did = True
                    ack = cloud.take(parcel.payload)
                    if hears:
                        self._hear(ack)
                case decide.BeginEpoch(common):
                    did = True
                    self.spool.begin_epoch(common)
                    self.restart()
                    return True
                case _:
                    pass
        return did

    def _hear(self, ack: Ack) -> None:
        for action in self.machine.acknowledged(ack, 0):
            if isinstance(action, decide.Accept):
                self.spool.accept(action.lane, action.through, 0)

    def _envelope(self) -> Envelope:
        return Envelope(
            agent="gw",
            sent_at=NOON,
            clock_offset_ms=0,
            through={lane: self.spool.last(lane) for lane in Lane},
            opening=self.machine.opening,
            lineage=self.machine.lineage,
        )


STEPS = st.lists(
    st.sampled_from(
        ["write", "write", "write", "fire", "talk", "talk", "deaf", "restart", "back up", "put back", "clone"]
    ),
    min_size=5,
    max_size=40,
)


@given(STEPS, st.integers(0, 1 << 32))
@sized(0.4, long=0.05)
def test_copies_of_spools_lose_nothing_and_double_nothing(steps: list[str], seed: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        play(steps, random.Random(seed), Path(folder))


def play(steps: list[str], chance: random.Random, folder: Path) -> None:
    cloud, boxes, count = Cloud(), [Box(folder / "0.db", chance)], 0
    backup: Path | None = None
    expected: dict[Path, set[str]] = {boxes[0].path: set()}
    at_backup: set[str] = set()
    for step in steps:
        box = chance.choice(boxes)
        match step:
            case "write" | "fire":
                count += 1
                box.write(f"e{count}", Lane.LIFE if step == "fire" else Lane.MAIN)
                expected[box.path].add(f"e{count}")
            case "talk" | "deaf":
                box.talk(cloud, hears=step == "talk")
            case "restart":
                box.restart()
            case "back up":
                backup, at_backup = folder / "backup.db", set(expected[box.path])
                box.copy_to(backup)
            case "put back" if backup is not None:
                expected[box.path] = set(at_backup)
                box.put_back(backup)
            case "clone" if len(boxes) < 3:
                twin = folder / f"{len(boxes)}.db"
                box.copy_to(twin)
                boxes.append(Box(twin, chance))
                expected[twin] = set(expected[box.path])
            case _:
                pass
    for _ in range(4):
        for box in boxes:
            box.restart()
            assert any(not box.talk(cloud) for _ in range(1_000))
    assert [box.contents() for box in boxes] == [set()] * len(boxes)
    assert not {content for content, times in cloud.taken.items() if times > 1}
    assert set().union(*expected.values()) <= set(cloud.taken)
    for box in boxes:
        box.spool.close()
