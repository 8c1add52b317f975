"""Which reply answers which request, on lines where replies don't say. Pure; time is an argument.

On RTU (serial, or tunnelled over TCP) a reply names only its unit, its function and its length. Once a request
has timed out, its reply may still come, and be taken for the answer to a later request of the same form: another
register's value, told as good. So after a timeout the unit is suspect and nothing it sends is believed, until

1. the late reply has come home (was heard while nothing, or something of another form, was awaited), or
2. it has been left alone for `settle_ms` and has then answered a probe whose reply has a form that no missing
   reply has: a unit answers in the order in which it was asked, so whatever was missing will not come any more; or
3. every form is missing, the oldest for `FORGET_MS`, and a probe was answered by exactly one reply.

Other units on the line are told apart by their number and go on meanwhile.
"""

from collections.abc import Sequence

import msgspec

from edge.drivers.modbus_frames import Ask, Signature

FORGET_MS = 8_000
MOST_MISSING = 16
"""Of a unit that is away for hours only the newest can still be on their way."""


class Wait(msgspec.Struct, frozen=True):
    """Leave the unit alone until then."""

    until: int


class Probe(msgspec.Struct, frozen=True):
    """Ask this and throw the values away. `proof`: its reply can be no other's; else listen on afterwards."""

    ask: Ask
    proof: bool


class _Missing(msgspec.Struct, frozen=True):
    signature: Signature
    since: int


class Sync:
    """The replies that are missing on one line."""

    def __init__(self) -> None:
        self._missing: dict[int, list[_Missing]] = {}

    def is_suspect(self, unit: int) -> bool:
        """Whether a reply of the unit may be a late one."""
        return unit in self._missing

    def missed(self, signature: Signature, now: int) -> None:
        """The reply to a request did not come in time."""
        missing = self._missing.setdefault(signature.unit, [])
        missing.append(_Missing(signature, now))
        del missing[:-MOST_MISSING]

    def stray(self, signature: Signature) -> None:
        """A reply came that was not awaited: the oldest missing one of its form has come home."""
        missing = self._missing.get(signature.unit, [])
        for index, one in enumerate(missing):
            if _fits(signature, one.signature):
                del missing[index]
                break
        if not missing:
            self._missing.pop(signature.unit, None)

    def settled(self, unit: int) -> None:
        """The unit has shown that nothing is missing any more."""
        self._missing.pop(unit, None)

    def may_be_late(self, reply: Signature) -> bool:
        """Whether a missing reply would look like this one."""
        return any(_fits(reply, one.signature) for one in self._missing.get(reply.unit, []))

    def next_step(self, unit: int, probes: Sequence[Ask], settle_ms: int, now: int) -> Wait | Probe | None:
        """What to do before a suspect unit may be asked anything; None when it is not suspect."""
        missing = self._missing.get(unit)
        if not missing:
            return None
        settled_at = missing[-1].since + settle_ms
        if now < settled_at:
            return Wait(settled_at)
        for ask in probes:
            if not self.may_be_late(ask.signature):
                return Probe(ask, proof=True)
        forgotten_at = missing[0].since + FORGET_MS
        if now < forgotten_at:
            return Wait(forgotten_at)
        return Probe(probes[0], proof=False)


def _fits(reply: Signature, missing: Signature) -> bool:
    if (reply.unit, reply.function) != (missing.unit, missing.function):
        return False
    return reply.size is None or reply.size == missing.size


def probes_for(asks: Sequence[Ask]) -> tuple[Ask, ...]:
    """Reads of one unit whose replies all differ in form: the given ones, and shorter ones of the same places."""
    found: dict[Signature, Ask] = {}
    shorter = [short for ask in asks for short in _shorter(ask)]
    for ask in [*asks, *shorter]:
        found.setdefault(ask.signature, ask)
    return tuple(found.values())


def _shorter(ask: Ask) -> list[Ask]:
    step = 8 if ask.function in {1, 2} else 1
    return [msgspec.structs.replace(ask, count=count) for count in range(step, ask.count, step)][:8]
