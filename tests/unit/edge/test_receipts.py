"""What is confirmed to a device: only what is on disk, and nothing twice, whatever the disk refuses when."""

import random
from collections import Counter
from collections.abc import Sequence

from hypothesis import given
from hypothesis import strategies as st

from edge.ports import Happened, Measured, Observation, Refused
from edge.receipts import Message, Receipts


class Disk:
    """A sink and the word of the disk: it refuses by chance, and keeps the rest."""

    def __init__(self, chance: random.Random) -> None:
        self._chance = chance
        self.share = 0.0
        self.kept: list[Observation] = []
        self._refused: list[Observation] = []

    def put(self, observations: Sequence[Observation]) -> None:
        self._refused = [one for one in observations if self._chance.random() < self.share]
        self.kept += [one for one in observations if one not in self._refused]

    async def ask(self) -> Refused:
        return Refused(self._refused)


def fire(number: int) -> Happened:
    return Happened(device="panel", type="fire.alarm", at=number, observed_at=number, data={"n": number})


def value(number: int) -> Measured:
    return Measured(device="panel", point="level", at=number, value=float(number))


def content(one: Observation) -> object:
    return one.data["n"] if isinstance(one, Happened) else one


@given(st.integers(0, 1 << 32), st.floats(0.1, 0.9))
async def test_a_message_that_comes_until_it_is_confirmed_is_kept_once(seed: int, share: float) -> None:
    disk = Disk(random.Random(seed))
    receipts, undone = Receipts(disk.ask), 0
    disk.share = share
    for number in range(20):
        tries = 0
        while True:
            if tries == 10:
                disk.share = 0
            tries += 1

            def undo() -> None:
                nonlocal undone
                undone += 1

            # It comes at another time each time: what it says is the same.
            seen = [
                Happened(
                    device="panel",
                    type=kind,
                    at=number + tries,
                    observed_at=number + tries,
                    data={"n": f"{number}{kind}"},
                )
                for kind in ("fire.alarm", "fire.fault", "device.fault")
            ]
            before = undone
            if await receipts.keep(disk, Message(("panel", number), seen, undo)):
                assert undone == before
                break
            assert undone == before + 1
        disk.share = share
    told = Counter(content(one) for one in disk.kept)
    assert len(told) == 60
    assert set(told.values()) == {1}


async def test_what_was_kept_of_a_message_is_told_again_once_that_message_was_whole() -> None:
    disk = Disk(random.Random(1))
    receipts = Receipts(disk.ask)
    message = Message("m", [fire(1)], lambda: None)
    assert await receipts.keep(disk, message)
    assert await receipts.keep(disk, message), "the panel burns a second time"
    assert len(disk.kept) == 2


async def test_a_message_that_was_undone_with_an_earlier_one_tells_only_the_rest_when_it_comes_again() -> (
    None
):
    disk = Disk(random.Random(1))
    receipts = Receipts(disk.ask)
    undone: list[str] = []
    later = Message("later", [fire(2)], lambda: undone.append("later"))
    assert not await receipts.is_kept(receipts.put(disk, later), again=True)
    assert await receipts.keep(disk, later)
    assert undone == []
    assert [content(one) for one in disk.kept] == [2]


@given(st.integers(0, 1 << 32))
async def test_events_of_a_device_that_is_asked_are_kept_once_and_in_order(seed: int) -> None:
    disk = Disk(random.Random(seed))
    receipts = Receipts(disk.ask)
    disk.share = 0.5
    for number in range(30):
        await receipts.hold(disk, [fire(number), value(number)])
    disk.share = 0
    assert await receipts.hold(disk, [])
    told = [content(one) for one in disk.kept if isinstance(one, Happened)]
    assert sorted(told, key=str) == sorted(range(30), key=str)
