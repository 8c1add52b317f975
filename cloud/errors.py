"""What can go wrong in the cloud. The docstring is the message's meaning; transient or permanent is the type."""


class CloudError(Exception):
    """Something went wrong on the cloud's side."""


class TransientError(CloudError):
    """It may work later: wait with growing pauses, say so once, and its recovery once."""


class PermanentError(CloudError):
    """It will not work however often it is tried."""


class StoreUnavailableError(TransientError):
    """The database can't be reached, refuses writes, or the connection broke: the outcome may be unknown."""


class PartitionTakenError(TransientError):
    """Another worker holds the partition."""


class FencedError(TransientError):
    """A newer worker has taken the partition since this one opened it: what it holds in memory is stale."""


class StoreRejectedError(PermanentError):
    """The database refuses the content of a commit (not the connection): some row in it is poison."""


class LedgerMismatchError(PermanentError):
    """Taken and already known do not add up to the batch: the batch does not hold what it says."""


class MigrationError(PermanentError):
    """A migration file was changed after it ran, is missing, or can't be read."""


class BrokerUnavailableError(TransientError):
    """The broker can't be reached or does not answer."""


class SettingsError(PermanentError):
    """A setting is missing or can't be used; the message names it and says what is expected."""


class RefusedError(PermanentError):
    """A person asked for something that can't be done; the reason is for them, in both languages.

    `problem` is `unknown`, `conflict`, `stale`, `not_allowed` or `unusable`.
    """

    def __init__(self, problem: str, zh: str, en: str) -> None:
        super().__init__(en)
        self.problem, self.zh, self.en = problem, zh, en


class NoContactError(PermanentError):
    """A person can't be told through a channel: the site's files have no such contact of theirs."""
