"""Coverage statements wait here until the ledger has everything they speak of. Pure.

An agent says "all of this device is known up to T" of what stands in its spool. It becomes true for the cloud
once every number up to `through` has arrived. Held statements need not survive a restart: agents repeat them.
"""

from collections.abc import Callable, Mapping
from typing import Final

import msgspec

from cloud.store.base import LedgerKey
from contract.batch import Batch, Coverage, Lane

MOST_HELD: Final = 32
"""Per agent; beyond it the two oldest wait together for what the later one needs."""

AgentKey = tuple[str, str]
"""`(site, agent)`."""


class Said(msgspec.Struct):
    """What an agent's messages say together: the coverage of devices, and up to when the agent was heard."""

    sources: dict[str, Coverage]
    heard_to: int = 0

    def absorb(self, sources: Mapping[str, Coverage], heard_to: int) -> None:
        """Add what a message says, or several do."""
        for device, coverage in sources.items():
            before = self.sources.get(device)
            self.sources[device] = coverage if before is None else _joined(before, coverage)
        self.heard_to = max(self.heard_to, heard_to)


class _Waiting(msgspec.Struct):
    """It holds once each lane of the epoch has all up to its number."""

    epoch: int
    through: Mapping[Lane, int]
    said: Said


class Held:
    """The statements of the agents of a partition; `high` tells how far a queue is complete."""

    def __init__(self, high: Callable[[LedgerKey], int]) -> None:
        self._high = high
        self._waiting: dict[AgentKey, list[_Waiting]] = {}
        self._ready: dict[AgentKey, Said] = {}

    def add(self, key: LedgerKey, batch: Batch, sources: Mapping[str, Coverage], heard_to: int) -> None:
        """Take in what a batch says, after its numbers were taken."""
        agent = (key.site, key.agent)
        through = batch.through or {batch.lane: batch.last}
        if self._holds(agent, batch.epoch, through):
            self._ready.setdefault(agent, Said({})).absorb(sources, heard_to)
            return
        waiting = self._waiting.setdefault(agent, [])
        waiting.append(_Waiting(batch.epoch, through, Said(dict(sources), heard_to)))
        if len(waiting) > MOST_HELD:
            waiting[:2] = [_together(waiting[0], waiting[1])]

    def release(self) -> Mapping[AgentKey, Said]:
        """What holds by now and was not released before."""
        for agent, waiting in self._waiting.items():
            still: list[_Waiting] = []
            for entry in waiting:
                if self._holds(agent, entry.epoch, entry.through):
                    self._ready.setdefault(agent, Said({})).absorb(entry.said.sources, entry.said.heard_to)
                else:
                    still.append(entry)
            self._waiting[agent] = still
        ready, self._ready = self._ready, {}
        return ready

    def _holds(self, agent: AgentKey, epoch: int, through: Mapping[Lane, int]) -> bool:
        return all(self._high(LedgerKey(*agent, epoch, lane)) >= number for lane, number in through.items())


def _together(earlier: _Waiting, later: _Waiting) -> _Waiting:
    if earlier.epoch != later.epoch:
        # The agent has begun a new spool. What the old one still held comes no more, or says it again.
        return later
    lanes = earlier.through.keys() | later.through.keys()
    through = {lane: max(earlier.through.get(lane, 0), later.through.get(lane, 0)) for lane in lanes}
    said = Said(dict(earlier.said.sources), earlier.said.heard_to)
    said.absorb(later.said.sources, later.said.heard_to)
    return _Waiting(later.epoch, through, said)


def _joined(before: Coverage, after: Coverage) -> Coverage:
    complete_to = max(before.complete_to, after.complete_to)
    if not before.blind or before.blind == after.blind:
        return Coverage(complete_to, after.blind)
    return Coverage(complete_to, sorted({*before.blind, *after.blind}))
