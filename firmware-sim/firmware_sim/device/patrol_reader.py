"""A fixed patrol reader: cards are held to it, and it tells each of them with its own clock and a running number.

The message form is this project's own: `{"card":"card:8812331","t":1764547200000,"n":17}`, `t` being the reader's
clock in ms since the epoch and `n` its count of scans, which it keeps when it is switched off.
"""

import msgspec

from firmware_sim.device import Inputs

KEPT_MOST = 1_000
"""How many scans a reader holds while it has no network; the oldest go first."""


class Scan(msgspec.Struct, frozen=True):
    """What the reader tells of one card."""

    card: str
    t: int
    n: int


class PatrolReader:
    """A patrol reader. Pure: the same calls give the same messages.

    Inputs: `card`, a card held to it at this moment; `online`, whether it has a network (default true); `keeps`,
    whether it holds what it reads while offline (default true); `off_by_ms`, its clock against true time;
    `copies`, how often it sends each scan (default 1).
    """

    def __init__(self, first: int = 1) -> None:
        self._next = first
        self._inputs = _State()
        self._held: list[Scan] = []

    @property
    def online(self) -> bool:
        """Whether it has a network."""
        return self._inputs.online

    def update(self, now: int, inputs: Inputs) -> list[bytes]:
        """Live until `now` (ms since the epoch, true time): the messages it sends, oldest first.

        Raises:
            KeyError: An input that it does not have.
        """
        given = dict(inputs)
        card = given.pop("card", None)
        if unknown := set(given) - set(_State.__struct_fields__):
            raise KeyError(*sorted(unknown))
        self._inputs = msgspec.convert(msgspec.structs.asdict(self._inputs) | given, _State)
        if card is not None:
            self._read(now, str(card))
        if not self._inputs.online:
            return []
        sent = [msgspec.json.encode(scan) for scan in self._held for _ in range(self._inputs.copies)]
        self._held.clear()
        return sent

    def _read(self, now: int, card: str) -> None:
        scan = Scan(card, now + self._inputs.off_by_ms, self._next)
        self._next += 1
        if self._inputs.online or self._inputs.keeps:
            self._held = [*self._held, scan][-KEPT_MOST:]


class _State(msgspec.Struct, frozen=True):
    online: bool = True
    keeps: bool = True
    off_by_ms: int = 0
    copies: int = 1
