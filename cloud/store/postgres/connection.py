"""Connections that notice a dead server within seconds, and the one place where the driver's errors end."""

import contextlib
from collections.abc import Iterator
from typing import Any, Final

import psycopg
from psycopg import errors

from cloud.errors import StoreRejectedError, StoreUnavailableError

CONNECT_TIMEOUT_S: Final = 5
_DEAD_AFTER: Final[dict[str, int]] = {
    "keepalives_idle": 10,
    "keepalives_interval": 3,
    "keepalives_count": 3,
    "tcp_user_timeout": 10_000,
}
_SESSION: Final = {
    "statement_timeout": "10s",
    "idle_in_transaction_session_timeout": "30s",
    "tcp_keepalives_idle": "10",
    "tcp_keepalives_interval": "5",
    "tcp_keepalives_count": "3",
    "timezone": "UTC",
    "jit": "off",
    "synchronous_commit": "on",
}
"""The server's own keepalives free the partition lock of a worker whose host vanished."""

_POISON: Final = (
    errors.DataError,
    errors.IntegrityError,
    errors.StatementTooComplex,
    errors.ProgramLimitExceeded,
)


def connect(dsn: str, **session: str) -> psycopg.Connection[tuple[Any, ...]]:
    """A connection in autocommit mode, with time limits on everything; `session` sets further parameters.

    Raises:
        StoreUnavailableError: No server, no such database, or not allowed in.
    """
    with driver_errors():
        return psycopg.connect(dsn, **connection_arguments(**session))


def connection_arguments(**session: str) -> dict[str, Any]:
    """What every connection of ours is opened with, beside the address; for those that pools open."""
    options = " ".join(f"-c {name}={value}" for name, value in {**_SESSION, **session}.items())
    return {
        **_DEAD_AFTER,
        "autocommit": True,
        "connect_timeout": CONNECT_TIMEOUT_S,
        "application_name": "sitewarden",
        "options": options,
        "target_session_attrs": "read-write",
    }


@contextlib.contextmanager
def driver_errors() -> Iterator[None]:
    """The driver's errors as ours: refused content apart from everything that may pass.

    Only errors that name the content count as refused. A missing table or right is the operator's to mend:
    until then the worker waits, and no good data are put aside.
    """
    try:
        yield
    except _POISON as error:
        raise StoreRejectedError(_first_line(error)) from error
    except psycopg.Error as error:
        raise StoreUnavailableError(_first_line(error)) from error


def _first_line(error: psycopg.Error) -> str:
    return str(error).partition("\n")[0] or type(error).__name__
