"""The opening of an agent's spool that the numbers of a ledger were taken from. Pure.

The ledger knows numbers, not contents: an older copy of a spool that is put back, or a second agent with the same
identity, gives numbers to new rows that the ledger has already, and those rows would be taken for known. Therefore
every process that opens a spool draws a random name for that opening, and numbers above `Opening.after` are taken
from one opening only, the holder. Another one becomes the holder if it comes from the present one (its lineage
names it) and nothing was taken from that one beyond the number at which they part.
"""

from collections.abc import Mapping, Sequence
from typing import Final

import msgspec

from contract.batch import Lane, Opening

MOST_OPENINGS: Final = 64
"""So many openings of a spool are remembered; an agent names its latest ones only, see `edge.spool.base`."""

CELL: Final = "spool/"
"""Cells of a site with this prefix hold openings; they are none of the engine's."""

Taken = Mapping[Lane, int]
"""By lane, the highest number that was taken of a spool."""


class SpoolId(msgspec.Struct, frozen=True):
    """The name of one spool of one agent, as the ledger knows it."""

    site: str
    agent: str
    epoch: int


class Fork(msgspec.Struct, frozen=True):
    """The answer to an opening whose numbers were given to other rows already: it must send them under new ones.

    `common`: by lane, the highest number up to which its rows are the same as those that were taken; None as long as
    the opening has not told its lineage.
    """

    common: dict[Lane, int] | None


_chain = msgspec.json.Decoder(list[Opening])


class Openings:
    """For every spool of a partition, the opening that numbers are taken from now, and the ones before it.

    Kept in cells of the store: what `cells` holds at the start, `take_cells` gives back once it has changed.
    """

    def __init__(self, cells: Mapping[tuple[str, str], bytes]) -> None:
        self._chains = {
            _spool(site, cell): _chain.decode(body)
            for (site, cell), body in cells.items()
            if cell.startswith(CELL)
        }
        self._dirty: set[SpoolId] = set()

    def holder(self, spool: SpoolId) -> str:
        """The opening in force; empty for a spool whose agent tells of none."""
        chain = self._chains.get(spool)
        return chain[-1].id if chain else ""

    def admit(self, spool: SpoolId, opening: str, lineage: Sequence[Opening], taken: Taken) -> Fork | None:
        """None when numbers may be taken from `opening`, which then is the holder; else why not.

        An agent of an earlier version names no opening, and is believed.
        """
        chain = self._chains.get(spool)
        if not opening or (chain and chain[-1].id == opening):
            return None
        if not lineage or lineage[0].id != opening:
            return Fork(None)
        if chain is None:
            self._hold(spool, list(reversed(lineage)))
            return None
        position = next((n for n, one in enumerate(lineage) if one.id == chain[-1].id), 0)
        if position and _reaches(lineage[position - 1].after, taken):
            self._hold(spool, [*chain, *reversed(lineage[:position])])
            return None
        return Fork(_common(chain, lineage))

    def _hold(self, spool: SpoolId, chain: Sequence[Opening]) -> None:
        self._chains[spool] = list(chain[-MOST_OPENINGS:])
        self._dirty.add(spool)

    def take_cells(self) -> dict[tuple[str, str], bytes]:
        """The cells that changed since this was asked last."""
        changed, self._dirty = self._dirty, set()
        return {
            (spool.site, f"{CELL}{spool.agent}/{spool.epoch}"): msgspec.json.encode(self._chains[spool])
            for spool in changed
        }


def _spool(site: str, cell: str) -> SpoolId:
    agent, _, epoch = cell.removeprefix(CELL).rpartition("/")
    return SpoolId(site, agent, int(epoch))


def _reaches(after: Taken, taken: Taken) -> bool:
    return all(after.get(lane, 0) >= number for lane, number in taken.items())


def _common(chain: Sequence[Opening], lineage: Sequence[Opening]) -> dict[Lane, int]:
    """Up to where the newest common ancestor was the only one that wrote.

    Both sides part at the first opening after it, whichever of the two began earlier. Without a common ancestor
    among those remembered, all are younger than the oldest opening that the agent names.
    """
    places = {one.id: place for place, one in enumerate(chain)}
    for place, one in enumerate(lineage):
        if one.id in places:
            after = [chain[places[one.id] + 1].after] if places[one.id] + 1 < len(chain) else []
            after += [lineage[place - 1].after] if place else []
            return {lane: min(bound.get(lane, 0) for bound in after) for lane in Lane}
    return {lane: lineage[-1].after.get(lane, 0) for lane in Lane}
