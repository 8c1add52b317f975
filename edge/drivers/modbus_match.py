"""Whose answer a reply is, on lines where replies carry a number: by it where it can be trusted, else as on RTU. Pure.

Some devices and converters answer with transaction id 0, or as another unit than was asked. As long as one question is
in flight, such a reply is taken by its form, with all the care that RTU needs (`modbus_sync`): never while an earlier
answer of that form may still come. Any other number than the one that was asked with is an old answer's.
"""

from typing import Final

import msgspec

from contract.causes import Cause, Why, because
from edge.drivers.modbus_frames import Ask, Reply, Signature
from edge.drivers.modbus_sync import Sync

NO_TID: Final = 0
"""No question is asked with it, so that it can't be the number of an old answer."""
_NO_UNIT: Final = frozenset({0, 255})
"""Unit ids that mean no unit of its own (Modbus Messaging on TCP/IP V1.0b, 4.4.2.1)."""


class Match(msgspec.Struct, frozen=True):
    """Whether a reply answers the question in flight; if not, `why` it does not."""

    mine: bool
    why: Why | None = None


_MINE: Final = Match(mine=True)


class Matcher:
    """The replies of one line. `units`: those that are asked there, empty where nobody knows beforehand."""

    def __init__(self, sync: Sync, *, numbered: bool, units: frozenset[int] = frozenset()) -> None:
        self._sync = sync
        self._numbered = numbered
        self._units = units
        self._unnumbered: set[int] = set()

    def tells_late_ones(self, unit: int) -> bool:
        """Whether the replies of a unit show which question they answer: an old one is never taken for another."""
        return self._numbered and unit not in self._unnumbered

    def judge(self, reply: Reply, ask: Ask, tid: int) -> Match:
        """Take in a reply that came while `ask` was in flight with number `tid`."""
        if not self._numbered or ask.unit in self._unnumbered:
            return self._by_form(reply, ask)
        if reply.tid == NO_TID and self._fits(reply, ask):
            self._unnumbered.add(ask.unit)
            return self._by_form(reply, ask)
        if reply.tid != tid:
            return Match(mine=False, why=because(Cause.OTHER_NUMBER, found=reply.tid, wanted=tid))
        if reply.signature.unit != ask.unit and not self._stands_for(reply, ask):
            return Match(
                mine=False, why=because(Cause.OTHER_UNIT, found=reply.signature.unit, wanted=ask.unit)
            )
        self._sync.settled(ask.unit)
        return _MINE

    def signature(self, reply: Reply) -> Signature:
        """What a reply that was not awaited looks like; of the only unit there is, whatever number it gave itself."""
        found = reply.signature
        if self._numbered and len(self._units) == 1:
            return msgspec.structs.replace(found, unit=min(self._units))
        return found

    def as_asked(self, reply: Reply, ask: Ask) -> Reply:
        """A reply of the unit that was asked, whatever number it gave itself."""
        if reply.signature.unit == ask.unit:
            return reply
        signature = msgspec.structs.replace(reply.signature, unit=ask.unit)
        return msgspec.structs.replace(reply, signature=signature)

    def _by_form(self, reply: Reply, ask: Ask) -> Match:
        if not self._fits(reply, ask):
            return Match(mine=False, why=because(Cause.OTHER_FORM, found=_form(reply), wanted=_asked(ask)))
        if self._sync.may_be_late(self.as_asked(reply, ask).signature):
            return Match(mine=False, why=because(Cause.LATE_ANSWERS))
        return _MINE

    def _fits(self, reply: Reply, ask: Ask) -> bool:
        found = reply.signature
        if found.unit != ask.unit and not self._stands_for(reply, ask):
            return False
        return found.function == ask.function and (reply.exception != 0 or found.size == ask.signature.size)

    def _stands_for(self, reply: Reply, ask: Ask) -> bool:
        """Whether a reply with another unit's number can only be of the unit that was asked.

        Where several units are asked, a gateway may have mixed up their replies.
        """
        number = reply.signature.unit
        return self._numbered and (
            self._units == {ask.unit} or (number in _NO_UNIT and number not in self._units)
        )


def _form(reply: Reply) -> str:
    what = f"exception {reply.exception}" if reply.exception else f"{reply.signature.size} bytes"
    return f"as unit {reply.signature.unit} to function {reply.signature.function} with {what}"


def _asked(ask: Ask) -> str:
    return f"unit {ask.unit}, function {ask.function}, {ask.payload_bytes} bytes"
