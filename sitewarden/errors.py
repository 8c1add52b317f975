"""What can go wrong in the command itself."""


class CommandError(Exception):
    """The command can't go on; the message says why, and what to do, to the person who typed it."""


class ChildFailedError(CommandError):
    """A process that the command started has ended before it was ready."""
