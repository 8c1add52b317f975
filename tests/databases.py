"""Databases for tests: one embedded server for the whole run, and the one `SITEWARDEN_TEST_DSN` names, if any."""

import atexit
import contextlib
import functools
import itertools
import os
import shutil
import tempfile
import warnings
from collections.abc import Iterator
from pathlib import Path

import psycopg
from psycopg import sql
from psycopg.conninfo import make_conninfo

from cloud.store.postgres.migrate import migrate
from sitewarden.embedded.database import Database

SERVERS = ("embedded", "timescale") if os.environ.get("SITEWARDEN_TEST_DSN") else ("embedded",)
"""The kinds of server that this run has."""
MOST_REAL = SERVERS[-1:]
"""For whole processes: the store's contract is kept on every kind, the rest of them runs on the one customers have."""

_PASSWORD = "a-password-of-tests"
_numbers = itertools.count(1)


@functools.cache
def server(kind: str) -> str:
    """The DSN of a server, started when first asked for."""
    if kind == "timescale":
        return os.environ["SITEWARDEN_TEST_DSN"]
    folder = Path(tempfile.mkdtemp(prefix="sitewarden-pg-"))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        database = Database(folder)
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    atexit.register(database.stop)
    return database.dsn


@functools.cache
def _template(kind: str) -> str:
    """A migrated database that others are copied from."""
    name = f"template_{os.getpid()}"
    _execute(server(kind), sql.SQL("create database {}").format(sql.Identifier(name)))
    atexit.register(_drop, kind, name)
    migrate(make_conninfo(server(kind), dbname=name))
    return name


def as_program(kind: str, dsn: str) -> str:
    """The same database with a login that owns nothing and may write the record only, as a customer's program has."""
    login = f"program_{os.getpid()}"
    with contextlib.suppress(psycopg.errors.DuplicateObject):
        create = sql.SQL("create role {} login password {}")
        _execute(server(kind), create.format(sql.Identifier(login), sql.Literal(_PASSWORD)))
    program = make_conninfo(dsn, user=login, password=_PASSWORD)
    migrate(dsn, program=program)
    return program


@contextlib.contextmanager
def empty_database(kind: str) -> Iterator[str]:
    """The DSN of a database with nothing in it, gone afterwards."""
    name = f"test_{os.getpid()}_{next(_numbers)}"
    _execute(server(kind), sql.SQL("create database {}").format(sql.Identifier(name)))
    try:
        yield make_conninfo(server(kind), dbname=name)
    finally:
        _drop(kind, name)


@contextlib.contextmanager
def fresh_database(kind: str) -> Iterator[str]:
    """The DSN of a migrated database without a row, gone afterwards."""
    if kind == "timescale":
        # Its background worker sits in every database, and one that is in use can't be copied.
        with empty_database(kind) as found:
            migrate(found)
            yield found
        return
    name = f"test_{os.getpid()}_{next(_numbers)}"
    copy = sql.SQL("create database {} template {}")
    _execute(server(kind), copy.format(sql.Identifier(name), sql.Identifier(_template(kind))))
    try:
        yield make_conninfo(server(kind), dbname=name)
    finally:
        _drop(kind, name)


def _drop(kind: str, name: str) -> None:
    with contextlib.suppress(psycopg.OperationalError):
        _execute(
            server(kind), sql.SQL("drop database if exists {} with (force)").format(sql.Identifier(name))
        )


def _execute(dsn: str, statement: sql.Composed) -> None:
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute(statement)
