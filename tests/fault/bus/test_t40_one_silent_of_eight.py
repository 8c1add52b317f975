"""T40: one of eight devices on a serial line is silent. The others keep their turns, and the panel is never left alone.

How long a turn takes is measured by `make bench`.
"""

import itertools
from collections import Counter

from tests.serial_wire import UNITS, driven
from tests.waiting import until

PANEL, SILENT = 1, 5
ROUNDS = 12


async def test_t40_one_silent_of_eight() -> None:
    async with driven("500ms", {SILENT}) as wire:
        await until(lambda: wire.turns.count(SILENT) >= 3)
        known = len(wire.turns)  # from here on it is known to be silent
        await until(lambda: wire.turns[known:].count(PANEL) > ROUNDS)
        await until(lambda: SILENT in wire.turns[known:])  # it is never given up
        turns = wire.turns[known:]
    panel = [place for place, unit in enumerate(turns) if unit == PANEL]
    for one, next_one in itertools.pairwise(panel):
        asked = Counter(turns[one + 1 : next_one])
        assert asked[SILENT] <= 1, "the panel never waits for two time-outs"
        assert max(asked.values()) <= 2, "nobody has two turns more than the panel"
    least = min(turns.count(unit) for unit in UNITS if unit != SILENT)
    assert least >= ROUNDS - 1, "each has its turn"
