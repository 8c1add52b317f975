"""The files of a spool: opened with what is asked of SQLite, looked through, salvaged, kept aside."""

import contextlib
import importlib.resources
import os
import sqlite3
from pathlib import Path
from typing import Final

from edge.errors import SpoolDamaged, SpoolError
from edge.spool.salvage import Salvaged, has_lost_commits, take_over

_PRAGMAS: Final = (
    "journal_mode=WAL",
    "synchronous=FULL",
    "locking_mode=EXCLUSIVE",
    "wal_autocheckpoint=256",
    "journal_size_limit=1048576",
    "cache_size=-2048",
)
DAMAGE: Final = ".damage"
"""A file beside a spool that says that damage was met in it."""
FRESH: Final = ".new"
"""The spool that a damaged one is being salvaged into."""
_CHECKED_BYTES: Final = 64 * 1024 * 1024
"""Files up to this size are checked whole when opened (about a second); damage in others shows when met."""


def beside(path: Path, suffix: str) -> Path:
    """A file beside the spool's."""
    return path.with_name(path.name + suffix)


def connect(path: Path) -> sqlite3.Connection:
    """The spool's file, begun if there is none, with the tables that it is to have.

    Raises:
        SpoolDamaged: It holds what SQLite did not write, or the log beside it does.
        SpoolError: It can't be opened, or another process has it.
    """
    if path.exists() and has_lost_commits(path):
        raise SpoolDamaged(f"the log of {path} is damaged")
    connection = _open_file(path)
    try:
        _prepare(connection, path)
    except sqlite3.Error as error:
        connection.close()
        if is_damage(error):
            raise SpoolDamaged(f"{path} is damaged: {error}") from error
        raise SpoolError(f"can't open the spool {path}: {error}") from error
    except SpoolDamaged:
        connection.close()
        raise
    return connection


def _open_file(path: Path) -> sqlite3.Connection:
    try:
        return sqlite3.connect(path, isolation_level=None, timeout=1.0, check_same_thread=False)
    except sqlite3.Error as error:
        raise SpoolError(f"can't open the spool {path}: {error}") from error


def _prepare(connection: sqlite3.Connection, path: Path) -> None:
    for pragma in _PRAGMAS:
        connection.execute(f"PRAGMA {pragma}")
    if path.stat().st_size <= _CHECKED_BYTES:
        findings = connection.execute("PRAGMA quick_check").fetchone()
        if findings != ("ok",):
            raise SpoolDamaged(f"{path} is damaged: {findings[0]}")
    connection.executescript(importlib.resources.files("edge.spool").joinpath("schema.sql").read_text())


def is_damage(error: sqlite3.Error) -> bool:
    """Whether the file is not as it was written."""
    # The result codes SQLITE_CORRUPT (11) and SQLITE_NOTADB (26), https://sqlite.org/rescode.html.
    return getattr(error, "sqlite_errorcode", 0) & 0xFF in {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB}


def is_full(error: sqlite3.Error) -> bool:
    """Whether the disk had no room."""
    return getattr(error, "sqlite_errorcode", 0) & 0xFF == sqlite3.SQLITE_FULL


def _keep_aside(path: Path) -> Path:
    number = 1
    while (aside := path.with_name(f"{path.name}.damaged-{number}")).exists():
        number += 1
    for suffix in ("-wal", "-shm"):
        with contextlib.suppress(FileNotFoundError):
            path.with_name(path.name + suffix).rename(aside.with_name(aside.name + suffix))
    path.rename(aside)
    return aside


def salvage(path: Path) -> tuple[Path, Salvaged, int]:
    """Put what can be saved of a damaged file in its place, and the file aside: cut short, it is done anew."""
    fresh = beside(path, FRESH)
    for suffix in ("", "-wal", "-shm"):
        beside(fresh, suffix).unlink(missing_ok=True)
    connection = connect(fresh)
    try:
        found, saved = take_over(connection, path)
    except sqlite3.Error as error:
        raise SpoolError(f"can't salvage the damaged spool {path}: {error}") from error
    finally:
        connection.close()
    aside = _keep_aside(path)
    fresh.rename(path)
    _sync_folder(path.parent)
    beside(path, DAMAGE).unlink(missing_ok=True)
    return aside, found, saved


def _sync_folder(folder: Path) -> None:
    number = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(number)
    finally:
        os.close(number)
