"""Plain SQL migrations in dbmate's format, run in the order of their names, each once.

A file has a line `-- migrate:up` (optionally with `transaction:false`) before its statements, and may have
`-- migrate:down` after them, which is never run: migrations only go forward. Several processes may start at
the same time: an advisory lock lets one of them work. A file that was changed after it ran stops the start.
"""

import hashlib
import re
from pathlib import Path
from typing import Any, Final

import msgspec
import psycopg
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict

from cloud.errors import MigrationError
from cloud.store.postgres.connection import connect, driver_errors

FOLDER: Final = Path(__file__).parent.parent / "migrations"
WRITER: Final = "sitewarden_writer"
"""The role that may add to the record and not change it."""
_LOCK: Final = 0x5357_4D49
_UP: Final = re.compile(r"^-- migrate:up(?P<options>.*)$", re.MULTILINE)
_DOWN: Final = re.compile(r"^-- migrate:down", re.MULTILINE)
_TABLE: Final = """
create table if not exists schema_migrations (
    version    text primary key,
    checksum   text not null,
    applied_at timestamptz not null default now()
)"""


class Migration(msgspec.Struct, frozen=True):
    """One file: `version` is its name without the suffix."""

    version: str
    statements: str
    checksum: str
    in_transaction: bool = True


def read_migrations(folder: Path = FOLDER) -> list[Migration]:
    """The migrations of a folder in their order.

    Raises:
        MigrationError: A file has no `-- migrate:up`.
    """
    return [_read(path) for path in sorted(folder.glob("*.sql"))]


def _read(path: Path) -> Migration:
    text = path.read_text("utf-8")
    up = _UP.search(text)
    if up is None:
        raise MigrationError(f"{path.name}: expected a line '-- migrate:up'")
    down = _DOWN.search(text, up.end())
    return Migration(
        path.stem,
        text[up.end() : down.start() if down else None],
        hashlib.sha256(text.encode()).hexdigest(),
        "transaction:false" not in up["options"].replace(" ", ""),
    )


def migrate(dsn: str, folder: Path = FOLDER, *, program: str = "") -> list[str]:
    """Brings the schema up to date; returns the versions that were applied now.

    Args:
        dsn: The login that owns the tables.
        folder: Where the migrations are.
        program: The login that the program runs as, where that is another one: it is let write, by `WRITER`.

    Raises:
        MigrationError: An applied file has changed or is gone; nothing was done.
        StoreUnavailableError: The database can't be reached.
        StoreRejectedError: A migration's statements fail on the data that are there.
    """
    wanted = read_migrations(folder)
    with connect(dsn, statement_timeout="0", lock_timeout="0") as connection, driver_errors():
        connection.execute("select pg_advisory_lock(%s)", [_LOCK])
        connection.execute(_TABLE)
        missing = _pending(wanted, _applied(connection))
        for migration in missing:
            _apply(connection, migration)
        if program and (login := conninfo_to_dict(program).get("user")):
            grant = sql.SQL("grant {} to {}")
            connection.execute(grant.format(sql.Identifier(WRITER), sql.Identifier(str(login))))
        connection.execute("select pg_advisory_unlock(%s)", [_LOCK])
        return [migration.version for migration in missing]


def _applied(connection: psycopg.Connection[tuple[Any, ...]]) -> dict[str, str]:
    return dict(connection.execute("select version, checksum from schema_migrations").fetchall())


def _pending(wanted: list[Migration], applied: dict[str, str]) -> list[Migration]:
    known = {migration.version: migration for migration in wanted}
    for version, checksum in applied.items():
        if version not in known:
            raise MigrationError(f"{version} ran on this database but is not known here: a newer program's?")
        if known[version].checksum != checksum:
            raise MigrationError(f"{version}.sql was changed after it ran on this database")
    return [migration for migration in wanted if migration.version not in applied]


def _apply(connection: psycopg.Connection[tuple[Any, ...]], migration: Migration) -> None:
    if migration.in_transaction:
        with connection.transaction():
            connection.execute(migration.statements.encode())
            _record(connection, migration)
    else:
        for statement in filter(str.strip, migration.statements.split(";\n")):
            connection.execute(statement.encode())
        _record(connection, migration)


def _record(connection: psycopg.Connection[tuple[Any, ...]], migration: Migration) -> None:
    connection.execute(
        "insert into schema_migrations (version, checksum) values (%s, %s)",
        [migration.version, migration.checksum],
    )
