"""The edge's errors, one tree. Transient ones are retried by who catches them; the others end the process."""


class EdgeError(Exception):
    """Something the agent on site could not do."""


class TransientError(EdgeError):
    """It may well work the next time."""


class SettingsError(EdgeError):
    """The agent was started with settings it cannot work with; the message says which and what is expected."""


class BrokerLost(TransientError):  # noqa: N818 - the field's word for it
    """The connection to a broker ended."""


class SpoolError(EdgeError):
    """The spool could not keep or give what it was asked for; nothing it answered before is in doubt."""


class SpoolDamaged(SpoolError):  # noqa: N818 - a state, not a mistake
    """The spool's file holds what nobody wrote; it has been kept aside, and a new one is begun at next start."""
