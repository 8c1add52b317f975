"""The edge's errors, one tree. Transient ones are retried by who catches them; the others end the process."""

from typing import Final

from contract.causes import Cause, Fact, Why, because

_NO_ANSWER: Final = because(Cause.NO_ANSWER)


class EdgeError(Exception):
    """Something the agent on site could not do."""


class TransientError(EdgeError):
    """It may well work the next time."""


class SettingsError(EdgeError):
    """The agent was started with settings it cannot work with; the message says which and what is expected."""


class BrokerLost(TransientError):  # noqa: N818 - the field's word for it
    """The connection to a broker ended."""


class LineLost(TransientError):  # noqa: N818 - the field's word for it
    """The byte stream of a field line could not be opened, or ended."""


class LineClosed(LineLost):
    """The other side closed the stream, or it could not be kept open; a new one may do."""


class NoAnswer(TransientError):  # noqa: N818 - a state, not a mistake
    """A device gave no answer in time, or none that fits the question; `why` says which."""

    def __init__(self, reason: Why = _NO_ANSWER) -> None:
        self.why = reason
        super().__init__(str(reason))


def why_unusable(error: ValueError) -> Why:
    """The reason in an error about a message, whoever raised it."""
    return error.why if isinstance(error, Unusable) else because(Cause.UNREADABLE, detail=str(error))


class Unusable(ValueError):  # noqa: N818 - of a message, not of the agent
    """Something in a message is not what its profile says; `why` says what."""

    def __init__(self, cause: Cause, **about: Fact) -> None:
        self.why = because(cause, **about)
        super().__init__(str(self.why))


class Suspect(TransientError):  # noqa: N818 - a state, not a mistake
    """A device is left alone until boot clock `until`, lest a late answer be taken for another's."""

    def __init__(self, until: int) -> None:
        self.until = until
        super().__init__(f"left alone until {until}")


class Refused(EdgeError):  # noqa: N818 - the device's word for it
    """A device answered a read with Modbus exception `code` (Modbus Application Protocol V1.1b3, chapter 7)."""

    def __init__(self, code: int, asked_at: int, answered_at: int) -> None:
        self.code = code
        self.asked_at = asked_at
        self.answered_at = answered_at
        super().__init__(f"exception {code}")


class WandError(TransientError):
    """A patrol wand answered something else than its protocol says; the message tells what."""


class SpoolError(EdgeError):
    """The spool could not keep or give what it was asked for; nothing it answered before is in doubt."""


class SpoolDamaged(SpoolError):  # noqa: N818 - a state, not a mistake
    """The spool's file holds what nobody wrote; it has been kept aside, and a new one is begun at next start."""


class SpoolForked(SpoolError):  # noqa: N818 - a state, not a mistake
    """Another opening of the spool spoke to the cloud; the rows have new numbers, which take effect at next start."""
