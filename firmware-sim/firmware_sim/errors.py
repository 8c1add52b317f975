"""The simulators' errors, one tree. Mistakes in files are `contract.problems.ConfigError`."""


class SimError(Exception):
    """Something the simulators could not do."""


class SettingsError(SimError):
    """They were started with settings that can't work; the message says which and what is expected."""
